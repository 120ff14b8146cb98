"""What was fetched, kept as evidence and read again: archives in WARC 1.1, each record packed by itself."""

from scanner.warc.members import Member, read_members
from scanner.warc.parts import salvage
from scanner.warc.reading import ArchivedAnswer, read_archive, read_record
from scanner.warc.records import ArchiveError, Record
from scanner.warc.writing import ArchiveWriter

__all__ = ["ArchiveError", "ArchiveWriter", "ArchivedAnswer", "Member", "Record", "read_archive", "read_members",
           "read_record", "salvage"]  # fmt: skip
