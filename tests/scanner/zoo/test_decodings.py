"""Fast decoding is heard only where each model's card holds a check of it that passed."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from scanner.zoo import decoding_checks, precisions
from scanner.zoo.cascade import choose_models
from scanner.zoo.catalogue import PRIMARY
from scanner.zoo.decoding_checks import DecodingError, check_decoding, keep_check
from scanner.zoo.engines import Device
from scanner.zoo.precisions import DecodingCheck
from scanner.zoo.registry import InstalledModel, find_installed
from scanner.zoo.weights import install
from scanner.zoo.wishes import Wishes, wishes_of
from tests.pictures import noise, save
from tests.scanner import engines
from tests.scanner.conftest import MakeModule

PASSED = DecodingCheck(200, 1.0, 0.01, 0.02, 2.5, "2026-11-26T12:00:00+00:00", "a machine")
FAST = Wishes(decoding="fast")


@pytest.fixture
def model(tmp_path: Path, make_module: MakeModule) -> InstalledModel:
    install(PRIMARY, tmp_path / "models", str(make_module("A", "softmax")))
    return again(tmp_path / "models")


def again(models_dir: Path) -> InstalledModel:
    found = find_installed(models_dir, PRIMARY)
    assert found is not None
    return found


def test_a_check_that_passed_lets_pictures_be_decoded_fast_under_another_digest(model: InstalledModel) -> None:
    keep_check(model, PASSED)
    choice = choose_models(model.folder.parent)
    exact, fast = choice.run_on(Device(), Wishes()), choice.run_on(Device(), FAST)
    assert (exact.models[0].decoding, fast.models[0].decoding) == ("exact", "fast")
    assert exact.models[0].digest == model.digest != fast.models[0].digest
    assert fast.warnings == ()


@pytest.mark.parametrize(
    ("check", "says"),
    [
        (None, "was never checked with it"),
        (replace(PASSED, kept=0.98), "top label kept on 98.00%"),
        (replace(PASSED, moved_p99=0.06), "moved by at most 0.060"),
        (replace(PASSED, pictures=199), "did not pass on 199 pictures"),
    ],
)
def test_without_one_pictures_are_decoded_exactly_and_a_warning_says_why(
    model: InstalledModel, check: DecodingCheck | None, says: str
) -> None:
    if check is not None:
        keep_check(model, check)
    fast = choose_models(model.folder.parent).run_on(Device(), FAST)
    assert fast.models[0].decoding == "exact"
    (warning,) = fast.warnings
    assert says in warning and f"run `tuskline models decoding {PRIMARY} --on FOLDER`" in warning


def test_one_model_without_a_check_holds_the_others_back(model: InstalledModel) -> None:
    keep_check(model, PASSED)
    choice = choose_models(model.folder.parent)
    both = replace(choice, models=(*choice.models, replace(model, spec=replace(model.spec, name="other"))))
    fast = both.run_on(Device(), FAST)
    assert {one.decoding for one in fast.models} == {"exact"}
    assert len(fast.warnings) == 1 and "other was never checked" in fast.warnings[0]


def test_the_environment_may_ask_for_it() -> None:
    assert wishes_of({"TUSKLINE_DECODING": "fast"}) == FAST
    with pytest.raises(ValueError, match="TUSKLINE_DECODING is 'rough': give exact or fast"):
        wishes_of({"TUSKLINE_DECODING": "rough"})


def photographs(folder: Path) -> list[Path]:
    """Three that are decoded smaller, one of them twice with other metadata, one that is too small, and no picture."""
    exif = Image.Exif()
    exif[0x010E] = "another description"
    large = [noise(64, 48, seed).resize((1280, 1024), Image.Resampling.BICUBIC) for seed in range(3)]
    paths = [save(image, folder / f"{n}.jpg") for n, image in enumerate(large)]
    (folder / "no.jpg").write_bytes(b"<html>")
    return [
        *paths,
        save(large[0], folder / "noted.jpg", exif=exif),
        save(noise(600, 500), folder / "small.jpg"),
        folder / "no.jpg",
    ]


def test_a_check_counts_what_is_decoded_smaller_each_pixels_once(
    model: InstalledModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding_checks, "FEWEST_PICTURES", 3)
    monkeypatch.setattr(precisions, "FEWEST_PICTURES", 3)
    seen: list[Sequence[int]] = []
    check = check_decoding(
        model, photographs(tmp_path), progress=lambda *counts: seen.append(counts), load=engines.load_red
    )
    assert (check.pictures, check.kept, check.has_passed) == (3, 1.0, True)
    assert 0 < check.moved_p99 <= check.moved_most < 0.01 and check.speed > 0
    assert seen[-1] == (6, 6)
    keep_check(model, check)
    assert again(model.folder.parent).card.decoding_checks == [check]


def test_too_few_photographs_say_nothing(model: InstalledModel, tmp_path: Path) -> None:
    with pytest.raises(DecodingError, match="0 of 1 pictures are decoded smaller, which are too few to tell"):
        check_decoding(model, [save(noise(60, 50), tmp_path / "a.jpg")], load=engines.load_red)
