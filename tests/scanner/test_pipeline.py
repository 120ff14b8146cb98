"""The way of pictures through decoders and predictors: order, failures, known scores, findings."""

import os
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from rules.cascade import Cascade
from rules.load import find_pack, load_pack
from rules.model import Pack
from scanner import predicting
from scanner.pipeline import Scanner, evidence_of
from scanner.records import Listing, Photo, Scores
from scanner.zoo.cascade import ModelChoice, choose_models
from scanner.zoo.catalogue import PRIMARY
from scanner.zoo.predictor import ModelError
from scanner.zoo.weights import install
from tests.pictures import noise, save
from tests.scanner.conftest import MakeModule


@pytest.fixture(scope="module")
def pack() -> Pack:
    return load_pack(find_pack("wildlife"))


@pytest.fixture
def choice(tmp_path: Path, make_module: MakeModule) -> ModelChoice:
    install(PRIMARY, tmp_path / "models", str(make_module("A", "softmax")))
    return choose_models(tmp_path / "models")


def make_photos(folder: Path, count: int) -> list[Photo]:
    return [
        Photo(str(path), path) for path in (save(noise(60, 60, seed=n), folder / f"{n:03}.png") for n in range(count))
    ]


def test_every_photo_comes_back_in_order_and_scored(
    tmp_path: Path, choice: ModelChoice, pack: Pack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(predicting, "count_workers", lambda: 2)
    photos = make_photos(tmp_path, 50)  # more than one batch, and a rest
    with Scanner(choice, pack, "cpu") as scanner:
        scanned = list(scanner.scan(photos))
    assert [found.photo for found in scanned] == photos
    assert all(found.scores and found.failure is None for found in scanned)
    assert all(abs(sum(found.scores[0].by_concept.values()) - 1) < 1e-5 for found in scanned)


def test_a_broken_picture_is_one_failure_among_scored_ones(tmp_path: Path, choice: ModelChoice, pack: Pack) -> None:
    photos = make_photos(tmp_path, 5)
    (tmp_path / "bad.jpg").write_bytes(b"<html>")
    photos.insert(2, Photo("bad", tmp_path / "bad.jpg"))
    photos.insert(4, Photo("gone", None, failure="404 at the shop"))
    with Scanner(choice, pack, "cpu") as scanner:
        failures = [found.failure for found in scanner.scan(photos)]
    assert [bool(failure) for failure in failures] == [False, False, True, False, True, False, False]
    assert "web page" in str(failures[2]) and failures[4] == "404 at the shop"


def test_a_decoder_that_dies_is_one_failure(
    tmp_path: Path, choice: ModelChoice, pack: Pack, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A named pipe that nobody writes to would hang a reader for ever; a process that is killed is simulated by one
    # whose address space is too small for the picture.
    from scanner import decoding

    monkeypatch.setattr(decoding, "TIMEOUT_S", 1)
    photos = make_photos(tmp_path, 4)
    os.mkfifo(tmp_path / "pipe.jpg")
    photos.insert(1, Photo("pipe", tmp_path / "pipe.jpg"))
    with Scanner(choice, pack, "cpu") as scanner:
        failures = [found.failure for found in scanner.scan(photos)]
    assert [bool(failure) for failure in failures] == [False, True, False, False, False]


def test_known_scores_are_not_made_again(tmp_path: Path, choice: ModelChoice, pack: Pack) -> None:
    made_earlier = Scores(PRIMARY, "digest", {"other": 0.02, "tiger": 0.98}, (("老虎", 0.98),))
    with Scanner(choice, pack, "cpu") as scanner:
        scanned = list(scanner.scan(make_photos(tmp_path, 3), known=lambda *_: (made_earlier,)))
        assert scanner.device is None  # no network was loaded
    assert all(found.scores == (made_earlier,) for found in scanned)
    assert all("tiger" in [finding.concept for finding in found.findings] for found in scanned)


def test_photos_are_drawn_as_there_is_room(tmp_path: Path, choice: ModelChoice, pack: Pack) -> None:
    drawn = 0

    def endless() -> Iterator[Photo]:
        nonlocal drawn
        path = save(noise(60, 60), tmp_path / "one.png")
        while True:
            drawn += 1
            yield Photo(str(drawn), path)

    with Scanner(choice, pack, "cpu") as scanner:
        stream = scanner.scan(endless())
        first = [next(stream) for _ in range(100)]
    assert [found.photo.location for found in first] == [str(n) for n in range(1, 101)]
    assert drawn < 500


def test_changed_weights_are_refused(tmp_path: Path, choice: ModelChoice, pack: Pack) -> None:
    weights = choice.models[0].folder / "model/model.pdiparams"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\0")
    with Scanner(choice, pack, "cpu") as scanner, pytest.raises(ModelError, match="has changed since it was installed"):
        list(scanner.scan(make_photos(tmp_path, 1)))


def test_a_gpu_that_is_not_there_is_one_warning_and_the_cpu(tmp_path: Path, choice: ModelChoice, pack: Pack) -> None:
    with Scanner(choice, pack, "gpu:0") as scanner:
        scanned = list(scanner.scan(make_photos(tmp_path, 2)))
    assert scanner.device == "cpu" and "the CPU is used" in str(scanner.warning)
    assert all(found.scores for found in scanned)


def test_evidence_joins_what_models_said_and_leaves_the_unseen_absent() -> None:
    listing = Listing("https://shop.example/1", "Title", "Words", Decimal("9.50"), "EUR", "seller", country="DE")
    scores = (Scores("a", "1", {"tiger": 0.9}, ()), Scores("b", "2", {"tiger": 0.1, "elephant": 0.2}, ()))
    evidence = evidence_of(Cascade(), listing, scores)
    assert evidence.scores == {"tiger": 0.5, "elephant": 0.2}
    assert evidence.said["tiger"] == {"a": 0.9, "b": 0.1}
    assert (evidence.text, evidence.price, evidence.country) == ("Title\nWords", Decimal("9.50"), "DE")


def test_words_alone_still_flag_a_listing_whose_picture_is_broken(choice: ModelChoice, pack: Pack) -> None:
    listing = Listing("https://shop.example/1", "Antique elephant ivory tusk carving")
    with Scanner(choice, pack, "cpu") as scanner:
        (found,) = scanner.scan([Photo("gone", None, listing, failure="404")])
    assert found.failure == "404"
    assert [(finding.concept, finding.score) for finding in found.findings] == [("ivory", None)]
