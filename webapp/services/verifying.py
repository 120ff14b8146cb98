"""Whether the audit log is what it was: every entry, every seal, their order, their signatures, and its end."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import groupby
from pathlib import Path
from typing import Any

from sqlalchemy import Row, func, or_, select
from sqlalchemy.orm import Session

from webapp.db import now
from webapp.language import say, say_later, say_many
from webapp.models import AuditEntry, AuditSeal, SealedEntry
from webapp.services import chain, signing
from webapp.services.chain import Head

FAULTS_KEPT = 200
NAMED = 20  # entries of one fault
SWAPS_TRIED = 50
AWRY = timedelta(hours=1)  # clocks of several machines differ, and a transaction takes its time
CLOCK_BACK = "clock.back"  # the entry that says that the clock was put back by more than that
FETCHED = 2000


class FaultKind(StrEnum):
    CHANGED = "changed"
    GONE = "gone"
    INSERTED = "inserted"
    MOVED = "moved"
    MISDATED = "misdated"
    UNHASHED = "unhashed"
    LIST = "list"
    SEAL_CHANGED = "seal_changed"
    SEAL_GONE = "seal_gone"
    SEAL_MOVED = "seal_moved"
    SEAL_CUT = "seal_cut"
    UNSIGNED = "unsigned"
    FORGED = "forged"
    UNKNOWN_KEY = "unknown_key"
    TRUNCATED = "truncated"
    OTHER_HEAD = "other_head"
    FORGED_HEAD = "forged_head"


def sentences(**names: str) -> dict[FaultKind, str]:
    """What is wrong, of each kind, with the `seals` and `entries` in it; looked up when one is written out."""
    return {
        FaultKind.CHANGED: say_later("Entry %(entries)s was changed after it was written (seal %(seals)s).", **names),
        FaultKind.GONE: say_later("Entry %(entries)s of seal %(seals)s is gone.", **names),
        FaultKind.INSERTED: say_later("Entry %(entries)s was put into seal %(seals)s after it was made.", **names),
        FaultKind.MOVED: say_later("Entries %(entries)s were reordered: each holds what another one said.", **names),
        FaultKind.MISDATED: say_later(
            "Entry %(entries)s bears a time that does not fit its place: it was put in later.", **names
        ),
        FaultKind.UNHASHED: say_later("Entry %(entries)s has no hash: it was not written by Tuskline.", **names),
        FaultKind.LIST: say_later(
            "Seal %(seals)s does not fit its list of entries; look at entries %(entries)s.", **names
        ),
        FaultKind.SEAL_CHANGED: say_later("Seal %(seals)s was changed after it was made.", **names),
        FaultKind.SEAL_GONE: say_later("Seal %(seals)s is gone.", **names),
        FaultKind.SEAL_MOVED: say_later("Seals %(seals)s were reordered.", **names),
        FaultKind.SEAL_CUT: say_later("Seals %(seals)s do not follow each other: one of them was replaced.", **names),
        FaultKind.UNSIGNED: say_later("Seal %(seals)s is not signed.", **names),
        FaultKind.FORGED: say_later("The signature of seal %(seals)s is not of its key.", **names),
        FaultKind.UNKNOWN_KEY: say_later(
            "Seal %(seals)s is signed by a key that is not of this installation.", **names
        ),
        FaultKind.TRUNCATED: say_later("The end of the log is gone: a head names seal %(seals)s.", **names),
        FaultKind.OTHER_HEAD: say_later(
            "Seal %(seals)s is another than the one that a head names: it was replaced.", **names
        ),
        FaultKind.FORGED_HEAD: say_later(
            "The head of seal %(seals)s is not signed by a key of this installation.", **names
        ),
    }


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong, by row: ids of entries, numbers of seals. Both may be shortened to the first 20."""

    kind: FaultKind
    seals: tuple[int, ...] = ()
    entries: tuple[int, ...] = ()

    @property
    def words(self) -> str:
        return str(sentences(seals=spans(self.seals), entries=spans(self.entries))[self.kind])

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind.value, "seals": list(self.seals), "entries": list(self.entries)}


