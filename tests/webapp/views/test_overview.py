from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.factories import MODEL, add, make_finding, make_listing, make_scan, make_source
from webapp.db import now
from webapp.models import Decision, FindingState, ListingEvent, ListingEventKind, ScanState, User, Verdict
from webapp.services import processes


def test_an_empty_house_says_how_to_begin(reviewer: FlaskClient) -> None:
    page = reviewer.get("/").text
    assert "No scan has run yet" in page
    assert "Nothing waits for a decision." in page
    assert "primary model is not installed" not in page


def test_counts_the_last_scan_and_the_models_stand_there(reviewer: FlaskClient, session: Session) -> None:
    scan = make_scan(session, make_source(session, "Harbour Street"), photos_scored=1234)
    make_finding(session, scan=scan)
    make_finding(session, scan=scan, state=FindingState.DISMISSED)
    session.commit()
    page = reviewer.get("/").text
    for words in ("Harbour Street", "1,234", MODEL, "Open by concept"):
        assert words in page


def test_an_absent_primary_is_said_aloud(reviewer: FlaskClient, session: Session) -> None:
    make_scan(session, primary_absent=True)
    session.commit()
    assert "The primary model is not installed." in reviewer.get("/").text


def test_with_the_primary_there_is_no_such_notice(reviewer: FlaskClient, session: Session) -> None:
    make_scan(session, primary_absent=False)
    session.commit()
    assert "primary model" not in reviewer.get("/").text


def test_whether_anything_is_stuck_is_said_first(reviewer: FlaskClient, session: Session) -> None:
    make_scan(session, state=ScanState.FAILED, primary_absent=False)
    processes.beat_of(session, "w", processes.WORKER, processes.QUEUES)
    processes.beat_of(session, "b", processes.BEAT)
    session.commit()
    page = reviewer.get("/").text
    assert "One scan failed in the last 24 hours." in page
    assert page.index("One scan failed") < page.index("Suspected findings")


def test_the_period_and_the_stacks_stand_in_the_address(reviewer: FlaskClient, session: Session) -> None:
    listing = make_listing(session, make_source(session, "Harbour Street"), seller="old & new")
    for days, state in ((0, FindingState.OPEN), (50, FindingState.DISMISSED)):
        make_finding(session, listing, concept="tiger_skin", state=state, found_at=now() - timedelta(days=days))
    session.commit()
    assert "One finding flagged" in reviewer.get("/?days=30").text
    page = reviewer.get("/?days=90&by=concept").text
    assert "2 findings flagged" in page
    assert ", tiger skin: 1</title>" in page and ", dismissed: 1</title>" not in page
    assert ", dismissed: 1</title>" in reviewer.get("/?days=90").text
    assert 'href="/queue?seller=old+%26+new"' in page
    assert f'href="/queue?source={listing.source_id}"' in page


@pytest.mark.parametrize("query", ["days=x", "days=-1", "days=99999999999", "by=nonsense"])
def test_an_address_that_makes_no_sense_shows_the_page(reviewer: FlaskClient, query: str) -> None:
    assert reviewer.get(f"/?{query}").status_code == 200


def test_what_waits_leads_into_the_queue_of_those_days(reviewer: FlaskClient, session: Session) -> None:
    make_finding(session, found_at=now() - timedelta(days=5))
    session.commit()
    today = now().date()
    low, high = today - timedelta(days=7), today - timedelta(days=3)
    assert f'href="/queue?state=open&amp;found_to={high}&amp;found_from={low}"' in reviewer.get("/").text


def test_removals_and_speed_are_told_in_words(reviewer: FlaskClient, session: Session) -> None:
    finding = make_finding(session, state=FindingState.CONFIRMED)
    user = session.query(User).one()
    add(session, Decision(finding=finding, user=user, verdict=Verdict.CONFIRM, seconds=12.4))
    gone = {"kind": ListingEventKind.REMOVED, "takedown_s": 3 * 86400, "facts": {"reason": "404"}}
    add(session, ListingEvent(listing_id=finding.listing_id, **gone))
    session.commit()
    page = reviewer.get("/").text
    for words in (
        "3 days",
        "One suspected listing is gone.",
        "12 s",
        "One listing of a confirmed finding is still up.",
    ):
        assert words in page
    table = reviewer.get("/removals").text
    assert "From suspicion to removal, by source" in table and finding.listing.source.name in table
