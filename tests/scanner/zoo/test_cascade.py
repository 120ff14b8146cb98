"""Which installed models speak; and whole scans where the primary is absent, unsure and contradicted."""

import math
import shutil
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pebble import ProcessExpired
from PIL import Image

from rules.load import find_pack, load_pack
from scanner.pipeline import Scanner
from scanner.predicting import PredictPool
from scanner.records import Listing, Photo, ScannedPhoto, Scores
from scanner.zoo.cascade import ModelChoice, NoModelError, choose_models, read_primary, replay, set_primary
from scanner.zoo.catalogue import CATALOGUE, PRIMARY
from scanner.zoo.weights import install
from tests.pictures import save
from tests.scanner.conftest import STEEPNESS, MakeColours

PACK = load_pack(find_pack("wildlife"))
SECOND = "mobilenet_v2_imagenet"
THIRD = "alexnet_imagenet"


@pytest.fixture(scope="module")
def zoo(tmp_path_factory: pytest.TempPathFactory, make_colours: MakeColours) -> Path:
    """Three models, each of which reads one colour of a picture: full is a tiger, none is a leopard."""
    folder = tmp_path_factory.mktemp("zoo")
    for channel, name in enumerate((PRIMARY, SECOND, THIRD)):
        spec = CATALOGUE[name]
        tiger = next(index for index, concept in spec.concepts.items() if concept == "tiger")
        leopard = next((index for index, named in spec.counters.items() if named == "leopard"), 0)
        install(name, folder, str(make_colours(spec.classes, channel, tiger, leopard)))
    return folder


@pytest.fixture
def models(tmp_path: Path) -> Path:
    return tmp_path / "models"


def choose(models: Path) -> ModelChoice:
    return choose_models(models, PACK.cascade)


def test_the_cascade_names_models_and_look_alikes_that_there_are() -> None:
    cascade = PACK.cascade
    assert {cascade.primary, *cascade.fallbacks, *cascade.weights, *cascade.calibrations} <= set(CATALOGUE)
    named = {name for counter in cascade.counters for name in counter.names}
    assert named <= {name for spec in CATALOGUE.values() for name in spec.counters.values()}


def test_every_model_of_the_catalogue_has_its_place_in_the_cascade() -> None:
    assert {PACK.cascade.primary, *PACK.cascade.fallbacks} == set(CATALOGUE)


def test_the_primary_speaks_first_where_it_is_installed(models: Path, zoo: Path) -> None:
    shutil.copytree(zoo / SECOND, models / SECOND)
    assert (choose(models).models[0].name, choose(models).primary_absent) == (SECOND, True)
    assert f"The primary model {PRIMARY} is not installed. {SECOND} scored in its place" in str(choose(models).notice)
    shutil.copytree(zoo / PRIMARY, models / PRIMARY)
    chosen = choose(models)
    assert [model.name for model in chosen.models] == [PRIMARY, SECOND]
    assert (chosen.primary_absent, chosen.notice) == (False, None)


def test_its_users_may_put_another_model_first(models: Path, zoo: Path) -> None:
    shutil.copytree(zoo, models)
    set_primary(models, SECOND)
    assert choose(models).models[0].name == SECOND and not choose(models).primary_absent
    assert [model.name for model in choose(models).models] == [SECOND, PRIMARY, THIRD]  # the pack's is still heard
    set_primary(models, None)
    assert choose(models).models[0].name == PRIMARY
    with pytest.raises(NoModelError, match="vgg19_imagenet is not installed"):
        set_primary(models, "vgg19_imagenet")


def test_a_chosen_primary_that_was_removed_is_forgotten(models: Path, zoo: Path) -> None:
    shutil.copytree(zoo, models)
    (models / "primary.txt").write_text("gone\n")
    assert read_primary(models) is None and choose(models).models[0].name == PRIMARY