def fault_from_json(said: Mapping[str, Any]) -> Fault:
    return Fault(FaultKind(said["kind"]), tuple(said["seals"]), tuple(said["entries"]))


def spans(numbers: Sequence[int]) -> str:
    """`3, 5–9`; `none` where there are none."""  # noqa: RUF002  # a dash between two numbers
    runs = [list(run) for _, run in groupby(enumerate(sorted(set(numbers))), key=lambda pair: pair[1] - pair[0])]
    ends = [(run[0][1], run[-1][1]) for run in runs]
    words = [str(low) if low == high else f"{low}–{high}" for low, high in ends]  # noqa: RUF001  # a dash
    return ", ".join(words[:NAMED]) + (" …" if len(words) > NAMED else "") if words else say("none")


@dataclass(slots=True)
class Verification:
    """What was looked at and what is wrong. entries: sealed ones; unsealed: committed, and waiting for a seal."""

    seals: int = 0
    entries: int = 0
    unsealed: int = 0
    unsealed_since: datetime | None = None
    head: Head | None = None
    faults: list[Fault] = field(default_factory=list)
    faults_count: int = 0

    @property
    def is_whole(self) -> bool:
        return not self.faults

    def note(self, kind: FaultKind, seals: Sequence[int] = (), entries: Sequence[int] = ()) -> None:
        self.faults_count += 1
        if len(self.faults) < FAULTS_KEPT:
            self.faults.append(Fault(kind, tuple(seals), tuple(entries)))

    def to_json(self) -> dict[str, Any]:
        """Numbers, the head's, and the first faults."""
        head = {"head": self.head.number, "head_sha256": self.head.seal_sha256} if self.head else {}
        counts = {"seals": self.seals, "entries": self.entries, "unsealed": self.unsealed}
        faults = {"faults": self.faults_count, "first_faults": [fault.to_json() for fault in self.faults[:NAMED]]}
        return counts | head | faults

    @property
    def words(self) -> str:
        """In one sentence."""
        if not self.is_whole:
            return say_many("One thing is wrong.", "%(num)s things are wrong.", self.faults_count)
        if not self.entries:
            return say(
                "No entry has a seal yet, so there is nothing to compare; a worker seals every minute what was written."
            )
        return say_many("One entry is as it was written.", "%(num)s entries are as they were written.", self.entries)


def verify(
    session: Session, trusted: frozenset[str], heads: Sequence[Head] = (), progress: Callable[[int], None] | None = None
) -> Verification:
    """Read the whole log; nothing is written. trusted: public keys whose signatures count (signing.trusted_keys).

    heads: ends of the chain as they were known earlier; without one, seals cut off the end leave no trace.
    progress: told now and then how many entries have been read.
    """
    return Reading(session, trusted, progress or (lambda _count: None)).read(heads)


def verify_home(session: Session, home: Path, heads: Sequence[Head] = ()) -> Verification:
    """As verify, with the keys of the home folder and the head that it keeps."""
    kept = chain.kept_head(home)
    return verify(session, signing.trusted_keys(home), [*heads, *([kept] if kept else [])])


@dataclass(slots=True)
class Odd:
    """An entry that does not say what its seal says. found: the hash of what it says now, None where it is gone."""

    entry_id: int
    seal: int | None
    sealed: str | None
    found: str | None


