from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy.orm import Session

import scanner.zoo.training as training
from scanner.zoo.catalogue import DEFAULT
from scanner.zoo.training import Example, TrainingError
from tests.factories import make_finding, make_listing, make_photo, make_scores, make_user
from tests.webapp.services.zoo import place_model
from webapp.models import FindingState, Job, JobKind, JobState
from webapp.services import jobs, lessons, models, photos
from webapp.services.errors import Refused
from webapp.services.rules import current_pack
from webapp.settings import Settings
from webapp.storage import open_store


def decide(session: Session, settings: Settings, text: str, state: FindingState, concept: str = "elephant") -> None:
    photos.store(open_store(settings), text.encode())
    listing = make_listing(session, seller="ann")
    photo = make_photo(session, listing, text.encode())
    make_scores(session, photo)
    make_finding(session, listing, photo, state=state, concept=concept)


def train(session: Session, settings: Settings) -> Job:
    options = {"backbone": DEFAULT, "concepts": ["elephant"]}
    job, _ = jobs.ensure(session, JobKind.TRAIN, "ann", "our_head", **options)
    session.commit()
    jobs.run(session, job.id, settings, "worker", {JobKind.TRAIN: lessons.work})
    return jobs.find(session, job.id)


@pytest.fixture
def taught(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, str | None]]:
    """What the trainer was given; it writes a card and no network."""
    given: list[tuple[str, str, str | None]] = []

    def learn(on: list[Example], _backbone: Any, out: Path, name: str, **more: Any) -> Any:
        given.extend((example.path.read_text(), example.label, example.group) for example in on)
        assert more["thresholds"]["elephant"] > 0
        more["progress"](len(on), len(on))
        place_model(out.parent, name, own=True)
        return SimpleNamespace(warnings=("elephant has only 1 pictures",), failures=(("a.jpg", "cut off"),))

    monkeypatch.setattr(training, "train", learn)
    return given


def test_the_chosen_concepts_and_what_shows_none_are_learnt(
    session: Session, settings: Settings, taught: list[tuple[str, str, str | None]]
) -> None:
    place_model(settings.models_dir)
    decide(session, settings, "a tusker", FindingState.CONFIRMED)
    decide(session, settings, "a tiger", FindingState.CONFIRMED, "tiger")
    decide(session, settings, "a chair", FindingState.DISMISSED)
    job = train(session, settings)
    assert job.state is JobState.DONE, job.note
    assert [(text, label) for text, label, _ in taught] == [("a tusker", "elephant"), ("a chair", "other")]
    assert all(group and "ann" not in group for _, _, group in taught), "a card travels: it names no seller"
    assert job.result["warnings"] == ["elephant has only 1 pictures"] and job.result["unread"] == ["a.jpg: cut off"]
    assert (job.bytes_done, job.bytes_total) == (2, 2)


def test_a_training_that_fails_is_its_sentence(
    session: Session, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise TrainingError("all pictures are of one source")

    monkeypatch.setattr(training, "train", refuse)
    place_model(settings.models_dir)
    job = train(session, settings)
    assert (job.state, job.note) == (JobState.FAILED, "our_head was not trained: all pictures are of one source.")


def test_without_its_backbone_nothing_is_trained(session: Session, settings: Settings) -> None:
    assert "is not installed any more" in (train(session, settings).note or "")


def test_a_name_is_trained_once_at_a_time(
    session: Session, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "FEWEST", 1)
    place_model(settings.models_dir)
    for text, state in (("a tusker", FindingState.CONFIRMED), ("a chair", FindingState.DISMISSED)):
        decide(session, settings, text, state)
    zoo = models.view_zoo(session, settings.models_dir, current_pack(session, settings.pack).cascade)
    wanted = (session, settings, zoo, make_user(session), "our_head", DEFAULT, ["elephant"])
    assert lessons.ask(*wanted).model == "our_head"
    with pytest.raises(Refused, match="being trained already"):
        lessons.ask(*wanted)
    with pytest.raises(Refused, match="confirmed as tiger; there are 0"):
        lessons.ask(*wanted[:-1], ["tiger"])
