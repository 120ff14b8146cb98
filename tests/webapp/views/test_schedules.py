import re

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.factories import make_source
from tests.webapp.views.conftest import deeds, post
from webapp.models import Overlap, Schedule, Source
from webapp.services import schedules
from webapp.services.schedules import Plan

DAILY = {"cron": "0 3 * * *", "time_zone": "Europe/Berlin", "jitter": "10", "overlap": "queue"}


@pytest.fixture
def source(session: Session) -> Source:
    source = make_source(session, "Old stall")
    session.commit()
    return source


@pytest.fixture
def schedule(session: Session, source: Source) -> Schedule:
    schedule = schedules.create(session, source.id, Plan("0 3 * * *", "Europe/Berlin"), "ann")
    session.commit()
    return schedule


def runs_of(page: str) -> list[str]:
    return re.findall(r'<li><time datetime="([^"]+)">', page)


def test_the_runs_are_shown_before_anything_is_saved(admin: FlaskClient, session: Session, source: Source) -> None:
    answer = post(admin, f"/sources/{source.id}/schedules", **DAILY, step="preview")
    assert answer.status_code == 200
    assert "At 03:00 every day" in answer.text
    assert "each put off by up to 10 minutes" in answer.text
    assert len(runs_of(answer.text)) == 5
    assert re.search(r"03:00 CES?T</time> <span class=\"muted\">.*0[12]:00 UTC", answer.text)
    assert session.query(Schedule).count() == 0


def test_a_saved_schedule_is_shown_with_its_next_five_runs(
    admin: FlaskClient, session: Session, source: Source
) -> None:
    answer = post(admin, f"/sources/{source.id}/schedules", **DAILY, step="save")
    assert answer.location == f"/sources/{source.id}"
    row = session.query(Schedule).one()
    assert schedules.plan_of(row) == Plan("0 3 * * *", "Europe/Berlin", 600, Overlap.QUEUE)
    page = admin.get(answer.location).text
    assert runs_of(page) == [moment.isoformat() for moment in schedules.next_runs(row)]
    assert "a new run waits until the older scan is over" in page


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("cron", "", "five fields"),
        ("cron", "61 25 * * *", "“61” is no minute"),
        ("cron", "0 0 30 2 *", "never come"),
        ("jitter", "", "0 for none"),
        ("jitter", "61", "0 to 60 minutes"),
        ("jitter", "-1", "0 to 60 minutes"),
        ("jitter", "ten", "Not a valid integer"),
        ("time_zone", "Mars/Base", "Not a valid choice"),
        ("overlap", "both", "Not a valid choice"),
    ],
)
@pytest.mark.parametrize("step", ["preview", "save"])
def test_a_fault_is_told_and_what_was_typed_stays(
    admin: FlaskClient, session: Session, source: Source, field: str, value: str, says: str, step: str
) -> None:
    answer = post(admin, f"/sources/{source.id}/schedules", **{**DAILY, field: value}, step=step)
    assert answer.status_code == 422
    assert says in answer.text
    if field != "cron":
        assert 'value="0 3 * * *"' in answer.text
    if field != "time_zone":
        assert '<option selected value="Europe/Berlin">' in answer.text
    if field != "overlap":
        assert re.search(r'checked[^>]*value="queue"', answer.text)
    assert session.query(Schedule).count() == 0


def test_a_preset_is_a_link_that_fills_the_field_and_shows_the_runs(admin: FlaskClient, source: Source) -> None:
    page = admin.get(f"/sources/{source.id}").text
    assert runs_of(page) == []
    (link,) = re.findall(r'href="([^"]+)#add-schedule">every 6 hours', page)
    filled = admin.get(link.replace("&amp;", "&")).text
    assert 'value="0 */6 * * *"' in filled
    assert len(runs_of(filled)) == 5


def test_a_link_with_a_faulty_expression_says_so(admin: FlaskClient, source: Source) -> None:
    page = admin.get(f"/sources/{source.id}", query_string={"cron": "<b> 3 * * *"}).text
    assert "“&lt;b&gt;” is no minute" in page
    assert runs_of(page) == []


def test_a_schedule_is_changed_after_a_preview(admin: FlaskClient, session: Session, schedule: Schedule) -> None:
    page = admin.get(f"/schedules/{schedule.id}").text
    assert 'value="0 3 * * *"' in page and '<option selected value="Europe/Berlin">' in page
    assert len(runs_of(post(admin, f"/schedules/{schedule.id}", **DAILY, step="preview").text)) == 5
    answer = post(admin, f"/schedules/{schedule.id}", **{**DAILY, "cron": "0 5 * * *"}, step="save")
    assert answer.location == f"/sources/{schedule.source_id}"
    session.expire_all()
    assert (schedule.cron, schedule.jitter_s) == ("0 5 * * *", 600)
    assert post(admin, f"/schedules/{schedule.id}", **{**DAILY, "cron": "x"}, step="save").status_code == 422
    assert admin.get(f"/schedules/{schedule.id}?cron=0+4+*+*+*").text.count("04:00 CE") == 5


def test_a_reviewer_pauses_and_resumes(reviewer: FlaskClient, session: Session, schedule: Schedule) -> None:
    post(reviewer, f"/schedules/{schedule.id}/pause")
    session.expire_all()
    assert (schedule.is_paused, schedule.fires_at) == (True, None)
    page = reviewer.get(f"/sources/{schedule.source_id}").text
    assert "No run is due until it is resumed." in page and runs_of(page) == []
    post(reviewer, f"/schedules/{schedule.id}/resume")
    session.expire_all()
    assert not schedule.is_paused and schedule.fires_at is not None
    assert [entry.action for entry in deeds(session) if entry.actor == "reviewer"] == [
        "schedule.pause",
        "schedule.resume",
    ]


def test_a_broken_schedule_is_shown_and_not_resumed(admin: FlaskClient, session: Session, schedule: Schedule) -> None:
    schedule.is_paused, schedule.cron, schedule.time_zone = True, "61 * * * *", "Mars/Base"
    schedule.note = "It was paused, since it can't be read."
    session.commit()
    page = admin.get(f"/sources/{schedule.source_id}").text
    assert "61 * * * *" in page and "since it can&#39;t be read" in page
    assert admin.get(f"/schedules/{schedule.id}").status_code == 200
    answer = post(admin, f"/schedules/{schedule.id}/resume")
    assert answer.status_code == 409
    assert "“61” is no minute" in answer.text


def test_an_admin_deletes_a_schedule(admin: FlaskClient, session: Session, schedule: Schedule) -> None:
    assert post(admin, f"/schedules/{schedule.id}/delete").location == f"/sources/{schedule.source_id}"
    assert session.query(Schedule).count() == 0


@pytest.mark.parametrize("path", ["pause", "resume", "delete"])
def test_no_schedule_of_that_number_is_a_404(admin: FlaskClient, path: str) -> None:
    assert post(admin, f"/schedules/99/{path}").status_code == 404
    assert admin.get("/schedules/99").status_code == 404
    assert post(admin, "/sources/99/schedules", **DAILY).status_code == 404
