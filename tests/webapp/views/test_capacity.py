"""Where a scan's time went, and what machines and crawls can do in a day."""

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from scanner.stages import StageTime
from tests.factories import make_scan, make_source
from tests.webapp.services.test_capacity import note
from webapp.models import Scan, ScanState


@pytest.fixture
def scan(session: Session) -> Scan:
    scan = make_scan(session, make_source(session, "Bazaar", address="http://shop.example/"), listings_seen=50)
    note(session, scan, "decode", StageTime(1000, 20.0, 180.0, 0.0, 2))
    note(session, scan, "predict", StageTime(1000, 100.0, 100.0, 0.0, 2))
    note(session, scan, "fetch", StageTime(200, 20.0, 80.0, 0.0, 1), pages=100)
    session.commit()
    return scan


def test_a_scan_says_where_its_time_went(reviewer: FlaskClient, scan: Scan) -> None:
    page = reviewer.get(f"/scans/{scan.id}").text
    assert "Where the time went" in page and "so far" not in page
    assert "The crawl was the limit: decoders waited 90\u00a0% of the time." in page
    assert 'aria-label="Decoding: worked 10\u00a0%, waited 90\u00a0%, held up 0\u00a0%"' in page


def test_writing_has_no_shares_since_nobody_saw_it_wait(reviewer: FlaskClient, scan: Scan, session: Session) -> None:
    note(session, scan, "write", StageTime(200, 12.0, workers=1))
    session.commit()
    page = reviewer.get(f"/scans/{scan.id}").text
    assert "Writing" in page and "12 s" in page
    assert 'aria-label="Writing' not in page


def test_a_scan_that_goes_on_says_so(reviewer: FlaskClient, scan: Scan, session: Session) -> None:
    session.get_one(Scan, scan.id).state = ScanState.RUNNING
    session.commit()
    assert "Where the time went so far" in reviewer.get(f"/scans/{scan.id}").text


def test_a_scan_of_which_nothing_was_measured_says_nothing(reviewer: FlaskClient, session: Session) -> None:
    scan = make_scan(session)
    session.commit()
    assert "Where the time went" not in reviewer.get(f"/scans/{scan.id}").text


def test_without_a_measurement_the_page_says_how_to_get_one(reviewer: FlaskClient) -> None:
    page = reviewer.get("/capacity").text
    assert "<code>tuskline models bench</code>" in page
    assert "No crawl was measured: scan a source." in page


def test_the_page_tells_machines_and_crawls(reviewer: FlaskClient, scan: Scan) -> None:
    page = reviewer.get("/capacity").text
    assert "box" in page and "cpu, paddle, fp32, exact decoding" in page
    assert "1,728,000" in page  # 20 pictures a second
    assert "172,800" in page  # 2 pictures a second from the crawl
    assert f'href="/sources/{scan.source_id}"' in page
    assert "What that many ask for" not in page


def test_what_if_is_answered_below_the_form(reviewer: FlaskClient, scan: Scan) -> None:
    page = reviewer.get(f"/capacity?count=2000000&unit=pictures&source={scan.source_id}").text
    assert "The crawl bounds first: it brings 172,800 pictures a day at most" in page
    assert "What that many ask for" in page
    listings = reviewer.get("/capacity?count=1&unit=listings&source=all").text
    assert "That many listings show 4 pictures, as listings did so far." in listings


@pytest.mark.parametrize("count", ["0", "many", "-3", "1.5", "9" * 30])
def test_a_count_that_is_none_is_refused(reviewer: FlaskClient, count: str) -> None:
    answer = reviewer.get(f"/capacity?count={count}&unit=pictures&source=all")
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.text


@pytest.mark.parametrize("rest", ["unit=pages&source=all", "unit=pictures&source=999", "unit=pictures&source=x"])
def test_a_choice_that_there_is_not_is_refused(reviewer: FlaskClient, rest: str) -> None:
    assert reviewer.get(f"/capacity?count=5&{rest}").status_code == 422


def test_listings_that_nobody_ever_saw_have_no_pictures_to_count(reviewer: FlaskClient) -> None:
    page = reviewer.get("/capacity?count=5&unit=listings&source=all").text
    assert "Nobody knows yet how many pictures a listing shows" in page


def test_an_empty_form_asks_nothing(reviewer: FlaskClient) -> None:
    answer = reviewer.get("/capacity?count=&unit=pictures&source=all")
    assert answer.status_code == 200
    assert "What that many ask for" not in answer.text
