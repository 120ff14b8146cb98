import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from tests.factories import add, make_user
from tests.webapp.services.mail_server import Postbox, mail_server
from tests.webapp.services.test_report_schedules import make_report
from tests.webapp.views.conftest import SignIn, deeds, post, token_of
from webapp.models import (
    DeliveryState,
    DeliveryWay,
    Job,
    PictureChoice,
    Redaction,
    ReportDelivery,
    ReportSchedule,
    Role,
    Span,
)
from webapp.services import report_schedules, saved_filters
from webapp.services.report_schedules import ReportPlan
from webapp.settings import Settings

WEEKLY: dict[str, Any] = {
    "name": "Weekly ivory", "rhythm": "weekly", "cron": "", "time_zone": "Europe/Berlin", "span": "week",
    "filter": "", "formats": ["csv", "json"], "file_language": "zh", "redaction": "hashed", "pictures": "none",
    "folder": "team/weekly/", "mail_to": "ann@team.example\r\nben@team.example, eva@team.example",
    "tells_webhooks": "y", "keep_days": "30",
}  # fmt: skip
NEW = "/reports/schedules/new"


@pytest.fixture
def lead(sign_in: SignIn) -> FlaskClient:
    return sign_in(Role.LEAD)


@pytest.fixture
def schedule(session: Session) -> ReportSchedule:
    plan = ReportPlan("Weekly", "0 6 * * 1", folder="weekly", mail_to=("ann@team.example",))
    schedule = report_schedules.create(session, plan, None)
    session.commit()
    return schedule


def send(client: FlaskClient, address: str, **fields: Any) -> TestResponse:
    """As `post`, also for lists."""
    return client.post(address, data={"csrf_token": token_of(client, "/hosts"), **fields})


def runs_of(page: str) -> list[str]:
    return re.findall(r'<li><time datetime="([^"]+)">', page)


def test_the_runs_are_shown_before_anything_is_saved(lead: FlaskClient, session: Session) -> None:
    page = send(lead, NEW, **WEEKLY, step="preview").text
    assert len(runs_of(page)) == 5 and "At 06:00 on Monday" in page
    assert "The first of them would cover" in page
    assert session.query(ReportSchedule).count() == 0


def test_a_saved_schedule_is_what_was_typed(lead: FlaskClient, session: Session) -> None:
    answer = send(lead, NEW, **WEEKLY, step="save")
    schedule = session.query(ReportSchedule).one()
    assert answer.location == f"/reports/schedules/{schedule.id}"
    assert report_schedules.plan_of(schedule) == ReportPlan(
        "Weekly ivory", "0 6 * * 1", "Europe/Berlin", Span.WEEK, None, ("csv", "json"), "zh", Redaction.HASHED,
        PictureChoice.NONE, "team/weekly", ("ann@team.example", "ben@team.example", "eva@team.example"), True, 30,
    )  # fmt: skip
    page = lead.get(answer.location).text
    assert runs_of(page) == [moment.isoformat() for moment in report_schedules.next_runs(schedule)]
    assert "Folder team/weekly" in page and "ben@team.example" in page and "30 days" in page
    assert "The seven days before" in page
    assert "Weekly ivory" in lead.get("/reports/schedules").text
    assert 'href="/reports/schedules"' in lead.get("/reports").text


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("name", " ", "a name of 1 to 80 letters"),
        ("time_zone", "Mars/Base", "Not a valid choice"),
        ("rhythm", "hourly", "Not a valid choice"),
        ("span", "year", "Not a valid choice"),
        ("filter", "99", "Not a valid choice"),
        ("formats", [], "at least one format"),
        ("formats", ["doc"], "valid choice"),
        ("file_language", "xx", "Not a valid choice"),
        ("redaction", "all", "Not a valid choice"),
        ("folder", "../up", "Name a folder by letters"),
        ("mail_to", "ann@team.example\nAnn <a@b.example>", "is no e-mail address"),
        ("keep_days", "0", "from 1 to 36500"),
        ("keep_days", "x", "Not a valid integer"),
    ],
)
def test_a_fault_is_told_beside_its_field_and_what_was_typed_stays(
    lead: FlaskClient, session: Session, field: str, value: Any, says: str
) -> None:
    answer = send(lead, NEW, **{**WEEKLY, field: value}, step="save")
    assert answer.status_code == 422 and says in answer.text
    assert f'id="{field}-error"' in answer.text
    if field != "mail_to":
        assert "ben@team.example" in answer.text
    assert session.query(ReportSchedule).count() == 0


def test_a_rhythm_of_one_s_own(lead: FlaskClient, session: Session) -> None:
    own = {**WEEKLY, "rhythm": "cron", "cron": "61 6 * * *"}
    assert "“61” is no minute" in send(lead, NEW, **own, step="preview").text
    send(lead, NEW, **{**own, "cron": "30 7 * * 1-5"}, step="save")
    schedule = session.query(ReportSchedule).one()
    assert schedule.cron == "30 7 * * 1-5"
    page = lead.get(f"/reports/schedules/{schedule.id}/edit").text
    assert 'value="30 7 * * 1-5"' in page and re.search(r'checked[^>]*value="cron"', page)


def test_a_schedule_is_changed(lead: FlaskClient, session: Session, schedule: ReportSchedule) -> None:
    address = f"/reports/schedules/{schedule.id}/edit"
    page = lead.get(address).text
    assert 'value="Weekly"' in page and "ann@team.example" in page
    assert send(lead, address, **WEEKLY, step="preview").status_code == 200
    assert send(lead, address, **{**WEEKLY, "name": ""}, step="save").status_code == 422
    send(lead, address, **{**WEEKLY, "name": "Weekly"}, step="save")
    session.expire_all()
    assert (schedule.name, schedule.folder) == ("Weekly", "team/weekly")