def test_named_models_are_all_asked(zoo: Path) -> None:
    everyone = choose_models(zoo, PACK.cascade, ("all",))
    assert [model.name for model in everyone.models] == [PRIMARY, SECOND, THIRD] and everyone.everyone
    assert [model.name for model in choose_models(zoo, PACK.cascade, (SECOND,)).models] == [SECOND]
    with pytest.raises(NoModelError, match="vgg19_imagenet is not installed; installed are"):
        choose_models(zoo, PACK.cascade, ("vgg19_imagenet",))


def colour(*tigers: float) -> Image.Image:
    """A picture of one colour, of which the three models say that it is a tiger with these probabilities."""
    levels = [255 * (0.5 + math.log(p / (1 - p)) / (2 * STEEPNESS)) for p in tigers]
    return Image.new("RGB", (40, 40), tuple(round(level) for level in levels))


def scan(zoo: Path, folder: Path, *tigers: float, count: int = 3, text: str = "") -> list[ScannedPhoto]:
    folder.mkdir(exist_ok=True)
    paths = [save(colour(*tigers), folder / f"{n}.png") for n in range(count)]
    with Scanner(choose(zoo), PACK, "cpu") as scanner:
        return list(scanner.scan([Photo(str(path), path, Listing("https://shop.test/1", text)) for path in paths]))


def without(zoo: Path, models: Path, *names: str) -> Path:
    shutil.copytree(zoo, models, ignore=shutil.ignore_patterns(*names))
    return models


def speakers(scanned: ScannedPhoto) -> list[str]:
    return [said.model for said in scanned.scores]


def rules_met(scanned: ScannedPhoto) -> list[str]:
    return [finding.rule for finding in scanned.findings]


def test_an_absent_primary_leaves_the_word_to_the_fallback(zoo: Path, models: Path, tmp_path: Path) -> None:
    for scanned in scan(without(zoo, models, PRIMARY), tmp_path, 0.05, 0.95, 0.05):
        assert speakers(scanned) == [SECOND] and rules_met(scanned) == ["tiger_seen"]


def test_when_the_primary_is_sure_nobody_else_is_asked(zoo: Path, tmp_path: Path) -> None:
    for scanned in scan(zoo, tmp_path, 0.95, 0.05, 0.05):
        assert speakers(scanned) == [PRIMARY] and rules_met(scanned) == ["tiger_seen"]


def test_an_unsure_primary_is_joined_by_the_fallback(zoo: Path, models: Path, tmp_path: Path) -> None:
    for scanned in scan(without(zoo, models, THIRD), tmp_path, 0.25, 0.62, 0.05, count=20):
        assert speakers(scanned) == [PRIMARY, SECOND]
        first, second = (said.by_concept["tiger"] for said in scanned.scores)
        assert (first, second) == (pytest.approx(0.25, abs=0.02), pytest.approx(0.62, abs=0.02))
        assert rules_met(scanned) == ["tiger_seen"]
        assert scanned.findings[0].score == pytest.approx((3 * first + second) / 4, abs=0.08)


def test_a_contradicted_primary_ends_with_a_person(zoo: Path, tmp_path: Path) -> None:
    # The primary hesitates, the second rather sees a tiger, the third names a leopard.
    for scanned in scan(zoo, tmp_path, 0.16, 0.62, 0.02):
        assert speakers(scanned) == [PRIMARY, SECOND, THIRD]
        assert scanned.scores[2].counters["leopard"] > 0.9
        assert rules_met(scanned) == ["tiger_disagreed"]


def test_everyone_is_heard_when_all_are_wanted(zoo: Path, tmp_path: Path) -> None:
    path = save(colour(0.95, 0.05, 0.9), tmp_path / "a.png")
    with Scanner(choose_models(zoo, PACK.cascade, ("all",)), PACK, "cpu") as scanner:
        scanned = list(scanner.scan([Photo("a", path)]))
    assert speakers(scanned[0]) == [PRIMARY, SECOND, THIRD]
    assert scanner.spoke == {PRIMARY: 1, SECOND: 1, THIRD: 1}


