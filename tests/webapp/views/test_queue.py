import html
import re
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.factories import make_finding, make_listing, make_source, make_user
from tests.webapp.views.conftest import SignIn, post, token_of
from tests.webapp.views.hostile import HOSTILE
from webapp.db import now
from webapp.models import Decision, FindingRow, FindingState, ReviewClaim, Role, SavedFilter, User, Verdict
from webapp.services import queue, search


def shown(page: str) -> list[int]:
    """The findings that a page of the queue has cards for."""
    return [int(number) for number in re.findall(r'stretched-link" href="/findings/(\d+)', page)]


@pytest.fixture
def three(session: Session) -> list[FindingRow]:
    """Open findings, the most pressing first."""
    rows = [make_finding(session, priority=priority, score=priority - 2) for priority in (2.9, 2.8, 2.7)]
    session.commit()
    return rows


def test_the_queue_shows_what_a_reviewer_weighs(reviewer: FlaskClient, session: Session) -> None:
    source = make_source(session, "Harbour Street")
    listing = make_listing(session, source, title="Old tusk", seller="harbour_antik", price=1250, currency="EUR")
    make_finding(session, listing, severity="high")
    session.commit()
    page = reviewer.get("/queue").text
    for words in ("Old tusk", "harbour_antik", "1,250.00", "EUR", "Harbour Street", "high", "threshold 0.500", "0.910"):
        assert words in page
    assert "Suspected" in page


def test_the_most_pressing_come_first(reviewer: FlaskClient, three: list[FindingRow]) -> None:
    assert shown(reviewer.get("/queue").text) == [row.id for row in three]


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("concept=tiger", [1]),
        ("severity=low", [2]),
        ("state=confirmed", [3]),
        ("rule=tiger_seen", [1]),
        ("seller=ann", [2]),
        ("language=de", [1]),
        ("score_from=0.95", [1]),
        ("score_to=0.95", [2]),
        ("found_from=2999-01-01", []),
        ("found_to=2000-01-01", []),
        ("q=bronze", [2]),
        ("q=bronz&severity=low", [2]),
        ("", [1, 2]),
        ("concept=nonsense&rule=none&language=xx&score_from=2&score_to=nan&found_from=soon&q=!!&source=x", [1, 2]),
        ("state=nonsense", [1, 2]),
        ("seller=" + "x" * 400, [1, 2]),
        ("source=99999999999999999999", [1, 2]),
    ],
)
def test_the_queue_is_narrowed(reviewer: FlaskClient, session: Session, query: str, numbers: list[int]) -> None:
    bronze = make_listing(session, title="Bronze figure", seller="ann")
    search.keep(session, bronze)
    make_finding(session, concept="tiger", severity="high", rule="tiger_seen", language="de", score=0.96, priority=3)
    make_finding(session, bronze, severity="low", priority=2)
    make_finding(session, state=FindingState.CONFIRMED)
    session.commit()
    assert shown(reviewer.get(f"/queue?{query}").text) == numbers


def test_filters_stay_in_every_address_of_the_page(reviewer: FlaskClient, session: Session) -> None:
    for _ in range(21):
        make_finding(session, concept="tiger", score=0.9)
    session.commit()
    page = html.unescape(reviewer.get("/queue?concept=tiger&score_from=0.5").text)
    for address in ("/queue/next?", "/queue/batch?", "/findings/21?", "/queue?"):
        assert re.search(rf'="{re.escape(address)}[^"]*concept=tiger[^"]*score_from=0.5', page), address
    assert 'rel="next" href="/queue?concept=tiger&score_from=0.5&after=' in page


def test_counts_of_the_states_are_under_the_same_filters(reviewer: FlaskClient, session: Session) -> None:
    make_finding(session, concept="tiger")
    make_finding(session)
    make_finding(session, concept="tiger", state=FindingState.CONFIRMED)
    session.commit()
    page = reviewer.get("/queue?concept=tiger").text
    assert re.findall(r'class="count">(\d+)<', page) == ["1", "0", "1", "0", "0"]


