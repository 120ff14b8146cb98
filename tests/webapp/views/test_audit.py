import csv
import io
import json
import re
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from tests.factories import add, make_finding, make_photo
from tests.webapp.views.conftest import SignIn, post
from webapp.db import now
from webapp.models import AuditEntry, Role
from webapp.services import audit, chain, photos, signing
from webapp.settings import Settings
from webapp.storage import open_store
from webapp.views import audit as view


@pytest.fixture
def lead(sign_in: SignIn) -> FlaskClient:
    return sign_in(Role.LEAD)


def fill(session: Session) -> None:
    audit.record(session, "ann", "decision.confirm", "finding:1", note="=1+1", before={"state": "open"})
    audit.record(session, "bob", "decision.dismiss", "finding:12", note="")
    audit.record(session, "ann", "rule.threshold", "rule:ivory", share=0.25)
    session.commit()


def subjects(page: str) -> list[str]:
    return re.findall(r'<td data-heading="On"><code>(.*?)</code>', page)


def test_the_newest_entries_come_first_and_the_older_are_reached(lead: FlaskClient, session: Session) -> None:
    for number in range(55):
        audit.record(session, "mirela", "decision.confirm", f"finding:{number}", note="<b>bold</b>")
    session.commit()
    page = lead.get("/audit?actor=mirela").text
    assert page.index("finding:54") < page.index("finding:5<")
    assert "finding:4<" not in page
    assert "<b>bold</b>" not in page
    address = page.split('rel="next" href="')[1].split('"')[0].replace("&amp;", "&")
    assert "actor=mirela" in address
    assert "finding:4<" in lead.get(address).text


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("actor=ann", ["rule:ivory", "finding:1"]),
        ("action=decision.confirm", ["finding:1"]),
        ("action=decision.", ["finding:12", "finding:1"]),
        ("subject=finding:1", ["finding:1"]),
        ("subject=finding:&actor=bob", ["finding:12"]),
        ("subject=finding:%25", []),
        ("actor=ann&first_day=2020-01-01&last_day=2020-01-02", []),
        ("actor=ann&first_day=2020-01-01", ["rule:ivory", "finding:1"]),
        ("actor=bob&first_day=nonsense&before=no", ["finding:12"]),
    ],
)
def test_the_filters_stand_in_the_address(lead: FlaskClient, session: Session, query: str, found: list[str]) -> None:
    fill(session)
    assert subjects(lead.get(f"/audit?{query}").text) == found


def test_facts_are_read_as_a_list_and_names_are_offered(lead: FlaskClient, session: Session) -> None:
    fill(session)
    page = lead.get("/audit?actor=ann").text
    assert "<dt>share</dt><dd>0.25</dd>" in page
    assert "<dt>state</dt><dd>open</dd>" in page
    assert '<option value="bob">' in page and '<option value="rule.threshold">' in page


def test_a_verified_log_says_so_and_who_asked(lead: FlaskClient, session: Session, settings: Settings) -> None:
    fill(session)
    key = signing.signing_key(settings.home)
    chain.seal_all(session, settings.home, key)
    assert "has not been verified yet" in lead.get("/audit").text
    assert post(lead, "/audit/verify").status_code == 302
    page = lead.get("/audit").text
    assert "entries were as they were written" in page
    assert key.fingerprint in page
    entry = audit.last_verification(session)
    assert entry is not None and (entry.actor, entry.facts["faults"]) == ("lead", 0)


def test_what_is_wrong_with_the_log_stands_on_the_page(lead: FlaskClient, session: Session, settings: Settings) -> None:
    fill(session)
    chain.seal_all(session, settings.home, signing.signing_key(settings.home))
    entry = session.scalars(select(AuditEntry).where(AuditEntry.actor == "bob")).one()
    session.execute(text("DROP TRIGGER audit_entries_no_update"))
    session.execute(text("UPDATE audit_entries SET actor = 'eve' WHERE id = :id"), {"id": entry.id})
    session.commit()
    post(lead, "/audit/verify")
    page = lead.get("/audit").text
    assert f"Entry {entry.id} was changed after it was written (seal 1)." in page


def test_a_long_log_is_verified_in_the_background(
    lead: FlaskClient, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(view, "AT_ONCE", 0)
    fill(session)
    sent: list[tuple[object, ...]] = []
    monkeypatch.setattr(view, "enqueue", lambda *arguments: sent.append(arguments) or True)
    post(lead, "/audit/verify")
    assert sent == [(view.verify_later, "lead")]
    assert "is being verified" in lead.get("/audit").text
    assert audit.last_verification(session) is None


def test_the_log_is_taken_away_as_csv_without_formulas(lead: FlaskClient, session: Session) -> None:
    fill(session)
    audit.record(session, "=cmd()", "decision.confirm", "finding:3")
    session.commit()
    answer = lead.get("/audit/entries.csv?action=decision.")
    rows = list(csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig"))))
    assert [row["subject"] for row in rows] == ["finding:3", "finding:12", "finding:1"]
    assert rows[0]["actor"] == "'=cmd()"
    assert json.loads(rows[2]["facts"]) == {"before": {"state": "open"}, "note": "=1+1"}
    newest = audit.recent(session, 1)[0]
    assert (newest.action, newest.facts) == ("audit.export", {"format": "csv", "filters": {"action": "decision."}})


def test_the_signed_head_is_handed_out(lead: FlaskClient, session: Session, settings: Settings) -> None:
    assert lead.get("/audit/head.json").json == {}
    chain.seal_all(session, settings.home, signing.signing_key(settings.home))
    head = chain.Head.from_json(lead.get("/audit/head.json").text)
    assert head == chain.head(session)


def views(session: Session) -> list[tuple[str, str]]:
    seen = select(AuditEntry.actor, AuditEntry.subject).where(AuditEntry.action == audit.VIEWED)
    return [tuple(row) for row in session.execute(seen.order_by(AuditEntry.id))]


def open_page(client: FlaskClient, address: str) -> int:
    """As a server does: what is to be done after the answer is done when it is closed."""
    with client.get(address) as answer:
        return answer.status_code


def test_who_opened_which_finding_is_noted_once_an_hour(reviewer: FlaskClient, session: Session) -> None:
    finding = make_finding(session)
    session.commit()
    for _ in range(2):
        assert open_page(reviewer, f"/findings/{finding.id}") == 200
    assert open_page(reviewer, "/findings/99") == 404
    assert views(session) == [("reviewer", f"finding:{finding.id}")]


def test_an_hour_later_the_same_look_is_noted_again(session: Session) -> None:
    old = {"actor": "ann", "action": audit.VIEWED, "subject": "finding:1", "at": now() - timedelta(minutes=61)}
    add(session, AuditEntry(**old))
    assert audit.note_view(session, "ann", "finding:1")
    assert not audit.note_view(session, "ann", "finding:1")
    assert audit.note_view(session, "bob", "finding:1")


def test_who_downloaded_the_original_of_a_picture_is_noted(
    reviewer: FlaskClient, session: Session, settings: Settings
) -> None:
    sha256 = photos.store(open_store(settings), b"bytes of a picture")
    make_photo(session, body=b"bytes of a picture")
    session.commit()
    assert open_page(reviewer, f"/photos/{sha256}/original") == 200
    assert open_page(reviewer, f"/photos/{'0' * 64}/original") == 404
    assert views(session) == [("reviewer", f"photo:{sha256}")]
