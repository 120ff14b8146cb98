"""Read archives, also those of other programs: packed or plain, cut off at the end, with revisits."""

import io
import re
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import httpx2
from warcio.archiveiterator import ArchiveIterator
from warcio.bufferedreaders import ChunkedDataReader

from scanner.fetch.bodies import encoding_of, unpack
from scanner.fetch.errors import FetchError
from scanner.warc.parts import part_of
from scanner.warc.records import NOT_MODIFIED_STATUS, ArchiveError

MAX_BYTES = 64 * 1024**2
_KINDS = ("response", "resource", "revisit")
_GZIP = b"\x1f\x8b"
_STATUS = re.compile(r"[0-9]{3}")


@dataclass(frozen=True, slots=True)
class ArchivedAnswer:
    """What `url` answered at `captured_at` (UTC). headers: names in lower case. body: unpacked.

    failure: why there is no body, in one sentence; empty where there is one.
    """

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    captured_at: datetime
    record_id: str = ""
    failure: str = ""


def read_archive(source: Path | BinaryIO, max_bytes: int = MAX_BYTES) -> Iterator[ArchivedAnswer]:
    """Every answer in an archive, in its order, up to the first record that is not whole.

    source: a path, or a file that can seek. max_bytes: limit of one body, as archived and unpacked; larger ones are
    answers with a `failure`, and so is a revisit whose original is not in the archive. Raises ArchiveError where
    there is no archive at all.
    """
    with _open(source) as file:
        yield from _Reading(file, max_bytes).answers()


def read_record(source: Path | BinaryIO, record_id: str, max_bytes: int = MAX_BYTES) -> ArchivedAnswer:
    """One answer by its WARC-Record-ID. Raises ArchiveError where the archive has none such."""
    with _open(source) as file:
        for answer in _Reading(file, max_bytes).answers(record_id):
            return answer
    raise ArchiveError(f"The archive has no answer with the name {record_id}.")


def _open(source: Path | BinaryIO) -> AbstractContextManager[BinaryIO]:
    """An archive that is still written is read as far as it has come."""
    if not isinstance(source, Path):
        return nullcontext(source)
    for path in (source, part_of(source), source):  # it may be closed between the first look and the second
        try:
            return path.open("rb")
        except FileNotFoundError:
            continue
        except OSError as error:
            raise ArchiveError(f"The archive {source.name} can't be opened: {error.strerror}.") from error
    raise ArchiveError(f"There is no archive {source.name}.")


class _Reading:
    """One pass. Originals of revisits are looked up by where they stand, so no body is kept in memory."""

    def __init__(self, file: BinaryIO, max_bytes: int) -> None:
        self._file = file
        self._max_bytes = max_bytes
        self._places: dict[tuple[str, ...], int] = {}

    def answers(self, wanted_id: str | None = None) -> Iterator[ArchivedAnswer]:
        for record, place in _walk(self._file):
            if record.rec_type not in _KINDS or not _url_of(record).startswith(("http:", "https:")):
                continue
            if wanted_id in (None, _header(record, "WARC-Record-ID")):
                answer = self._read(record)
                if answer is None:
                    return
                yield answer
            if record.rec_type != "revisit":
                self._places.update(dict.fromkeys(_names(record), place))

    def _read(self, record: Any) -> ArchivedAnswer | None:
        """None where the record ends before its time, so nothing follows it either."""
        if record.rec_type == "revisit":
            return self._resolve(record)
        packed = record.raw_stream.read(self._max_bytes + 1)
        if len(packed) <= self._max_bytes and len(packed) < _expected_bytes(record):
            return None
        return _to_answer(record, packed, self._max_bytes)

    def _resolve(self, record: Any) -> ArchivedAnswer:
        revisit = _to_answer(record, b"", self._max_bytes)
        place = next((self._places[name] for name in _original_names(record) if name in self._places), None)
        original = None if place is None else self._read_at(place)
        if original is None:
            return replace(revisit, failure="It refers to an answer that is not in the archive.")
        if revisit.status == NOT_MODIFIED_STATUS or not record.http_headers:
            revisit = replace(revisit, status=original.status, headers=original.headers)
        return replace(revisit, body=original.body, failure=original.failure)

    def _read_at(self, place: int) -> ArchivedAnswer | None:
        here = self._file.tell()
        try:
            self._file.seek(place)
            return next((self._read(record) for record, _ in _walk(self._file)), None)
        finally:
            self._file.seek(here)


