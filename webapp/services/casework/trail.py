"""The audit log's part of a case: every entry on its subjects, their seals, and the chain from there on."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.db import chunks
from webapp.models import AuditEntry, AuditSeal, SealedEntry
from webapp.services import chain
from webapp.services.casework.parts import Gathering

STEP = 1000


def copy_trail(gathering: Gathering, session: Session, subjects: Iterable[str]) -> chain.Head:
    """The head of the chain up to which it is told; the log is sealed already, at least up to this case's own entry."""
    gathering.tell("copying the audit log's part", 0, None)
    packing = gathering.packing
    head = chain.head(session)
    if head is None:
        raise LookupError("nothing of the audit log is sealed")
    ids = entry_ids(session, subjects, head.number)
    packing.add_lines("audit/entries.jsonl", "entries of the audit log on this case, one a line", entries(session, ids))
    numbers = seal_numbers(session, ids)
    whole = "the digest of every entry in these entries' seals, one a line"
    packing.add_lines("audit/sealed.jsonl", whole, sealed(session, numbers))
    chained = "the seals of the audit log from the first of these to the newest, one a line"
    packing.add_lines("audit/seals.jsonl", chained, seals(session, min(numbers), head.number))
    return head


def entry_ids(session: Session, subjects: Iterable[str], up_to_seal: int) -> list[int]:
    """Of the entries on these subjects that a seal holds, in order."""
    found: set[int] = set()
    for some in chunks(subjects):
        wanted = select(AuditEntry.id).join(SealedEntry, SealedEntry.entry_id == AuditEntry.id)
        found.update(session.scalars(wanted.where(AuditEntry.subject.in_(some), SealedEntry.seal_number <= up_to_seal)))
    return sorted(found)


def entries(session: Session, ids: Sequence[int]) -> Iterator[dict[str, Any]]:
    for some in chunks(ids):
        for row in session.scalars(select(AuditEntry).where(AuditEntry.id.in_(some)).order_by(AuditEntry.id)).all():
            yield describe_entry(row)
            session.expunge(row)


def describe_entry(row: AuditEntry) -> dict[str, Any]:
    same = ("id", "actor", "action", "subject", "facts")
    is_new = row.content_sha256 is not None
    return {name: getattr(row, name) for name in same} | {
        "at": chain.stamp(row.at),
        "content_sha256": row.content_sha256 or chain.old_content(row),
        "v": chain.VERSION if is_new else chain.OLD_VERSION,
    }


def seal_numbers(session: Session, ids: Sequence[int]) -> list[int]:
    numbers: set[int] = set()
    for some in chunks(ids):
        numbers.update(
            session.scalars(select(SealedEntry.seal_number).where(SealedEntry.entry_id.in_(some)).distinct())
        )
    return sorted(numbers)


def sealed(session: Session, numbers: Sequence[int]) -> Iterator[dict[str, Any]]:
    columns = (SealedEntry.seal_number, SealedEntry.entry_id, SealedEntry.content_sha256)
    for some in chunks(numbers, 20):
        held = select(*columns).where(SealedEntry.seal_number.in_(some))
        for number, entry_id, content in session.execute(held.order_by(SealedEntry.seal_number, SealedEntry.entry_id)):
            yield {"seal": number, "entry_id": entry_id, "content_sha256": content}


def seals(session: Session, first: int, last: int) -> Iterator[dict[str, Any]]:
    for start in range(first, last + 1, STEP):
        within = AuditSeal.number.between(start, min(start + STEP - 1, last))
        for row in session.scalars(select(AuditSeal).where(within).order_by(AuditSeal.number)).all():
            yield describe_seal(row)
            session.expunge(row)


def describe_seal(row: AuditSeal) -> dict[str, Any]:
    names = ("number", "first_id", "last_id", "count", "entries_sha256", "previous_sha256", "seal_sha256", "key")
    said = {name: getattr(row, name) for name in (*names, "signature")}
    return said | {"sealed_at": chain.stamp(row.sealed_at)}
