from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from tests.webapp.api.conftest import Program, Write
from tests.webapp.services.test_chain import disarm
from webapp.api import audit as room
from webapp.db import now
from webapp.models import AuditEntry, Role
from webapp.services import audit, chain, signing
from webapp.settings import Settings


@pytest.fixture
def lead(program: Write) -> Program:
    return program(Role.LEAD)


@pytest.fixture
def filled(session: Session) -> None:
    audit.record(session, "ann", "decision.confirm", "finding:1", note="<b>", before={"state": "open"})
    audit.record(session, "bob", "decision.dismiss", "finding:12", note="")
    audit.record(session, "ann", "rule.propose", "rule:ivory", share=0.25)
    session.commit()


def seal(session: Session, settings: Settings) -> None:
    chain.seal_all(session, settings.home, signing.signing_key(settings.home))


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("actor=ann", ["rule:ivory", "finding:1"]),
        ("action=decision.", ["finding:12", "finding:1"]),
        ("action=decision.confirm", ["finding:1"]),
        ("subject=finding:1", ["finding:1"]),
        ("subject=finding:", ["finding:12", "finding:1"]),
        ("actor=ann&to_at=2020-01-01T00:00:00Z", []),
        ("actor=ann&from_at=2020-01-01T00:00:00Z&action=rule.", ["rule:ivory"]),
    ],
)
def test_entries_are_narrowed(lead: Program, query: str, found: list[str]) -> None:
    assert [one["subject"] for one in lead.get(f"/audit/entries?{query}")["items"]] == found


def test_entries_come_page_by_page_and_none_twice_while_more_are_written(lead: Program, session: Session) -> None:
    for number in range(5):
        audit.record(session, "mirela", "decision.confirm", f"finding:{number}")
    session.commit()
    path, seen = "/audit/entries?actor=mirela&limit=2", []
    while path:
        page = lead.get(path)
        seen += [one["subject"] for one in page["items"]]
        audit.record(session, "mirela", "decision.dismiss", "finding:99")
        session.commit()
        cursor = page["next_cursor"]
        path = f"/audit/entries?actor=mirela&limit=2&cursor={cursor}" if cursor else ""
    assert seen == [f"finding:{number}" for number in (4, 3, 2, 1, 0)]


@pytest.mark.usefixtures("filled")
def test_the_log_is_verified_and_that_is_in_it(lead: Program, session: Session, settings: Settings) -> None:
    assert lead.ask("GET", "/audit/verification").status_code == 404, "never yet"
    seal(session, settings)
    told = lead.post("/audit/verifications")
    assert told.status_code == 202, told.text
    assert (told.json["by"], told.json["is_whole"], told.json["result"]["faults"]) == ("lead", True, 0)
    assert told.json["result"]["entries"] >= 3
    assert session.get_one(AuditEntry, told.json["entry_id"]).action == "audit.verify"
    assert lead.get("/audit/verification") == told.json


@pytest.mark.usefixtures("filled")
def test_a_log_that_was_changed_is_told(lead: Program, session: Session, settings: Settings) -> None:
    seal(session, settings)
    disarm(session.connection())
    session.execute(text("UPDATE audit_entries SET actor = 'eve' WHERE subject = 'finding:12'"))
    session.commit()
    told = lead.post("/audit/verifications").json
    assert not told["is_whole"]
    assert told["result"]["first_faults"][0]["kind"] == "changed"


def test_a_long_log_is_verified_in_the_background(
    lead: Program, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []
    monkeypatch.setattr(room, "AT_ONCE", 0)
    monkeypatch.setattr(room.verify_later, "delay", sent.append)
    audit.record(session, "ann", "decision.confirm", "finding:1")
    session.commit()
    told = lead.post("/audit/verifications").json
    assert (told["is_whole"], told["result"], sent) == (None, None, ["lead"])


@pytest.mark.usefixtures("filled")
def test_the_head_is_given_to_be_kept_elsewhere(lead: Program, session: Session, settings: Settings) -> None:
    nothing = lead.get("/audit/head")
    assert nothing["head"] is None and nothing["unsealed"] >= 3
    seal(session, settings)
    head = lead.get("/audit/head")["head"]
    kept = chain.Head(**{name: head[name] for name in ("number", "seal_sha256", "sealed_at", "key", "signature")})
    assert signing.is_signed(kept.key, kept.signature, kept.message)
    taken = session.query(AuditEntry).filter(AuditEntry.action == "audit.head", AuditEntry.at > now() - timedelta(1))
    assert [entry.facts["seal"] for entry in taken.order_by(AuditEntry.id)] == [None, head["number"]]


def test_reviewers_do_not_read_the_log(program: Write) -> None:
    assert program(Role.REVIEWER).ask("GET", "/audit/entries").status_code == 403
