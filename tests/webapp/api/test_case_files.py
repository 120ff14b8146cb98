"""Case files by program."""

from io import BytesIO
from zipfile import ZipFile

import pytest
from sqlalchemy.orm import Session

from tests.factories import make_finding, make_listing
from tests.webapp.api.conftest import Write
from webapp.models import AuditEntry, FindingRow, Role
from webapp.services import jobs, signing
from webapp.services.workshop import WORKS
from webapp.settings import Settings

pytestmark = pytest.mark.usefixtures("quick_pages")


@pytest.fixture
def finding(session: Session) -> FindingRow:
    row = make_finding(session, make_listing(session, seller="Old & Rare"))
    session.commit()
    return row


def test_one_is_made_and_fetched(program: Write, session: Session, settings: Settings, finding: FindingRow) -> None:
    reviewer = program(Role.REVIEWER)
    seller = {"seller": "Old & Rare", "source_id": finding.source_id}
    prospect = reviewer.post("/case-files/preview", **seller).json
    assert (prospect["finding_ids"], prospect["listings"], prospect["pictures"]) == ([finding.id], 1, 1)
    job = reviewer.post("/case-files", **seller, title="The case")
    assert job.status_code == 202 and job.json["kind"] == "case"
    jobs.run(session, job.json["id"], settings, "worker", WORKS)
    number = reviewer.get(f"/jobs/{job.json['id']}")["result"]["case"]
    made = reviewer.get(f"/case-files/{number}")
    assert made["title"] == "The case" and reviewer.get("/case-files")["items"] == [made]
    answer = reviewer.ask("GET", f"/case-files/{number}/bundle")
    with ZipFile(BytesIO(answer.data)) as bundle:
        assert "findings.jsonl" in bundle.namelist()
    entry = session.query(AuditEntry).filter_by(action="case.download").one()
    assert entry.facts["sha256"] == made["sha256"] and entry.facts["token"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"finding_ids": []},
        {"seller": "x"},
        {"finding_ids": [1], "filters": {}},
        {"finding_ids": [1], "language": "xx"},
        {"finding_ids": [1], "source_id": 1},
    ],
)
def test_a_choice_that_is_none_is_refused(program: Write, body: dict) -> None:  # type: ignore[type-arg]
    assert program(Role.REVIEWER).ask("POST", "/case-files", json=body).status_code == 422


def test_filters_choose_too(program: Write, finding: FindingRow) -> None:
    asked = program(Role.REVIEWER)
    assert asked.post("/case-files/preview", filters={"concept": "elephant"}).json["finding_ids"] == [finding.id]
    assert asked.post("/case-files/preview", filters={"concept": "pangolin"}).status_code == 409


def test_viewers_have_the_key_alone(program: Write, settings: Settings) -> None:
    viewer = program(Role.VIEWER)
    key = signing.signing_key(settings.home)
    assert viewer.get("/case-files/key") == {"public": key.public, "fingerprint": key.fingerprint}
    assert viewer.ask("GET", "/case-files").status_code == 403
