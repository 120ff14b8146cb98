from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy.orm import Session

from tests.factories import add
from tests.webapp.api.conftest import Write
from tests.webapp.services.mail_server import Postbox, mail_server
from tests.webapp.services.test_report_schedules import make_report
from webapp.models import DeliveryState, DeliveryWay, Job, ReportDelivery, ReportSchedule, Role
from webapp.settings import Settings

WEEKLY: dict[str, Any] = {
    "name": "Weekly",
    "cron": "0 6 * * 1",
    "time_zone": "Europe/Berlin",
    "formats": ["csv"],
    "folder": "weekly",
    "mail_to": ["ann@team.example"],
}


def test_a_schedule_is_made_changed_paused_run_and_deleted(program: Write, session: Session) -> None:
    client = program(Role.LEAD)
    made = client.post("/report-schedules", **WEEKLY)
    assert made.status_code == 201
    here = f"/report-schedules/{made.json['id']}"
    assert made.json["span"] == "week" and made.json["mail_to"] == ["ann@team.example"]
    assert client.get("/report-schedules")["items"] == [client.get(here)]
    changed = client.ask("PUT", here, json=WEEKLY | {"span": "since_last", "keep_days": 30}).json
    assert (changed["span"], changed["keep_days"], changed["name"]) == ("since_last", 30, "Weekly")
    assert client.post(f"{here}/pause").json["due_at"] is None
    assert client.post(f"{here}/resume").json["due_at"] is not None
    ran = client.post(f"{here}/run")
    assert ran.status_code == 202 and session.get_one(Job, ran.json["job_id"]).options["schedule_id"] == made.json["id"]
    assert client.post(f"{here}/run").status_code == 409
    assert client.ask("DELETE", here).status_code == 204
    assert session.query(ReportSchedule).count() == 0


def test_every_fault_of_a_plan_is_told_where_it_is(program: Write) -> None:
    bad = {"cron": "61 6 * * *", "folder": "../up", "mail_to": ["x"], "filter_id": 9, "formats": ["doc"]}
    answer = program(Role.LEAD).post("/report-schedules", **WEEKLY | bad)
    assert answer.status_code == 422
    pointers = {one["pointer"] for one in answer.json["errors"]}
    assert pointers == {"/cron", "/folder", "/mail_to", "/filter_id", "/formats"}


def test_viewers_are_given_no_addresses_and_reviewers_change_nothing(program: Write, session: Session) -> None:
    made = program(Role.LEAD).post("/report-schedules", **WEEKLY).json
    report = make_report(session, session.get_one(ReportSchedule, made["id"]))
    for way, target in ((DeliveryWay.MAIL, "ann@team.example"), (DeliveryWay.FOLDER, "weekly")):
        add(session, ReportDelivery(report=report, schedule_id=made["id"], way=way, target=target))
    session.commit()
    viewer = program(Role.VIEWER)
    (seen,) = viewer.get("/report-schedules")["items"]
    assert (seen["mail_to"], seen["mails"]) == ([], 1)
    targets = [row["target"] for row in viewer.get(f"/report-schedules/{made['id']}/deliveries")["items"]]
    assert targets == ["weekly", None]
    assert program(Role.REVIEWER).post(f"/report-schedules/{made['id']}/pause").status_code == 403


def test_a_delivery_is_sent_again(program: Write, session: Session) -> None:
    values = {"report": make_report(session), "way": DeliveryWay.FOLDER, "target": "weekly"}
    row = add(session, ReportDelivery(state=DeliveryState.FAILED, failure="It is full.", attempts=10, **values))
    session.commit()
    answer = program(Role.LEAD).post(f"/reports/deliveries/{row.id}/again")
    assert (answer.status_code, answer.json["state"], answer.json["attempts"]) == (202, "pending", 0)


@pytest.fixture
def postbox(settings: Settings) -> Iterator[Postbox]:
    with mail_server() as server:
        settings.smtp_host, settings.smtp_port, settings.smtp_security = "localhost", server.port, "none"
        settings.mail_from = "tuskline@team.example"
        yield server.postbox


def test_a_test_mail_is_sent_or_the_answer_says_why_not(postbox: Postbox, program: Write) -> None:
    client = program(Role.LEAD)
    assert client.post("/report-schedules/test-mail", to="ann@team.example").status_code == 204
    assert [message["To"] for message in postbox.messages] == ["ann@team.example"]
    refused = client.post("/report-schedules/test-mail", to="ann@team.example, ben@team.example")
    assert refused.status_code == 409 and "no e-mail address" in refused.json["detail"]
