from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.factories import make_finding
from webapp.models import FindingState, FindingTerm


def test_the_lexicon_says_what_a_coded_word_may_do(reviewer: FlaskClient) -> None:
    page = reviewer.get("/lexicon").text
    assert "alone it never flags" in page and "never alone" in page
    assert "象牙" in page and "ox bone" in page


def test_a_filter_in_the_address_narrows_it_down(reviewer: FlaskClient) -> None:
    page = reviewer.get("/lexicon?language=zh&kind=coded&concept=ivory").text
    assert "血牙" in page and "ox bone" not in page
    assert '<option selected value="zh">' in page
    assert "No word fits these filters." in reviewer.get("/lexicon?q=no+such+word").text


def test_a_filter_that_is_none_is_as_none(reviewer: FlaskClient) -> None:
    answer = reviewer.get("/lexicon?language=xx&kind=%00&concept=" + "x" * 500 + "&q=" + "y" * 5000)
    assert answer.status_code == 200


def test_what_is_searched_for_stands_as_text(reviewer: FlaskClient) -> None:
    assert "<script>alert" not in reviewer.get("/lexicon?q=<script>alert(1)</script>").text


def test_verdicts_show_as_the_live_precision_of_a_word(reviewer: FlaskClient, session: Session) -> None:
    for state in (FindingState.CONFIRMED, FindingState.DISMISSED):
        finding = make_finding(session, words_only=True, state=state)
        session.add(FindingTerm(finding_id=finding.id, language="en", term="ivory"))
    session.commit()
    page = reviewer.get("/lexicon?language=en&q=ivory").text.replace("\N{NO-BREAK SPACE}", " ")
    assert "50 %" in page and "1 of 2" in page
