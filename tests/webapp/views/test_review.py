import html

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.factories import make_finding, make_listing, make_photo, make_scores, make_user, place_photo
from tests.webapp.views.conftest import SignIn, post
from tests.webapp.views.hostile import HOSTILE
from webapp.models import AuditEntry, Decision, FindingRow, FindingState, Role, Verdict


@pytest.fixture
def three(session: Session) -> list[FindingRow]:
    """Open findings, the most pressing first."""
    rows = [make_finding(session, priority=priority, score=priority - 2) for priority in (2.9, 2.8, 2.7)]
    session.commit()
    return rows


def test_the_finding_says_which_concepts_a_model_cannot_see(reviewer: FlaskClient, three: list[FindingRow]) -> None:
    page = reviewer.get(f"/findings/{three[0].id}").text
    unseen = page.split("Not seen by this model:")[1].split("</p>")[0]
    assert "ivory" in unseen
    assert "tiger tooth, claw or bone" in unseen
    assert "elephant" not in unseen


def test_the_finding_carries_its_evidence(reviewer: FlaskClient, three: list[FindingRow]) -> None:
    row = three[0]
    page = reviewer.get(f"/findings/{row.id}").text
    for words in (row.photo.sha256, row.model, row.model_digest, row.rule, "version 1", "The primary model was absent"):
        assert words in page
    assert 'aria-label="Score 0.910, threshold 0.500"' in page


def test_the_finding_shows_relistings_and_siblings(reviewer: FlaskClient, session: Session) -> None:
    row = make_finding(session)
    place_photo(session, make_listing(session, title="The same again"), row.photo)
    other = make_finding(session, row.listing, title="Suspected second thing")
    session.commit()
    page = reviewer.get(f"/findings/{row.id}").text
    assert "The same again" in page
    assert other.title in page
    assert "Also the other 1 of this listing" in page


def test_a_finding_by_words_alone_has_a_page(reviewer: FlaskClient, session: Session) -> None:
    row = make_finding(session, words_only=True)
    session.commit()
    page = reviewer.get(f"/findings/{row.id}").text
    assert "No picture: the words of the listing alone met this rule." in page
    assert "/photos/" not in page


def test_a_viewer_reads_but_has_no_form(sign_in: SignIn, three: list[FindingRow]) -> None:
    page = sign_in(Role.VIEWER).get(f"/findings/{three[0].id}").text
    assert "a reviewer decides" in page
    assert 'name="verdict"' not in page


@pytest.mark.parametrize("verdict", list(Verdict))
def test_a_decision_is_recorded_and_leads_to_the_next(
    reviewer: FlaskClient, three: list[FindingRow], session: Session, verdict: Verdict
) -> None:
    first, second, _ = three
    answer = post(reviewer, f"/findings/{first.id}", verdict=verdict.value, note="  plastic  ")
    assert answer.location == f"/findings/{second.id}"
    session.expire_all()
    decision = session.query(Decision).one()
    assert (decision.finding_id, decision.verdict, decision.note, decision.user.name) == (
        first.id,
        verdict,
        "plastic",
        "reviewer",
    )
    assert first.state is verdict.state
    assert session.query(AuditEntry).filter_by(action=f"decision.{verdict.value}").one().actor == "reviewer"
    page = reviewer.get(answer.location).text
    assert f'<a href="/findings/{first.id}">Go back to it</a>' in page


def test_the_other_findings_of_the_listing_are_decided_alike(reviewer: FlaskClient, session: Session) -> None:
    row = make_finding(session)
    make_finding(session, row.listing)
    session.commit()
    post(reviewer, f"/findings/{row.id}", verdict="dismiss", with_siblings="y")
    assert session.query(Decision).count() == 2


def test_the_tick_counts_only_findings_that_wait(reviewer: FlaskClient, session: Session) -> None:
    row = make_finding(session)
    make_finding(session, row.listing, state=FindingState.DISMISSED)
    session.commit()
    assert "Also the other" not in reviewer.get(f"/findings/{row.id}").text


def test_without_the_tick_the_other_findings_wait(reviewer: FlaskClient, session: Session) -> None:
    row = make_finding(session)
    make_finding(session, row.listing)
    session.commit()
    post(reviewer, f"/findings/{row.id}", verdict="dismiss")
    assert session.query(Decision).count() == 1


