"""A small case file as the format has it, written without the exporter, so that tests can bend every part of it."""

import base64
import gzip
import hashlib
import json
import struct
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from webapp.exporters import verify_case
from webapp.services import chain

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
AT = datetime(2026, 11, 3, 8, 30, tzinfo=UTC)
PICTURES = {"photos/{}.jpg": b"\xff\xd8 a picture of a tusk", "photos/{}.png": b"\x89PNG another one"}
MODEL, MODEL_DIGEST = "small_model", "d" * 64
Row = dict[str, Any]


def public_of(key: Ed25519PrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def lines_of(rows: Iterable[Row]) -> bytes:
    return b"".join(chain.canonical(row) + b"\n" for row in rows)


def rows_in(data: bytes) -> list[Row]:
    return [json.loads(line) for line in data.splitlines()]


@dataclass
class CaseWriter:
    """files: path -> bytes, in their order. change: told of the manifest before it is signed."""

    files: dict[str, bytes]
    key: Ed25519PrivateKey = KEY
    timestamp: bytes | None = None
    change: Callable[[Row], object] = field(default=lambda _manifest: None)

    def manifest(self) -> Row:
        seals = rows_in(self.files["audit/seals.jsonl"])
        same = ("number", "seal_sha256", "sealed_at", "key", "signature")
        files = [
            {
                "path": path,
                "sha256": sha256(data),
                "size_bytes": len(data),
                "media_type": "text/plain",
                "what": "a part",
            }
            for path, data in self.files.items()
        ]
        rows = {
            path: [sha256(line) for line in data.splitlines()] for path, data in self.files.items() if is_rows(path)
        }
        findings = [row["id"] for row in rows_in(self.files["findings.jsonl"])]
        return {
            "format": "tuskline-case/1",
            "made_at": AT.isoformat(),
            "made_with": {"version": "0.1.0", "commit": None, "python": "3.11.7"},
            "case": {"id": 7, "title": "A case", "selection": {}, "findings": findings, "language": "en"},
            "files": files,
            "rows": rows,
            "audit_head": {"format": chain.HEAD_FORMAT, **{name: seals[-1][name] for name in same}} if seals else None,
            "statement": ["A score is a suspicion."],
            "timestamp_asked": False,
        }

    def sides(self) -> dict[str, bytes]:
        """What stands before the files."""
        manifest = self.manifest()
        self.change(manifest)
        body = chain.canonical(manifest)
        sides = {"manifest.json": body, "manifest.sig.json": signature_of(body, self.key)}
        return sides | ({"manifest.tsr": self.timestamp} if self.timestamp is not None else {})

    def entries(self) -> list[tuple[str, bytes]]:
        return [*self.sides().items(), *self.files.items()]

    def zip(self) -> bytes:
        return pack(self.entries())

    def write(self, path: Path) -> Path:
        path.write_bytes(self.zip())
        return path

    def unpack(self, folder: Path) -> Path:
        for name, data in self.entries():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        return folder


def is_rows(path: str) -> bool:
    return path.endswith(".jsonl")


def signature_of(manifest: bytes, key: Ed25519PrivateKey) -> bytes:
    digest, public = sha256(manifest), public_of(key)
    return chain.canonical(
        {
            "format": "tuskline-case-signature/1",
            "algorithm": "Ed25519",
            "key": public,
            "fingerprint": verify_case.fingerprint_of(bytes.fromhex(public)),
            "manifest_sha256": digest,
            "signature": key.sign(f"tuskline-case/1 {digest}".encode()).hex(),
        }
    )


def pack(entries: Iterable[tuple[str, bytes]]) -> bytes:
    """The one ZIP that these files make: stored, 1980-01-01, nothing else in it."""
    body, directory, count = b"", b"", 0
    for name, data in entries:
        crc, encoded, at = zlib.crc32(data), name.encode(), len(body)
        told = struct.pack("<5H3I2H", 20, 0, 0, 0, 33, crc, len(data), len(data), len(encoded), 0)
        body += b"PK\3\4" + told + encoded + data
        directory += b"PK\1\2" + struct.pack("<H", 3 << 8 | 20) + told
        directory += struct.pack("<3H2I", 0, 0, 0, 0o100644 << 16, at) + encoded
        count += 1
    return body + directory + b"PK\5\6" + struct.pack("<4H2IH", 0, 0, count, count, len(directory), len(body), 0)


# What stands in it --------------------------------------------------------------------------------------------------


@cache
def small_files() -> Mapping[str, bytes]:
    pictures = {path.format(sha256(data)): data for path, data in PICTURES.items()}
    archive, captures = make_archive()
    return {
        "README.txt": b"How to verify this.\n",
        "verify.py": b"# the verifier\n",
        "case.json": chain.canonical({"id": 7, "title": "A case"}),
        "findings.jsonl": lines_of(make_findings(pictures)),
        "listings.jsonl": lines_of(
            [{"id": 4, "title": "Figure"}, {"id": 5, "title": "Teapot"}, {"id": 6, "title": ""}]
        ),
        "history.jsonl": lines_of({"listing": 4 + number % 2, "kind": "version", "n": number} for number in range(4)),
        "captures.jsonl": lines_of(captures),
        "archives/1.warc.gz": archive,
        "pages/4-1.txt": b"Genuine ivory figure\n",
        **pictures,
        "models/small_model-dddddddddddd.json": b"{}",
        "rules/aaaaaaaaaaaa/pack.yaml": b"id: small\n",
        **make_audit(),
        "report.pdf": b"%PDF-1.7 not really",
    }


def small_case(**more: Any) -> CaseWriter:
    return CaseWriter(dict(small_files()), **more)


def make_findings(pictures: Mapping[str, bytes]) -> list[Row]:
    photos = [
        {"sha256": sha256(data), "path": path, "gone": None, "scores": [make_scores(0.91)]}
        for path, data in pictures.items()
    ]
    gone = {"sha256": "e" * 64, "path": None, "gone": "its bytes were purged", "scores": []}
    seen = {"rule": "elephant_seen", "concept": "elephant", "threshold": 0.5, "score": 0.91}
    first = {"id": 11, "listing": {"id": 4}, "photo": {"sha256": photos[0]["sha256"]}, "photos": [*photos, gone]}
    second = {"id": 12, "listing": {"id": 5}, "photo": None, "photos": []}
    third = {"id": 13, "listing": {"id": 6}, "photo": {"sha256": photos[1]["sha256"]}, "photos": photos[1:]}
    return [{**seen, **row} for row in (first, second, third)]


def make_scores(elephant: float) -> Row:
    return {"model": MODEL, "model_digest": MODEL_DIGEST, "by_concept": {"elephant": elephant}}


def make_record(kind: str, name: str, block: bytes, payload: bytes | None, **headers: str) -> bytes:
    def digest(data: bytes) -> str:
        return f"sha256:{base64.b32encode(hashlib.sha256(data).digest()).decode()}"

    named = {"WARC-Type": kind, "WARC-Record-ID": name, "WARC-Block-Digest": digest(block)}
    if payload is not None:
        named["WARC-Payload-Digest"] = digest(payload)
    named["Content-Type"] = "application/warc-fields" if kind == "warcinfo" else "application/http; msgtype=response"
    named |= {key.replace("_", "-"): value for key, value in headers.items()} | {"Content-Length": str(len(block))}
    head = "WARC/1.1\r\n" + "".join(f"{key}: {value}\r\n" for key, value in named.items())
    return gzip.compress(head.encode() + b"\r\n" + block + b"\r\n\r\n", mtime=0)


def make_answer(name: str, payload: bytes, http: str = "", **headers: str) -> bytes:
    block = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n{http}\r\n".encode() + payload
    return make_record("response", name, block, payload, **headers)


def make_archive() -> tuple[bytes, list[Row]]:
    """A page, a page that came packed, a page that did not change, and one that is no longer there."""
    page = b"<h1>Genuine ivory figure</h1>" * 20
    names = [f"<urn:uuid:{number}>" for number in range(4)]
    unchanged = make_record("revisit", names[2], b"HTTP/1.1 304 Not Modified\r\n\r\n", b"")
    members = [
        make_record("warcinfo", "<urn:uuid:info>", b"software: Tuskline\r\n", None),
        make_answer(names[0], page),
        make_answer(names[1], gzip.compress(page, mtime=0), "Content-Encoding: gzip\r\n"),
        unchanged,
    ]
    path, digests = "archives/1.warc.gz", [sha256(page), sha256(page), sha256(b""), sha256(b"gone")]
    rows = [
        {"listing": 4, "record_id": name, "sha256": digest, "path": path, "gone": None}
        for name, digest in zip(names, digests, strict=True)
    ]
    rows[-1] |= {"path": None, "gone": "the archive was purged"}
    return b"".join(members), rows


def make_audit(key: Ed25519PrivateKey = KEY) -> dict[str, bytes]:
    """Nine entries of the log in three seals, of which four are the case's; its first two seals are not needed."""
    entries = [make_entry(100 + number, number) for number in range(9)]
    lists = [entries[:2], entries[2:5], entries[5:7], entries[7:]]
    seals, previous = [], chain.GENESIS
    for number, held in enumerate(lists, 1):
        seals.append(make_seal(number, held, previous, key))
        previous = seals[-1]["seal_sha256"]
    ours = [entries[number] for number in (2, 4, 5, 8)]
    sealed = [
        {"seal": number, "entry_id": entry["id"], "content_sha256": entry["content_sha256"]}
        for number, held in enumerate(lists, 1)
        if number > 1
        for entry in held
    ]
    return {
        "audit/entries.jsonl": lines_of(ours),
        "audit/sealed.jsonl": lines_of(sealed),
        "audit/seals.jsonl": lines_of(seals[1:]),
    }


def make_entry(entry_id: int, number: int) -> Row:
    at = AT + timedelta(seconds=number, microseconds=number)
    said: Row = {"actor": "ann", "action": "decision.confirm", "subject": "finding:11"}
    facts, version = {"score": 0.1 + number, "words": "象牙"}, int(number != 2)
    content = chain.content_sha256(at, facts=facts, version=version, **said)
    return {**said, "id": entry_id, "at": chain.stamp(at), "facts": facts, "content_sha256": content, "v": version}


def make_seal(number: int, held: list[Row], previous: str, key: Ed25519PrivateKey) -> Row:
    at, first, last = AT + timedelta(minutes=number), held[0]["id"], held[-1]["id"]
    entries = chain.entries_sha256((entry["id"], entry["content_sha256"]) for entry in held)
    whole = chain.seal_sha256(number, first, last, len(held), entries, previous, at)
    return {
        "number": number,
        "first_id": first,
        "last_id": last,
        "count": len(held),
        "entries_sha256": entries,
        "previous_sha256": previous,
        "seal_sha256": whole,
        "sealed_at": chain.stamp(at),
        "key": public_of(key),
        "signature": key.sign(chain.message_of(number, whole)).hex(),
    }
