import re
from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from scanner.zoo.catalogue import CATALOGUE, DEFAULT, PRIMARY
from tests.factories import make_finding, make_job, make_listing, make_photo, make_scores
from tests.webapp.services.zoo import place_model
from tests.webapp.views.conftest import SignIn, post, the_deed
from tests.webapp.views.hostile import HOSTILE
from webapp.models import FindingState, Job, JobKind, JobState, Role, ScoreRow
from webapp.services import photos
from webapp.settings import Settings
from webapp.storage import open_store
from webapp.views import models as model_pages

PAGE = f"/models/{DEFAULT}"
RATE = {"value": 0.95, "low": 0.868, "high": 0.984, "count": 57, "total": 60, "effective": 60.0}
FIGURES = {
    "format": 1,
    "evaluated_on": "photographs of one museum",
    "made_at": "2026-11-20T10:00:00+00:00",
    "pictures": 660,
    "base_rate": 0.013,
    "intervals": "95 %, by source",
    "concepts": {
        "elephant": {
            "n": 60,
            "ordinary": 600,
            "threshold": 0.3,
            "recall": RATE,
            "precision": RATE,
            "false_flags": {**RATE, "value": 0.003, "low": 0.001, "high": 0.012, "count": 2, "total": 600},
            "expected_precision": {"value": 0.79, "low": 0.5, "high": 0.93, "false_flags_seen": True},
            "average_precision": {"value": 0.98, "low": 0.95, "high": 0.99},
            "auc": {"value": 0.9987, "low": 0.99, "high": 1.0},
            "cautions": ["Only 60 pictures show it: <b>read</b> the intervals."],
        }
    },
    "not_seen": ["pangolin_claw"],
}


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """What was queued; nothing runs it."""
    ids: list[int] = []
    monkeypatch.setattr(model_pages.run_job, "delay", ids.append)
    yield ids


def test_every_model_is_listed_with_what_it_can_see(reviewer: FlaskClient, settings: Settings) -> None:
    place_model(settings.models_dir)
    page = reviewer.get("/models").text
    assert all(name in page for name in CATALOGUE)
    assert f"1 of {len(CATALOGUE)} are installed" in page
    assert "speaks first" in page and "tiger tooth, claw or bone" in page
    assert f"The primary model {PRIMARY} is not installed." in page


def test_with_no_model_at_all_the_page_says_what_to_do(reviewer: FlaskClient) -> None:
    page = reviewer.get("/models").text
    assert "No model is installed yet: choose one below." in page
    assert f"<code>tuskline models install {DEFAULT}</code>" in page
    assert "Nothing was installed, checked or removed on this page yet." in page


def decide_pictures(session: Session, settings: Settings, confirmed: int, dismissed: int) -> None:
    """Stored pictures that people decided, each in a listing of its own."""
    for state in [FindingState.CONFIRMED] * confirmed + [FindingState.DISMISSED] * dismissed:
        body = f"picture {session.query(ScoreRow).count()}".encode()
        photos.store(open_store(settings), body)
        listing = make_listing(session)
        photo = make_photo(session, listing, body)
        make_scores(session, photo)
        make_finding(session, listing, photo, state=state)
    session.commit()


def test_what_decisions_teach_is_counted(reviewer: FlaskClient, session: Session, settings: Settings) -> None:
    assert "No picture has been confirmed or dismissed yet." in reviewer.get("/models").text
    decide_pictures(session, settings, confirmed=2, dismissed=1)
    page = " ".join(reviewer.get("/models").text.split())
    assert "Train a model on them" not in page, "an admin does that"
    assert "<dt>elephant</dt><dd>2 pictures</dd>" in page and "<dt>none of these</dt><dd>1 picture</dd>" in page


def test_a_card_is_told_in_plain_words(reviewer: FlaskClient, settings: Settings) -> None:
    model = place_model(settings.models_dir, output_kind="logits", source_layout="B", tuning="without oneDNN")
    page = reviewer.get(PAGE).text
    assert model.digest in page and "a test" in page and "01 Nov 2026, 12:00 UTC" in page
    assert "one softmax makes probabilities of them" in page
    assert "A (came as B)" in page and "without oneDNN" in page
    assert "label 101; label 385; label 386" in page
    assert "model/inference.pdmodel" in page


def test_an_absent_model_says_where_an_install_would_look(reviewer: FlaskClient) -> None:
    page = reviewer.get(PAGE).text
    assert "paddlelabel-ml==1.0.0 of the Python package index" in page
    assert "Try a picture" not in page


def test_the_absent_primary_is_never_passed_over(reviewer: FlaskClient) -> None:
    assert "This model is to speak first, and is not installed." in reviewer.get(f"/models/{PRIMARY}").text


