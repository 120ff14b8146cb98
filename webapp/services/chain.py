"""The audit log's chain: what is hashed, how entries are sealed in batches, and the head that others may keep.

An entry is hashed when it is written, alone, so that no writer waits for another. A tick seals what has been committed
since: a seal holds the hashes of its entries and of the seal before it, and is signed. Until it is sealed, for a
minute or so, an entry that vanishes leaves no trace. Whoever has all rights on the database *and* the signing key can
write another history; only a head that was exported in time shows that.

    content     SHA-256 of canonical JSON {"action", "actor", "at", "facts", "subject", "v": 1}; at: UTC with
                microseconds. Not of the id, which the seal binds to it. "v" is 0 for entries of before the chain, which
                hold no hash themselves and are taken into the first seals.
    entries     SHA-256 of the lines "id content\\n" of a seal, by id
    seal        SHA-256 of canonical JSON {"count", "entries_sha256", "first_id", "format", "last_id", "number",
                "previous_sha256", "sealed_at"}; the first one's previous is 64 zeros
    signature   Ed25519 over "tuskline-audit-head/1 number seal_sha256"

Canonical JSON: keys sorted, no blanks, ASCII alone. Floats are written as Python's repr does, which both databases
give back as they got it.
"""

import json
import logging
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Self

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from webapp.db import insert_new, now
from webapp.language import say
from webapp.models import AuditEntry, AuditSeal, SealedEntry
from webapp.services import signing
from webapp.services.errors import Refused
from webapp.services.signing import SigningKey

logger = logging.getLogger(__name__)

VERSION, OLD_VERSION = 1, 0
SEAL_FORMAT = "tuskline-seal/1"
HEAD_FORMAT = "tuskline-audit-head/1"
GENESIS = "0" * 64
BATCH = 1000
LOOK_BACK = 100_000  # ids: an entry that is committed so much later than its id was given is found by verifying alone
KEPT_HEAD = "audit-head.json"


def canonical(value: Any) -> bytes:
    """Raises ValueError for a number that is none, TypeError for what JSON does not know."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode()


def stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def content_sha256(
    at: datetime, actor: str, action: str, subject: str, facts: Mapping[str, Any], version: int = VERSION
) -> str:
    content = {"action": action, "actor": actor, "at": stamp(at), "facts": facts, "subject": subject, "v": version}
    return sha256(canonical(content)).hexdigest()


def entries_sha256(contents: Iterable[tuple[int, str]]) -> str:
    """contents: (id, content hash), in the order of the ids."""
    return sha256("".join(f"{entry_id} {content}\n" for entry_id, content in contents).encode()).hexdigest()


def seal_sha256(
    number: int, first_id: int, last_id: int, count: int, entries: str, previous: str, sealed_at: datetime
) -> str:
    said = {
        "count": count,
        "entries_sha256": entries,
        "first_id": first_id,
        "format": SEAL_FORMAT,
        "last_id": last_id,
        "number": number,
        "previous_sha256": previous,
        "sealed_at": stamp(sealed_at),
    }
    return sha256(canonical(said)).hexdigest()


@dataclass(frozen=True, slots=True)
class Head:
    """The end of the chain at one time, signed: who keeps it can tell later that nothing before it was rewritten."""

    number: int
    seal_sha256: str
    sealed_at: str
    key: str
    signature: str

    @classmethod
    def of(cls, seal: AuditSeal) -> Self:
        return cls(seal.number, seal.seal_sha256, stamp(seal.sealed_at), seal.key or "", seal.signature or "")

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Raises Refused where it is no head."""
        try:
            said = json.loads(text)
            if said["format"] != HEAD_FORMAT:
                raise ValueError
            words = (str(said[name]) for name in ("seal_sha256", "sealed_at", "key", "signature"))
            return cls(int(said["number"]), *words)
        except (ValueError, KeyError, TypeError):
            fault = say("This is no head of an audit log: give a file that `audit export-head` wrote.")
            raise Refused(fault) from None

    def to_json(self) -> dict[str, Any]:
        said = {"number": self.number, "seal_sha256": self.seal_sha256, "sealed_at": self.sealed_at}
        return {"format": HEAD_FORMAT, **said, "key": self.key, "signature": self.signature}

    @property
    def message(self) -> bytes:
        return message_of(self.number, self.seal_sha256)


def message_of(number: int, seal: str) -> bytes:
    return f"{HEAD_FORMAT} {number} {seal}".encode()


def last_seal(session: Session) -> AuditSeal | None:
    return session.scalar(select(AuditSeal).order_by(AuditSeal.number.desc()).limit(1))