def test_a_long_queue_is_walked_forth_and_back(reviewer: FlaskClient, session: Session) -> None:
    ids = [make_finding(session, priority=9 - n / 10).id for n in range(45)]
    session.commit()
    pages = [reviewer.get("/queue").text]
    while address := next_address(pages[-1], "next"):
        pages.append(reviewer.get(address).text)
    assert [number for page in pages for number in shown(page)] == ids
    back = reviewer.get(next_address(pages[-1], "prev") or "").text
    assert shown(back) == shown(pages[1])
    assert next_address(pages[0], "prev") is None
    assert shown(reviewer.get(next_address(back, "prev") or "").text) == shown(pages[0])


def next_address(page: str, rel: str) -> str | None:
    match = re.search(rf'rel="{rel}" href="([^"]+)"', page)
    return html.unescape(match[1]) if match else None


def test_an_empty_queue_says_why_and_where_to_go(reviewer: FlaskClient) -> None:
    assert "A scan brings new findings" in reviewer.get("/queue").text
    assert "fits these filters" in reviewer.get("/queue?concept=tiger").text
    assert "No finding is in this state" in reviewer.get("/queue?state=withdrawn").text


def test_a_card_says_who_has_the_listing(sign_in: SignIn, three: list[FindingRow], session: Session) -> None:
    until = now() + timedelta(minutes=5)
    ann = make_user(session, "ann")
    session.add(ReviewClaim(listing_id=three[0].listing_id, user_id=ann.id, until=until))
    session.commit()
    client = sign_in(Role.REVIEWER)
    me = session.query(User).filter_by(name="reviewer").one()
    session.add(ReviewClaim(listing_id=three[1].listing_id, user_id=me.id, until=until))
    session.commit()
    page = client.get("/queue").text
    assert "ann has this listing" in page
    assert page.count("You have this listing before you") == 1


def test_the_seller_on_a_card_leads_to_what_else_of_them_waits(reviewer: FlaskClient, session: Session) -> None:
    make_finding(session, make_listing(session, seller="ann & co"))
    session.commit()
    assert 'class="finding-seller" href="/queue?seller=ann+%26+co"' in reviewer.get("/queue").text


@pytest.mark.parametrize("words", HOSTILE)
def test_what_strangers_and_colleagues_write_is_only_ever_text(
    reviewer: FlaskClient, session: Session, words: str
) -> None:
    row = make_finding(session, make_listing(session, title=words, seller=words))
    session.add(SavedFilter(user_id=make_user(session).id, name=words[:80], arguments={"q": words}, is_shared=True))
    session.commit()
    batch = post(reviewer, "/queue/batch", finding=str(row.id)).text
    for page in (reviewer.get("/queue").text, batch, reviewer.get("/queue", query_string={"q": words}).text):
        if "<" in words:
            assert words not in page


@pytest.mark.usefixtures("three")
def test_a_viewer_has_nothing_to_tick(sign_in: SignIn) -> None:
    page = sign_in(Role.VIEWER).get("/queue").text
    assert "data-pick" not in page
    assert len(shown(page)) == 3


# Batches


def send(client: FlaskClient, address: str, ids: list[int], **fields: str):  # type: ignore[no-untyped-def]
    return client.post(address, data={"csrf_token": token_of(client), "finding": ids, **fields})


def test_a_batch_first_says_what_it_will_do(reviewer: FlaskClient, session: Session) -> None:
    source = make_source(session, "Harbour Street")
    mine = [make_finding(session, make_listing(session, source, seller="bob"), concept="tiger") for _ in range(2)]
    held, decided = make_finding(session), make_finding(session, state=FindingState.DISMISSED)
    ann = make_user(session, "ann")
    session.add(ReviewClaim(listing_id=held.listing_id, user_id=ann.id, until=now() + timedelta(minutes=5)))
    session.commit()
    answer = send(reviewer, "/queue/batch?concept=tiger", [row.id for row in (*mine, held, decided)] + [999])
    page = " ".join(answer.text.split())
    assert answer.status_code == 200
    assert "2 findings will be decided alike. They are of 2 listings. Nothing has been decided yet." in page
    assert re.search(r"<span>tiger</span> <span class=\"count\">2<", page)
    assert re.search(r"<span>Harbour Street</span> <span class=\"count\">2<", page)
    assert re.search(r"<span>bob</span> <span class=\"count\">2<", page)
    assert "ann has this listing" in page
    assert "decided meanwhile" in page
    assert "One is not there any more." in page
    assert set(re.findall(r'name="finding" value="(\d+)"', page)) == {str(row.id) for row in mine}
    assert session.query(Decision).count() == 0


