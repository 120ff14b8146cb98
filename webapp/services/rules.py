"""The pack in force, its next version, and letting the queue follow."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from rules.engine import change_rule, with_thresholds
from rules.model import Pack, Rule
from webapp.language import say
from webapp.models import (
    AuditEntry,
    FindingRow,
    FindingState,
    ListingRow,
    Scan,
    ThresholdChange,
    User,
)
from webapp.services import audit, findings, overview, priority
from webapp.services.errors import NotFound, Refused
from webapp.services.judging import judge, load_listings
from webapp.services.packs import kept_pack

BATCH = 200
APPLIED = "pack.apply"


@dataclass(frozen=True, slots=True)
class Applied:
    """kept: findings that still meet their rule and are undecided."""

    opened: int
    withdrawn: int
    kept: int


@dataclass(frozen=True, slots=True)
class Judged:
    """A stored listing under a pack: the findings that it meets, beside those that stand."""

    listing: ListingRow
    met: dict[findings.Key, findings.Met]
    known: dict[findings.Key, FindingRow]
    history: priority.History = priority.NO_HISTORY

    @property
    def opening(self) -> list[findings.Key]:
        return [key for key in self.met if key not in self.known or self.known[key].state is FindingState.WITHDRAWN]

    @property
    def lapsing(self) -> list[FindingRow]:
        return [row for key, row in self.known.items() if key not in self.met and row.state is FindingState.OPEN]


def current_pack(session: Session, pack_name: str) -> Pack:
    """The pack's files under the thresholds that people set since. Raises rules.load.PackError."""
    return with_thresholds(kept_pack(pack_name), changes_by_rule(session))


def changes_by_rule(session: Session) -> dict[str, tuple[int, dict[str, float]]]:
    """For each changed rule its newest version, and the newest value of each threshold."""
    return changes_after(session.scalars(select(ThresholdChange).order_by(ThresholdChange.version)))


def changes_after(made: Iterable[ThresholdChange]) -> dict[str, tuple[int, dict[str, float]]]:
    """The same after these changes, in the order of their versions."""
    changes: dict[str, tuple[int, dict[str, float]]] = {}
    for change in made:
        _, values = changes.get(change.rule, (1, {}))
        changes[change.rule] = (change.version, values | {change.threshold: change.value})
    return changes


def find_rule(pack: Pack, rule_id: str, *threshold_names: str) -> Rule:
    """Raises NotFound, also where the rule has no threshold of such a name."""
    rule = pack.find_rule(rule_id)
    if rule is None:
        raise NotFound(say("The pack %(pack)s has no rule %(rule)s.", pack=pack.id, rule=rule_id))
    if unknown := [name for name in threshold_names if name not in rule.thresholds]:
        raise NotFound(say("The rule %(rule)s has no threshold %(name)s.", rule=rule_id, name=unknown[0]))
    return rule


def checked(value: float) -> float:
    if not (math.isfinite(value) and 0 <= value <= 1):
        raise Refused(say("Give a threshold from 0 to 1, for example 0.65."))
    return float(value)


def rule_under(pack: Pack, rule: Rule, values: Mapping[str, float]) -> Pack:
    """The pack of that rule, at other thresholds, and of those whose findings it may settle: the same concept's."""
    proposed = change_rule(rule, rule.version + 1, values) if values else rule
    alike = (one for one in pack.rules if one.concept == rule.concept)
    return replace(pack, rules=tuple(proposed if one.id == rule.id else one for one in alike))


def add_versions(
    session: Session, rule: Rule, values: Mapping[str, float], reason: str, proposer: User, **more: Any
) -> list[ThresholdChange]:
    """The rule's next versions, one a changed threshold. Raises Refused where another was made in this very moment.

    more: the other columns. There is no other way to a new version than a proposal (services.shadow.promote).
    """
    changes = [
        ThresholdChange(
            rule=rule.id, version=version, threshold=name, value=checked(value), reason=reason, user=proposer, **more
        )
        for version, (name, value) in enumerate(values.items(), start=rule.version + 1)
    ]
    try:
        with session.begin_nested():
            session.add_all(changes)
    except IntegrityError:
        raise Refused(say("Someone changed this rule a moment ago: look at its new version first.")) from None
    return changes


def apply_pack(session: Session, pack: Pack) -> Applied:
    """Let the findings follow `pack`, on the scores and words that are stored; nothing is scored, nothing fetched.

    Opens and re-opens, withdraws what nobody decided and is met no more, updates open ones; decided findings stay as
    they are. Commits listing batch by listing batch, and may be run again at any point.
    """
    opened = withdrawn = kept = 0
    latest = latest_scans(session)
    for number, judged in enumerate(judge_all(session, pack), start=1):
        scan = latest.get(judged.listing.source_id)
        if scan is None:
            continue  # nothing to hang a finding on: the listing came from no scan
        kept += sum(key in judged.met and row.state is FindingState.OPEN for key, row in judged.known.items())
        opened += findings.open_met(
            session, scan, judged.listing, pack.digest, judged.met, judged.known, judged.history
        )
        withdrawn += sum(findings.withdraw(session, row) for row in judged.lapsing)
        if number % BATCH == 0:
            session.commit()
    audit.record(
        session, "system", APPLIED, f"pack:{pack.id}", digest=pack.digest, opened=opened, withdrawn=withdrawn, kept=kept
    )
    session.commit()
    return Applied(opened, withdrawn, kept)


def is_applied(session: Session, pack: Pack) -> bool:
    """Whether the findings follow `pack` already: the message that said so may have been lost."""
    entry = select(AuditEntry).where(AuditEntry.action == APPLIED).order_by(AuditEntry.id.desc()).limit(1)
    last = session.scalar(entry)
    if last is None or last.facts["digest"] != pack.digest:
        return False
    # A scan that began under the older pack ends under it. Below and above, so that an index is entered at both ends:
    # "another than" would have every open finding read, a million at every tick.
    others = select(FindingRow.id).where(
        FindingRow.state == FindingState.OPEN, FindingRow.rule.not_in(findings.BY_PEOPLE)
    )
    ends = (FindingRow.pack_digest < pack.digest, FindingRow.pack_digest > pack.digest)
    return all(session.scalar(others.where(end).limit(1)) is None for end in ends)


def latest_scans(session: Session) -> dict[int, Scan]:
    """The newest scan of each source."""
    return {scan.source_id: scan for scan in session.scalars(select(Scan).order_by(Scan.id))}


def judge_all(session: Session, pack: Pack) -> Iterator[Judged]:
    """Every stored listing under `pack`, in batches that begin behind the last listing of the one before."""
    orders = overview.speaking_orders(session)
    last_id = 0
    while batch := next_listings(session, last_id):
        known = findings.known_findings(session, (row.id for row in batch))
        histories = priority.histories(session, ((row.source_id, row.seller) for row in batch))
        for row in batch:
            history = histories.get((row.source_id, row.seller), priority.NO_HISTORY)
            yield Judged(row, judge(pack, row, orders), known.get(row.id, {}), history)
        last_id = batch[-1].id


def next_listings(session: Session, after_id: int) -> Sequence[ListingRow]:
    ids = select(ListingRow.id).where(ListingRow.id > after_id).order_by(ListingRow.id).limit(BATCH)
    return load_listings(session, session.scalars(ids))
