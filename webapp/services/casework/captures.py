"""A case's web archives: the records of its listings, byte for byte, what they say, and the pages' words."""

import gzip
import json
import zlib
from base64 import b32encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit

from sqlalchemy import select

from scanner.markets.pages import NO_PAGE, Page
from scanner.warc import ArchivedAnswer, ArchiveError, Member, read_members, read_record
from scanner.warc.parts import part_of
from webapp.db import chunks
from webapp.language import say
from webapp.models import Appearance, Capture, ListingRow, ScanPhoto
from webapp.services import archives, crawl_logs
from webapp.services.casework.parts import Gathering, why_gone
from webapp.storage import StoreAwayError

WARC = "application/warc"
ROBOTS = "/robots.txt"
# What says nothing to people who read a page's words.
UNREAD = ["script", "style", "template", "noscript"]
_HEAD_END = b"\r\n\r\n"


@dataclass
class Told:
    """What the records around one answer say.

    path: of the file that holds its record; raw_sha256: of the record as it lies there, packed. found_path: of what
    lies in its place, where that is another, and fault says why. page: of the page's words. fetch: what the crawl
    noted, hop: this answer's part of it.
    """

    path: str | None = None
    raw_sha256: str | None = None
    found_path: str | None = None
    fault: str | None = None
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    address: str | None = None
    page: str | None = None
    hop: Mapping[str, Any] = field(default_factory=dict)
    fetch: Mapping[str, Any] = field(default_factory=dict)
    concurrent: list[str] = field(default_factory=list)


