import itertools
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Select, event, text
from sqlalchemy.orm import Session

from tests.factories import add, make_finding, make_listing, make_scan, make_source, make_user
from webapp.db import now
from webapp.models import Decision, FindingRow, FindingState, ListingEvent, ListingEventKind, Verdict
from webapp.services import decisions, trends
from webapp.services.decisions import Choice
from webapp.services.trends import Period, Spread


def flag(session: Session, days_ago: float, state: FindingState = FindingState.OPEN, **more: Any) -> Any:
    return make_finding(session, state=state, found_at=now() - timedelta(days=days_ago), **more)


def gone(session: Session, source: Any, takedown_s: int | None, days_ago: float = 0.0) -> None:
    listing = make_listing(session, source, removed_at=now())
    at = now() - timedelta(days=days_ago)
    add(session, ListingEvent(listing_id=listing.id, kind=ListingEventKind.REMOVED, takedown_s=takedown_s, at=at))


def test_a_short_period_is_told_by_days_and_a_long_one_by_weeks() -> None:
    week, year = Period(7), Period(365)
    assert len(week.steps) == 7 and week.steps[-1] == now().date() and week.steps[0] == week.first_day
    assert all(step.weekday() == 0 for step in year.steps) and 53 <= len(year.steps) <= 54
    for period in (week, year):
        bounds = period.bounds
        assert bounds[0][0] == period.from_at
        assert all(one[1] == following[0] for one, following in itertools.pairwise(bounds))


def test_every_day_of_a_week_belongs_to_the_step_of_its_monday() -> None:
    counts = Period(90).spread({now().date(): 2, now().date() - timedelta(days=now().date().weekday()): 3})
    assert counts[-1] == 5 and sum(counts) == 5
    assert Period(90).step_of(date(2026, 11, 29)) == date(2026, 11, 23)


def test_findings_are_counted_by_day_state_concept_source_and_seller(session: Session) -> None:
    shop, other = make_source(session, "Shop"), make_source(session, "Other")
    listings = [make_listing(session, shop, seller="ann"), make_listing(session, other, seller=None)]
    flag(session, 0, listing=listings[0], concept="ivory")
    flag(session, 0, FindingState.DISMISSED, listing=listings[1], concept="tiger")
    flag(session, 3, FindingState.CONFIRMED, listing=listings[0], concept="ivory")
    flag(session, 9, listing=listings[0], concept="ivory")
    told = trends.trends(session, 7).flagged
    assert told.total == 3
    assert told.by_state[FindingState.OPEN] == [0, 0, 0, 0, 0, 0, 1]
    assert told.by_state[FindingState.CONFIRMED] == [0, 0, 0, 1, 0, 0, 0]
    assert {name: sum(counts) for name, counts in told.by_concept.items()} == {"ivory": 2, "tiger": 1}
    assert told.by_source == [(shop.id, "Shop", 2), (other.id, "Other", 1)]
    assert told.by_seller == [("ann", 2)]
    assert trends.trends(session, 30).flagged.total == 4


def test_what_waits_is_told_by_age_and_what_is_decided_waits_no_more(session: Session) -> None:
    for days, state in ((0.1, FindingState.OPEN), (2, FindingState.ESCALATED), (40, FindingState.OPEN)):
        flag(session, days, state)
    flag(session, 90, FindingState.DISMISSED)
    backlog = trends.count_backlog(session)
    assert [band.count for band in backlog.bands] == [1, 1, 0, 0, 1] and backlog.total == 3
    assert backlog.oldest_at is not None and (now() - backlog.oldest_at).days == 40


def test_takedowns_are_of_the_period_and_what_still_stands_is_counted(session: Session) -> None:
    source = make_source(session)
    for seconds, days in ((100, 1), (200, 1), (300, 1), (None, 1), (9999, 40)):
        gone(session, source, seconds, days)
    standing, vanished = make_listing(session, source), make_listing(session, source, removed_at=now())
    for listing in (standing, standing, vanished):
        flag(session, 2, FindingState.CONFIRMED, listing=listing)
    told = trends.measure_takedowns(session, Period(30).from_at)
    assert told.gone == Spread(3, 200, 150, 250)
    assert told.still_up == 1


def test_decisions_are_counted_by_day_and_timed_where_that_was_measured(session: Session) -> None:
    finding, user = make_finding(session), make_user(session)
    for days, seconds in ((0, 10.0), (0, 30.0), (1, None), (60, 500.0)):
        at = now() - timedelta(days=days)
        said = {"verdict": Verdict.CONFIRM, "seconds": seconds, "decided_at": at}
        add(session, Decision(finding=finding, user=user, **said))
    told = trends.measure_speed(session, Period(7))
    assert told.by_step[-2:] == [1, 2] and told.total == 3
    assert (told.seconds.count, told.seconds.median) == (2, 20.0)