def test_a_broken_fallback_fails_no_scan_and_is_told(zoo: Path, models: Path, tmp_path: Path) -> None:
    shutil.copytree(zoo, models)
    (models / SECOND / "model" / "model.pdmodel").write_bytes(b"no program")
    path = save(colour(0.4, 0.4, 0.4), tmp_path / "a.png")
    with Scanner(choose(models), PACK, "cpu") as scanner:
        scanned = list(scanner.scan([Photo("a", path), Photo("b", path)]))
    # The next in order is asked in its place.
    assert all(one.failure is None and speakers(one) == [PRIMARY, THIRD] for one in scanned)
    assert len(scanner.warnings) == 1 and f"{SECOND} could not be asked" in scanner.warnings[0]


@pytest.mark.parametrize("death", [ProcessExpired("killed", code=-9), TimeoutError(), OSError("no file")])
def test_a_fallback_that_dies_while_it_loads_fails_no_scan(
    zoo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, death: Exception
) -> None:
    real = PredictPool.run

    def run(self: PredictPool, work: Any, *arguments: Any, timeout_s: float) -> "Future[Any]":
        if arguments[:1] == (SECOND,):
            failed: Future[Any] = Future()
            failed.set_exception(death)
            return failed
        return real(self, work, *arguments, timeout_s=timeout_s)

    monkeypatch.setattr(PredictPool, "run", run)
    path = save(colour(0.4, 0.4, 0.4), tmp_path / "a.png")
    with Scanner(choose(zoo), PACK, "cpu") as scanner:
        (scanned,) = scanner.scan([Photo("a", path)])
    assert speakers(scanned) == [PRIMARY, THIRD]
    assert len(scanner.warnings) == 1 and f"{SECOND} could not be asked" in scanner.warnings[0]


def test_a_fallback_whose_batches_die_is_given_up(zoo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    real = PredictPool.ask

    def ask(self: PredictPool, name: str, crops: Any) -> "Future[Any]":
        asked.append(name)
        if name != SECOND:
            return real(self, name, crops)
        failed: Future[Any] = Future()
        failed.set_exception(ProcessExpired("killed", code=-9))
        return failed

    monkeypatch.setattr(PredictPool, "ask", ask)
    paths = [save(colour(0.4, 0.4, 0.4), tmp_path / f"{n}.png") for n in range(200)]
    with Scanner(choose(zoo), PACK, "cpu") as scanner:
        scanned = list(scanner.scan([Photo(str(path), path) for path in paths]))
    assert all(one.failure is None for one in scanned) and speakers(scanned[-1]) == [PRIMARY, THIRD]
    assert asked.count(SECOND) < 20  # two tries for each batch that was under way before the second death was seen


def test_known_scores_of_a_fallback_are_not_made_again(zoo: Path, models: Path, tmp_path: Path) -> None:
    path = save(colour(0.4, 0.4, 0.4), tmp_path / "a.png")
    kept = Scores(SECOND, "digest", {"tiger": 0.9, "other": 0.1}, (("tiger", 0.9),))
    with Scanner(choose(without(zoo, models, THIRD)), PACK, "cpu") as scanner:
        scanned = list(scanner.scan([Photo("a", path)], known=lambda *_: (kept,)))
    assert scanned[0].scores[1] is kept and scanner.spoke == {PRIMARY: 1}


def test_stored_scores_are_judged_as_if_asked_again() -> None:
    sure = Scores("a", "1", {"tiger": 0.9}, (("tiger", 0.9),))
    unsure = replace(sure, by_concept={"tiger": 0.4})
    other = Scores("b", "2", {"tiger": 0.1}, (("cat", 0.5),))
    assert replay(PACK.cascade, (sure, other), "") == (sure,)
    assert replay(PACK.cascade, (unsure, other), "") == (unsure, other)