def test_a_lost_filter_must_be_replaced_and_never_becomes_everything_by_itself(
    lead: FlaskClient, session: Session, schedule: ReportSchedule
) -> None:
    owner = make_user(session, "leo", Role.LEAD)
    shared = saved_filters.save(session, owner, "Ivory <b>", {"concept": "ivory"}, is_shared=True)
    schedule.filter, schedule.filter_name = shared, shared.name
    session.commit()
    saved_filters.delete(session, owner, shared.id)
    session.commit()
    address = f"/reports/schedules/{schedule.id}/edit"
    page = lead.get(address).text
    assert '<option selected value="lost">Ivory &lt;b&gt; (can&#39;t be used any more)' in page
    answer = send(lead, address, **{**WEEKLY, "filter": "lost"}, step="save")
    assert answer.status_code == 422 and "Choose another filter, or everything." in answer.text
    assert send(lead, address, **WEEKLY, step="save").status_code == 302


def test_a_lead_pauses_resumes_runs_and_deletes(lead: FlaskClient, session: Session, schedule: ReportSchedule) -> None:
    here = f"/reports/schedules/{schedule.id}"
    post(lead, f"{here}/pause")
    assert "No run is due until it is resumed." in lead.get(here).text
    post(lead, f"{here}/resume")
    assert post(lead, f"{here}/run").location == here
    assert session.query(Job).one().options["schedule_id"] == schedule.id
    assert "Its report is being built." in lead.get(here).text
    assert post(lead, f"{here}/run").status_code == 409
    assert post(lead, f"{here}/delete").location == "/reports/schedules"
    assert session.query(ReportSchedule).count() == 0
    assert [entry.action for entry in deeds(session) if entry.actor == "lead"] == [
        "report_schedule.pause",
        "report_schedule.resume",
        "report.ask",
        "report_schedule.run",
        "report_schedule.delete",
    ]


def test_what_became_of_deliveries_is_shown_and_a_lead_sends_again(
    lead: FlaskClient, session: Session, schedule: ReportSchedule
) -> None:
    report = make_report(session, schedule)
    said = "The mail server mail.example:587 refused the mail (550 <script>)."
    values = {"report": report, "schedule_id": schedule.id, "way": DeliveryWay.MAIL}
    row = add(session, ReportDelivery(target="ann@team.example", state=DeliveryState.FAILED, failure=said, **values))
    session.commit()
    page = lead.get(f"/reports/schedules/{schedule.id}").text
    assert "Given up." in page and "(550 &lt;script&gt;)" in page
    assert "1 given up" in lead.get("/reports/schedules").text
    post(lead, f"/reports/deliveries/{row.id}/again")
    session.refresh(row)
    assert row.state is DeliveryState.PENDING
    assert post(lead, "/reports/deliveries/99/again").status_code == 404


def test_viewers_read_and_see_no_addresses(sign_in: SignIn, session: Session, schedule: ReportSchedule) -> None:
    add(
        session,
        ReportDelivery(
            report=make_report(session, schedule),
            schedule_id=schedule.id,
            way=DeliveryWay.MAIL,
            target="ann@team.example",
        ),
    )
    session.commit()
    viewer = sign_in(Role.VIEWER)
    for address in ("/reports/schedules", f"/reports/schedules/{schedule.id}"):
        page = viewer.get(address).text
        assert "ann@team.example" not in page and "e-mail address" in page
        assert "Run now" not in page and "Add a schedule" not in page


@pytest.fixture
def postbox(settings: Settings) -> Iterator[Postbox]:
    with mail_server() as server:
        settings.smtp_host, settings.smtp_port, settings.smtp_security = "localhost", server.port, "none"
        settings.mail_from = "tuskline@team.example"
        yield server.postbox


def test_a_test_mail_is_sent_at_once(postbox: Postbox, lead: FlaskClient, session: Session) -> None:
    answer = post(lead, "/reports/schedules/test-mail", to="ann@team.example")
    assert answer.location == "/reports/schedules"
    assert "The mail server took the mail for ann@team.example." in lead.get(answer.location).text
    assert postbox.messages[0]["To"] == "ann@team.example"
    assert deeds(session)[-1].action == "mail.test"
    postbox.refuse = lambda _: "550 No such user"
    refused = post(lead, "/reports/schedules/test-mail", to="bad@team.example")
    assert refused.status_code == 422 and "550 No such user" in refused.text
    for address in ("", "x", "a@b.example\nBcc: c@d.example"):
        assert post(lead, "/reports/schedules/test-mail", to=address).status_code == 422
    assert len(postbox.messages) == 1


def test_without_a_mail_server_the_page_says_who_sets_one(lead: FlaskClient, schedule: ReportSchedule) -> None:
    assert "TUSKLINE_SMTP_HOST" in lead.get("/reports/schedules").text
    assert "TUSKLINE_SMTP_HOST" in lead.get(f"/reports/schedules/{schedule.id}").text
    assert "TUSKLINE_SMTP_HOST" in lead.get(NEW).text


@pytest.mark.parametrize("path", ["", "/edit"])
def test_no_schedule_of_that_number_is_a_404(lead: FlaskClient, path: str) -> None:
    assert lead.get(f"/reports/schedules/99{path}").status_code == 404
