import re
from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.factories import make_listing, make_scan, make_source
from tests.webapp.views.conftest import post
from webapp.models import PictureState, Scan, ScanPhoto, ScanState
from webapp.settings import Settings
from webapp.views import scans as scan_pages


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[object, ...]]]:
    """What was queued; nothing runs it."""
    calls: list[tuple[object, ...]] = []
    monkeypatch.setattr(scan_pages.run_scan, "delay", lambda *arguments: calls.append(arguments))
    yield calls


def test_scan_now_adds_a_scan_and_queues_it(reviewer: FlaskClient, session: Session, sent: list[object]) -> None:
    source = make_source(session)
    session.commit()
    answer = post(reviewer, f"/sources/{source.id}/scans")
    scan = session.query(Scan).one()
    assert answer.location == f"/scans/{scan.id}"
    assert sent == [(scan.id,)]


def test_the_message_lies_in_the_queue_of_these_settings(
    reviewer: FlaskClient, session: Session, settings: Settings
) -> None:
    source = make_source(session)
    session.commit()
    post(reviewer, f"/sources/{source.id}/scans")
    assert len(list((settings.queue_dir / "messages").glob("*.msg"))) == 1


@pytest.mark.usefixtures("sent")
def test_a_source_that_is_being_scanned_is_not_scanned_twice(reviewer: FlaskClient, session: Session) -> None:
    scan = make_scan(session, state=ScanState.RUNNING, finished_at=None)
    session.commit()
    answer = post(reviewer, f"/sources/{scan.source_id}/scans")
    assert answer.location == f"/scans/{scan.id}"
    assert session.query(Scan).count() == 1


def test_where_the_queue_does_not_answer_the_scan_still_stands(
    reviewer: FlaskClient, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = make_source(session)
    session.commit()
    monkeypatch.setattr(scan_pages.run_scan, "delay", fail)
    answer = post(reviewer, f"/sources/{source.id}/scans")
    assert session.query(Scan).one().state is ScanState.QUEUED
    assert "It starts once a worker runs." in reviewer.get(answer.location).text


def fail(*_: object) -> None:
    raise ConnectionRefusedError("nobody listens")


def test_a_source_that_is_not_there_is_a_404(reviewer: FlaskClient) -> None:
    assert post(reviewer, "/sources/999/scans").status_code == 404


def test_progress_is_the_numbers_of_the_scan(reviewer: FlaskClient, session: Session) -> None:
    scan = make_scan(session, state=ScanState.RUNNING, listings_expected=300, listings_seen=120, photos_failed=2)
    session.commit()
    figures = reviewer.get(f"/scans/{scan.id}/progress").json
    assert figures["state"] == "running"
    assert figures["is_over"] is False
    assert (figures["listings_seen"], figures["listings_expected"], figures["photos_failed"]) == (120, 300, 2)


def test_only_a_running_scan_is_followed(reviewer: FlaskClient, session: Session) -> None:
    over = make_scan(session)
    running = make_scan(session, state=ScanState.RUNNING, finished_at=None)
    session.commit()
    assert "progress.js" not in reviewer.get(f"/scans/{over.id}").text
    assert "progress.js" in reviewer.get(f"/scans/{running.id}").text


def test_failures_are_listed_and_counted_by_kind(reviewer: FlaskClient, session: Session) -> None:
    source = make_source(session)
    scan = make_scan(session, source, photos_failed=3)
    listing = make_listing(session, source)
    for number, why in enumerate(
        ["broken picture: cut off after 12 bytes", "broken picture: cut off after 3,456 bytes", "answered 404"]
    ):
        place = f"http://127.0.0.1/{number}.jpg"
        session.add(
            ScanPhoto(scan_id=scan.id, listing_id=listing.id, location=place, failure=why, state=PictureState.FAILED)
        )
    session.commit()
    page = reviewer.get(f"/scans/{scan.id}").text
    kinds = re.findall(r'cell-kind">(.*?)</th><td class="number">(\d+)', page)
    assert kinds == [("A broken picture", "2"), ("There is nothing at the address", "1")]
    assert "http://127.0.0.1/1.jpg" in page


def test_a_partial_scan_says_why(reviewer: FlaskClient, session: Session) -> None:
    scan = make_scan(session, state=ScanState.PARTIAL, note="The source gave 52 of 80 listings.")
    session.commit()
    assert "The source gave 52 of 80 listings." in reviewer.get("/scans").text
    assert "The source gave 52 of 80 listings." in reviewer.get(f"/scans/{scan.id}").text
