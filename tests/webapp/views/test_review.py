import html
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.factories import make_finding, make_listing, make_photo, make_scores, make_user, place_photo
from tests.webapp.views.conftest import SignIn, post, token_of
from tests.webapp.views.hostile import HOSTILE
from webapp.models import AuditEntry, Decision, FindingRow, FindingState, NearPhoto, ReviewClaim, Role, Verdict
from webapp.services.decisions import Choice, decide
from webapp.settings import Settings
from webapp.views.answering import AHEAD


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
    assert "Decides this finding and 1 more" in page


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
    assert reviewer.get(answer.location).location == f"/findings/{second.id}"
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
    page = reviewer.get(f"/findings/{second.id}").text
    assert f'<a href="/findings/{first.id}">Go back to it</a>' in page
    assert f'name="batch" value="{decision.batch}"' in page


def test_the_other_findings_of_the_listing_are_decided_alike(reviewer: FlaskClient, session: Session) -> None:
    row = make_finding(session)
    make_finding(session, row.listing)
    session.commit()
    post(reviewer, f"/findings/{row.id}", verdict="dismiss", also=str(row.id + 1))
    assert session.query(Decision).count() == 2


def test_the_tick_counts_only_findings_that_wait(reviewer: FlaskClient, session: Session) -> None:
    row = make_finding(session)
    make_finding(session, row.listing, state=FindingState.DISMISSED)
    session.commit()
    assert 'name="also"' not in reviewer.get(f"/findings/{row.id}").text


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
    assert reviewer.get(answer.location).location == f"/findings/{third.id}?concept=tiger"


def test_after_the_last_comes_the_queue(reviewer: FlaskClient, session: Session) -> None:
    row = make_finding(session)
    session.commit()
    answer = post(reviewer, f"/findings/{row.id}", verdict="confirm")
    assert "Nothing else waits" in reviewer.get(answer.location, follow_redirects=True).text


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
    assert f'data-key="p" data-step="previous" href="/findings/{first.id}"' in page


def test_a_page_that_is_fetched_beforehand_is_not_noted_as_looked_at(
    reviewer: FlaskClient, three: list[FindingRow]
) -> None:
    first, second, third = three
    reviewer.get(f"/findings/{first.id}")
    page = reviewer.get(f"/findings/{second.id}", headers={AHEAD: "yes"}).text
    assert f'data-step="previous" href="/findings/{first.id}"' in page
    assert f'data-step="previous" href="/findings/{first.id}"' in reviewer.get(f"/findings/{third.id}").text


def test_a_form_that_is_sent_twice_is_heard_once(
    reviewer: FlaskClient, three: list[FindingRow], session: Session
) -> None:
    for _ in range(2):
        answer = post(reviewer, f"/findings/{three[0].id}", verdict="confirm")
        assert answer.location == f"/queue/next?after={three[0].id}"
    assert session.query(Decision).count() == 1


def test_somebody_elses_decision_is_shown_and_not_overrun(
    reviewer: FlaskClient, three: list[FindingRow], session: Session
) -> None:
    decide(session, make_user(session), three[0].id, Choice(Verdict.DISMISS))
    session.commit()
    answer = post(reviewer, f"/findings/{three[0].id}", verdict="confirm")
    assert answer.location == f"/findings/{three[0].id}"
    page = reviewer.get(answer.location).text
    assert "This finding was decided meanwhile" in page
    assert 'name="verdict" value="confirm"' not in page
    session.expire_all()
    assert three[0].state is FindingState.DISMISSED


def test_a_script_gets_facts_and_no_page(reviewer: FlaskClient, three: list[FindingRow]) -> None:
    first, second, _ = three
    asks = {"Accept": "application/json"}
    fields = {"csrf_token": token_of(reviewer), "verdict": "confirm", "showing": str(second.id), "seconds_seen": "4.2"}
    facts = reviewer.post(f"/findings/{first.id}", data=fields, headers=asks).get_json()
    assert facts["said"] == "Confirmed: Suspected elephant in the picture."
    assert facts["claim"]["is_mine"] is True
    assert facts["undo_s"] == 60
    undone = reviewer.post("/decisions/undo", data={**fields, "batch": facts["batch"]}, headers=asks)
    assert undone.get_json() == {"said": "Taken back: the decision.", "address": f"/findings/{first.id}"}
    again = reviewer.post("/decisions/undo", data={**fields, "batch": facts["batch"]}, headers=asks)
    assert (again.status_code, "taken back since" in again.get_json()["error"]) == (409, True)
    wrong = reviewer.post(f"/findings/{second.id}", data={**fields, "verdict": "shred"}, headers=asks)
    assert (wrong.status_code, wrong.get_json()) == (422, {"error": "Choose confirm, dismiss or escalate."})


def test_what_was_ticked_goes_into_the_note(reviewer: FlaskClient, session: Session) -> None:
    row = make_finding(session, concept="ivory")
    session.commit()
    post(
        reviewer,
        f"/findings/{row.id}",
        verdict="dismiss",
        note="seen twice",
        cue="dark_pits",
        reason="look_alike_material",
    )
    note = session.query(Decision).one().note
    assert note.startswith("seen twice\nLooked at: Dark pits or short dark lines")


def test_a_reason_that_does_not_fit_stays_in_the_form(
    reviewer: FlaskClient, three: list[FindingRow], session: Session
) -> None:
    answer = post(reviewer, f"/findings/{three[0].id}", verdict="confirm", reason="look_alike_material")
    assert answer.status_code == 422
    assert "This reason does not fit the decision" in answer.text
    assert session.query(Decision).count() == 0


