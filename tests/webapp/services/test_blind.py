from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from tests.factories import make_finding, make_listing, make_photo, make_scan, make_source, make_user
from webapp.db import now
from webapp.models import (
    Decision,
    FindingRow,
    ListingRow,
    RecallAudit,
    RecallItem,
    Recheck,
    RecheckState,
    ReviewClaim,
    Role,
    Stage,
    User,
    Verdict,
)
from webapp.services import blind, decisions, desk, rechecks, team
from webapp.services.adjudication import Look
from webapp.services.decisions import Choice
from webapp.services.errors import Refused


@pytest.fixture(autouse=True)
def _always(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rechecks, "draw", lambda: 0.0)


@pytest.fixture
def ann(session: Session) -> User:
    return make_user(session, "ann")


@pytest.fixture
def bob(session: Session) -> User:
    return make_user(session, "bob")


def decided(session: Session, user: User, **fields: str) -> FindingRow:
    """A finding that `user` confirmed and that waits for a second look."""
    finding = make_finding(session, **fields)
    decisions.decide(session, user, finding.id, Choice(Verdict.CONFIRM, "tusks"))
    session.commit()
    return finding


def make_slice(session: Session, count: int = 1) -> list[RecallItem]:
    """The items of a recall audit that was just started."""
    source = make_source(session)
    make_scan(session, source)
    strata = [{"name": "low", "population": 100, "sampled": count}]
    row = RecallAudit(from_at=now() - timedelta(days=1), to_at=now(), strata=strata, size=count, seed=1)
    session.add(row)
    for _ in range(count):
        listing = make_listing(session, source)
        photo = make_photo(session, listing)
        row.items.append(RecallItem(listing=listing, photo=photo, stratum="low"))
    session.commit()
    return list(row.items)


def test_a_second_look_goes_to_somebody_else(session: Session, ann: User, bob: User) -> None:
    finding = decided(session, ann)
    assert blind.next_for(session, ann) is None
    item = blind.next_for(session, bob)
    assert item is not None
    assert (item.listing.id, item.photo) == (finding.listing_id, finding.photo)


def test_who_decided_anything_of_the_listing_is_not_blind(session: Session, ann: User, bob: User) -> None:
    finding = decided(session, ann)
    other = make_finding(session, finding.listing, rule="tiger_seen", concept="tiger")
    decisions.decide(session, bob, other.id, Choice(Verdict.DISMISS))
    session.commit()
    assert blind.next_for(session, bob) is None


def test_who_left_it_to_others_has_seen_what_was_suspected(session: Session, ann: User, bob: User) -> None:
    finding = make_finding(session)
    desk.skip(session, bob, finding)
    decisions.decide(session, ann, finding.id, Choice(Verdict.CONFIRM))
    session.commit()
    assert blind.next_for(session, bob) is None
    assert blind.next_for(session, make_user(session, "cyd")) is not None


def test_who_raised_a_suspicion_does_not_look_at_it_again(session: Session, ann: User, bob: User) -> None:
    make_slice(session)
    item = blind.next_for(session, bob)
    assert item is not None
    blind.answer(session, bob, item, Look("ivory"))
    opened = session.query(FindingRow).one()
    decisions.decide(session, ann, opened.id, Choice(Verdict.CONFIRM))
    session.commit()
    assert blind.next_for(session, bob) is None
    assert blind.next_for(session, make_user(session, "cyd")) is not None


def test_an_item_is_claimed_and_nobody_else_gets_it(session: Session, ann: User, bob: User) -> None:
    finding = decided(session, ann)
    cyd = make_user(session, "cyd")
    assert blind.next_for(session, bob) is not None
    assert session.get_one(ReviewClaim, finding.listing_id).user_id == bob.id
    assert blind.next_for(session, cyd) is None
    assert blind.find(session, cyd, finding.listing_id) is None
    with pytest.raises(Refused, match="bob has this listing"):
        blind.claim(session, cyd, finding.listing_id)


