"""The records of an archive, made of what went over the wire."""

import hashlib
import io
import json
import re
import uuid
from base64 import b32encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from warcio.recordloader import ArcWarcRecord
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from scanner.fetch import Exchange, Fetched

VERSION = "WARC/1.1"
SOFTWARE = f"Tuskline/{version('tuskline')}"
NOT_MODIFIED = "http://netpreserve.org/warc/1.1/revisit/server-not-modified"
NOT_MODIFIED_STATUS = 304
_MEDIA_TYPES = {
    "warcinfo": "application/warc-fields",
    "request": "application/http; msgtype=request",
    "response": "application/http; msgtype=response",
    "revisit": "application/http; msgtype=response",
    "metadata": "application/json",
}
# The body is kept with its chunks taken apart, so this header would mislead whoever replays it.
_TRANSFER_ENCODING = re.compile(rb"^(?=transfer-encoding:)", re.IGNORECASE | re.MULTILINE)
_RENAMED = b"X-Archive-Orig-"


class ArchiveError(Exception):
    """An archive can't be written or read; the message is one sentence for people."""


@dataclass(frozen=True, slots=True)
class Record:
    """One archived answer. archive: the file's name once it is closed; record_id: its WARC-Record-ID.

    sha256: hex, of the body: unpacked where it is the page itself, as it came where it is no success.
    """

    archive: str
    record_id: str
    url: str
    sha256: str
    captured_at: datetime


@dataclass(frozen=True, slots=True)
class Entry:
    """One record in the making. payload: the part of the block that is not HTTP's own, None where there is none."""

    kind: str
    block: bytes
    made_at: datetime
    headers: Mapping[str, str]
    payload: bytes | None = None

    def packed(self) -> bytes:
        """The record as it stands in the archive."""
        named = {
            "WARC-Type": self.kind,
            "WARC-Date": self.made_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            **self.headers,
            "WARC-Block-Digest": _digest(self.block),
        }
        if self.payload is not None:
            named["WARC-Payload-Digest"] = _digest(self.payload)
        headers = StatusAndHeaders("", list(named.items()), protocol=VERSION)
        # Without HTTP headers of their own, warcio writes the lines as they came instead of as it reads them.
        record = ArcWarcRecord(
            "warc", self.kind, headers, io.BytesIO(self.block), None, _MEDIA_TYPES[self.kind], len(self.block)
        )
        target = io.BytesIO()
        WARCWriter(target, gzip=True, warc_version=VERSION).write_record(record)
        return target.getvalue()


def describe_archive(name: str, contact: str) -> Entry:
    """The first record of an archive."""
    fields = {"software": SOFTWARE, "format": "WARC File Format 1.1", "operator": contact, "robots": "classic"}
    block = "".join(f"{key}: {value}\r\n" for key, value in fields.items() if value).encode()
    return Entry("warcinfo", block, datetime.now(UTC), {"WARC-Record-ID": new_id(), "WARC-Filename": name})


def exchange_entries(exchange: Exchange, answer_id: str, earlier: Record | None) -> list[Entry]:
    """The request and its answer; earlier: the answer that the server says is still valid, if it is known."""
    request_id = new_id()
    shared = {"WARC-Target-URI": exchange.url}
    if exchange.address:
        shared["WARC-IP-Address"] = exchange.address
    asked = {"WARC-Record-ID": request_id, "WARC-Concurrent-To": answer_id, **shared}
    answered = {"WARC-Record-ID": answer_id, "WARC-Concurrent-To": request_id, **shared}
    return [
        _answer_entry(exchange, answered, earlier),
        Entry("request", exchange.request, exchange.started_at, asked, b""),
    ]


def _answer_entry(exchange: Exchange, headers: dict[str, str], earlier: Record | None) -> Entry:
    head = _TRANSFER_ENCODING.sub(_RENAMED, exchange.head)
    if status_of(exchange) == NOT_MODIFIED_STATUS:
        return Entry("revisit", head, exchange.started_at, {**headers, **_revisit_headers(exchange.url, earlier)})
    if exchange.is_cut:
        headers = {**headers, "WARC-Truncated": "length"}
    return Entry("response", head + exchange.body, exchange.started_at, headers, exchange.body)


def _revisit_headers(url: str, earlier: Record | None) -> dict[str, str]:
    headers = {"WARC-Profile": NOT_MODIFIED, "WARC-Refers-To-Target-URI": url}
    if earlier is not None:
        headers["WARC-Refers-To"] = earlier.record_id
        headers["WARC-Refers-To-Target-URI"] = earlier.url
        headers["WARC-Refers-To-Date"] = earlier.captured_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return headers


def metadata_entry(fetched: Fetched, answer_ids: list[str], contact: str, facts: Mapping[str, Any]) -> Entry:
    """What the lines themselves don't tell: why we were let in, whom we reached, what it was fetched for."""
    told = {
        "software": SOFTWARE,
        "contact": contact,
        "url": fetched.url,
        "final_url": fetched.final_url,
        "status": fetched.status,
        "hops": [_hop(*pair) for pair in zip(fetched.exchanges, answer_ids, strict=True)],
        "facts": dict(facts),
    }
    block = json.dumps(told, ensure_ascii=False, indent=1, default=str).encode()
    headers = {
        "WARC-Record-ID": new_id(),
        "WARC-Concurrent-To": answer_ids[-1],
        "WARC-Target-URI": fetched.exchanges[-1].url,
    }
    return Entry("metadata", block, fetched.fetched_at, headers, block)


def _hop(exchange: Exchange, answer_id: str) -> dict[str, Any]:
    return {
        "url": exchange.url,
        "status": status_of(exchange),
        "robots": exchange.robots,
        "address": exchange.address,
        "certificate_sha256": exchange.certificate_sha256,
        "started_at": exchange.started_at.isoformat(),
        "record_id": answer_id,
    }


def status_of(exchange: Exchange) -> int:
    return int(exchange.head.split(b" ", 2)[1])


def new_id() -> str:
    return f"<urn:uuid:{uuid.uuid4()}>"


def _digest(data: bytes) -> str:
    return f"sha256:{b32encode(hashlib.sha256(data).digest()).decode()}"
