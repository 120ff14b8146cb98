"""The way of pictures through decoders and predictors: order, failures, known scores, findings."""

import itertools
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from rules.cascade import Cascade
from rules.load import find_pack, load_pack
from rules.model import Pack
from scanner import pipeline, predicting
from scanner.pipeline import Scanner, evidence_of
from scanner.predicting import LoadModel
from scanner.records import Listing, Photo, ScannedPhoto, Scores
from scanner.stages import StageTime, StageTimes
from scanner.zoo.cascade import ModelChoice, choose_models
from scanner.zoo.catalogue import PRIMARY
from scanner.zoo.predictor import ModelError
from scanner.zoo.weights import install
from tests.pictures import noise, save
from tests.scanner import engines
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
    for module in (predicting, pipeline):
        monkeypatch.setattr(module, "count_workers", lambda: 2)
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


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> None:
    """A card of which the builds are installed; what becomes of it tests.scanner.engines says."""
    monkeypatch.setattr(predicting, "missing_build", lambda _: None)
    monkeypatch.setattr(predicting, "GPU_BATCH", 16)


def make_reds(folder: Path, count: int) -> list[Photo]:
    """Pictures of which each has a red of its own, in steps of 2 levels."""
    paths = [save(Image.new("RGB", (40, 40), (2 * n, 0, 0)), folder / f"{n:03}.png") for n in range(count)]
    return [Photo(str(path), path) for path in paths]


def reds(scanned: Iterable[ScannedPhoto]) -> list[int]:
    """The numbers of the pictures, as the engine saw them."""
    return [round(found.scores[0].by_concept["ivory_product"] * 255 / 2) for found in scanned]


@pytest.mark.usefixtures("card")
@pytest.mark.parametrize(
    "load", [engines.load_lost, engines.load_dying, pytest.param(engines.load_nowhere, marks=pytest.mark.full)]
)
def test_a_card_that_is_lost_in_mid_scan_leaves_the_rest_to_the_cpu(
    tmp_path: Path, choice: ModelChoice, pack: Pack, load: LoadModel
) -> None:
    photos = make_reds(tmp_path, 100)
    with Scanner(choice, pack, "gpu:0", load=load) as scanner:
        scanned = list(scanner.scan(photos))
    assert [found.photo for found in scanned] == photos and not any(found.failure for found in scanned)
    assert reds(scanned) == list(range(100)) and scanner.spoke == {PRIMARY: 100}
    (warning,) = scanner.warnings
    assert warning.startswith("gpu:0 failed in mid-scan (") and "the CPU went on" in warning
    assert scanner.device == "cpu" and scanner.stages.device == "cpu"


@pytest.mark.usefixtures("card")
def test_a_card_with_too_little_memory_gets_smaller_batches(tmp_path: Path, choice: ModelChoice, pack: Pack) -> None:
    with Scanner(choice, pack, "gpu:0", load=engines.load_narrow) as scanner:
        scanned = list(scanner.scan(make_reds(tmp_path, 60)))
    assert reds(scanned) == list(range(60)) and scanner.spoke == {PRIMARY: 60}
    assert scanner.device == "gpu:0" and scanner.warnings == []


def with_second(choice: ModelChoice, **changed: Any) -> ModelChoice:
    """Together with another model, both asked about every picture."""
    (first,) = choice.models
    second = replace(first, spec=replace(first.spec, name="second"), **changed)
    return replace(choice, models=(first, second), everyone=True)


@pytest.mark.usefixtures("card")
def test_a_model_that_the_card_can_not_run_leaves_the_card_to_the_others(
    tmp_path: Path, choice: ModelChoice, pack: Pack
) -> None:
    with Scanner(with_second(choice, engine="onnx"), pack, "gpu:0", load=engines.load_red) as scanner:
        scanned = list(scanner.scan(make_reds(tmp_path, 20)))
        assert scanner.stages.device == "gpu:0" and scanner.stages.predict.workers == predicting.GPU_PROCESSES
    assert reds(scanned) == list(range(20)) and scanner.spoke == {PRIMARY: 20, "second": 20}


@pytest.mark.usefixtures("card")
def test_a_fallback_whose_files_changed_is_no_fault_of_the_card(
    tmp_path: Path, choice: ModelChoice, pack: Pack
) -> None:
    both = with_second(choice, folder=tmp_path / "gone")
    with Scanner(both, pack, "gpu:0", load=engines.load_checked) as scanner:
        assert reds(scanner.scan(make_reds(tmp_path, 4))) == [0, 1, 2, 3]
    (warning,) = scanner.warnings
    assert warning.startswith("second could not be asked: second:") and scanner.device == "gpu:0"


