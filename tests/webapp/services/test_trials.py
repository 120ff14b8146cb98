import io
import os
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from sqlalchemy.orm import Session

from rules.engine import evaluate
from rules.model import Pack
from scanner.pipeline import evidence_of
from scanner.records import Photo, ScannedPhoto, Scores
from scanner.zoo.cascade import ModelChoice, NoModelError
from scanner.zoo.catalogue import DEFAULT, PRIMARY
from tests.webapp.services.scene import write_pack
from tests.webapp.services.zoo import place_model
from webapp.models import Job, JobKind, JobState
from webapp.services import jobs, trials
from webapp.settings import Settings


class PlainScanner:
    """Every chosen model sees an elephant of 0.9; `failure` where one is set. No network is loaded."""

    failure: str | None = None

    def __init__(self, choice: ModelChoice, pack: Pack, *_: object) -> None:
        self.choice, self.pack, self.warnings = choice, pack, ["The card was not to be had."]

    def __enter__(self) -> "PlainScanner":
        return self

    def __exit__(self, *_: object) -> None:
        return

    def scan(self, photos: Iterable[Photo]) -> Iterator[ScannedPhoto]:
        for photo in photos:
            assert photo.path is not None and photo.path.is_file()
            said = tuple(
                Scores(model.name, model.digest, {"elephant": 0.9, "other": 0.1}, (("tusker", 0.9),), {"warthog": 0.05})
                for model in self.choice.models
            )
            found = evaluate(self.pack, evidence_of(self.choice.cascade, None, said))
            yield ScannedPhoto(photo, width_px=40, height_px=20, scores=said, findings=found, failure=self.failure)


@pytest.fixture
def scanner(monkeypatch: pytest.MonkeyPatch) -> type[PlainScanner]:
    class Scanner(PlainScanner):
        pass

    monkeypatch.setattr(trials, "Scanner", Scanner)
    return Scanner


Try = Callable[..., Job]


@pytest.fixture
def try_picture(session: Session, settings: Settings, tmp_path: Path) -> Try:
    """Send a picture and run its job; the job as it ended."""
    settings.pack = str(write_pack(tmp_path / "pack"))

    def send(body: bytes | None = None, name: str | None = None) -> Job:
        upload = trials.keep(settings, picture() if body is None else body)
        job, _ = jobs.ensure(session, JobKind.TRY, "ann", name, "try:ann", upload=upload)
        session.commit()
        jobs.run(session, job.id, settings, "worker", {JobKind.TRY: trials.work}, failures=(NoModelError,))
        return jobs.find(session, job.id)

    return send


def picture() -> bytes:
    body = io.BytesIO()
    Image.new("RGB", (40, 20), "#775533").save(body, "PNG")
    return body.getvalue()


def left(settings: Settings) -> list[str]:
    return sorted(path.suffix for path in (settings.home / "tries").iterdir())


@pytest.mark.usefixtures("scanner")
def test_every_installed_model_speaks_and_the_rules_say_what_would_be_flagged(
    settings: Settings, try_picture: Try
) -> None:
    for name in (DEFAULT, "alexnet_imagenet"):
        place_model(settings.models_dir, name)
    job = try_picture()
    assert (job.state, job.note) == (JobState.DONE, None)
    said: dict[str, Any] = job.result
    assert {model["model"] for model in said["models"]} == {DEFAULT, "alexnet_imagenet"}
    assert said["models"][0]["top_labels"] == [["tusker", 0.9]]
    assert said["joined"]["elephant"] == pytest.approx(0.9)
    assert [finding["rule"] for finding in said["findings"]] == ["elephant_seen"]
    assert said["marks"] == {"elephant": 0.5}
    assert said["notices"] == [
        f"The primary model {PRIMARY} is not installed: it did not look.",
        "The card was not to be had.",
    ]


@pytest.mark.usefixtures("scanner")
def test_the_one_model_that_is_asked_speaks_alone(settings: Settings, try_picture: Try) -> None:
    for name in (DEFAULT, "resnet50_vd_dishes"):
        place_model(settings.models_dir, name)
    said = try_picture(name="resnet50_vd_dishes").result
    assert [model["model"] for model in said["models"]] == ["resnet50_vd_dishes"], "though it sees no concept of ours"
    assert said["primary_absent"] is False


@pytest.mark.usefixtures("scanner")
def test_the_picture_s_bytes_are_gone_and_a_small_copy_stays(settings: Settings, try_picture: Try) -> None:
    place_model(settings.models_dir)
    job = try_picture()
    assert left(settings) == [".jpg"]
    with Image.open(trials.shown_of(settings, job.options["upload"])) as shown:
        assert (shown.format, shown.size) == ("JPEG", (40, 20))


def test_what_is_no_picture_fails_in_one_sentence_and_is_gone(
    settings: Settings, try_picture: Try, scanner: type[PlainScanner]
) -> None:
    place_model(settings.models_dir)
    scanner.failure = "not a picture (it is a PDF)"
    job = try_picture(b"%PDF-1.7")
    assert job.state is JobState.FAILED
    assert job.note == "The picture could not be scored: not a picture (it is a PDF)."
    assert left(settings) == []


@pytest.mark.usefixtures("scanner")
def test_without_a_model_the_job_says_what_to_install(settings: Settings, try_picture: Try) -> None:
    assert "tuskline models install" in (try_picture().note or "")
    assert try_picture(name="alexnet_imagenet").note == "alexnet_imagenet is not installed: install it first."
    assert left(settings) == []


def test_a_worker_that_stops_leaves_the_picture_for_the_next(
    settings: Settings, try_picture: Try, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> None:
        raise jobs.Stopped

    monkeypatch.setattr(trials, "scan", stop)
    place_model(settings.models_dir)
    assert try_picture().state is JobState.QUEUED
    assert left(settings) == [""]


@pytest.mark.usefixtures("scanner")
def test_a_picture_that_is_gone_is_asked_for_again(session: Session, settings: Settings, try_picture: Try) -> None:
    place_model(settings.models_dir)
    job = try_picture()
    session.query(Job).filter_by(id=job.id).update({"state": JobState.QUEUED})
    session.commit()
    jobs.run(session, job.id, settings, "worker", {JobKind.TRY: trials.work})
    assert jobs.find(session, job.id).note == "The picture is no longer here: send it once more."


def test_what_is_older_than_an_hour_is_swept(settings: Settings) -> None:
    old, new = (trials.place_of(settings, trials.keep(settings, b"a picture")) for _ in range(2))
    os.utime(old, (time.time() - 3601,) * 2)
    trials.sweep(settings)
    assert (old.exists(), new.exists()) == (False, True)


@pytest.mark.parametrize("name", ["../secret.key", "", "tries", "a" * 40])
def test_a_name_that_was_not_given_out_leads_nowhere(settings: Settings, name: str) -> None:
    with pytest.raises(ValueError, match="UUID"):
        trials.place_of(settings, name)
