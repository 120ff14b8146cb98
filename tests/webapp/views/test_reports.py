import csv
import io
import re
from datetime import date
from html import unescape
from typing import Any, BinaryIO

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.factories import make_finding, make_listing, make_user
from tests.webapp.views.conftest import SignIn, post
from webapp.db import now
from webapp.exporters import FORMATS, Exporter
from webapp.exporters.content import Choices, Content, Means
from webapp.forms.reports import PRESETS
from webapp.models import AuditEntry, Job, JobKind, JobState, Purge, Report, ReportFile, Role
from webapp.services import jobs, report_files, reports, saved_filters
from webapp.services.workshop import FAILURES, WORKS
from webapp.settings import Settings
from webapp.storage import open_store


@pytest.fixture(autouse=True)
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """A format that a worker writes, which speaks and shows pictures."""

    def write(_content: Content, choices: Choices, _means: Means, target: BinaryIO) -> None:
        target.write(choices.pictures.encode())

    one = Exporter("slow", "Slow", "application/x-slow", ".slow", write, False, True, True)
    monkeypatch.setitem(FORMATS, "slow", one)


@pytest.fixture
def work(session: Session, settings: Settings) -> Any:
    """Does what waits, as a worker does."""

    def work() -> list[Job]:
        session.expire_all()
        waiting = session.scalars(select(Job.id).where(Job.state == JobState.QUEUED)).all()
        for job_id in waiting:
            jobs.run(session, job_id, settings, "worker", WORKS, bool, FAILURES)
        session.expire_all()
        return [jobs.find(session, job_id) for job_id in waiting]

    return work


@pytest.fixture
def built(reviewer: FlaskClient, session: Session, work: Any) -> Report:
    make_finding(session, make_listing(session, title="=HYPERLINK(1)"))
    session.commit()
    answer = ask(reviewer)
    assert (answer.status_code, answer.location) == (302, "/reports")
    work()
    return session.query(Report).one()


LOOK = {"file_language": "en", "redaction": "none", "pictures": "blurred"}


def ask(client: FlaskClient, **fields: Any) -> Any:
    today = f"{now():%Y-%m-%d}"
    return post(client, "/reports", **{"first_day": today, "last_day": today, **LOOK, **fields})


def fetch(client: FlaskClient, address: str) -> Any:
    """The answer, read to its end."""
    return client.get(address, buffered=True)


def test_a_period_may_reach_to_the_last_day_that_there_is(reviewer: FlaskClient, work: Any) -> None:
    assert ask(reviewer, first_day="0001-01-01", last_day="9999-12-31").status_code == 302
    (job,) = work()
    assert job.state is JobState.DONE, job.note
    assert "9999" in reviewer.get(f"/reports/{job.result['report']}").text


def test_a_report_of_today_holds_what_was_found_today(reviewer: FlaskClient, built: Report) -> None:
    assert built.findings_count == 1
    assert f'href="/reports/{built.id}"' in reviewer.get("/reports").text
    page = reviewer.get(f"/reports/{built.id}").text
    assert built.sha256 in page and "is what it was when it was built" in page
    assert "Suspected findings" in page and "Visual identification is tentative" in page


def test_a_report_is_asked_for_with_its_files_and_followed_until_it_is_there(
    reviewer: FlaskClient, session: Session, work: Any
) -> None:
    make_finding(session)
    session.commit()
    assert ask(reviewer, title="A day", formats=["csv", "slow"], file_language="zh").status_code == 302
    ask(reviewer, title="A day", formats=["csv", "slow"], file_language="zh")
    job = session.query(Job).one()
    page = reviewer.get("/reports").text
    assert f"/jobs/{job.id}/progress" in page and "progress.js" in page and "Building a report" in page
    assert "Building a report" in reviewer.get(f"/jobs/{job.id}").text or job.state is JobState.QUEUED
    work()
    report = session.query(Report).one()
    assert [(file.format, file.language) for file in report.files] == [("csv", "en"), ("slow", "zh")]
    page = reviewer.get("/reports").text
    assert "A day" in page and all(f"/reports/{report.id}/files/{file.id}" in page for file in report.files)
    assert f"/reports/{report.id}" in reviewer.get(f"/jobs/{job.id}").text


def test_a_failure_is_told(reviewer: FlaskClient, built: Report, work: Any, settings: Settings) -> None:
    post(reviewer, f"/reports/{built.id}/files", format="slow", **LOOK)
    open_store(settings).remove(reports.name_of(built.sha256))
    (job,) = work()
    assert job.state is JobState.FAILED
    for address in ("/reports", f"/reports/{built.id}"):
        assert "bring back" in reviewer.get(address).text


