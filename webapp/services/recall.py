"""The recall audit: how much of what nothing flagged was missed, from a random slice of it.

The unit is a listing, as in `confirmed`: ten pictures of one tusk are one miss. A listing that a rule flags, on any
picture, is looked at anyway and is not in the slice.
"""

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from hashlib import sha256
from secrets import randbits
from typing import Any

from sqlalchemy import case, exists, func, select, update
from sqlalchemy.orm import Session, joinedload

from rules.model import Pack
from webapp.db import now
from webapp.language import say
from webapp.models import (
    DECIDED,
    Appearance,
    FindingRow,
    FindingState,
    ListingRow,
    PhotoRow,
    RecallAudit,
    RecallItem,
    ScoreRow,
    User,
)
from webapp.services import audit, decisions, findings, reviewed, sightings, users
from webapp.services.adjudication import ESCALATE, Look
from webapp.services.errors import NotFound, Refused

BATCH = 1000
FEWEST, MOST = 10, 5000
NEAR, MIDDLING = 0.5, 0.2
NOTHING = "other"

# The share of misses that is expected in each stratum, in the order in which a listing is put into one (the first that
# fits). They only say where looking pays most. The estimate never uses them: a wrong one costs width, not truth.
EXPECTED = {
    "words": 0.05,
    "near": 0.10,
    "middling": 0.03,
    "unseen": 0.02,
    "low": 0.002,
    "no_picture": 0.01,
}
STRATA = tuple(EXPECTED)


