"""Policies, holds and purges for programs."""

import pytest
from sqlalchemy.orm import Session

from tests.factories import make_finding
from tests.webapp.api.conftest import Write
from tests.webapp.services.shelves import Shelves
from webapp.models import RetentionPolicy, Role
from webapp.services import purging
from webapp.settings import Settings


@pytest.fixture
def shelves(session: Session, settings: Settings) -> Shelves:
    return Shelves(session, settings)


def test_a_policy_is_set_by_who_looked_at_what_it_means(program: Write, shelves: Shelves, session: Session) -> None:
    shelves.photo(shelves.listing(20))
    admin = program(Role.ADMIN)
    assert admin.get("/retention/preview")["files"] == 0
    found = admin.get("/retention/preview?unflagged=10")
    assert (found["files"], found["lines"][0]["sort"]) == (1, "photos")
    put = {"json": {"days": 10}}
    assert admin.ask("PUT", "/retention/policies/unflagged", **put).status_code == 409
    put["json"]["files"] = 1
    assert admin.ask("PUT", "/retention/policies/unflagged", **put).json["days"] == 10
    assert admin.ask("PUT", "/retention/policies/unflagged", json={"days": 3}).status_code == 409
    assert admin.ask("PUT", "/retention/policies/else", json={"days": 10}).status_code == 404
    assert [one["days"] for one in admin.get("/retention/policies")["policies"]] == [10, None, None, None, None]
    assert admin.ask("PUT", "/retention/policies/unflagged", json={"days": None}).status_code == 200
    session.expire_all()
    assert session.query(RetentionPolicy).count() == 0


def test_what_was_removed_is_listed_and_its_picture_answers_410(program: Write, shelves: Shelves) -> None:
    shelves.policy(unflagged=10)
    photo = shelves.photo(shelves.listing(20))
    shelves.session.commit()
    purging.purge(shelves.session, shelves.settings)
    viewer = program(Role.VIEWER)
    [row] = viewer.get(f"/retention/purges?sha256={photo.sha256}")["items"]
    assert (row["policy"], row["size_bytes"]) == ("unflagged", photo.size_bytes)
    for kind in ("original", "view"):
        answer = viewer.ask("GET", f"/photos/{photo.sha256}/{kind}")
        assert answer.status_code == 410 and "Nothing was found on its listings" in answer.json["detail"]


def test_holds_are_placed_listed_and_released_by_leads(program: Write, session: Session) -> None:
    finding = make_finding(session)
    session.commit()
    lead = program(Role.LEAD)
    sent = {"scope": "finding", "target_id": finding.id, "reason": "The prosecutor asked."}
    made = lead.post("/holds", **sent)
    assert made.status_code == 201 and made.json["placed_by"] == "lead"
    assert lead.post("/holds", **{**sent, "target_id": 999}).status_code == 404
    assert [one["id"] for one in lead.get("/holds")["items"]] == [made.json["id"]]
    released = lead.post(f"/holds/{made.json['id']}/release", reason="It is over.")
    assert released.json["released_by"] == "lead"
    assert lead.post(f"/holds/{made.json['id']}/release", reason="Again.").status_code == 409
    assert [one["release_reason"] for one in lead.get("/holds?released=true")["items"]] == ["It is over."]
    assert program(Role.REVIEWER).ask("GET", "/holds").status_code == 403