class Reading:
    """One pass over the log, in the order of the seals; memory holds one seal's entries, and what is odd."""

    def __init__(self, session: Session, trusted: frozenset[str], progress: Callable[[int], None]) -> None:
        self._session = session
        self._trusted = trusted
        self._progress = progress
        self._result = Verification()
        self._odd: list[Odd] = []
        self._changed_seals: list[AuditSeal] = []
        self._newest: datetime | None = None  # the latest time of an entry so far
        self._first_hashed = session.scalar(
            select(func.min(AuditEntry.id)).where(AuditEntry.content_sha256.is_not(None))
        )

    def read(self, heads: Sequence[Head]) -> Verification:
        """What is sealed while we read is left to the next time."""
        result = self._result
        until = self._session.scalar(select(func.max(AuditSeal.number))) or 0
        lists = Peeking(groupby(self._sealed_rows(until), key=lambda row: row.seal_number))
        last: AuditSeal | None = None
        for seal in self._seals(until):
            for _, rows in lists.before(seal.number):
                self._check_orphans(rows)
            self._check_seal(seal, last)
            self._check_entries(seal, lists.at(seal.number))
            last = seal
            result.seals += 1
            self._progress(result.entries)
        self._check_beyond(until)
        self._check_unsealed()
        self._name_odd()
        self._name_changed_seals()
        result.head = Head.of(last) if last else None
        for head in heads:
            self._check_head(head, last)
        return result

    def _seals(self, until: int) -> Iterator[AuditSeal]:
        """In steps, so that no cursor stays open beside the other one."""
        query = select(AuditSeal).where(AuditSeal.number <= until).order_by(AuditSeal.number).limit(FETCHED)
        batch = self._session.scalars(query).all()
        while batch:
            yield from batch
            after = batch[-1].number
            for seal in batch:
                self._session.expunge(seal)
            batch = self._session.scalars(query.where(AuditSeal.number > after)).all()

    def _sealed_rows(self, until: int) -> Iterator[Row[Any]]:
        """What each seal lists, with the entry as it stands now, where it does."""
        query = select(*LISTED).outerjoin(AuditEntry, AuditEntry.id == SealedEntry.entry_id)
        query = query.where(SealedEntry.seal_number <= until)
        query = query.order_by(SealedEntry.seal_number, SealedEntry.entry_id).limit(FETCHED)
        batch = self._session.execute(query).all()
        while batch:
            yield from batch
            batch = self._session.execute(query.where(behind(batch[-1].seal_number, batch[-1].entry_id))).all()

    def _check_seal(self, seal: AuditSeal, last: AuditSeal | None) -> None:
        note, expected = self._result.note, last.number + 1 if last else 1
        if seal.number > expected:
            note(FaultKind.SEAL_GONE, shortened(expected, seal.number))
        if remade(seal) != seal.seal_sha256:
            self._changed_seals.append(seal)
        elif seal.number == expected and seal.previous_sha256 != (last.seal_sha256 if last else chain.GENESIS):
            note(FaultKind.SEAL_CUT, [seal.number - 1, seal.number] if last else [seal.number])
        if not seal.signature or not seal.key:
            note(FaultKind.UNSIGNED, [seal.number])
        elif not chain.is_signed(seal.key, seal.signature, seal.number, seal.seal_sha256):
            note(FaultKind.FORGED, [seal.number])
        elif seal.key not in self._trusted:
            note(FaultKind.UNKNOWN_KEY, [seal.number])

    def _check_entries(self, seal: AuditSeal, rows: Sequence[Row[Any]]) -> None:
        for row in rows:
            self._check_sealed(row, seal.sealed_at)
        listed = [(row.entry_id, row.sealed) for row in rows]
        if len(listed) != seal.count or chain.entries_sha256(listed) != seal.entries_sha256:
            self._name_list(seal, rows, listed)
        self._result.entries += len(rows)

    def _check_sealed(self, row: Row[Any], sealed_at: datetime) -> None:
        found = found_content(row)
        if found != row.sealed or (row.content_sha256 or found) != row.sealed:
            self._odd.append(Odd(row.entry_id, row.seal_number, row.sealed, found))
        if row.at is not None:
            self._check_written(row, sealed_at)

    def _check_written(self, row: Row[Any], until: datetime) -> None:
        """Whether the entry came when and as it says."""
        if row.content_sha256 is None and self._first_hashed is not None and row.id > self._first_hashed:
            self._result.note(FaultKind.UNHASHED, entries=[row.id])
        if row.action == CLOCK_BACK:
            self._newest = row.at  # what was written before it bears the times of a clock that was wrong
        elif row.at > until + AWRY or (self._newest is not None and row.at < self._newest - AWRY):
            self._result.note(FaultKind.MISDATED, entries=[row.id])
        elif self._newest is None or row.at > self._newest:
            self._newest = row.at

    def _name_list(self, seal: AuditSeal, rows: Sequence[Row[Any]], listed: list[tuple[int, str]]) -> None:
        """What was done to the list of a seal: try what would make it fit again."""
        note, wanted = self._result.note, seal.entries_sha256
        for place, (entry_id, _) in enumerate(listed if len(listed) == seal.count + 1 else []):
            if chain.entries_sha256(listed[:place] + listed[place + 1 :]) == wanted:
                return note(FaultKind.INSERTED, [seal.number], [entry_id])
        standing = [(row.entry_id, found_content(row) or row.sealed) for row in rows]
        if chain.entries_sha256(standing) == wanted:
            return None  # the entries are right, their list was changed: each is named as odd
        absent = self._absent_from(seal, {entry_id for entry_id, _ in listed})
        for entry_id, content in absent.items() if len(listed) == seal.count - 1 else ():
            if content and chain.entries_sha256(sorted([*listed, (entry_id, content)])) == wanted:
                return note(FaultKind.GONE, [seal.number], [entry_id])
        gaps = [entry_id for entry_id, content in absent.items() if content is None]
        missing = seal.count - len(listed)
        if missing and len(gaps) == missing:
            return note(FaultKind.GONE, [seal.number], gaps)
        return note(FaultKind.LIST, [seal.number], gaps if missing > 0 and gaps else [i for i, _ in listed])

    def _absent_from(self, seal: AuditSeal, listed: set[int]) -> dict[int, str | None]:
        """Ids between the seal's first and last that it does not list, with what they say; None: no such entry."""
        low, high = seal.first_id, min(seal.last_id, seal.first_id + 10 * chain.BATCH)
        rows = self._session.execute(select(*ENTRY).where(AuditEntry.id.between(low, high))).all()
        standing = {row.id: found_content(row) for row in rows}
        elsewhere = set(
            self._session.scalars(select(SealedEntry.entry_id).where(SealedEntry.entry_id.between(low, high)))
        )
        return {
            entry_id: standing.get(entry_id)
            for entry_id in range(low, high + 1)
            if entry_id not in listed and (entry_id in standing or entry_id not in elsewhere)
        }

    def _check_orphans(self, rows: Sequence[Row[Any]]) -> None:
        """Entries that name a seal which is not there; the gap between two seals names it."""
        for row in rows:
            self._check_sealed(row, now())

    def _check_beyond(self, until: int) -> None:
        """Entries that name a seal behind the last one: it was cut off, or is only just being read about."""
        query = select(*LISTED).outerjoin(AuditEntry, AuditEntry.id == SealedEntry.entry_id)
        query = query.outerjoin(AuditSeal, AuditSeal.number == SealedEntry.seal_number)
        query = query.where(AuditSeal.number.is_(None), SealedEntry.seal_number > until)
        rows = self._session.execute(query.order_by(SealedEntry.entry_id).limit(FETCHED)).all()
        if rows:
            numbers = sorted({row.seal_number for row in rows})
            self._result.note(FaultKind.SEAL_GONE, numbers[:NAMED], [row.entry_id for row in rows[:NAMED]])
            self._check_orphans(rows)

    def _check_unsealed(self) -> None:
        result, after, until = self._result, 0, now()
        sealed = {odd.sealed for odd in self._odd}
        query = select(*ENTRY).outerjoin(SealedEntry, SealedEntry.entry_id == AuditEntry.id)
        query = query.where(SealedEntry.entry_id.is_(None)).order_by(AuditEntry.id).limit(FETCHED)
        while batch := self._session.execute(query.where(AuditEntry.id > after)).all():
            for row in batch:
                found = found_content(row)
                result.unsealed += 1
                result.unsealed_since = min(result.unsealed_since or row.at, row.at)
                if found != (row.content_sha256 or found) or found in sealed:
                    self._odd.append(Odd(row.id, None, row.content_sha256, found))
                self._check_written(row, until)
            after = batch[-1].id

    def _name_odd(self) -> None:
        """Entries that hold what a seal has under another id were moved; the rest was changed, or is gone."""
        note = self._result.note
        owner = {odd.sealed: odd.entry_id for odd in self._odd if odd.sealed and odd.seal is not None}
        moved = {odd.entry_id: owner[odd.found] for odd in self._odd if odd.found in owner}
        moved = {here: there for here, there in moved.items() if here != there}
        for ring in rings(moved):
            note(FaultKind.MOVED, entries=ring[:NAMED])
        places = set(moved) | set(moved.values())
        for odd in self._odd:
            if odd.entry_id in places or odd.sealed is None:
                continue
            kind = FaultKind.GONE if odd.found is None else FaultKind.CHANGED
            note(kind, [odd.seal] if odd.seal is not None else [], [odd.entry_id])

    def _name_changed_seals(self) -> None:
        """Two seals of which each fits the other's number changed places."""
        left = self._changed_seals[:SWAPS_TRIED]
        swapped: set[int] = set()
        for one in left:
            for other in left:
                if one.number < other.number and all(
                    remade(seal, number) == seal.seal_sha256
                    for seal, number in ((one, other.number), (other, one.number))
                ):
                    self._result.note(FaultKind.SEAL_MOVED, [one.number, other.number])
                    swapped |= {one.number, other.number}
        for seal in self._changed_seals:
            if seal.number not in swapped:
                self._result.note(FaultKind.SEAL_CHANGED, [seal.number])

    def _check_head(self, head: Head, last: AuditSeal | None) -> None:
        note = self._result.note
        if head.key not in self._trusted or not signing.is_signed(head.key, head.signature, head.message):
            note(FaultKind.FORGED_HEAD, [head.number])
            return
        end = last.number if last else 0
        if head.number > end:
            note(FaultKind.TRUNCATED, shortened(end + 1, head.number + 1))
        elif not chain.is_held(self._session, head):
            note(FaultKind.OTHER_HEAD, [head.number])


