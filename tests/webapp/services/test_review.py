import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.factories import make_finding, make_listing, make_photo, make_user, place_photo
from webapp.models import AuditEntry, FindingState, Verdict
from webapp.services import decisions
from webapp.services.errors import NotFound


def test_a_decision_is_a_row_a_state_and_an_audit_entry_of_one_transaction(session: Session) -> None:
    finding, user = make_finding(session), make_user(session, name="ann")
    session.commit()
    decisions.decide(session, user, finding.id, Verdict.ESCALATE, "ask the zoo", with_siblings=False)
    session.rollback()
    session.refresh(finding)
    assert (finding.state, finding.decisions, entries(session)) == (FindingState.OPEN, [], [])

    [decision] = decisions.decide(session, user, finding.id, Verdict.ESCALATE, "ask the zoo", with_siblings=False)
    session.commit()
    [entry] = entries(session)
    assert (decision.verdict, decision.note, decision.user) == (Verdict.ESCALATE, "ask the zoo", user)
    assert finding.state is FindingState.ESCALATED
    assert (entry.actor, entry.action, entry.subject) == ("ann", "decision.escalate", f"finding:{finding.id}")
    assert entry.facts["before"] == "open"
    assert entry.facts["after"] == "escalated"


def test_every_decision_stays_and_the_last_one_sets_the_state(session: Session) -> None:
    finding, user = make_finding(session), make_user(session)
    decisions.decide(session, user, finding.id, Verdict.DISMISS, "", with_siblings=False)
    decisions.decide(session, user, finding.id, Verdict.CONFIRM, "looked again", with_siblings=False)
    session.commit()
    session.refresh(finding)
    assert [one.verdict for one in finding.decisions] == [Verdict.DISMISS, Verdict.CONFIRM]
    assert finding.state is FindingState.CONFIRMED
    assert len(entries(session)) == 2


def test_siblings_that_are_open_are_decided_alike(session: Session) -> None:
    listing = make_listing(session)
    first, second = make_finding(session, listing), make_finding(session, listing)
    decided = make_finding(session, listing, state=FindingState.CONFIRMED)
    elsewhere = make_finding(session)
    decisions.decide(session, make_user(session), first.id, Verdict.DISMISS, "a toy", with_siblings=True)
    assert (first.state, second.state) == (FindingState.DISMISSED, FindingState.DISMISSED)
    assert (decided.state, elsewhere.state) == (FindingState.CONFIRMED, FindingState.OPEN)


def test_a_finding_that_is_not_there_can_not_be_decided(session: Session) -> None:
    with pytest.raises(NotFound):
        decisions.decide(session, make_user(session), 99, Verdict.CONFIRM, "", with_siblings=False)


def test_relistings_are_the_other_listings_of_the_same_pixels(session: Session) -> None:
    finding = make_finding(session)
    assert finding.photo is not None
    finding.photo.pixel_hash = "a" * 64
    same_bytes, same_pixels, other = (make_listing(session) for _ in range(3))
    place_photo(session, same_bytes, finding.photo)
    make_photo(session, same_pixels, pixel_hash="a" * 64)
    make_photo(session, other, pixel_hash="b" * 64)
    assert {row.id for row in decisions.relistings(session, finding)} == {same_bytes.id, same_pixels.id}


def test_findings_of_words_have_no_relistings(session: Session) -> None:
    assert decisions.relistings(session, make_finding(session, words_only=True)) == []


def entries(session: Session) -> list[AuditEntry]:
    return list(session.scalars(select(AuditEntry).order_by(AuditEntry.id)))