@pytest.mark.parametrize(
    ("first", "last", "says"),
    [("", "2026-11-01", "Choose the first day."), ("2026-11-02", "2026-11-01", "swap them"), ("x", "y", "date")],
)
def test_a_period_that_cannot_be_is_refused(reviewer: FlaskClient, first: str, last: str, says: str) -> None:
    answer = post(reviewer, "/reports", first_day=first, last_day=last, **LOOK)
    assert answer.status_code == 422
    assert says in answer.text


@pytest.mark.usefixtures("built")
def test_the_queue_leads_to_a_report_under_its_filters(reviewer: FlaskClient, sign_in: SignIn) -> None:
    page = reviewer.get("/queue?concept=tiger&state=confirmed&found_from=2026-03-01").text
    (address,) = re.findall(r'href="(/reports[?][^"]*)"', page)
    page = reviewer.get(unescape(address)).text
    assert '"panel report-new" open' in page and '"change" open' in page
    assert '<option selected value="tiger">' in page and '<option selected value="confirmed">' in page
    assert 'name="first_day" required type="date" value="2026-03-01"' in page
    (week,) = re.findall(r'href="(/reports[?][^"]*period=last_week)"', page)
    assert "concept=tiger" in week and "found_from" not in week
    assert "/reports?" not in sign_in(Role.VIEWER).get("/queue?concept=tiger").text


def test_a_list_names_some_files_and_leads_to_the_others(reviewer: FlaskClient, built: Report) -> None:
    for name in ("csv", "csv-bom", "figures", "json", "jsonl"):
        post(reviewer, f"/reports/{built.id}/files", format=name, **LOOK)
    page = reviewer.get("/reports").text
    assert page.count(f'href="/reports/{built.id}/files/') == 4
    assert f'href="/reports/{built.id}#files"' in page and "1 more" in page
    answer = fetch(reviewer, f"/reports/{built.id}.csv")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"


def test_days_that_cannot_be_read_leave_the_usual_period(reviewer: FlaskClient) -> None:
    page = reviewer.get("/reports?found_from=soon").text
    assert f'value="{now():%Y-%m-%d}"' in page and 'period=last_30_days" aria-current' in page


def test_presets_fill_in_whole_weeks_and_months() -> None:
    thursday = date(2026, 3, 5)
    assert PRESETS["last_week"][1](thursday) == (date(2026, 2, 23), date(2026, 3, 1))
    assert PRESETS["last_month"][1](thursday) == (date(2026, 2, 1), date(2026, 2, 28))
    assert PRESETS["last_30_days"][1](thursday) == (date(2026, 2, 3), thursday)


def test_a_preset_of_the_address_is_filled_in(reviewer: FlaskClient) -> None:
    first, last = PRESETS["last_month"][1](now().date())
    page = reviewer.get("/reports?period=last_month").text
    assert f'value="{first}"' in page and f'value="{last}"' in page
    assert reviewer.get("/reports?period=nonsense&before=x").status_code == 200


def test_a_saved_filter_narrows_and_is_named(reviewer: FlaskClient, session: Session, work: Any) -> None:
    user = session.query(type(make_user(session, "other"))).filter_by(name="reviewer").one()
    saved = saved_filters.save(session, user, "Ann's", {"seller": "Ann"}, False)
    for seller in ("Ann", "Bob"):
        make_finding(session, make_listing(session, seller=seller), seller=seller)
    session.commit()
    ask(reviewer, saved=str(saved.id))
    work()
    report = session.query(Report).one()
    assert (report.findings_count, report.filters_name, report.filters) == (1, "Ann's", {"seller": "Ann"})
    page = reviewer.get(f"/reports/{report.id}").text
    assert "Ann&#39;s" in page and "Seller" in page


def test_filters_of_the_form_narrow_and_one_that_can_not_be_read_is_told(
    reviewer: FlaskClient, session: Session, work: Any
) -> None:
    for concept in ("ivory", "tiger"):
        make_finding(session, concept=concept)
    session.commit()
    answer = ask(reviewer, concept="ivory", score_from="high")
    assert answer.status_code == 422 and "can&#39;t be read" in answer.text
    assert ask(reviewer, concept="ivory", score_from="0.5").status_code == 302
    work()
    report = session.query(Report).one()
    assert (report.findings_count, report.filters) == (1, {"concept": "ivory", "score_from": "0.5"})


def test_a_quick_file_is_written_at_once_and_a_slow_one_by_a_worker(
    reviewer: FlaskClient, session: Session, built: Report, work: Any
) -> None:
    assert post(reviewer, f"/reports/{built.id}/files", format="json", **LOOK).status_code == 302
    assert [file.format for file in built.files] == ["json"]
    post(reviewer, f"/reports/{built.id}/files", format="slow", **LOOK)
    job = session.query(Job).filter_by(kind=JobKind.WRITE).one()
    assert f"/jobs/{job.id}/progress" in reviewer.get(f"/reports/{built.id}").text
    work()
    assert [file.format for file in session.query(ReportFile)] == ["json", "slow"]
    post(reviewer, f"/reports/{built.id}/files", format="slow", **LOOK)
    assert "there already" in reviewer.get(f"/reports/{built.id}").text
    assert post(reviewer, f"/reports/{built.id}/files", format="exe", **LOOK).status_code == 422