class Captures:
    """Copies the records of the listings out of their archives, one archive at a time."""

    def __init__(self, gathering: Gathering, listing_ids: Sequence[int]) -> None:
        self._all = gathering
        self._listing_ids = listing_ids
        self._spool = gathering.spool("captures.jsonl")
        self._pages: dict[int, int] = {}
        self._number = self._altered = 0

    def copy(self) -> int:
        """How many records there are, whether they could be copied or not."""
        count = 0
        archive_names = self._archives()
        for done, name in enumerate(archive_names):
            self._all.tell("copying records of web archives", done, len(archive_names))
            captures = self._captures_in(name)
            self._copy_archive(name, captures)
            count += len(captures)
        self._all.packing.add_lines("captures.jsonl", "records of web archives (WARC), one a line", self._spool.rows())
        return count

    def _archives(self) -> list[str]:
        names: set[str] = set()
        for ids in chunks(self._listing_ids):
            names.update(
                self._all.session.scalars(select(Capture.archive).where(Capture.listing_id.in_(ids)).distinct())
            )
        return sorted(names)

    def _captures_in(self, archive: str) -> list[Capture]:
        found: list[Capture] = []
        with self._all.reading() as session:
            for ids in chunks(self._listing_ids):
                wanted = select(Capture).where(Capture.archive == archive, Capture.listing_id.in_(ids))
                found += session.scalars(wanted)
            session.expunge_all()
        return sorted(found, key=lambda row: row.id)

    def _copy_archive(self, name: str, captures: Sequence[Capture]) -> None:
        by_record: dict[str, list[Capture]] = {}
        for capture in captures:
            by_record.setdefault(capture.record_id, []).append(capture)
        told: dict[str, Told] = {}
        try:
            with open_archive(self._all, name) as file:
                self._copy_records(file, by_record, told)
            absent = say("The archive does not hold this record.")
        except FileNotFoundError:
            absent = why_gone(self._all.session, archives.name_of(name))
        for capture in captures:
            self._note(capture, told.get(capture.record_id), absent)

    def _copy_records(self, file: BinaryIO, wanted: Mapping[str, Sequence[Capture]], told: dict[str, Told]) -> None:
        """The members of these records in the order of the archive, with the one that describes the archive."""
        aside = self._all.folder / "records.warc.gz"
        path = f"archives/{self._number + 1}.warc.gz"
        has_any = False
        with aside.open("w+b") as copy:
            for member in read_members(file):
                belongs = answers_of(member, wanted)
                fault = fault_of(member, wanted) if belongs else None
                if fault:
                    self._keep_altered(member, belongs, told, *fault)
                elif belongs or (member.kind == "warcinfo" and member.offset == 0 and not member.is_damaged):
                    copy.write(member.raw)
                    has_any = has_any or bool(belongs)
                    for record_id in belongs:
                        self._read(member, record_id, wanted[record_id][0], told, path)
            if has_any:
                self._number += 1
                copy.seek(0)
                self._all.packing.add_file(path, WARC, "records of one web archive, byte for byte", copy)
        aside.unlink()

    def _keep_altered(
        self, member: Member, belongs: Sequence[str], told: dict[str, Told], why: str, facts: Mapping[str, Any]
    ) -> None:
        """As found, in a file of its own: among the others it would pass for one of them."""
        self._altered += 1
        path = f"altered/record-{self._altered}.bin"
        self._all.packing.add(
            path, "application/octet-stream", "a record that is not as it was, as found", [member.raw]
        )
        self._all.fault(f"record {member.record_id}", why, path=path, offset=member.offset, **facts)
        for record_id in belongs:
            if member.record_id == record_id:
                about = told.setdefault(record_id, Told())
                about.fault, about.found_path = why, path

    def _read(self, member: Member, record_id: str, capture: Capture, told: dict[str, Told], path: str) -> None:
        about = told.setdefault(record_id, Told())
        if member.record_id == record_id:
            about.path, about.raw_sha256 = path, sha256(member.raw).hexdigest()
            about.address = member.headers.get("warc-ip-address")
            self._read_answer(member, capture, about)
            return
        about.concurrent.append(member.record_id)
        if member.kind == "metadata":
            note_fetch(read_metadata(member), told)

    def _read_answer(self, member: Member, capture: Capture, about: Told) -> None:
        answer = read_record(BytesIO(member.raw), member.record_id)
        about.status, about.headers = answer.status, dict(answer.headers)
        if text := page_text(answer):
            about.page = self._add_page(capture.listing_id, text)

    def _add_page(self, listing_id: int, text: str) -> str:
        number = self._pages[listing_id] = self._pages.get(listing_id, 0) + 1
        path = f"pages/{listing_id}-{number}.txt"
        body = (text + "\n").encode("utf-8", "replace")
        self._all.packing.add(path, "text/plain; charset=utf-8", "words of an archived page", [body])
        return path

    def _note(self, capture: Capture, about: Told | None, absent: str) -> None:
        same = ("scan_id", "url", "archive", "record_id", "sha256")
        local = capture.captured_at.astimezone()
        if about is None or not (about.path or about.fault):
            facts = {"listing": capture.listing_id, "sha256": capture.sha256, "archive": capture.archive}
            self._all.miss(f"record {capture.record_id}", absent, **facts)
        told = about or Told()
        hops = told.fetch.get("hops", ())
        self._spool.add(
            {name: getattr(capture, name) for name in same}
            | {
                "listing": capture.listing_id,
                "captured_at": capture.captured_at.isoformat(),
                "captured_at_local": local.isoformat(),
                "peer_address": told.hop.get("address") or told.address,
                "certificate_sha256": told.hop.get("certificate_sha256"),
                "robots": told.hop.get("robots"),
                "status": told.status,
                "headers": told.headers,
                "asked_url": told.fetch.get("url"),
                "final_url": told.fetch.get("final_url"),
                "redirects": [{"url": hop.get("url"), "status": hop.get("status")} for hop in hops[:-1]],
                "with_records": told.concurrent,
                "page": told.page,
                "path": told.path,
                "record_sha256": told.raw_sha256,
                "found_path": told.found_path,
                "gone": None if told.path else told.fault or absent,
            }
        )


def open_archive(gathering: Gathering, name: str) -> BinaryIO:
    """In the store, else where it grows or waits on this machine. Raises FileNotFoundError, StoreAwayError."""
    try:
        return archives.open_archive(gathering.place, name)
    except StoreAwayError:
        raise
    except OSError:
        path = archives.archives_dir(gathering.settings) / name
        return (path if path.is_file() else part_of(path)).open("rb")


def answers_of(member: Member, wanted: Mapping[str, object]) -> list[str]:
    """The wanted answers that the record is or belongs to, as their request or metadata."""
    names = (member.record_id, member.headers.get("warc-concurrent-to", ""))
    return [name for name in dict.fromkeys(names) if name in wanted]


def fault_of(member: Member, wanted: Mapping[str, Sequence[Capture]]) -> tuple[str, dict[str, Any]] | None:
    """Why the record is not the one that was kept then, with what is known of that; None where it is."""
    if member.is_damaged:
        return say("The record's bytes are damaged: they can't be unpacked."), {}
    try:
        block = member.block()
        if not all(fits(member.headers.get(name), body) for name, body in digested(member, block)):
            return say("The record is not what was archived: the digests in its head are of other bytes."), {}
        if member.record_id not in wanted:
            return None
        expected, answer = wanted[member.record_id][0].sha256, read_record(BytesIO(member.raw), member.record_id)
    except (ArchiveError, ValueError, KeyError, zlib.error) as error:
        return say("The record can't be read (%(why)s).", why=error), {}
    found = sha256(answer.body).hexdigest()
    if expected in (found, sha256(payload_of(block)).hexdigest()):
        return None
    why = say("The record's body is not what was fetched: its SHA-256 is another.")
    return why, {"expected_sha256": expected, "found_sha256": found}


