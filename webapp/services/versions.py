"""Every version of a rule, and what came of the findings that it flagged."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session, joinedload

from rules.model import Rule
from webapp.language import say
from webapp.models import DECIDED, FindingRow, FindingState, ShadowRun, ShadowState, ThresholdChange
from webapp.services import rules
from webapp.services.errors import NotFound
from webapp.services.packs import kept_pack
from webapp.services.rates import Estimate, share_by_group
from webapp.services.verdicts import count_by_seller


@dataclass(frozen=True, slots=True)
class Tally:
    """Findings by state, and of the decided ones how many people confirmed; None where nothing was decided."""

    by_state: Mapping[FindingState, int] = field(default_factory=dict)
    precision: Estimate | None = None

    @property
    def flagged(self) -> int:
        return sum(self.by_state.values())

    def count(self, state: str) -> int:
        return self.by_state.get(FindingState(state), 0)

    @property
    def decided(self) -> int:
        return sum(self.by_state.get(state, 0) for state in DECIDED)


@dataclass(frozen=True, slots=True)
class Version:
    """values: of all thresholds. change: None for version 1, which is the rule file.

    tally: an undecided finding counts under the version that it was last judged by.
    """

    number: int
    values: Mapping[str, float]
    change: ThresholdChange | None
    tally: Tally


def history(session: Session, rule_id: str) -> list[ThresholdChange]:
    """The rule's changes, the newest first, with those who made them."""
    changes = select(ThresholdChange).where(ThresholdChange.rule == rule_id).order_by(ThresholdChange.version.desc())
    people = (joinedload(ThresholdChange.user), joinedload(ThresholdChange.approved_by))
    return list(session.scalars(changes.options(*people)))


def versions(session: Session, pack_name: str, rule_id: str) -> list[Version]:
    """All of them, the newest first. Raises NotFound."""
    rule = rules.find_rule(kept_pack(pack_name), rule_id)
    tallies = tally_versions(session, rule_id)
    return list(reversed(build_versions(rule, history(session, rule_id), tallies)))


def build_versions(rule: Rule, changes: list[ThresholdChange], tallies: Mapping[int, Tally]) -> list[Version]:
    """From the first on. rule: as the file has it; changes: the newest first."""
    values = {name: threshold.value for name, threshold in rule.thresholds.items()}
    found = [Version(1, values, None, tallies.get(1, Tally()))]
    for change in reversed(changes):
        values = {**values, **({change.threshold: change.value} if change.threshold in values else {})}
        found.append(Version(change.version, values, change, tallies.get(change.version, Tally())))
    return found


def find_version(found: list[Version], number: int) -> Version:
    """Raises NotFound."""
    version = next((one for one in found if one.number == number), None)
    if version is None:
        raise NotFound(say("There is no version %(number)s.", number=number))
    return version


def tally_versions(session: Session, rule_id: str) -> dict[int, Tally]:
    """By version, of one rule."""
    return tally(session, FindingRow.rule_version, FindingRow.rule == rule_id)


def tally_rule(session: Session, rule_id: str) -> Tally:
    """Of one rule, over all of its versions."""
    return tally(session, FindingRow.rule, FindingRow.rule == rule_id).get(rule_id, Tally())


def tally_rules(session: Session) -> dict[str, Tally]:
    """By rule, over all of its versions."""
    return tally(session, FindingRow.rule)


def tally(session: Session, key: InstrumentedAttribute[Any], *where: ColumnElement[bool]) -> dict[Any, Tally]:
    counts: defaultdict[Any, dict[FindingState, int]] = defaultdict(dict)
    for value, state, count in session.execute(
        select(key, FindingRow.state, func.count()).where(*where).group_by(key, FindingRow.state)
    ):
        counts[value][state] = count
    groups = count_by_seller(session, lambda decided: decided.where(*where), key)
    return {value: Tally(states, share_by_group(groups.get((value,), ()))) for value, states in counts.items()}


def count_running(session: Session) -> Counter[str]:
    """How many shadow runs are under way, by rule."""
    running = select(ShadowRun.rule, func.count()).where(ShadowRun.state == ShadowState.RUNNING)
    rows = session.execute(running.group_by(ShadowRun.rule))
    return Counter({rule: count for rule, count in rows})  # noqa: C416  # of rows, dict() knows no types
