import io
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient
from PIL import Image
from sqlalchemy.orm import Session

from scanner.zoo.catalogue import DEFAULT
from tests.factories import make_job
from tests.webapp.services.zoo import place_model
from tests.webapp.views.conftest import SignIn, post, the_deed
from webapp.models import Job, JobKind, JobState, Role
from webapp.security import SANDBOX
from webapp.services import trials
from webapp.settings import Settings
from webapp.views import trials as trial_pages

RESULT: dict[str, Any] = {
    "width_px": 40,
    "height_px": 20,
    "primary_absent": True,
    "notices": ["The primary model is not installed."],
    "models": [
        {
            "model": name,
            "title": f"The model {name}",
            "model_digest": "d" * 64,
            "by_concept": {"elephant": 0.91, "other": 0.09},
            "top_labels": [["African elephant <b>", 0.7]],
            "counters": {"warthog": 0.06, "lion": 0.01},
        }
        for name in (DEFAULT, "alexnet_imagenet")
    ],
    "joined": {"elephant": 0.88, "other": 0.12},
    "marks": {"elephant": 0.3},
    "findings": [
        {
            "rule": "elephant_seen",
            "title": "Suspected elephant in the picture",
            "concept": "elephant",
            "severity": "medium",
            "threshold": 0.3,
            "score": 0.88,
            "why": "elephant 0.88 reached the threshold 0.30",
        }
    ],
}


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    ids: list[int] = []
    monkeypatch.setattr(trial_pages.run_job, "delay", ids.append)
    yield ids


def send(client: FlaskClient, address: str, body: bytes, name: str = "picture.jpg") -> Any:
    answer = post(client, address, picture=(io.BytesIO(body), name))
    answer.request.environ["wsgi.input"].close()  # the test client's own file, where the body is a large one
    return answer


def make_try(session: Session, settings: Settings, actor: str = "reviewer", **fields: Any) -> Job:
    """A try of `actor` that is done, with its small copy."""
    upload = trials.keep(settings, b"as it came")
    Image.new("RGB", (40, 20), "#775533").save(trials.shown_of(settings, upload))
    fields = {"result": RESULT, "options": {"upload": upload}, **fields}
    job = make_job(session, JobKind.TRY, None, actor=actor, **fields)
    session.commit()
    return job


@pytest.mark.parametrize(("address", "model"), [("/models/try", None), (f"/models/{DEFAULT}/try", DEFAULT)])
def test_a_picture_is_kept_for_the_worker_and_the_try_is_audited(
    reviewer: FlaskClient, session: Session, settings: Settings, sent: list[int], address: str, model: str | None
) -> None:
    answer = send(reviewer, address, b"the bytes of a picture")
    job = session.query(Job).one()
    assert (answer.location, sent) == (f"/tries/{job.id}", [job.id])
    assert (job.kind, job.model, job.actor, job.holds) == (JobKind.TRY, model, "reviewer", "try:reviewer")
    assert trials.place_of(settings, job.options["upload"]).read_bytes() == b"the bytes of a picture"
    assert the_deed(session).action == "model.try"
    assert "Looking at your picture" in reviewer.get(answer.location).text


def test_one_picture_a_person_at_a_time(
    reviewer: FlaskClient, session: Session, settings: Settings, sent: list[int]
) -> None:
    first = send(reviewer, "/models/try", b"one").location
    assert send(reviewer, "/models/try", b"another").location == first
    assert session.query(Job).count() == 1 and len(sent) == 1
    assert len(list((settings.home / "tries").iterdir())) == 1


@pytest.mark.parametrize(("body", "words"), [(b"", "The file is empty"), (None, "Choose a picture first.")])
@pytest.mark.parametrize("address", ["/models/try", f"/models/{DEFAULT}/try"])
def test_nothing_chosen_is_said_beside_the_field(
    reviewer: FlaskClient, session: Session, settings: Settings, address: str, body: bytes | None, words: str
) -> None:
    place_model(settings.models_dir)
    answer = post(reviewer, address) if body is None else send(reviewer, address, body)
    assert answer.status_code == 422 and words in answer.text
    assert session.query(Job).count() == 0