def digested(member: Member, block: bytes) -> Iterator[tuple[str, bytes]]:
    """What the digests in the record's head are of."""
    yield "warc-block-digest", block
    is_http = member.headers.get("content-type", "").startswith("application/http")
    yield "warc-payload-digest", payload_of(block) if is_http else block


def payload_of(block: bytes) -> bytes:
    """The body as it came, still packed."""
    return block.partition(_HEAD_END)[2]


def fits(said: str | None, body: bytes) -> bool:
    """A digest that was not made here, or in another way, says nothing."""
    kind, _, digest = (said or "").partition(":")
    return kind != "sha256" or digest == b32encode(sha256(body).digest()).decode()


def read_metadata(member: Member) -> dict[str, Any]:
    """What the crawl noted of a fetch; empty where it can't be read."""
    try:
        said = json.loads(member.block())
    except (ValueError, KeyError, zlib.error):
        return {}
    return said if isinstance(said, dict) else {}


def note_fetch(fetch: Mapping[str, Any], told: Mapping[str, Told]) -> None:
    """It names every answer on the way, and hangs on the last one alone."""
    for hop in fetch.get("hops", ()):
        if about := told.get(hop.get("record_id", "")):
            about.hop, about.fetch = hop, fetch


def page_text(answer: ArchivedAnswer) -> str:
    """The words of a page as a reader sees them, block by block; empty where it is none."""
    kind = answer.headers.get("content-type", "")
    if NO_PAGE.match(kind) or "html" not in kind.lower() or not answer.body:
        return ""
    tree = Page(answer.url, answer.body, kind).tree
    tree.strip_tags(UNREAD)
    return tree.body.text(separator="\n", strip=True) if tree.body else ""


def copy_requests(gathering: Gathering, listing_ids: Sequence[int], scan_ids: Sequence[int]) -> None:
    """The lines of the crawls' logs on these listings' addresses, and on what their hosts' robots.txt answered."""
    gathering.tell("reading the crawls' logs", 0, None)
    urls = addresses_of(gathering, listing_ids)
    hosts = {urlsplit(url).netloc for url in urls}
    spool = archives.archives_dir(gathering.settings)

    def lines() -> Iterator[dict[str, Any]]:
        for scan_id in scan_ids:
            for text in read_logs(gathering, spool, scan_id):
                for line in text.splitlines():
                    if (said := read_line(line)) and is_about(said.get("url", ""), urls, hosts):
                        yield {"scan": scan_id} | said

    gathering.packing.add_lines("requests.jsonl", "what was asked of these addresses, one request a line", lines())


def read_logs(gathering: Gathering, spool: Path, scan_id: int) -> Iterator[bytes]:
    """A log that can't be unpacked is a fault, and holds up no case."""
    try:
        yield from crawl_logs.read_logs(gathering.place, spool, scan_id)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        why = say("The record can't be read (%(why)s).", why=error)
        gathering.fault(f"crawl log of scan {scan_id}", why)


def read_line(line: bytes) -> dict[str, Any] | None:
    """None of a line that a dead worker did not finish."""
    try:
        said = json.loads(line)
    except ValueError:
        return None
    return said if isinstance(said, dict) else None


def is_about(url: str, urls: set[str], hosts: set[str]) -> bool:
    if url in urls:
        return True
    parts = urlsplit(url)
    return parts.path == ROBOTS and parts.netloc in hosts


def addresses_of(gathering: Gathering, listing_ids: Sequence[int]) -> set[str]:
    urls: set[str] = set()
    session = gathering.session
    for ids in chunks(listing_ids):
        urls.update(session.scalars(select(ListingRow.url).where(ListingRow.id.in_(ids))))
        urls.update(session.scalars(select(Appearance.url).where(Appearance.listing_id.in_(ids))))
        urls.update(session.scalars(select(ScanPhoto.location).where(ScanPhoto.listing_id.in_(ids))))
        urls.update(session.scalars(select(Capture.url).where(Capture.listing_id.in_(ids))))
    return urls