def test_a_claim_that_has_lapsed_holds_nobody_up(session: Session, ann: User, bob: User) -> None:
    finding = decided(session, ann)
    blind.next_for(session, bob)
    session.get_one(ReviewClaim, finding.listing_id).until = now() - timedelta(seconds=1)
    session.commit()
    assert blind.next_for(session, make_user(session, "cyd")) is not None


def test_both_kinds_come_mixed_and_look_alike(session: Session, ann: User, bob: User) -> None:
    for _ in range(4):
        decided(session, ann)
    make_slice(session, 4)
    kinds: Counter[str] = Counter()
    for _ in range(60):
        item = blind.next_for(session, bob)
        assert item is not None
        kinds[item.key.partition(":")[0]] += 1
        desk.release(session, bob, item.listing.id)
    assert min(kinds["second"], kinds["recall"]) > 10  # of 60 coins, 1 in 10 million falls further out


def test_skipping_gives_another_one_where_there_is_one(session: Session, bob: User) -> None:
    first, second = make_slice(session, 2)
    for _ in range(10):
        item = blind.next_for(session, bob, not_listing=first.listing_id)
        assert item is not None and item.listing.id == second.listing_id
    second.answer = "other"
    session.commit()
    item = blind.next_for(session, bob, not_listing=first.listing_id)
    assert item is not None and item.listing.id == first.listing_id


def test_the_picture_that_it_is_about_comes_first(session: Session, bob: User) -> None:
    (item,) = make_slice(session)
    more = make_photo(session, session.get_one(ListingRow, item.listing_id))
    item.photo_id = more.id
    session.commit()
    shown = blind.next_for(session, bob)
    assert shown is not None and shown.photo is more
    assert len(shown.others) == 1


def test_an_answer_of_either_kind_is_kept_and_lets_go(session: Session, ann: User, bob: User) -> None:
    finding = decided(session, ann)
    (recall_item,) = make_slice(session)
    for _ in range(2):
        item = blind.next_for(session, bob)
        assert item is not None
        blind.answer(session, bob, item, Look("other", "plush", 7.0))
        session.commit()
    assert blind.next_for(session, bob) is None
    second = session.query(Decision).filter_by(stage=Stage.SECOND).one()
    assert (second.finding_id, second.note, second.user_id) == (finding.id, "plush", bob.id)
    assert second.seconds == 7.0
    assert session.query(Recheck).one().state is RecheckState.DISPUTED
    session.refresh(recall_item)
    assert (recall_item.answer, recall_item.user_id) == ("other", bob.id)
    assert session.query(ReviewClaim).count() == 0


def test_what_was_taken_back_meanwhile_is_no_item_any_more(session: Session, ann: User, bob: User) -> None:
    finding = make_finding(session)
    made = decisions.decide(session, ann, finding.id, Choice(Verdict.CONFIRM))
    item = blind.next_for(session, bob)
    assert item is not None
    decisions.undo(session, ann, made.batch)
    with pytest.raises(Refused, match="settled meanwhile"):
        blind.answer(session, bob, item, Look("elephant"))


def test_the_queue_hands_out_a_blind_item_by_the_team_s_share(
    session: Session, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blind.draw, "random", lambda: 0.05, raising=False)
    assert not blind.should_interleave(session, bob), "nothing waits"
    make_slice(session)
    assert blind.should_interleave(session, bob)
    assert not blind.should_interleave(session, make_user(session, "vic", Role.VIEWER))
    team.choose(session, None, blind_percent=5)
    assert not blind.should_interleave(session, bob)


def test_an_audit_that_has_ended_hands_out_nothing(session: Session, bob: User) -> None:
    (item,) = make_slice(session)
    assert blind.count_waiting(session, bob) == 1
    item.audit.closed_at = now()
    session.commit()
    assert (blind.count_waiting(session, bob), blind.next_for(session, bob)) == (0, None)
