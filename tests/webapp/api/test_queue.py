from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from tests.factories import make_finding, make_listing, make_source, make_user
from tests.webapp.api.conftest import Program, Write
from tests.webapp.services.test_blind import make_slice
from webapp.db import now
from webapp.models import (
    AuditEntry,
    FindingRow,
    FindingState,
    ListingRow,
    RecallItem,
    Recheck,
    RecheckState,
    ReviewClaim,
    Role,
    SavedFilter,
    User,
    Verdict,
)
from webapp.services import decisions, preferences, rechecks
from webapp.services.decisions import Choice
from webapp.services.search import keep


@pytest.fixture
def reviewer(program: Write) -> Program:
    return program(Role.REVIEWER)


def ids(page: dict) -> list[int]:  # type: ignore[type-arg]
    return [one["id"] for one in page["items"]]


def test_the_next_finding_is_taken_and_the_one_before_let_go(reviewer: Program, session: Session) -> None:
    first, second = make_finding(session, priority=3.0), make_finding(session, priority=2.0)
    session.commit()
    taken = reviewer.post("/queue/next", state="open").json
    assert (taken["finding"]["id"], taken["blind_waiting"]) == (first.id, 0)
    assert taken["finding"]["reasons"]["kind"] == "score" and taken["held_until"]
    assert session.get_one(ReviewClaim, first.listing_id).user.name == "reviewer"
    assert reviewer.post("/queue/next", after=first.id).json["finding"]["id"] == second.id
    session.expire_all()
    assert session.get(ReviewClaim, first.listing_id) is None
    seen = session.query(AuditEntry).filter_by(action="evidence.view").order_by(AuditEntry.id).all()
    assert [entry.subject for entry in seen] == [f"finding:{first.id}", f"finding:{second.id}"]
    assert seen[0].facts["token"].startswith("tusk_"), "which program looked"


def test_what_others_have_is_passed_over(reviewer: Program, session: Session) -> None:
    row = make_finding(session)
    session.add(ReviewClaim(listing_id=row.listing_id, user=make_user(session), until=now() + timedelta(hours=1)))
    session.commit()
    assert reviewer.post("/queue/next", state="open").json["finding"] is None


def test_findings_are_narrowed_by_everything_that_the_page_narrows_by(reviewer: Program, session: Session) -> None:
    source = make_source(session)
    named = make_listing(session, source, title="A netsuke of bone", seller="ann & co", language="en")
    wanted = make_finding(session, named, rule="elephant_seen", score=0.7, found_at=now() - timedelta(days=3))
    make_finding(session, make_listing(session, title="Teapot", seller="ben", language="de"), score=0.95)
    for listing in session.query(ListingRow):
        keep(session, listing)
    session.commit()
    day = (now() - timedelta(days=3)).date()
    for query in (
        f"source_id={source.id}",
        "rule=elephant_seen",
        "seller=ann+%26+co",
        "language=en",
        "score_from=0.6&score_to=0.8",
        f"found_from={day}&found_to={day}",
        "text=netsuke",
        "state=open&severity=medium&concept=elephant&seller=ann+%26+co",
    ):
        assert ids(reviewer.get(f"/findings?{query}")) == [wanted.id], query
    assert len(ids(reviewer.get("/findings"))) == 2


@pytest.mark.parametrize(
    "query", ["score_from=1.1", "score_to=nan", "found_from=soon", "severity=dire", "seller=%00", "cursor=nonsense"]
)
def test_filters_that_can_not_be_read_are_told(reviewer: Program, query: str) -> None:
    answer = reviewer.ask("GET", f"/findings?{query}")
    assert (answer.status_code, answer.content_type) == (422, "application/problem+json")


def test_filters_are_kept_shared_renamed_and_deleted(program: Write, session: Session) -> None:
    reviewer, viewer = program(Role.REVIEWER), program(Role.VIEWER)
    made = reviewer.post("/filters", name="Tusks", filters={"concept": "ivory", "source_id": 7, "text": "old tusk"})
    assert made.status_code == 201, made.text
    assert session.query(SavedFilter).one().arguments == {"concept": "ivory", "source": "7", "q": "old tusk"}
    assert viewer.get("/filters")["items"] == []
    path = f"/filters/{made.json['id']}"
    shared = reviewer.ask("PUT", path, json={"name": "Old tusks", "is_shared": True})
    assert shared.status_code == 200, shared.text
    (seen,) = viewer.get("/filters")["items"]
    assert (seen["name"], seen["by"], seen["filters"]["source_id"]) == ("Old tusks", "reviewer", 7)
    assert viewer.ask("PUT", path, json={"name": "Mine"}).status_code == 409
    assert viewer.ask("DELETE", path).status_code == 409
    assert viewer.post("/filters", name="Own", is_shared=True, filters={}).status_code == 409, "viewers share none"
    assert viewer.ask("PUT", "/filters/default", json={"filter_id": seen["id"]}).status_code == 204
    assert viewer.get("/filters")["items"][0]["is_default"]
    user = session.query(User).filter_by(name="viewer").one()
    assert preferences.of(user).queue_filter == seen["id"]
    assert viewer.ask("PUT", "/filters/default", json={"filter_id": 999}).status_code == 404
    assert reviewer.ask("DELETE", path).status_code == 204
    assert reviewer.get("/filters")["items"] == []


