from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from tests.factories import make_finding, make_listing, make_user
from tests.webapp.services.conftest import AtOnce
from webapp.db import now, session_factory
from webapp.models import AuditEntry, FindingRow, FindingState, ReviewClaim, ReviewSkip, Role
from webapp.services import desk, queue, team
from webapp.services.errors import Refused
from webapp.services.queue import QueueFilters


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Lets minutes pass."""

    def forward(minutes: float) -> None:
        for module in (desk, queue):
            monkeypatch.setattr(module, "now", lambda: now() + timedelta(minutes=minutes))

    return forward


def test_who_opens_a_listing_has_it_until_the_time_is_over(session: Session, clock: Callable[[float], None]) -> None:
    listing, ann, bob = make_listing(session), make_user(session, "ann"), make_user(session, "bob")
    assert desk.take(session, ann, listing.id).owner == "ann"
    held = desk.take(session, bob, listing.id)
    assert (held.owner, held.minutes_left) == ("ann", 15)
    clock(16)
    assert desk.holder(session, listing.id) is None
    assert desk.take(session, bob, listing.id).owner == "bob"
    assert desk.take(session, ann, listing.id).owner == "bob"


def test_working_on_renews_the_claim(session: Session, clock: Callable[[float], None]) -> None:
    listing, ann, bob = make_listing(session), make_user(session, "ann"), make_user(session, "bob")
    began = desk.take(session, ann, listing.id).until
    clock(10)
    assert desk.take(session, ann, listing.id).until > began
    clock(20)
    assert desk.take(session, bob, listing.id).owner == "ann"
    row = session.scalars(select(ReviewClaim)).one()
    assert row.claimed_at < now() - timedelta(minutes=-1), "since when it is theirs stays"


def test_the_team_chooses_how_long(session: Session) -> None:
    team.choose(session, None, claim_minutes=3)
    assert desk.take(session, make_user(session), make_listing(session).id).minutes_left == 3


def test_only_its_owner_puts_a_listing_back(session: Session) -> None:
    listing, ann, bob = make_listing(session), make_user(session, "ann"), make_user(session, "bob")
    desk.take(session, ann, listing.id)
    desk.release(session, bob, listing.id)
    assert desk.holder(session, listing.id) is not None
    desk.release(session, ann, listing.id)
    assert desk.holder(session, listing.id) is None


def test_a_lead_takes_over_and_it_is_recorded(session: Session) -> None:
    listing, ann = make_listing(session), make_user(session, "ann")
    lea = make_user(session, "lea", Role.LEAD)
    desk.take(session, ann, listing.id)
    with pytest.raises(Refused, match="Only a lead"):
        desk.take_over(session, make_user(session), listing.id)
    assert desk.take_over(session, lea, listing.id).owner == "lea"
    entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "review.take_over")).one()
    assert (entry.actor, entry.subject, entry.facts) == ("lea", f"listing:{listing.id}", {"from_user": "ann"})


def test_taking_what_is_free_or_mine_is_no_take_over(session: Session) -> None:
    lea = make_user(session, "lea", Role.LEAD)
    listing = make_listing(session)
    desk.take_over(session, lea, listing.id)
    desk.take_over(session, lea, listing.id)
    assert session.query(AuditEntry).count() == 0


def test_what_is_skipped_is_left_to_others_for_some_hours(session: Session, clock: Callable[[float], None]) -> None:
    listing, ann, bob = make_listing(session), make_user(session), make_user(session)
    first, sibling = make_finding(session, listing, priority=4.0), make_finding(session, listing, priority=3.5)
    make_finding(session, listing, state=FindingState.CONFIRMED)
    other = make_finding(session, priority=3.0)
    desk.take(session, ann, listing.id)
    desk.skip(session, ann, first)
    assert {row.finding_id for row in session.query(ReviewSkip)} == {first.id, sibling.id}
    assert desk.take_next(session, ann, None, QueueFilters()) is other
    assert desk.take_next(session, bob, None, QueueFilters()) is first, "it is free for others at once"
    desk.release(session, bob, listing.id)
    clock(12 * 60 + 1)
    assert desk.take_next(session, ann, None, QueueFilters()) is first


def test_a_skip_that_is_sent_twice_at_once_is_one(session: Session, at_once: AtOnce) -> None:
    finding, ann = make_finding(session), make_user(session, "ann")
    session.commit()

    def skip(own: Session) -> object:
        return desk.skip(own, own.merge(ann, load=False), own.get_one(FindingRow, finding.id))

    at_once([skip] * 4)
    assert session.query(ReviewSkip).count() == 1


def test_skipping_again_puts_it_off_further(session: Session) -> None:
    finding, ann = make_finding(session), make_user(session)
    first = desk.skip(session, ann, finding)
    assert desk.skip(session, ann, finding) >= first
    assert session.query(ReviewSkip).count() == 1


def test_the_next_is_claimed_and_what_another_has_is_passed_over(session: Session) -> None:
    high, low = make_finding(session, priority=4.0), make_finding(session, priority=3.0)
    ann, bob, vi = make_user(session), make_user(session), make_user(session, role=Role.VIEWER)
    assert desk.take_next(session, vi, None, QueueFilters()) is high
    assert session.query(ReviewClaim).count() == 0, "viewers claim nothing"
    assert desk.take_next(session, ann, None, QueueFilters()) is high
    assert desk.take_next(session, bob, None, QueueFilters()) is low
    assert desk.take_next(session, make_user(session), None, QueueFilters()) is None


def test_of_many_at_once_each_gets_an_item_of_their_own(session: Session, engine: Engine) -> None:
    ids = {make_finding(session).id for _ in range(6)}
    users = [make_user(session) for _ in range(6)]
    session.commit()
    barrier = Barrier(6)

    def take(number: int) -> int | None:
        with session_factory(engine)() as own:
            user = own.merge(users[number], load=False)
            barrier.wait(timeout=30)
            row = desk.take_next(own, user, None, QueueFilters())
            return row.id if row else None

    with ThreadPoolExecutor(6) as threads:
        taken = list(threads.map(take, range(6)))
    assert set(taken) == ids, "nobody came away empty, and nobody shares"


def test_of_two_who_open_one_listing_at_once_one_has_it(session: Session, engine: Engine) -> None:
    listing = make_listing(session)
    users = [make_user(session) for _ in range(4)]
    session.commit()
    barrier = Barrier(4)

    def take(number: int) -> str:
        with session_factory(engine)() as own:
            user = own.merge(users[number], load=False)
            barrier.wait(timeout=30)
            held = desk.take(own, user, listing.id)
            own.commit()
            return held.owner

    with ThreadPoolExecutor(4) as threads:
        owners = set(threads.map(take, range(4)))
    assert len(owners) == 1