def test_a_batch_is_decided_and_can_be_taken_back(
    reviewer: FlaskClient, three: list[FindingRow], session: Session
) -> None:
    ids = [row.id for row in three[:2]]
    answer = send(reviewer, "/queue/batch/decide?concept=elephant", ids, verdict="dismiss", note=" plastic ")
    assert answer.location == "/queue?concept=elephant"
    decisions = session.query(Decision).all()
    assert [(one.finding_id, one.verdict, one.note) for one in decisions] == [
        (number, Verdict.DISMISS, "plastic") for number in ids
    ]
    assert len({one.batch for one in decisions}) == 1
    page = reviewer.get(answer.location).text
    assert "Dismissed: 2 findings." in page
    assert f'name="batch" value="{decisions[0].batch}"' in page
    assert shown(page) == [three[2].id]
    post(reviewer, "/decisions/undo", batch=str(decisions[0].batch))
    assert shown(reviewer.get("/queue").text) == [row.id for row in three]


def test_a_batch_leaves_out_what_others_took_meanwhile(
    reviewer: FlaskClient, three: list[FindingRow], session: Session
) -> None:
    ann = make_user(session, "ann")
    session.add(ReviewClaim(listing_id=three[0].listing_id, user_id=ann.id, until=now() + timedelta(minutes=5)))
    three[1].state = FindingState.CONFIRMED
    session.commit()
    answer = send(reviewer, "/queue/batch/decide", [row.id for row in three], verdict="confirm")
    page = reviewer.get(answer.location).text
    assert [one.finding_id for one in session.query(Decision)] == [three[2].id]
    assert "Confirmed: one finding." in page
    assert f"Left out: finding {three[0].id}." in page
    assert f"Left out: finding {three[1].id}." in page


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "Choose confirm"),
        ({"verdict": "shred"}, "Choose confirm"),
        ({"verdict": "confirm", "note": "n" * 2001}, "Shorten"),
    ],
)
def test_a_batch_that_lacks_something_stays_on_its_page(
    reviewer: FlaskClient, three: list[FindingRow], session: Session, fields: dict, words: str
) -> None:
    answer = send(reviewer, "/queue/batch/decide", [three[0].id], **fields)
    assert answer.status_code == 422
    assert words in answer.text
    assert f'name="finding" value="{three[0].id}"' in answer.text
    assert session.query(Decision).count() == 0


@pytest.mark.parametrize("address", ["/queue/batch", "/queue/batch/decide"])
@pytest.mark.parametrize("ids", [[], ["x"], ["9" * 30]])
def test_without_a_tick_nothing_happens(reviewer: FlaskClient, address: str, ids: list, session: Session) -> None:
    answer = send(reviewer, address, ids, verdict="confirm")
    assert answer.location == "/queue"
    assert session.query(Decision).count() == 0