def test_reviewing_goes_on_under_the_same_filters(reviewer: FlaskClient, session: Session) -> None:
    first = make_finding(session, concept="tiger", priority=4.5)
    make_finding(session, priority=4.4)
    third = make_finding(session, concept="tiger", priority=4.3)
    session.commit()
    answer = post(reviewer, f"/findings/{first.id}?concept=tiger", verdict="confirm")
    assert answer.location == f"/findings/{third.id}?concept=tiger"


def test_after_the_last_comes_the_queue(reviewer: FlaskClient, session: Session) -> None:
    row = make_finding(session)
    session.commit()
    answer = post(reviewer, f"/findings/{row.id}", verdict="confirm")
    assert answer.location == "/queue"
    assert "Nothing else waits" in reviewer.get("/queue").text


def test_a_note_that_is_too_long_stays_in_the_form(
    reviewer: FlaskClient, three: list[FindingRow], session: Session
) -> None:
    note = "n" * 2001
    answer = post(reviewer, f"/findings/{three[0].id}", verdict="confirm", note=note)
    assert answer.status_code == 422
    assert note in answer.text
    assert "Shorten the note" in answer.text
    assert session.query(Decision).count() == 0


@pytest.mark.parametrize("verdict", ["", "shred", "CONFIRM"])
def test_an_unknown_verdict_is_refused(
    reviewer: FlaskClient, three: list[FindingRow], session: Session, verdict: str
) -> None:
    answer = post(reviewer, f"/findings/{three[0].id}", verdict=verdict)
    assert answer.status_code == 422
    assert "Choose confirm, dismiss or escalate." in answer.text
    assert session.query(Decision).count() == 0


def test_a_finding_that_is_not_there_is_a_404(reviewer: FlaskClient) -> None:
    assert reviewer.get("/findings/999").status_code == 404
    assert post(reviewer, "/findings/999", verdict="confirm").status_code == 404


def test_previous_leads_back_along_the_way(reviewer: FlaskClient, three: list[FindingRow]) -> None:
    first, second, _ = three
    assert 'data-key="p"' not in reviewer.get(f"/findings/{first.id}").text
    page = reviewer.get(f"/findings/{second.id}").text
    assert f'data-key="p" href="/findings/{first.id}"' in page


@pytest.mark.parametrize("words", HOSTILE)
def test_what_a_seller_writes_is_only_ever_text(reviewer: FlaskClient, session: Session, words: str) -> None:
    listing = make_listing(session, title=words, description=words, seller=words, country="XX")
    row = make_finding(session, listing)
    post_note(session, row, words)
    session.commit()
    for address in ("/queue", f"/findings/{row.id}"):
        page = reviewer.get(address).text
        assert str(html.escape(words)).replace("&#x27;", "&#39;").replace("&quot;", "&#34;") in page
        if "<" in words:
            assert words not in page


def post_note(session: Session, row: FindingRow, note: str) -> None:
    session.add(Decision(finding=row, user=make_user(session), verdict=Verdict.ESCALATE, note=note))


@pytest.mark.parametrize(
    "address", ["javascript:alert(1)", "data:text/html,<b>", "file:///etc/passwd", "//x", "http://["]
)
def test_an_address_that_a_browser_should_not_open_is_no_link(
    reviewer: FlaskClient, session: Session, address: str
) -> None:
    row = make_finding(session, make_listing(session, url=address))
    session.commit()
    page = reviewer.get(f"/findings/{row.id}").text
    assert f'href="{html.escape(address)}' not in page
    assert html.escape(address) in page


def test_the_link_to_the_marketplace_tells_it_nothing(reviewer: FlaskClient, session: Session) -> None:
    row = make_finding(session, make_listing(session, url="http://127.0.0.1:8001/listings/1"))
    session.commit()
    page = reviewer.get(f"/findings/{row.id}").text
    assert 'href="http://127.0.0.1:8001/listings/1" rel="noopener noreferrer"' in page


def test_no_page_calls_anything_unlawful_by_itself(reviewer: FlaskClient, three: list[FindingRow]) -> None:
    for address in ("/", "/queue", f"/findings/{three[0].id}", "/rules", "/scans", "/reports"):
        page = reviewer.get(address).text.lower()
        assert "illegal" not in page
        assert "a score is a suspicion, not proof." in page


def test_scores_of_a_picture_that_was_not_flagged_by_them_have_no_mark(reviewer: FlaskClient, session: Session) -> None:
    listing = make_listing(session)
    photo = make_photo(session, listing)
    make_scores(session, photo, elephant=0.91, tiger=0.33)
    row = make_finding(session, listing, photo)
    session.commit()
    page = reviewer.get(f"/findings/{row.id}").text
    assert 'aria-label="Score 0.330"' in page