def test_pictures_that_one_model_gave_up_can_be_sent_again_to_another(
    tmp_path: Path, choice: ModelChoice, pack: Pack
) -> None:
    with Scanner(with_second(choice), pack, "cpu", load=engines.load_refusing) as scanner:
        scanned = list(scanner.scan(make_reds(tmp_path, 4)))
    assert [found.failure for found in scanned] == ["not scored: no kernel image"] * 4
    assert scanner.spoke == {"second": 4} and not any(found.scores for found in scanned)


def test_crops_find_their_way_where_the_table_has_too_few_places(
    tmp_path: Path, choice: ModelChoice, pack: Pack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "TABLE_BYTES", 5 * 224 * 224 * 3)
    with Scanner(choice, pack, "cpu", load=engines.load_red) as scanner:
        assert reds(scanner.scan(make_reds(tmp_path, 60))) == list(range(60))


def test_a_scan_that_was_left_in_the_middle_spoils_no_other(tmp_path: Path, choice: ModelChoice, pack: Pack) -> None:
    photos = make_reds(tmp_path, 100)
    with Scanner(choice, pack, "cpu", load=engines.load_red) as scanner:
        for _ in range(3):
            left = scanner.scan(photos)
            assert reds(itertools.islice(left, 20)) == list(range(20))
            left.close()
        assert reds(scanner.scan(reversed(photos))) == list(range(99, -1, -1))


def test_both_stages_say_how_long_they_worked(tmp_path: Path, choice: ModelChoice, pack: Pack) -> None:
    with Scanner(choice, pack, "cpu", load=engines.load_red) as scanner:
        assert scanner.stages == StageTimes(StageTime(workers=1), StageTime(workers=1), decoding="exact")
        list(scanner.scan(make_reds(tmp_path, 40)))
        times = scanner.stages
        assert scanner.stages == times  # it stands still between scans
        assert (times.device, times.engine, times.precision, times.decoding) == ("cpu", "paddle", "fp32", "exact")
        list(scanner.scan(make_reds(tmp_path, 10)))
        later = scanner.stages.since(times)
    for done in (times.decode, times.predict):
        assert (done.pictures, done.workers) == (40, 1)
        assert done.busy_s > 0 and done.waited_s > 0
    assert (later.decode.pictures, later.predict.pictures) == (10, 10)


def test_a_scan_decodes_as_its_models_say(tmp_path: Path, choice: ModelChoice, pack: Pack) -> None:
    path = save(noise(1200, 1100), tmp_path / "a.jpg")
    fast = replace(choice, models=tuple(replace(model, decoding="fast") for model in choice.models))
    found = []
    for wanted in (choice, fast):
        with Scanner(wanted, pack, "cpu", load=engines.load_red) as scanner:
            (one,) = scanner.scan([Photo("a", path)])
            found.append(one)
            assert scanner.stages.decoding == wanted.models[0].decoding
            assert one.scores[0].model_digest == wanted.models[0].digest
    exact, smaller = found
    assert (exact.width_px, exact.height_px) == (smaller.width_px, smaller.height_px) == (1200, 1100)
    assert exact.pixel_hash != smaller.pixel_hash
    assert exact.scores[0].model_digest != smaller.scores[0].model_digest


def test_models_asked_together_decode_alike(choice: ModelChoice, pack: Pack) -> None:
    both = replace(choice, models=(*choice.models, replace(choice.models[0], decoding="fast")))
    with pytest.raises(ValueError, match="some want their pictures decoded exactly"):
        Scanner(both, pack)


PROGRAM = """
import sys
from pathlib import Path
from rules.model import Pack
from scanner.pipeline import Scanner
from scanner.records import Photo
from scanner.zoo.cascade import choose_models
from tests.scanner import engines
if __name__ == "__main__":
    choice = choose_models(Path(sys.argv[1]))
    with Scanner(choice, Pack("", "", "", (), ""), "cpu", load=engines.load_red) as scanner:
        (found,) = scanner.scan([Photo("a", Path(sys.argv[2]))])
    assert found.scores, found.failure
    print([name for name in ("paddle", "onnxruntime") if name in sys.modules])
"""


def test_what_runs_networks_is_in_no_process_that_has_other_threads(tmp_path: Path, choice: ModelChoice) -> None:
    """Paddle holds the interpreter lock for a whole batch: in our process every page would wait for it."""
    (tmp_path / "program.py").write_text(PROGRAM)
    picture = save(noise(60, 60), tmp_path / "a.png")
    program = [sys.executable, str(tmp_path / "program.py"), str(choice.models[0].folder.parent), str(picture)]
    run = subprocess.run(program, env={**os.environ, "PYTHONPATH": str(Path.cwd())}, capture_output=True, text=True)
    assert (run.stdout.strip(), run.returncode) == ("[]", 0), run.stderr