def test_all_under_the_filters_can_be_taken_up_to_the_limit(
    reviewer: FlaskClient, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    tigers = [make_finding(session, concept="tiger", priority=9 - n) for n in range(3)]
    make_finding(session, priority=99)
    session.commit()
    page = send(reviewer, "/queue/batch?concept=tiger", [], all="1").text
    assert re.findall(r'name="finding" value="(\d+)"', page) == [str(row.id) for row in tigers]
    monkeypatch.setattr(queue.first_ids, "__defaults__", (2,))
    page = send(reviewer, "/queue/batch?concept=tiger", [], all="1").text
    assert len(re.findall(r'name="finding"', page)) == 2


# Saved filters


def test_a_filter_is_saved_followed_renamed_and_deleted(reviewer: FlaskClient, session: Session) -> None:
    answer = post(reviewer, "/queue/filters?concept=tiger&score_from=0.5&junk=1&rule=none", name="  Sure   tigers ")
    row = session.query(SavedFilter).one()
    assert (row.name, row.arguments, row.is_shared) == ("Sure tigers", {"concept": "tiger", "score_from": "0.5"}, False)
    assert answer.location == "/queue?concept=tiger&score_from=0.5"
    page = html.unescape(reviewer.get(answer.location).text)
    assert '<a class="saved-filter" href="/queue?concept=tiger&score_from=0.5" aria-current="true">Sure tigers' in page
    post(reviewer, f"/queue/filters/{row.id}", name="Tigers", is_shared="y")
    session.refresh(row)
    assert (row.name, row.is_shared) == ("Tigers", True)
    post(reviewer, f"/queue/filters/{row.id}/delete")
    assert session.query(SavedFilter).count() == 0


def test_saving_under_a_name_again_replaces_it(reviewer: FlaskClient, session: Session) -> None:
    post(reviewer, "/queue/filters?concept=tiger", name="Mine")
    post(reviewer, "/queue/filters?concept=ivory", name="Mine")
    assert [row.arguments for row in session.query(SavedFilter)] == [{"concept": "ivory"}]


@pytest.mark.parametrize("name", ["", "   ", "n" * 81])
def test_a_filter_needs_a_name(reviewer: FlaskClient, session: Session, name: str) -> None:
    answer = post(reviewer, "/queue/filters?concept=tiger", name=name)
    assert "Give the filter a name" in answer.text + reviewer.get("/queue").text
    assert session.query(SavedFilter).count() == 0


def test_shared_filters_are_seen_by_all_and_changed_by_their_owner(sign_in: SignIn, session: Session) -> None:
    ann = make_user(session, "ann")
    rows = [
        SavedFilter(user_id=ann.id, name=name, arguments={"concept": "tiger"}, is_shared=name == "Shared")
        for name in ("Shared", "Private")
    ]
    session.add_all(rows)
    session.commit()
    client = sign_in(Role.REVIEWER)
    page = client.get("/queue").text
    assert "Shared" in page
    assert "by ann" in page
    assert "Private" not in page
    assert post(client, f"/queue/filters/{rows[0].id}", name="Taken").status_code == 409
    assert post(client, f"/queue/filters/{rows[0].id}/delete").status_code == 409
    for deed in ("", "/delete"):
        assert post(client, f"/queue/filters/{rows[1].id}{deed}", name="x").status_code == 404
    assert post(sign_in(Role.LEAD), f"/queue/filters/{rows[0].id}/delete").status_code == 302
    assert [row.name for row in session.query(SavedFilter)] == ["Private"]


def test_a_viewer_keeps_filters_but_shares_none(sign_in: SignIn, session: Session) -> None:
    viewer = sign_in(Role.VIEWER)
    assert post(viewer, "/queue/filters?concept=tiger", name="Mine").status_code == 302
    assert post(viewer, "/queue/filters?concept=tiger", name="Ours", is_shared="y").status_code == 409
    assert [row.name for row in session.query(SavedFilter)] == ["Mine"]


def test_a_name_is_given_once(reviewer: FlaskClient, session: Session) -> None:
    post(reviewer, "/queue/filters?concept=tiger", name="One")
    post(reviewer, "/queue/filters?concept=ivory", name="Two")
    row = session.query(SavedFilter).filter_by(name="Two").one()
    assert post(reviewer, f"/queue/filters/{row.id}", name="One").status_code == 409


def test_the_queue_begins_with_ones_own_filter(reviewer: FlaskClient, session: Session) -> None:
    tiger, other = make_finding(session, concept="tiger"), make_finding(session)
    session.commit()
    post(reviewer, "/queue/filters?concept=tiger", name="Tigers")
    row = session.query(SavedFilter).one()
    post(reviewer, "/queue/filters/default", filter=str(row.id))
    page = reviewer.get("/queue").text
    assert shown(page) == [tiger.id]
    assert "yours to begin with" in page
    assert set(shown(reviewer.get("/queue?state=open").text)) == {tiger.id, other.id}
    assert reviewer.get("/queue/next").location == f"/findings/{tiger.id}?concept=tiger"
    post(reviewer, "/queue/filters/default", filter="")
    assert len(shown(reviewer.get("/queue").text)) == 2
    post(reviewer, "/queue/filters/default", filter=str(row.id))
    post(reviewer, f"/queue/filters/{row.id}/delete")
    assert len(shown(reviewer.get("/queue").text)) == 2
    assert post(reviewer, "/queue/filters/default", filter="999").status_code == 404