@dataclass(frozen=True, slots=True)
class Stratum:
    """population: its listings in the period; sampled: how many of them are looked at."""

    name: str
    population: int
    sampled: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What an audit would look at, before it is started; nothing is stored."""

    from_at: datetime
    to_at: datetime
    strata: tuple[Stratum, ...]

    @property
    def population(self) -> int:
        return sum(one.population for one in self.strata)

    @property
    def size(self) -> int:
        return sum(one.sampled for one in self.strata)


@dataclass(frozen=True, slots=True)
class Unit:
    """A listing that nothing flagged. photo_id: its picture with the highest score beside the threshold."""

    listing_id: int
    photo_id: int | None
    stratum: str


@dataclass(frozen=True, slots=True)
class Counted:
    """A stratum as far as it is known: answered counts looks that are settled, misses those that found something."""

    name: str
    population: int
    sampled: int
    answered: int
    misses: int


@dataclass(frozen=True, slots=True)
class Estimate:
    """Missed listings, with a 95 % interval. value: None while a stratum has no answer at all, since nothing is known
    of it; the interval then spans all of it."""

    strata: tuple[Counted, ...]
    value: float | None
    low: float
    high: float

    @property
    def answered(self) -> int:
        return sum(one.answered for one in self.strata)

    @property
    def size(self) -> int:
        return sum(one.sampled for one in self.strata)

    @property
    def missing(self) -> int:
        return self.size - self.answered

    @property
    def misses(self) -> int:
        return sum(one.misses for one in self.strata)


def plan(session: Session, pack: Pack, from_at: datetime, to_at: datetime, size: int) -> Plan:
    """Count the strata of [from_at, to_at), by when a listing was first seen, and share `size` looks out among them.

    Raises Refused. One pass over the period's listings, which keeps counts alone: the lexicon has to read the words,
    so no database can count them by itself.
    """
    check(from_at, to_at, size)
    counts = dict.fromkeys(STRATA, 0)
    for unit in units(session, pack, from_at, to_at):
        counts[unit.stratum] += 1
    shares = allocate(counts, size)
    return Plan(from_at, to_at, tuple(Stratum(name, counts[name], shares[name]) for name in STRATA if counts[name]))


def check(from_at: datetime, to_at: datetime, size: int) -> None:
    if from_at >= to_at:
        raise Refused(say("The end of the period must lie after its beginning."))
    if not FEWEST <= size <= MOST:
        raise Refused(say("Choose a size from %(fewest)s to %(most)s.", fewest=FEWEST, most=f"{MOST:,}"))


def start(
    session: Session, pack: Pack, user: User | None, from_at: datetime, to_at: datetime, size: int
) -> RecallAudit:
    """Draw the slice and put it before the reviewers. Raises Refused where there is nothing to look at.

    Without replacement: of all listings of a stratum those with the smallest SHA-256 of seed and id, so that whoever
    has the seed can draw it again. In one pass, which counts anew what came since the plan.
    """
    check(from_at, to_at, size)
    seed = randbits(62)
    counts, lots = draw(units(session, pack, from_at, to_at), dict.fromkeys(STRATA, size), seed)
    shares = allocate(counts, size)
    drawn = {name: lots[name][: shares[name]] for name in STRATA}
    strata = [asdict(Stratum(name, counts[name], len(drawn[name]))) for name in STRATA if counts[name]]
    taken = [unit for name in STRATA for unit in drawn[name]]
    if not taken:
        raise Refused(say("Nothing was left unflagged in this period: choose another."))
    row = RecallAudit(
        from_at=from_at, to_at=to_at, strata=strata, size=len(taken), seed=seed, user_id=user.id if user else None
    )
    session.add(row)
    session.flush()
    # In the order of the draw over all strata, so that an audit half done is a random half.
    taken.sort(key=lambda unit: lot(seed, unit.listing_id))
    session.add_all(
        RecallItem(audit_id=row.id, listing_id=unit.listing_id, photo_id=unit.photo_id, stratum=unit.stratum)
        for unit in taken
    )
    session.flush()
    actor = users.name_of(user)
    facts = {"from": from_at.isoformat(), "to": to_at.isoformat(), "seed": seed, "strata": strata}
    audit.record(session, actor, "recall.start", f"recall_audit:{row.id}", **facts)
    return row


def draw(found: Iterable[Unit], wanted: Mapping[str, int], seed: int) -> tuple[dict[str, int], dict[str, list[Unit]]]:
    """How many units each stratum has, and `wanted` of them at random, by their lots from the smallest.

    Memory grows with what is wanted alone.
    """
    counts = dict.fromkeys(STRATA, 0)
    heaps: dict[str, list[tuple[int, int, Unit]]] = {name: [] for name in STRATA}
    for unit in found:
        counts[unit.stratum] += 1
        heap, most = heaps[unit.stratum], wanted.get(unit.stratum, 0)
        ticket = (-lot(seed, unit.listing_id), unit.listing_id, unit)
        if len(heap) < most:
            heapq.heappush(heap, ticket)
        elif heap and ticket[0] > heap[0][0]:
            heapq.heapreplace(heap, ticket)
    return counts, {name: [unit for _, _, unit in sorted(heap, reverse=True)] for name, heap in heaps.items()}


def lot(seed: int, listing_id: int) -> int:
    return int.from_bytes(sha256(f"{seed}:{listing_id}".encode()).digest()[:8])


def allocate(counts: Mapping[str, int], size: int) -> dict[str, int]:
    """Looks a stratum, `size` in all or every listing there is.

    As Neyman (1934, J. R. Stat. Soc. 97:558) shares them out: by population times the standard deviation that is
    expected, which gives the least variance; but at least a quarter of an even share each, since a stratum of which
    nothing is seen leaves its whole population open.
    """
    size = min(size, sum(counts.values()))
    least = max(1, size // (4 * len(EXPECTED)))
    shares = {name: min(count, least) for name, count in counts.items()}
    while (left := size - sum(shares.values())) > 0:
        room = {name: counts[name] - shares[name] for name in counts if counts[name] > shares[name]}
        weights = {name: counts[name] * spread(EXPECTED[name]) for name in room}
        whole = sum(weights.values())
        steps = {name: min(room[name], int(left * weights[name] / whole)) for name in room}
        if not any(steps.values()):  # less than one each: to the heaviest
            steps = dict.fromkeys(sorted(room, key=lambda name: -weights[name])[:left], 1)
        for name, step in steps.items():
            shares[name] += step
    return cut(shares, size)


def cut(shares: dict[str, int], size: int) -> dict[str, int]:
    """Where the least that each should get is more than there is: one less of the largest, again and again."""
    while sum(shares.values()) > size:
        shares[max(shares, key=lambda name: shares[name])] -= 1
    return shares


def spread(share: float) -> float:
    return float((share * (1 - share)) ** 0.5)


def units(session: Session, pack: Pack, from_at: datetime, to_at: datetime) -> Iterator[Unit]:
    """Every listing first seen in the period that no rule flags and whose pictures are kept.

    In batches: what is in memory does not grow.
    """
    marks = reviewed.marks_of(pack)
    for batch in batches(session, from_at, to_at):
        pictures = scores_of(session, [row.id for row in batch])
        for row in batch:
            hits = bool(pack.lexicon.hits(f"{row.title}\n{row.description}"))
            yield classify(row.id, hits, pictures.get(row.id, {}), marks)


def batches(session: Session, from_at: datetime, to_at: datetime) -> Iterator[Sequence[Any]]:
    flagged = exists().where(
        FindingRow.listing_id == ListingRow.id,
        FindingRow.state != FindingState.WITHDRAWN,
        FindingRow.rule.not_in(findings.BY_PEOPLE),
    )
    # Nobody can tell from a removed picture whether something was missed: "nothing" would be no answer.
    gone = select(Appearance.id).join(PhotoRow, PhotoRow.id == Appearance.photo_id)
    gone = gone.where(Appearance.listing_id == ListingRow.id, PhotoRow.purged_at.is_not(None)).correlate(ListingRow)
    inside = (ListingRow.first_seen_at >= from_at, ListingRow.first_seen_at < to_at, ~flagged, ~gone.exists())
    query = select(ListingRow.id, ListingRow.title, ListingRow.description).where(*inside).order_by(ListingRow.id)
    last_id = 0
    while batch := session.execute(query.where(ListingRow.id > last_id).limit(BATCH)).all():
        yield batch
        last_id = batch[-1].id


def scores_of(session: Session, listing_ids: Sequence[int]) -> dict[int, dict[int, list[Mapping[str, float]]]]:
    """By listing and picture what every model said; a picture that none has scored has an empty list."""
    rows = (
        select(Appearance.listing_id, Appearance.photo_id, ScoreRow.by_concept)
        .outerjoin(ScoreRow, ScoreRow.photo_id == Appearance.photo_id)
        .where(Appearance.listing_id.in_(listing_ids))
        .order_by(Appearance.listing_id, Appearance.position, Appearance.id)
    )
    found: dict[int, dict[int, list[Mapping[str, float]]]] = {}
    for listing_id, photo_id, by_concept in session.execute(rows):
        said = found.setdefault(listing_id, {}).setdefault(photo_id, [])
        if by_concept is not None:
            said.append(by_concept)
    return found


def classify(
    listing_id: int, hits: bool, pictures: Mapping[int, Sequence[Mapping[str, float]]], marks: Mapping[str, float]
) -> Unit:
    """Put a listing into the first stratum that fits. marks: by concept the score from which a picture flags."""
    reach = {photo: max((reached(said, marks) for said in models), default=0.0) for photo, models in pictures.items()}
    best = max(reach, key=lambda photo: reach[photo], default=None)
    highest = reach[best] if best is not None else 0.0
    if hits:
        stratum = "words"
    elif best is None:
        stratum = "no_picture"
    elif highest >= NEAR:
        stratum = "near"
    elif highest >= MIDDLING:
        stratum = "middling"
    elif any(marks.keys() - set().union(*models) for models in pictures.values()):
        stratum = "unseen"
    else:
        stratum = "low"
    return Unit(listing_id, best, stratum)


def reached(said: Mapping[str, float], marks: Mapping[str, float]) -> float:
    """The largest score as a share of its threshold."""
    return max((said[concept] / mark for concept, mark in marks.items() if mark and concept in said), default=0.0)


def audits(session: Session) -> list[RecallAudit]:
    """The newest first."""
    return list(
        session.scalars(select(RecallAudit).options(joinedload(RecallAudit.user)).order_by(RecallAudit.id.desc()))
    )


def find(session: Session, audit_id: int) -> RecallAudit:
    row = session.get(RecallAudit, audit_id)
    if row is None:
        raise NotFound(say("There is no recall audit %(audit_id)s.", audit_id=audit_id))
    return row


def finds(session: Session, row: RecallAudit) -> list[RecallItem]:
    """What was suspected in it, with the findings that it opened."""
    mine = (RecallItem.audit_id == row.id, RecallItem.answer.is_not(None), RecallItem.answer != NOTHING)
    details = (joinedload(RecallItem.listing), joinedload(RecallItem.user))
    return list(session.scalars(select(RecallItem).where(*mine).options(*details).order_by(RecallItem.answered_at)))


def close(session: Session, user: User, audit_id: int) -> RecallAudit:
    """End it as it stands: what is not answered stays missing, and the interval says so."""
    row = find(session, audit_id)
    if row.closed_at is None:
        row.closed_at = now()
        done = session.scalar(select(func.count()).where(RecallItem.audit_id == row.id, RecallItem.answer.is_not(None)))
        audit.record(session, user.name, "recall.close", f"recall_audit:{row.id}", answered=done or 0, size=row.size)
    return row


def answer(session: Session, user: User, item_id: int, look: Look) -> RecallItem:
    """Keep a blind look; what is suspected opens a finding, so that the case goes on. Raises NotFound, Refused.

    An escalation opens one too, as escalated; until somebody decided it the item counts as not answered.
    """
    item = lock(session, item_id)
    if item.answer is not None or item.audit.closed_at is not None:
        raise Refused(say("This item was settled meanwhile."))
    item.answer, item.note, item.seconds = look.answer, look.note, decisions.measured(look.seconds)
    item.user_id, item.answered_at = user.id, now()
    if look.answer != NOTHING:
        state = FindingState.ESCALATED if look.answer == ESCALATE else FindingState.OPEN
        concept = look.concept or sightings.UNNAMED
        row = sightings.open_seen(
            session, item.listing, item.photo_id, concept, sightings.RECALL_AUDIT, look.note, state
        )
        item.finding_id = row.id if row else None
    facts = {"answer": look.answer, "note": look.note, "finding": item.finding_id, "audit": item.audit_id}
    audit.record(session, user.name, "recall.answer", f"recall_item:{item.id}", **facts)
    close_when_done(session, item.audit)
    return item


def lock(session: Session, item_id: int) -> RecallItem:
    """The item and its audit, ours until the commit: of the last two answers at once one has to see the other.

    The audit's row is written as it is, since SQLite locks none that is only read. Raises NotFound.
    """
    audit_id = session.scalar(select(RecallItem.audit_id).where(RecallItem.id == item_id))
    if audit_id is None:
        raise NotFound(say("There is no item %(item_id)s of a recall audit.", item_id=item_id))
    touched = update(RecallAudit).where(RecallAudit.id == audit_id).values(size=RecallAudit.size)
    session.execute(touched, execution_options={"synchronize_session": False})
    session.get(RecallAudit, audit_id, populate_existing=True)
    return session.get_one(RecallItem, item_id, populate_existing=True)


def close_when_done(session: Session, row: RecallAudit) -> None:
    session.flush()
    waits = select(RecallItem.id).where(RecallItem.audit_id == row.id, RecallItem.answer.is_(None)).limit(1)
    if session.scalar(waits) is None:
        row.closed_at = now()


def estimate(session: Session, row: RecallAudit) -> Estimate:
    """The misses among all that was not flagged, from what has been answered by now.

    What a reviewer suspected counts as missed unless its finding was dismissed since.
    """
    dismissed = FindingRow.state == FindingState.DISMISSED
    settled = RecallItem.answer.is_not(None) & ((RecallItem.answer != ESCALATE) | FindingRow.state.in_(DECIDED))
    missed = settled & (RecallItem.answer != NOTHING) & ~func.coalesce(dismissed, False)
    counts = {
        name: (answered, misses)
        for name, answered, misses in session.execute(
            select(RecallItem.stratum, count_if(settled), count_if(missed))
            .outerjoin(FindingRow, FindingRow.id == RecallItem.finding_id)
            .where(RecallItem.audit_id == row.id)
            .group_by(RecallItem.stratum)
        )
    }
    strata = (
        Counted(**one, **dict(zip(("answered", "misses"), counts.get(one["name"], (0, 0)), strict=True)))
        for one in row.strata
    )
    return estimate_misses(tuple(strata))


def count_if(condition: Any) -> Any:
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)


def estimate_misses(strata: tuple[Counted, ...]) -> Estimate:
    """Sum N_h k_h / n_h over the strata, with a 95 % interval.

    Each stratum has exact hypergeometric limits (Buonaccorsi 1987, Am. Stat. 41:215): they hold for few looks, for no
    miss at all, and close where everything was looked at. The limits are joined as Zou, Huang and Zhang (2009, Comput.
    Stat. Data Anal. 53:1080) join those of a sum: the square roots of the summed squares of the distances to each
    stratum's own limit. A stratum without an answer adds nothing below and all of itself above.
    """
    seen = [one for one in strata if one.answered]
    unseen = sum(one.population for one in strata if not one.answered)
    value = sum(one.population * one.misses / one.answered for one in seen)
    below = above = 0.0
    for one in seen:
        own = one.population * one.misses / one.answered
        low, high = limits(one.population, one.answered, one.misses)
        below += (own - low) ** 2
        above += (high - own) ** 2
    found = sum(one.misses for one in seen)
    low = max(float(found), value - below**0.5)
    most = sum(one.population - (one.answered - one.misses) for one in seen)
    high = min(float(most), value + above**0.5) + unseen
    return Estimate(strata, None if unseen else value, low, high)


def limits(population: int, looked: int, found: int, level: float = 0.95) -> tuple[int, int]:
    """The fewest and the most misses in a stratum under which `found` of `looked` is not too strange."""
    from scipy.stats import hypergeom

    tail = (1 - level) / 2
    least, most = found, population - (looked - found)
    low = bisect(least, most, lambda misses: hypergeom.sf(found - 1, population, misses, looked) > tail)
    above = bisect(
        least, most + 1, lambda misses: misses > most or hypergeom.cdf(found, population, misses, looked) <= tail
    )
    return low, above - 1


def bisect(low: int, high: int, holds: Any) -> int:
    """The first whole number in [low, high] from which on `holds` holds; high where it never does."""
    while low < high:
        middle = (low + high) // 2
        if holds(middle):
            high = middle
        else:
            low = middle + 1
    return low