def _walk(file: BinaryIO) -> Iterator[tuple[Any, int]]:
    """Each record and where it stands. Raises ArchiveError where there is not even a first."""
    records = ArchiveIterator(file)
    is_first = True
    while True:
        try:
            record = next(records)
        except StopIteration:
            return
        except Exception as error:  # warcio raises almost anything where a record is cut or broken
            if is_first:
                raise ArchiveError("This is no web archive (WARC) that can be read.") from error
            return
        yield record, records.offset
        is_first = False


def _to_answer(record: Any, packed: bytes, max_bytes: int) -> ArchivedAnswer:
    headers = _headers_of(record)
    failure, body = "", b""
    try:
        body = _unpack(packed, headers, max_bytes)
    except FetchError as error:
        failure = str(error)
    return ArchivedAnswer(
        url=_url_of(record),
        status=_status_of(record),
        headers=dict(headers),
        body=body,
        captured_at=_time_of(record),
        record_id=_header(record, "WARC-Record-ID"),
        failure=failure,
    )


def _unpack(packed: bytes, headers: httpx2.Headers, max_bytes: int) -> bytes:
    """Some programs archive a body unpacked and leave the headers as they were: then there is nothing to do."""
    if len(packed) > max_bytes:
        raise FetchError(f"The answer is larger than {max_bytes / 1024**2:.4g} MiB, so it is left out.")
    if "chunked" in headers.get("transfer-encoding", "").lower():
        packed = bytes(ChunkedDataReader(io.BytesIO(packed)).read())
    encoding = encoding_of(headers)
    if encoding == "gzip" and not packed.startswith(_GZIP):
        return packed
    return unpack(packed, encoding, max_bytes)


def _headers_of(record: Any) -> httpx2.Headers:
    """In bytes, as another's archive may have any letters in them; what no header can be called is left out."""
    named = record.http_headers.headers if record.http_headers else _own_type(record)
    return httpx2.Headers([(name.encode(), _bytes_of(value)) for name, value in named if name.isascii()])


def _bytes_of(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _own_type(record: Any) -> list[tuple[str, str]]:
    return [("content-type", record.content_type)] if record.content_type else []


def _status_of(record: Any) -> int:
    code = record.http_headers.get_statuscode() if record.http_headers else "200"
    return int(code) if _STATUS.fullmatch(code) else 0


def _time_of(record: Any) -> datetime:
    """A date that can't be read is one long ago: it proves nothing."""
    try:
        read = datetime.fromisoformat(_header(record, "WARC-Date"))
        return read.astimezone(UTC) if read.tzinfo else read.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return datetime.min.replace(tzinfo=UTC)


def _expected_bytes(record: Any) -> int:
    if record.http_headers:
        return int(record.payload_length)
    return int(record.length or 0)


def _names(record: Any) -> list[tuple[str, ...]]:
    """What a revisit may call this record by."""
    url = _url_of(record)
    return [
        ("id", _header(record, "WARC-Record-ID")),
        ("digest", _header(record, "WARC-Payload-Digest")),
        ("date", url, _header(record, "WARC-Date")),
        ("url", url),
    ]


def _original_names(record: Any) -> list[tuple[str, ...]]:
    """What a revisit calls its original, the most exact first."""
    url = _header(record, "WARC-Refers-To-Target-URI") or _url_of(record)
    names = [
        ("id", _header(record, "WARC-Refers-To")),
        ("digest", _header(record, "WARC-Payload-Digest")),
        ("date", url, _header(record, "WARC-Refers-To-Date")),
    ]
    return [name for name in names if name[-1]] + [("url", url)]


def _url_of(record: Any) -> str:
    return _header(record, "WARC-Target-URI").strip("<>")


def _header(record: Any, name: str) -> str:
    return record.rec_headers.get_header(name) or ""