def test_a_download_always_gives_the_same_bytes_and_is_in_the_log(
    reviewer: FlaskClient, session: Session, built: Report
) -> None:
    first = fetch(reviewer, f"/reports/{built.id}.json")
    assert first.headers["Content-Disposition"].startswith("attachment")
    assert len(first.json["findings"]) == 1
    file = session.query(ReportFile).one()
    again = fetch(reviewer, f"/reports/{built.id}/files/{file.id}")
    assert (again.data, again.content_length) == (first.data, file.size_bytes)
    logged = session.scalars(select(AuditEntry).where(AuditEntry.action == "report.download")).all()
    assert [(entry.actor, entry.facts["file"], entry.facts["sha256"]) for entry in logged] == [
        ("reviewer", file.id, file.sha256)
    ] * 2


def test_the_csv_holds_no_formula(reviewer: FlaskClient, built: Report) -> None:
    answer = fetch(reviewer, f"/reports/{built.id}.csv")
    cells = [cell for row in csv.reader(io.StringIO(answer.data.decode("utf-8-sig"))) for cell in row]
    assert not [cell for cell in cells if cell.startswith("=")]
    assert any("HYPERLINK" in cell for cell in cells)


def test_unknown_reports_formats_and_files_are_404_and_a_slow_format_is_to_be_asked_for(
    reviewer: FlaskClient, built: Report
) -> None:
    for path in ("999.csv", f"{built.id}.exe", "999", f"{built.id}/files/999"):
        assert reviewer.get(f"/reports/{path}").status_code == 404
    answer = reviewer.get(f"/reports/{built.id}.slow")
    assert (answer.status_code, answer.location) == (302, f"/reports/{built.id}")


def test_what_retention_removed_answers_410_with_day_and_reason(
    reviewer: FlaskClient, session: Session, built: Report
) -> None:
    fetch(reviewer, f"/reports/{built.id}.json")
    file = session.query(ReportFile).one()
    file.purged_at = built.purged_at = now()
    for name in (report_files.name_of(file.sha256), reports.name_of(built.sha256)):
        session.add(Purge(name=name, sha256=file.sha256, size_bytes=1, reason="Its time was over.", actor="system"))
    session.commit()
    answer = fetch(reviewer, f"/reports/{built.id}/files/{file.id}")
    assert answer.status_code == 410
    assert f"{now():%Y-%m-%d}" in answer.text and "Its time was over." in answer.text
    page = reviewer.get(f"/reports/{built.id}")
    assert page.status_code == 200 and "Its time was over." in page.text and file.sha256 in page.text


def test_a_correction_names_the_old_report_which_shows_it_first_of_all(
    reviewer: FlaskClient, session: Session, built: Report, work: Any
) -> None:
    look = {f"correct-{name}": value for name, value in LOOK.items()}
    address = f"/reports/{built.id}/correction"
    nothing = post(reviewer, address, **look)
    assert nothing.status_code == 422 and "Say what was wrong" in nothing.text
    said = {"correct-correction": "A source was left out.", "correct-formats": "csv"}
    assert post(reviewer, address, **look, **said).status_code == 302
    work()
    new = session.query(Report).order_by(Report.id.desc()).first()
    assert new is not None and (new.corrects_id, new.from_at, new.to_at) == (built.id, built.from_at, built.to_at)
    assert [file.format for file in new.files] == ["csv"]
    old_page, new_page = (reviewer.get(f"/reports/{report.id}").text for report in (built, new))
    assert "This report was wrong" in old_page and f'href="/reports/{new.id}"' in old_page
    assert f'href="/reports/{built.id}"' in new_page and "A source was left out." in new_page
    index = reviewer.get("/reports").text
    assert "Corrected by" in index and "Corrects" in index


def test_a_viewer_downloads_but_builds_none(sign_in: SignIn, built: Report) -> None:
    viewer = sign_in(Role.VIEWER)
    assert "Build a report" not in viewer.get("/reports").text
    page = viewer.get(f"/reports/{built.id}").text
    assert "Correct this report" not in page and "Write another file" not in page
    assert fetch(viewer, f"/reports/{built.id}.csv").status_code == 200


def test_the_list_goes_on_on_further_pages(reviewer: FlaskClient, session: Session) -> None:
    rows = [
        Report(from_at=now(), to_at=now(), sha256="0" * 64, findings_count=0, title=f"No. {number}.")
        for number in range(21)
    ]
    session.add_all(rows)
    session.commit()
    first = reviewer.get("/reports").text
    assert "No. 20." in first and "No. 0." not in first
    second = reviewer.get(f"/reports?before={rows[1].id}").text
    assert "No. 0." in second and "No. 1." not in second