ENTRY = (
    AuditEntry.id,
    AuditEntry.at,
    AuditEntry.actor,
    AuditEntry.action,
    AuditEntry.subject,
    AuditEntry.facts,
    AuditEntry.content_sha256,
)
LISTED = (SealedEntry.seal_number, SealedEntry.entry_id, SealedEntry.content_sha256.label("sealed"), *ENTRY)


class Peeking:
    """The lists of the seals, asked for in the order of their numbers."""

    def __init__(self, lists: Iterator[tuple[int, Iterator[Row[Any]]]]) -> None:
        self._lists = lists
        self._next = next(lists, None)

    def before(self, number: int) -> Iterator[tuple[int, list[Row[Any]]]]:
        """The lists of smaller numbers."""
        while self._next and self._next[0] < number:
            yield self._next[0], self._take()

    def at(self, number: int) -> list[Row[Any]]:
        return self._take() if self._next and self._next[0] == number else []

    def _take(self) -> list[Row[Any]]:
        rows = list(self._next[1]) if self._next else []
        self._next = next(self._lists, None)
        return rows


def found_content(row: Row[Any]) -> str | None:
    """The hash of what the entry says now; None where it is gone. What can't be hashed is not what was written."""
    if row.at is None:
        return None
    version = chain.VERSION if row.content_sha256 is not None else chain.OLD_VERSION
    try:
        return chain.content_sha256(row.at, row.actor, row.action, row.subject, row.facts, version)
    except (TypeError, ValueError):
        return ""


def remade(seal: AuditSeal, number: int | None = None) -> str:
    """The hash of what the seal says now, or would say under another number."""
    said = (seal.first_id, seal.last_id, seal.count, seal.entries_sha256, seal.previous_sha256, seal.sealed_at)
    return chain.seal_sha256(seal.number if number is None else number, *said)


def behind(seal: int, entry: int) -> Any:
    return or_(SealedEntry.seal_number > seal, (SealedEntry.seal_number == seal) & (SealedEntry.entry_id > entry))


def shortened(low: int, high: int) -> list[int]:
    """low to high - 1; the ends alone where that is long."""
    return list(range(low, high)) if high - low <= NAMED else [low, high - 1]


def rings(moved: Mapping[int, int]) -> Iterator[list[int]]:
    """Ids that belong to one move: those that are joined by `moved`."""
    left = dict(moved)
    while left:
        ring, edge = set(), {next(iter(left))}
        while edge:
            ring |= edge
            edge = {there for here, there in left.items() if here in ring} | {h for h, t in left.items() if t in ring}
            edge -= ring
        left = {here: there for here, there in left.items() if here not in ring}
        yield sorted(ring)