def test_a_decision_is_revised_on_its_page(reviewer: FlaskClient, three: list[FindingRow], session: Session) -> None:
    row = three[0]
    post(reviewer, f"/findings/{row.id}", verdict="confirm")
    made = session.query(Decision).one()
    assert f'action="/decisions/{made.id}/revise"' in reviewer.get(f"/findings/{row.id}").text
    answer = post(reviewer, f"/decisions/{made.id}/revise", verdict="dismiss", note="resin")
    page = reviewer.get(answer.location).text
    assert "The earlier decision is kept beside it." in page
    assert "a revision" in page
    session.expire_all()
    assert row.state is FindingState.DISMISSED


def test_nobody_revises_what_another_decided(reviewer: FlaskClient, three: list[FindingRow], session: Session) -> None:
    made = decide(session, make_user(session), three[0].id, Choice(Verdict.DISMISS)).decisions[0]
    session.commit()
    assert "/revise" not in reviewer.get(f"/findings/{three[0].id}").text
    assert post(reviewer, f"/decisions/{made.id}/revise", verdict="confirm").status_code == 409


def test_a_second_person_reads_who_has_it(sign_in: SignIn, three: list[FindingRow]) -> None:
    sign_in(Role.REVIEWER).get(f"/findings/{three[0].id}")
    page = sign_in(Role.LEAD).get(f"/findings/{three[0].id}").text
    assert "reviewer has this listing, for 15 minutes at most." in page
    assert "Take it over" in page
    assert 'name="verdict" value="confirm"' not in page


def test_a_viewer_claims_nothing(sign_in: SignIn, three: list[FindingRow], session: Session) -> None:
    client = sign_in(Role.VIEWER)
    client.get(f"/findings/{three[0].id}")
    client.get("/queue/next")
    assert session.query(ReviewClaim).count() == 0


def test_the_words_of_the_trade_are_marked_and_told(reviewer: FlaskClient, session: Session) -> None:
    listing = make_listing(session, title="Old ivory <b>figure</b>", description="bovine bone box")
    row = make_finding(session, listing, concept="ivory")
    session.commit()
    page = reviewer.get(f"/findings/{row.id}").text
    assert 'class="term term-plain" title="“ivory”: it names ivory' in page
    assert "term-coded" in page
    assert "&lt;b&gt;figure" in page


def test_the_law_is_dated_cited_and_says_what_nobody_checked(reviewer: FlaskClient, session: Session) -> None:
    row = make_finding(session, concept="ivory")
    session.commit()
    page = reviewer.get(f"/findings/{row.id}").text
    for words in ("Ivory Act 2018", "in force from 2022-06-06", "checked 2026-11", "unverified", "Not legal advice"):
        assert words in page
    post(reviewer, "/look", name="country", value="JP", back=f"/findings/{row.id}")
    assert "What the law asks: Japan" in reviewer.get(f"/findings/{row.id}").text


def test_the_seller_and_duplicates_are_shown_apart(reviewer: FlaskClient, session: Session) -> None:
    row = make_finding(session, make_listing(session, seller="harbour"))
    other = make_finding(session, make_listing(session, row.listing.source, seller="harbour", title="Second offer"))
    decide(session, make_user(session, "ben"), other.id, Choice(Verdict.CONFIRM, "known to us"))
    place_photo(session, make_listing(session, title="The same again"), row.photo)
    near = make_finding(session, make_listing(session, title="Cut and saved"))
    assert row.photo and near.photo
    row.photo.pixel_hash, near.photo.pixel_hash = "a" * 64, "b" * 64
    session.add(NearPhoto(photo_id=row.photo_id, other_id=near.photo_id, distance=17))
    session.commit()
    page = reviewer.get(f"/findings/{row.id}").text
    exact = page.split("The very same picture elsewhere")[1].split("</section>")[0]
    alike = page.split("Pictures that look alike")[1].split("</section>")[0]
    seller = page.split('id="seller"')[1].split("</section>")[0]
    assert "The same again" in exact and "not flagged" in exact and "Cut and saved" not in exact
    assert "Cut and saved" in alike and "17 of 256 bits differ" in alike
    assert "Second offer" in seller and "known to us" in seller and "1 other listing" in seller


def test_a_pack_that_cannot_be_read_holds_up_nobody(
    reviewer: FlaskClient, three: list[FindingRow], settings: Settings, tmp_path: Path, session: Session
) -> None:
    settings.pack = str(tmp_path / "no-pack")
    assert reviewer.get(f"/findings/{three[0].id}").status_code == 200
    post(reviewer, f"/findings/{three[0].id}", verdict="confirm")
    assert session.query(Decision).count() == 1


@pytest.mark.parametrize(("name", "value"), [("blur", "2"), ("colour", "1"), ("country", "XX"), ("", "")])
def test_a_look_that_is_none_is_refused(reviewer: FlaskClient, name: str, value: str) -> None:
    assert post(reviewer, "/look", name=name, value=value).status_code == 400


def test_a_switch_leads_back_within_this_site_alone(reviewer: FlaskClient) -> None:
    assert post(reviewer, "/look", name="grey", value="0", back="https://evil.example/").location == "/queue"
    assert 'class="is-veiled"' in reviewer.get("/").text


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