def test_unknown_models_are_404(admin: FlaskClient) -> None:
    assert admin.get("/models/no_such_model").status_code == 404
    assert post(admin, "/models/no_such_model/install").status_code == 404
    assert post(admin, f"{PAGE}/destroy").status_code == 404


def test_held_out_figures_come_with_their_intervals(reviewer: FlaskClient, settings: Settings) -> None:
    place_model(settings.models_dir, figures=FIGURES)
    page = " ".join(reviewer.get(PAGE).text.split())
    assert "660 pictures: Photographs of one museum." in page
    assert '95 %</b><span class="share-of">57 of 60</span><p class="cell-note">87 to 98.4 %' in page
    assert '0.3 %</b><span class="share-of">2 of 600</span>' in page
    assert "about 79 (50 to 93)" in page
    assert "where 1.3 % of the pictures show the concept" in page
    assert "0.998" in page and "pangolin claw" in page
    assert "&lt;b&gt;read&lt;/b&gt;" in page


def test_reviewed_figures_stand_beside_them(reviewer: FlaskClient, session: Session, settings: Settings) -> None:
    model = place_model(settings.models_dir)
    for number in range(4):
        listing = make_listing(session, seller=f"seller {number}")
        photo = make_photo(session, listing)
        said = {"by_concept": {"elephant": 0.8}, "top_labels": []}
        session.add(ScoreRow(photo=photo, model=model.name, model_digest=model.digest, **said))
        make_finding(session, listing, photo, state=FindingState.CONFIRMED if number else FindingState.DISMISSED)
    session.commit()
    page = " ".join(reviewer.get(PAGE).text.split())
    assert "4 decided, 4 sellers" in page
    assert '75 %</b><span class="share-of">3 of 4</span>' in page
    assert "This says nothing of what was missed" in page


def test_without_figures_the_page_says_how_to_get_them(reviewer: FlaskClient, settings: Settings) -> None:
    place_model(settings.models_dir)
    page = reviewer.get(PAGE).text
    assert f"tuskline models evaluate {DEFAULT} FOLDER" in page
    assert "Nobody has confirmed or dismissed" in page


@pytest.mark.parametrize("kind", ["install", "verify", "measure", "remove"])
def test_work_is_noted_audited_and_queued(admin: FlaskClient, session: Session, sent: list[int], kind: str) -> None:
    answer = post(admin, f"{PAGE}/{kind}")
    job = session.query(Job).one()
    assert answer.location == PAGE and sent == [job.id]
    assert (job.kind, job.model, job.actor, job.state) == (JobKind(kind), DEFAULT, "admin", JobState.QUEUED)
    entry = the_deed(session)
    assert (entry.actor, entry.action, entry.subject) == ("admin", f"model.{kind}", f"model:{DEFAULT}")
    page = admin.get(PAGE).text
    assert f'data-progress-address="/jobs/{job.id}/progress"' in page and "progress.js" in page
    assert re.search(r'<button class="btn btn-\w+" disabled>', page), "nothing else can be asked for meanwhile"


def test_a_model_that_is_worked_on_is_left_alone(admin: FlaskClient, session: Session, sent: list[int]) -> None:
    post(admin, f"{PAGE}/install")
    answer = post(admin, f"{PAGE}/remove")
    assert session.query(Job).count() == 1 and len(sent) == 1
    assert "is being worked on already" in admin.get(answer.location).text


def test_where_the_queue_does_not_answer_the_job_still_stands(
    admin: FlaskClient, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: int) -> None:
        raise ConnectionRefusedError("nobody listens")

    monkeypatch.setattr(model_pages.run_job, "delay", fail)
    answer = post(admin, f"{PAGE}/install")
    assert session.query(Job).one().state is JobState.QUEUED
    assert "It starts once a worker runs." in admin.get(answer.location).text


def test_a_failed_install_is_its_sentence_on_both_pages(admin: FlaskClient, session: Session) -> None:
    make_job(session, JobKind.INSTALL, state=JobState.FAILED, note="no source has it: run `tuskline models install`")
    session.commit()
    for page in (admin.get(PAGE).text, admin.get("/models").text):
        assert "o source has it: run <code>tuskline models install</code>" in page


def test_changed_files_are_told_until_the_next_check(admin: FlaskClient, session: Session, settings: Settings) -> None:
    model = place_model(settings.models_dir)
    make_job(session, result={"faults": ["label_list.txt is missing"], "digest": model.digest})
    session.commit()
    assert "label_list.txt is missing. Install the model again." in admin.get(PAGE).text


