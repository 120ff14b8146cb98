from typing import Any, BinaryIO

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.factories import make_finding, make_listing
from tests.webapp.api.conftest import Program, Write
from webapp.db import now
from webapp.exporters import FORMATS, Exporter
from webapp.exporters.content import Choices, Content, Means
from webapp.models import AuditEntry, Job, JobState, Purge, Report, ReportFile, Role
from webapp.services import jobs, report_files
from webapp.services.workshop import FAILURES, WORKS
from webapp.settings import Settings
from webapp.storage import open_store

EVER = {"from_at": "2020-01-01T00:00:00Z", "to_at": "2099-01-01T00:00:00Z"}


@pytest.fixture(autouse=True)
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    def write(_content: Content, _choices: Choices, _means: Means, target: BinaryIO) -> None:
        target.write(b"slow")

    monkeypatch.setitem(FORMATS, "slow", Exporter("slow", "Slow", "application/x-slow", ".slow", write, False))


@pytest.fixture
def client(program: Write, session: Session) -> Program:
    for seller in ("Ann", "Bob"):
        make_finding(session, make_listing(session, seller=seller), seller=seller)
    session.commit()
    return program(Role.REVIEWER)


def work(session: Session, settings: Settings) -> None:
    session.expire_all()
    for job_id in session.scalars(select(Job.id).where(Job.state == JobState.QUEUED)).all():
        jobs.run(session, job_id, settings, "worker", WORKS, bool, FAILURES)


def build(client: Program, session: Session, settings: Settings, **more: Any) -> Any:
    """The report, once the job is done."""
    asked = client.post("/reports", **EVER, **more)
    assert asked.status_code == 202, asked.text
    assert asked.json["state"] == "queued"
    work(session, settings)
    job = client.get(f"/jobs/{asked.json['id']}")
    assert (job["state"], job["bytes_done"], job["kind"]) == ("done", job["bytes_total"], "report")
    return client.get(f"/reports/{job['result']['report']}")


def test_a_report_is_asked_for_followed_and_found_with_its_files(
    client: Program, session: Session, settings: Settings
) -> None:
    made = build(client, session, settings, title="All", formats=["csv", "slow"], language="zh")
    assert (made["title"], made["findings_count"], made["built_by"]) == ("All", 2, "reviewer")
    assert [(file["format"], file["language"]) for file in made["files"]] == [("csv", "en"), ("slow", "en")]
    assert client.get("/reports")["items"] == [made]
    file = made["files"][1]
    answer = client.ask("GET", f"/reports/{made['id']}/files/{file['id']}")
    assert (answer.data, answer.mimetype) == (b"slow", "application/x-slow")
    entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "report.download")).one()
    assert (entry.actor, entry.facts["file"]) == ("reviewer", file["id"]) and entry.facts["token"]


def test_filters_kept_or_sent_narrow_it(client: Program, session: Session, settings: Settings) -> None:
    sent = build(client, session, settings, filters={"seller": "Ann"})
    assert (sent["findings_count"], sent["filters"], sent["filters_name"]) == (1, {"seller": "Ann"}, None)
    kept = client.post("/filters", name="Bob's", filters={"seller": "Bob"})
    assert kept.status_code == 201, kept.text
    named = build(client, session, settings, filter_id=kept.json["id"])
    assert (named["findings_count"], named["filters_name"]) == (1, "Bob's")


def test_a_correction_names_both_ways(client: Program, session: Session, settings: Settings) -> None:
    old = build(client, session, settings)
    assert client.post("/reports", **EVER, corrects_id=old["id"]).status_code == 409
    assert client.post("/reports", **EVER, corrects_id=99, correction="x").status_code == 404
    new = build(client, session, settings, corrects_id=old["id"], correction="A source was left out.")
    assert (new["corrects_id"], new["correction"]) == (old["id"], "A source was left out.")
    assert client.get(f"/reports/{old['id']}")["corrected_by"] == [new["id"]]


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"to_at": EVER["from_at"]}, 409),
        ({"from_at": "2020-01-01T00:00:00"}, 422),
        ({"formats": ["exe"]}, 409),
        ({"language": "tlh", "formats": ["csv"]}, 409),
        ({"redaction": "some"}, 422),
        ({"filter_id": 99}, 404),
    ],
)
def test_what_can_not_be_is_refused(client: Program, session: Session, change: Any, status: int) -> None:
    assert client.post("/reports", **EVER | change).status_code == status
    assert session.query(Job).count() == 0


def test_a_quick_file_is_given_at_once_and_a_slow_one_by_a_job(
    client: Program, session: Session, settings: Settings
) -> None:
    made = build(client, session, settings)
    path = f"/reports/{made['id']}"
    quick = client.post(f"{path}/files", format="json")
    assert quick.status_code == 202 and quick.json["job"] is None
    assert client.post(f"{path}/files", format="json").json == quick.json
    assert client.ask("GET", f"{path}/slow").status_code == 409
    asked = client.post(f"{path}/files", format="slow").json
    assert asked["file"] is None and asked["job"]["kind"] == "write"
    work(session, settings)
    assert client.ask("GET", f"{path}/slow").data == b"slow"
    assert client.post(f"{path}/files", format="slow").json["file"]["format"] == "slow"
    assert client.post(f"{path}/files", format="exe").status_code == 409


def test_the_older_address_of_a_format_gives_the_same_bytes_each_time(
    client: Program, session: Session, settings: Settings
) -> None:
    path = f"/reports/{build(client, session, settings)['id']}"
    first, second = (client.ask("GET", f"{path}/csv") for _ in range(2))
    assert (first.status_code, first.data) == (200, second.data)
    assert session.query(ReportFile).count() == 1
    assert client.ask("GET", f"{path}/nothing").status_code == 404


def test_what_is_gone_is_410_and_what_was_changed_says_what_to_bring_back(
    client: Program, session: Session, settings: Settings
) -> None:
    made = build(client, session, settings, formats=["csv"])
    file = session.query(ReportFile).one()
    path = f"/reports/{made['id']}/files/{file.id}"
    name = report_files.name_of(file.sha256)
    open_store(settings).local_path(name).write_bytes(b"another")
    changed = client.ask("GET", path)
    assert changed.status_code == 500 and "was changed" in changed.json["detail"]
    file.purged_at = now()
    session.add(Purge(name=name, sha256=file.sha256, size_bytes=1, reason="Its time was over.", actor="system"))
    session.commit()
    gone = client.ask("GET", path)
    assert gone.status_code == 410 and "Its time was over." in gone.json["detail"]
    assert client.get(f"/reports/{made['id']}")["files"][0]["purged_at"]


def test_a_viewer_reads_and_builds_none(client: Program, program: Write, session: Session, settings: Settings) -> None:
    made = build(client, session, settings)
    viewer = program(Role.VIEWER)
    assert viewer.get(f"/reports/{made['id']}") == made
    assert viewer.post("/reports", **EVER).status_code == 403
    assert viewer.post(f"/reports/{made['id']}/files", format="csv").status_code == 403
    assert session.query(Report).count() == 1