def test_a_picture_may_be_larger_than_any_other_form(reviewer: FlaskClient, session: Session, sent: list[int]) -> None:
    assert send(reviewer, "/models/try", bytes(3_000_000)).status_code == 302
    assert session.query(Job).count() == len(sent) == 1
    assert send(reviewer, "/reports", bytes(3_000_000)).status_code == 413


@pytest.mark.parametrize("address", ["/models/try", f"/models/{DEFAULT}/try"])
def test_a_file_that_is_too_large_is_said_beside_the_field(
    reviewer: FlaskClient, session: Session, address: str
) -> None:
    answer = send(reviewer, address, bytes(trials.UPLOAD_BYTES + 100_000))
    assert answer.status_code == 413
    assert "The file is larger than 20 MB: choose a smaller copy." in answer.text
    assert session.query(Job).count() == 0


def test_who_may_send_no_picture_may_send_no_large_request(sign_in: SignIn) -> None:
    assert send(sign_in(Role.VIEWER), "/models/try", bytes(3_000_000)).status_code == 413


def test_the_answer_shows_who_said_what_and_what_would_be_flagged(
    reviewer: FlaskClient, session: Session, settings: Settings
) -> None:
    page = reviewer.get(f"/tries/{make_try(session, settings).id}").text
    assert f"The model {DEFAULT}" in page and "The model alexnet_imagenet" in page
    assert "Together" in page and "Score 0.880, threshold 0.300" in page
    assert "Suspected elephant in the picture" in page and "elephant 0.88 reached" in page.lower()
    assert "African elephant &lt;b&gt;" in page
    assert "warthog 0.060" in page and "lion 0.010" not in page, "a look-alike that is hardly seen is not named"
    assert "The primary model is not installed." in page
    assert 'class="photo"' in page and "is-veiled" in page


def test_one_model_alone_has_no_joined_answer(reviewer: FlaskClient, session: Session, settings: Settings) -> None:
    alone = {**RESULT, "models": RESULT["models"][:1], "findings": []}
    page = reviewer.get(f"/tries/{make_try(session, settings, result=alone).id}").text
    assert "Together" not in page
    assert "None, on the picture alone." in page


def test_a_try_that_failed_says_why(reviewer: FlaskClient, session: Session, settings: Settings) -> None:
    note = "The picture could not be scored: not a picture (it is a PDF)."
    job = make_try(session, settings, state=JobState.FAILED, note=note, result={})
    assert note in reviewer.get(f"/tries/{job.id}").text


def test_the_copy_is_shown_and_kept_by_no_browser(reviewer: FlaskClient, session: Session, settings: Settings) -> None:
    answer = reviewer.get(f"/tries/{make_try(session, settings).id}/picture")
    assert Image.open(io.BytesIO(answer.data)).size == (40, 20)
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Content-Security-Policy"] == SANDBOX


def test_after_an_hour_the_answer_stands_without_its_picture(
    reviewer: FlaskClient, session: Session, settings: Settings
) -> None:
    job = make_try(session, settings)
    trials.shown_of(settings, job.options["upload"]).unlink()
    assert "The picture is deleted" in reviewer.get(f"/tries/{job.id}").text
    assert reviewer.get(f"/tries/{job.id}/picture").status_code == 404


@pytest.mark.parametrize("part", ["", "/picture"])
def test_a_tried_picture_is_its_sender_s_and_the_admins(
    sign_in: SignIn, session: Session, settings: Settings, part: str
) -> None:
    job = make_try(session, settings, actor="somebody else")
    assert sign_in(Role.REVIEWER).get(f"/tries/{job.id}{part}").status_code == 404
    assert sign_in(Role.ADMIN).get(f"/tries/{job.id}{part}").status_code == 200


def test_work_of_another_kind_is_no_try(admin: FlaskClient, session: Session) -> None:
    job = make_job(session)
    session.commit()
    assert admin.get(f"/tries/{job.id}").status_code == 404