def unsealed(session: Session, limit: int) -> Sequence[AuditEntry]:
    """The oldest entries without a seal."""
    newest = session.scalar(select(func.max(SealedEntry.entry_id))) or 0
    waiting = select(AuditEntry).outerjoin(SealedEntry, SealedEntry.entry_id == AuditEntry.id)
    waiting = waiting.where(SealedEntry.entry_id.is_(None), AuditEntry.id > newest - LOOK_BACK)
    return session.scalars(waiting.order_by(AuditEntry.id).limit(limit)).all()


def count_unsealed(session: Session) -> int:
    newest = session.scalar(select(func.max(SealedEntry.entry_id))) or 0
    waiting = select(func.count()).select_from(AuditEntry)
    waiting = waiting.outerjoin(SealedEntry, SealedEntry.entry_id == AuditEntry.id)
    return session.scalar(waiting.where(SealedEntry.entry_id.is_(None), AuditEntry.id > newest - LOOK_BACK)) or 0


def seal_batch(session: Session, key: SigningKey, limit: int = BATCH) -> AuditSeal | None:
    """Seal the oldest entries that have no seal, in the caller's transaction; None: there are none, or another did.

    Of two sealers the second finds its number taken: what it read since belongs to the first one's seal.
    """
    last = last_seal(session)  # before the entries: a seal that comes between the two takes our number
    entries = unsealed(session, limit)
    if not entries:
        return None
    contents = [(entry.id, entry.content_sha256 or old_content(entry)) for entry in entries]
    seal = make_seal(last, contents, key)
    if not insert_new(session, AuditSeal, **seal):
        return None
    number = seal["number"]
    rows = [{"entry_id": entry_id, "seal_number": number, "content_sha256": said} for entry_id, said in contents]
    session.execute(insert(SealedEntry), rows)
    for entry in entries:
        session.expunge(entry)  # a log of before the chain is long
    return session.get_one(AuditSeal, number)


def make_seal(last: AuditSeal | None, contents: Sequence[tuple[int, str]], key: SigningKey) -> dict[str, Any]:
    number = last.number + 1 if last else 1
    previous = last.seal_sha256 if last else GENESIS
    first_id, last_id, at = contents[0][0], contents[-1][0], now()
    entries = entries_sha256(contents)
    whole = seal_sha256(number, first_id, last_id, len(contents), entries, previous, at)
    return {
        "number": number,
        "first_id": first_id,
        "last_id": last_id,
        "count": len(contents),
        "entries_sha256": entries,
        "previous_sha256": previous,
        "seal_sha256": whole,
        "sealed_at": at,
        "key": key.public,
        "signature": key.sign(message_of(number, whole)),
    }


def old_content(entry: AuditEntry) -> str:
    """Of an entry that was written before there was a chain."""
    return content_sha256(entry.at, entry.actor, entry.action, entry.subject, entry.facts, OLD_VERSION)


def seal_all(session: Session, home: Path, key: SigningKey) -> int:
    """Seal what waits, batch by batch, each committed; how many entries were sealed."""
    count = 0
    while seal := seal_batch(session, key):
        session.commit()
        keep_head(session, home, Head.of(seal))
        count += seal.count
    session.rollback()
    return count


def head(session: Session) -> Head | None:
    seal = last_seal(session)
    return Head.of(seal) if seal else None


def keep_head(session: Session, home: Path, newest: Head) -> None:
    """Note the head beside the database, where it outlives what is done to the database.

    One that the chain no longer holds is left as it is, for verifying to name.
    """
    kept = kept_head(home)
    if kept and not is_held(session, kept):
        logger.error("the audit log no longer holds seal %d as it was: run `tuskline audit verify`", kept.number)
        return
    path = home / KEPT_HEAD
    aside = path.with_name(f".{KEPT_HEAD}.{os.getpid()}")
    aside.write_text(json.dumps(newest.to_json(), indent=2) + "\n", encoding="utf-8")
    aside.replace(path)


def kept_head(home: Path) -> Head | None:
    """The last head that this machine saw. Raises Refused where the file is none."""
    try:
        return Head.from_json((home / KEPT_HEAD).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None


def is_held(session: Session, kept: Head) -> bool:
    seal = session.get(AuditSeal, kept.number)
    return seal is not None and seal.seal_sha256 == kept.seal_sha256


def is_signed(public: str, signature: str, number: int, seal: str) -> bool:
    return signing.is_signed(public, signature, message_of(number, seal))