def test_what_was_taken_back_is_no_decision(session: Session) -> None:
    finding, user = make_finding(session), make_user(session)
    made = decisions.decide(session, user, finding.id, Choice(Verdict.CONFIRM, seconds=4))
    decisions.undo(session, user, made.batch)
    decisions.decide(session, user, finding.id, Choice(Verdict.DISMISS, seconds=8))
    told = trends.measure_speed(session, Period(7))
    assert (told.total, told.seconds.count, told.seconds.median) == (1, 1, 8.0)


def test_each_source_has_its_own_time_to_takedown(session: Session) -> None:
    fast, slow = make_source(session, "Fast"), make_source(session, "Slow")
    for source, seconds in ((fast, 10), (fast, 20), (fast, None), (slow, 900)):
        gone(session, source, seconds)
    assert trends.takedowns_by_source(session) == [
        (fast, 3, Spread(2, 15.0, 12.5, 17.5)),
        (slow, 1, Spread(1, 900.0, 900.0, 900.0)),
    ]


def test_an_empty_house_has_trends_too(session: Session) -> None:
    told = trends.trends(session, 30)
    assert (told.flagged.total, told.backlog.total, told.takedowns.gone.count, told.speed.total) == (0, 0, 0, 0)


def test_an_odd_period_is_the_nearest_that_is_offered(session: Session) -> None:
    assert [trends.trends(session, days).period.days for days in (-5, 20, 10**9)] == [7, 30, 365]


def test_what_took_long_is_kept_and_what_was_quick_is_counted_again(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter(range(10))
    ask = lambda: trends.kept(session, ("test",), lambda: next(answers))  # noqa: E731
    assert [ask(), ask()] == [0, 1]
    monkeypatch.setattr(trends, "SLOW_S", -1.0)
    monkeypatch.setattr(trends, "KEPT_TIMES", 1e9)
    assert [ask(), ask()] == [2, 2]


def test_every_count_of_findings_reads_its_index_and_never_the_findings(session: Session) -> None:
    """A million findings with their trees of reasons are gigabytes; the index is a twentieth of that."""
    make_scan(session)
    asked: list[Select[Any]] = []
    listen = lambda state: asked.append(state.statement)  # noqa: E731
    event.listen(session, "do_orm_execute", listen)
    told = Period(30)
    trends.count_flagged(session, told)
    trends.count_backlog(session)
    trends.count_still_up(session, told.from_at)
    event.remove(session, "do_orm_execute", listen)
    counts = [query for query in asked if "findings" in str(query)]
    assert len(counts) == len(told.steps) + 2 + 6 + 1
    is_lite = session.get_bind().dialect.name == "sqlite"
    if not is_lite:
        leave_one_way(session)
    for query in counts:
        plan = explain(session, query, is_lite)
        fitting = "COVERING INDEX ix_findings_overview" if is_lite else "Index Only Scan using ix_findings_overview"
        assert fitting in plan, plan


def leave_one_way(session: Session) -> None:
    """In a table of one row every way is as good: take the others away, and see whether the one is enough."""
    for index in FindingRow.metadata.tables["findings"].indexes:
        if index.name != "ix_findings_overview":
            session.execute(text(f"DROP INDEX {index.name}"))
    for other_way in ("seqscan", "bitmapscan"):
        session.execute(text(f"SET LOCAL enable_{other_way} = off"))


def explain(session: Session, query: Select[Any], is_lite: bool) -> str:
    words = str(query.compile(session.get_bind(), compile_kwargs={"literal_binds": True}))
    if is_lite:
        return str(session.execute(text(f"EXPLAIN QUERY PLAN {words}")).all())
    for kind in ("seqscan", "bitmapscan"):
        session.execute(text(f"SET LOCAL enable_{kind} = off"))
    return str(session.execute(text(f"EXPLAIN {words}")).all())


def test_a_day_is_a_day_in_utc(session: Session) -> None:
    at = datetime.combine(now().date(), datetime.min.time(), now().tzinfo)
    finding, user = make_finding(session), make_user(session)
    for moment in (at, at - timedelta(microseconds=1)):
        add(session, Decision(finding=finding, user=user, verdict=Verdict.DISMISS, decided_at=moment))
    assert trends.measure_speed(session, Period(7)).by_step[-2:] == [1, 1]
