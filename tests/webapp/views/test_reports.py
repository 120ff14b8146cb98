import csv
import io

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.factories import make_finding, make_listing
from tests.webapp.views.conftest import SignIn, post
from webapp.db import now
from webapp.models import Report, Role


@pytest.fixture
def built(reviewer: FlaskClient, session: Session) -> Report:
    make_finding(session, make_listing(session, title="=HYPERLINK(1)"))
    session.commit()
    today = f"{now():%Y-%m-%d}"
    assert post(reviewer, "/reports", first_day=today, last_day=today).status_code == 302
    return session.query(Report).one()


def test_a_report_of_today_holds_what_was_found_today(reviewer: FlaskClient, built: Report) -> None:
    assert built.findings_count == 1
    page = reviewer.get("/reports").text
    assert built.sha256 in page
    assert f"/reports/{built.id}.csv" in page


def test_the_json_holds_the_findings(reviewer: FlaskClient, built: Report) -> None:
    answer = reviewer.get(f"/reports/{built.id}.json")
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert len(answer.json["findings"]) == 1


def test_the_csv_holds_no_formula(reviewer: FlaskClient, built: Report) -> None:
    answer = reviewer.get(f"/reports/{built.id}.csv")
    cells = [cell for row in csv.reader(io.StringIO(answer.data.decode("utf-8-sig"))) for cell in row]
    assert not [cell for cell in cells if cell.startswith("=")]
    assert any("HYPERLINK" in cell for cell in cells)


def test_unknown_reports_and_formats_are_404(reviewer: FlaskClient, built: Report) -> None:
    assert reviewer.get("/reports/999.csv").status_code == 404
    assert reviewer.get(f"/reports/{built.id}.exe").status_code == 404


@pytest.mark.parametrize(
    ("first", "last", "says"),
    [("", "2026-11-01", "Choose the first day."), ("2026-11-02", "2026-11-01", "swap them"), ("x", "y", "date")],
)
def test_a_period_that_cannot_be_is_refused(reviewer: FlaskClient, first: str, last: str, says: str) -> None:
    answer = post(reviewer, "/reports", first_day=first, last_day=last)
    assert answer.status_code == 422
    assert says in answer.text


def test_a_viewer_downloads_but_builds_none(sign_in: SignIn, built: Report) -> None:
    viewer = sign_in(Role.VIEWER)
    assert "Build a report" not in viewer.get("/reports").text
    assert viewer.get(f"/reports/{built.id}.csv").status_code == 200
