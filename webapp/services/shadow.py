"""Proposed thresholds: tried on new scans without flagging anybody, then put into force by a second person."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session, joinedload

from rules.model import Pack, Rule
from webapp.db import insert_new, now
from webapp.language import say
from webapp.models import (
    FindingRow,
    FindingState,
    ListingRow,
    Role,
    Scan,
    ShadowHit,
    ShadowRun,
    ShadowState,
    ThresholdChange,
    User,
)
from webapp.services import audit, overview, rules, team, versions, workbench
from webapp.services.errors import NotFound, Refused
from webapp.services.findings import Key, Met
from webapp.services.judging import Looked, load_listings, look, meet

HITS_SHOWN = 24
RUNS_SHOWN = 50


def propose(
    session: Session,
    user: User,
    pack_name: str,
    rule_id: str,
    values: Mapping[str, float],
    reason: str,
    restores_version: int | None = None,
) -> ShadowRun:
    """Begin a shadow run of the rule at other thresholds; the rule itself stays as it is.

    Raises NotFound, and Refused for values that are none, change nothing or are being tried already.
    """
    pack = rules.current_pack(session, pack_name)
    rule = rules.find_rule(pack, rule_id, *values)
    changed = changed_values(rule, values)
    refuse_twice(session, rule, changed)
    seen = workbench.preview(session, pack, rule, changed)
    run = ShadowRun(
        rule=rule_id,
        base_version=rule.version,
        thresholds=changed,
        reason=reason,
        restores_version=restores_version,
        preview=seen.to_json(),
        user=user,
    )
    session.add(run)
    session.flush()
    before = {name: rule.thresholds[name].value for name in changed}
    note(session, user, run, "rule.propose", before=before, after=changed, reason=reason, restores=restores_version)
    return run


def propose_restoring(
    session: Session, user: User, pack_name: str, rule_id: str, number: int, reason: str
) -> ShadowRun:
    """Propose the values of an older version; it goes the same way as any other change. Raises NotFound and Refused."""
    version = versions.find_version(versions.versions(session, pack_name, rule_id), number)
    return propose(session, user, pack_name, rule_id, version.values, reason, restores_version=number)


def changed_values(rule: Rule, values: Mapping[str, float]) -> dict[str, float]:
    """Those that differ from what is in force. Raises Refused where none does."""
    changed = {name: rules.checked(value) for name, value in values.items() if value != rule.thresholds[name].value}
    if not changed:
        raise Refused(say("That is the value in force: give another one."))
    return changed


def refuse_twice(session: Session, rule: Rule, values: Mapping[str, float]) -> None:
    for run in running(session, rule.id):
        if run.thresholds == dict(values) and run.base_version == rule.version:
            raise Refused(say("Shadow run %(number)s tries the same value already: look at that one.", number=run.id))


def promote(session: Session, user: User, pack_name: str, run_id: int, remark: str = "") -> list[ThresholdChange]:
    """Put what was tried into force: the rule's next version, one a changed threshold.

    By a second lead or admin; by the proposer only where the team allows it, which is recorded. Raises NotFound, and
    Refused where the run is over, the rule has changed since, or the person may not.
    """
    run = take(session, user, run_id)
    is_lone = run.user_id == user.id
    if is_lone and not team.choices(session).lone_promotion:
        raise Refused(say("You proposed this change: let another lead or an admin put it into force."))
    rule = rules.find_rule(rules.current_pack(session, pack_name), run.rule, *run.thresholds)
    if rule.version != run.base_version:
        raise Refused(
            say(
                "The rule has become version %(now)s since this was proposed for version %(base)s: propose it anew.",
                now=rule.version,
                base=run.base_version,
            )
        )
    more = {"shadow_run_id": run.id, "approved_by": user, "restores_version": run.restores_version}
    changes = rules.add_versions(session, rule, run.thresholds, run.reason, run.user, **more)
    close(run, user, ShadowState.PROMOTED, remark)
    facts = {"version": changes[-1].version, "after": run.thresholds, "proposer": run.user.name, "lone": is_lone}
    before = {name: rule.thresholds[name].value for name in run.thresholds}
    note(session, user, run, "rule.promote", before=before, reason=run.reason, note=remark, **facts)
    return changes


def reject(session: Session, user: User, run_id: int, remark: str) -> ShadowRun:
    """End the run and leave the rule as it is; remark says why. Raises NotFound and Refused."""
    run = take(session, user, run_id)
    close(run, user, ShadowState.REJECTED, remark)
    note(session, user, run, "rule.reject", after=run.thresholds, proposer=run.user.name, note=remark)
    return run


def take(session: Session, user: User, run_id: int) -> ShadowRun:
    """The run, ours until the commit, so that it is decided once."""
    run = session.get(ShadowRun, run_id, with_for_update=True, populate_existing=True)
    if run is None:
        raise NotFound(say("There is no shadow run %(run_id)s.", run_id=run_id))
    if not user.role.covers(Role.LEAD):
        raise Refused(say("Leads and admins alone decide about a rule."))
    if run.state is not ShadowState.RUNNING:
        raise Refused(say("This shadow run is over already."))
    return run


def close(run: ShadowRun, user: User, state: ShadowState, remark: str) -> None:
    run.state, run.decided_by, run.decided_at, run.note = state, user, now(), remark


def note(session: Session, user: User, run: ShadowRun, action: str, **facts: object) -> None:
    session.flush()
    audit.record(session, user.name, action, f"rule:{run.rule}", shadow_run=run.id, base=run.base_version, **facts)


# While scans run


@dataclass(frozen=True, slots=True)
class Trial:
    """A run under way, with the rule (and those of its concept) as proposed."""

    run_id: int
    rule_id: str
    pack: Pack


@dataclass(slots=True)
class Watch:
    """Judges what a scan judges under every shadow run too; all of it in memory, written once a batch."""

    scan_id: int
    trials: Sequence[Trial]
    listings: int = 0
    hits: list[dict[str, object]] = field(default_factory=list)

    def see(self, listing_id: int, looked: Looked, met: Mapping[Key, Met]) -> None:
        self.listings += 1
        for trial in self.trials:
            before = {key: one for key, one in met.items() if key[1] == trial.rule_id}
            after = {key: one for key, one in meet(trial.pack, looked).items() if key[1] == trial.rule_id}
            for flags, (photo_id, _), one in workbench.differences(before, after):
                self.hits.append(
                    {
                        "run_id": trial.run_id,
                        "scan_id": self.scan_id,
                        "listing_id": listing_id,
                        "photo_id": photo_id,
                        "appearance_key": f"{listing_id}:{photo_id or 0}",
                        "flags": flags,
                        "score": one.finding.score,
                    }
                )

    def write(self, session: Session) -> None:
        """The hits first and then the counters, in one order everywhere: no two workers wait for each other."""
        for hit in sorted(self.hits, key=lambda one: (str(one["appearance_key"]), str(one["run_id"]))):
            insert_new(session, ShadowHit, **hit)
        for trial in sorted(self.trials, key=lambda one: one.run_id):
            mine = (ShadowRun.id == trial.run_id, ShadowRun.state == ShadowState.RUNNING)
            seen = {"listings_seen": ShadowRun.listings_seen + self.listings}
            session.execute(
                update(ShadowRun).where(*mine).values(**seen), execution_options={"synchronize_session": False}
            )


def watch(session: Session, scan: Scan, pack: Pack) -> Watch:
    """A run whose rule has changed since rests: it would be compared with what it was not proposed for."""
    found = [(run, pack.find_rule(run.rule)) for run in running(session)]
    return Watch(
        scan.id,
        [
            Trial(run.id, run.rule, rules.rule_under(pack, rule, run.thresholds))
            for run, rule in found
            if rule is not None and rule.version == run.base_version
        ],
    )


def running(session: Session, rule_id: str | None = None) -> list[ShadowRun]:
    query = select(ShadowRun).where(ShadowRun.state == ShadowState.RUNNING).order_by(ShadowRun.id)
    return list(session.scalars(query if rule_id is None else query.where(ShadowRun.rule == rule_id)))


# What people look at


@dataclass(frozen=True, slots=True)
class Progress:
    """new_flags, lost_flags: differences so far. lost_by_state: findings in force that it would not have made.

    hours: what the new flags would have cost reviewers.
    """

    new_flags: int
    lost_flags: int
    lost_by_state: Counter[FindingState]
    hours: float
    pace: workbench.Pace


@dataclass(frozen=True, slots=True)
class SeenHit:
    """A hit with what a reviewer would read. met: None where the listing has changed since and differs no more.

    finding: the one that the rule in force made of it, if any.
    """

    hit: ShadowHit
    met: Met | None
    finding: FindingRow | None


@dataclass(frozen=True, slots=True)
class HitPage:
    hits: list[SeenHit]
    next_id: int | None


def find(session: Session, run_id: int) -> ShadowRun | None:
    people = (joinedload(ShadowRun.user), joinedload(ShadowRun.decided_by))
    return session.scalar(select(ShadowRun).where(ShadowRun.id == run_id).options(*people))


def runs_of(session: Session, rule_id: str) -> list[ShadowRun]:
    """The newest first."""
    query = select(ShadowRun).where(ShadowRun.rule == rule_id).order_by(ShadowRun.id.desc()).limit(RUNS_SHOWN)
    return list(session.scalars(query.options(joinedload(ShadowRun.user), joinedload(ShadowRun.decided_by))))


def progress(session: Session, run: ShadowRun) -> Progress:
    counts = select(ShadowHit.flags, func.count()).where(ShadowHit.run_id == run.id).group_by(ShadowHit.flags)
    by_side = {flags: count for flags, count in session.execute(counts)}  # noqa: C416  # of rows, dict() knows no types
    pace = workbench.measure_pace(session)
    new = by_side.get(True, 0)
    return Progress(new, by_side.get(False, 0), lost_states(session, run), new * pace.seconds / 3600, pace)


def lost_states(session: Session, run: ShadowRun) -> Counter[FindingState]:
    lost = (
        select(FindingRow.state, func.count())
        .join(ShadowHit, ShadowHit.appearance_key == FindingRow.appearance_key)
        .where(ShadowHit.run_id == run.id, ShadowHit.flags.is_(False), FindingRow.rule == run.rule)
        .group_by(FindingRow.state)
    )
    return Counter({state: count for state, count in session.execute(lost)})  # noqa: C416  # of rows, dict() knows no types


def hits(session: Session, run: ShadowRun, pack_name: str, flags: bool, before_id: int | None = None) -> HitPage:
    """The newest first; before_id: only those older than that hit."""
    query = select(ShadowHit).where(ShadowHit.run_id == run.id, ShadowHit.flags.is_(flags))
    if before_id is not None:
        query = query.where(ShadowHit.id < before_id)
    details = (joinedload(ShadowHit.listing).joinedload(ListingRow.source), joinedload(ShadowHit.photo))
    rows = list(session.scalars(query.options(*details).order_by(ShadowHit.id.desc()).limit(HITS_SHOWN + 1)))
    shown = explain(session, run, pack_name, rows[:HITS_SHOWN])
    return HitPage(shown, rows[HITS_SHOWN - 1].id if len(rows) > HITS_SHOWN else None)


def explain(session: Session, run: ShadowRun, pack_name: str, rows: Sequence[ShadowHit]) -> list[SeenHit]:
    pack = rules.current_pack(session, pack_name)
    rule = pack.find_rule(run.rule)
    if rule is None:
        return [SeenHit(hit, None, None) for hit in rows]
    met = judge_both(session, pack, rule, run, {hit.listing_id for hit in rows})
    made = select(FindingRow).where(
        FindingRow.rule == run.rule, FindingRow.appearance_key.in_([hit.appearance_key for hit in rows])
    )
    known = {row.appearance_key: row for row in session.scalars(made)}
    return [
        SeenHit(hit, met.get((hit.listing_id, hit.photo_id, hit.flags)), known.get(hit.appearance_key)) for hit in rows
    ]


def judge_both(
    session: Session, pack: Pack, rule: Rule, run: ShadowRun, listing_ids: Iterable[int]
) -> dict[tuple[int, int | None, bool], Met]:
    """What the rule makes of the listings as proposed (True) and as it stands (False), as they are stored now."""
    sides = {True: rules.rule_under(pack, rule, run.thresholds), False: rules.rule_under(pack, rule, {})}
    orders = overview.speaking_orders(session)
    found: dict[tuple[int, int | None, bool], Met] = {}
    for row in load_listings(session, listing_ids):
        looked = look(pack.cascade, row, orders)
        for flags, side in sides.items():
            for (photo_id, rule_id), met in meet(side, looked).items():
                if rule_id == rule.id:
                    found[row.id, photo_id, flags] = met
    return found