def test_kept_arguments_that_no_longer_fit_are_passed_over(reviewer: Program, session: Session) -> None:
    session.add(SavedFilter(user=owner_of(session), name="Old", arguments={"score_from": "x", "concept": "ivory"}))
    session.commit()
    (seen,) = reviewer.get("/filters")["items"]
    assert (seen["filters"]["concept"], seen["filters"]["score_from"]) == ("ivory", None)


def owner_of(session: Session) -> User:
    return session.query(User).filter_by(name="reviewer").one()


def test_what_a_batch_would_do_is_told_first(reviewer: Program, session: Session) -> None:
    waiting, held = make_finding(session), make_finding(session)
    decided = make_finding(session, state=FindingState.DISMISSED)
    session.add(ReviewClaim(listing_id=held.listing_id, user=make_user(session, "ben"), until=now() + timedelta(1)))
    session.commit()
    told = reviewer.post("/decisions/preview", finding_ids=[waiting.id, held.id, decided.id, 4711]).json
    assert (told["finding_ids"], told["decided_ids"], told["missing"]) == ([waiting.id], [decided.id], 1)
    assert told["held"][0]["finding_id"] == held.id and "ben" in told["held"][0]["why"]
    assert told["concepts"] == [{"name": "elephant", "number": 1}]
    assert reviewer.post("/decisions/preview", filters={"state": "dismissed"}).json["decided_ids"] == [decided.id]
    assert session.query(Recheck).count() == 0


def test_one_of_several_is_decided_otherwise(reviewer: Program, session: Session) -> None:
    row, other = make_finding(session), make_finding(session)
    session.commit()
    made = reviewer.post(
        f"/findings/{row.id}/decisions",
        verdict="confirm",
        also=[other.id],
        overrides={str(other.id): {"verdict": "dismiss", "reason": "toy_print_or_artwork"}},
    )
    assert made.status_code == 201, made.text
    session.expire_all()
    assert (row.state, other.state) == (FindingState.CONFIRMED, FindingState.DISMISSED)


def test_a_lead_takes_a_listing_over(program: Write, session: Session) -> None:
    row = make_finding(session)
    session.commit()
    reviewer, lead = program(Role.REVIEWER), program(Role.LEAD)
    path = f"/listings/{row.listing_id}/claim"
    assert reviewer.ask("PUT", path).json["by"] == "reviewer"
    assert lead.ask("PUT", path).json["by"] == "reviewer", "it stays theirs"
    assert lead.post(f"{path}/take-over").json["by"] == "lead"
    assert reviewer.post(f"{path}/take-over").status_code == 403


# Blind items


@pytest.fixture
def _drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every decision gets a second look."""
    monkeypatch.setattr(rechecks, "draw", lambda: 0.0)


@pytest.fixture
def second(session: Session, _drawn: None) -> FindingRow:
    """Confirmed by ann; a second look waits."""
    finding = make_finding(session)
    decisions.decide(session, make_user(session, "ann"), finding.id, Choice(Verdict.CONFIRM, "tusks"))
    session.commit()
    return finding


def test_a_second_look_is_given_blind(reviewer: Program, session: Session, second: FindingRow) -> None:
    item = reviewer.post("/blind/next", skip=None).json["item"]
    assert item["listing_id"] == second.listing_id
    path = f"/blind/{second.listing_id}"
    assert reviewer.post(path, answer="elephant", seal="0" * 64).status_code == 409, "another item was shown"
    assert reviewer.post(path, answer="unicorn", seal=item["seal"]).status_code == 422
    done = reviewer.post(path, answer="elephant", note="tusks", seconds=8.5, seal=item["seal"])
    assert done.status_code == 204, done.text
    session.expire_all()
    row = session.query(Recheck).one()
    assert (row.state, row.second.seconds) == (RecheckState.AGREED, 8.5)
    assert reviewer.post(path, answer="elephant", seal=item["seal"]).status_code == 409, "it is answered"
    assert reviewer.post("/blind/next", skip=None).json["item"] is None


@pytest.mark.usefixtures("second")
def test_nothing_tells_a_second_look_from_an_item_of_a_recall_audit(reviewer: Program, session: Session) -> None:
    make_slice(session)
    shown = {}
    for _ in range(2):
        item = reviewer.post("/blind/next", skip=None).json["item"]
        shown[item["listing_id"]] = item
        answer = reviewer.post(f"/blind/{item['listing_id']}", answer="other", seal=item["seal"])
        assert answer.status_code == 204, answer.text
        assert not answer.data
    one, other = shown.values()
    assert one.keys() == other.keys()
    told = str(shown)
    for word in ("second", "recall", "elephant", "confirm", "ann", "0.91", "stratum", "tusks"):
        assert word not in told, word
    assert session.query(RecallItem).one().answer == "other"


def test_a_blind_item_is_left_to_others(reviewer: Program, session: Session) -> None:
    first, other = make_slice(session, 2)
    seen = {reviewer.post("/blind/next", skip=first.listing_id).json["item"]["listing_id"] for _ in range(5)}
    assert seen == {other.listing_id}


def test_who_decided_gets_no_second_look_at_it(reviewer: Program, session: Session, _drawn: None) -> None:
    row = make_finding(session)
    session.commit()
    assert reviewer.post(f"/findings/{row.id}/decisions", verdict="confirm").status_code == 201
    assert session.query(Recheck).count() == 1
    assert reviewer.post("/blind/next", skip=None).json["item"] is None
