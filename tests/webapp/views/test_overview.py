from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.factories import MODEL, make_finding, make_scan, make_source
from webapp.models import FindingState


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