def test_a_running_install_shows_how_far_it_is(reviewer: FlaskClient, session: Session) -> None:
    running = {"state": JobState.RUNNING, "bytes_done": 12_000_000, "bytes_total": 67_000_000, "note": "downloading"}
    make_job(session, JobKind.INSTALL, **running)
    session.commit()
    for address in ("/models", PAGE):
        page = reviewer.get(address).text
        assert '<progress class="progress-line" max="67000000" value="12000000"' in page
        assert "12.0 MB of 67.0 MB" in page and "downloading" in page


def test_another_model_is_put_first(admin: FlaskClient, session: Session, settings: Settings) -> None:
    place_model(settings.models_dir)
    place_model(settings.models_dir, "our_head", own=True)
    answer = post(admin, "/models/our_head/primary")
    assert "Our own head speaks first from the next scan on." in admin.get(answer.location).text
    assert "<b>Our own head</b> looks at every picture first." in admin.get("/models").text
    assert the_deed(session).action == "model.primary"


def test_a_model_that_is_absent_is_not_put_first(admin: FlaskClient) -> None:
    answer = post(admin, f"{PAGE}/primary")
    assert answer.status_code == 409 and "can&#39;t be put first" in answer.text


def test_what_was_trained_here_is_removed_with_a_warning(admin: FlaskClient, settings: Settings) -> None:
    place_model(settings.models_dir, "our_head", own=True, training={"backbone": DEFAULT, "pictures": 500})
    page = admin.get("/models/our_head").text
    assert "It was trained here: nothing can bring it back." in page
    assert "Install again" not in page
    assert "How it was trained" in page and "<dd>500</dd>" in page


@pytest.mark.parametrize("role", [Role.VIEWER, Role.REVIEWER])
def test_who_may_not_act_sees_no_button(sign_in: SignIn, settings: Settings, role: Role) -> None:
    place_model(settings.models_dir)
    client = sign_in(role)
    assert not {"Remove it", "Install again", "Check its files"} & set(
        re.findall(r">([^<>]+)</button>", client.get(PAGE).text)
    )
    assert ("Try a picture" in client.get(PAGE).text) == (role is Role.REVIEWER)


def test_a_card_s_words_are_only_ever_read(admin: FlaskClient, settings: Settings) -> None:
    hostile = " ".join(HOSTILE)
    place_model(settings.models_dir, source=hostile, installed_at=hostile, training={hostile: hostile})
    for address in ("/models", PAGE):
        page = admin.get(address).text
        assert "<script>alert" not in page and "<img src=x" not in page and "<svg/onload" not in page


def test_a_card_that_can_t_be_read_is_a_sentence(admin: FlaskClient, settings: Settings) -> None:
    place_model(settings.models_dir)
    (settings.models_dir / DEFAULT / "card.json").write_text("[]")
    assert "install the model again" in admin.get(PAGE).text
    assert "install the model again" in admin.get("/models").text


TRAIN = {"name": "our_first_head", "backbone": DEFAULT, "concepts": "elephant"}


def test_a_training_is_noted_audited_and_queued(
    admin: FlaskClient, session: Session, settings: Settings, sent: list[int]
) -> None:
    place_model(settings.models_dir)
    decide_pictures(session, settings, confirmed=10, dismissed=10)
    answer = post(admin, "/models/train", **TRAIN)
    job = session.query(Job).one()
    assert (answer.location, sent) == (f"/jobs/{job.id}", [job.id])
    assert (job.kind, job.model) == (JobKind.TRAIN, "our_first_head")
    assert job.options == {"backbone": DEFAULT, "concepts": ["elephant"]}
    assert the_deed(session).action == "model.train"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": ""}, "Give the new model a name"),
        ({"name": "Our Head"}, "Use 3 to 64 small letters"),
        ({"name": "../head"}, "Use 3 to 64 small letters"),
        ({"name": PRIMARY}, "choose another name"),
        ({"backbone": "alexnet_imagenet"}, "Not a valid choice"),
        ({"concepts": "tiger"}, "not a valid choice"),
        ({"concepts": ""}, "Choose at least one concept."),
        ({}, "It takes 10 pictures that were dismissed; there are 3."),
    ],
)
def test_a_training_that_can_t_be_is_said_beside_the_form(
    admin: FlaskClient, session: Session, settings: Settings, change: dict[str, str], words: str
) -> None:
    place_model(settings.models_dir)
    decide_pictures(session, settings, confirmed=10, dismissed=3)
    fields = {name: value for name, value in {**TRAIN, **change}.items() if value or name == "name"}
    answer = post(admin, "/models/train", **fields)
    assert answer.status_code == 422 and words in answer.text
    assert '<details class="change" open>' in answer.text
    assert session.query(Job).count() == 0
