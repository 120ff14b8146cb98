"""From real pictures through the real pools to figures."""

from pathlib import Path

import pytest

from scanner.zoo.catalogue import PRIMARY
from scanner.zoo.evaluation import Evaluation, EvaluationError
from scanner.zoo.evaluation.folders import LabelNames
from scanner.zoo.evaluation.scoring import evaluate_folder
from scanner.zoo.registry import InstalledModel
from scanner.zoo.weights import install
from tests.pictures import noise, save
from tests.scanner.conftest import MakeModule


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, make_module: MakeModule) -> InstalledModel:
    return install(PRIMARY, tmp_path_factory.mktemp("models"), str(make_module("A", "softmax")))


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """20 tigers, 20 others and a leopard; one is broken, one lies there twice, one under two labels."""
    root = tmp_path_factory.mktemp("pictures")
    for number, label in enumerate(["tiger", "other"] * 20):
        (root / label).mkdir(exist_ok=True)
        save(noise(60, 60, seed=number), root / label / f"{number:02}.png")
    (root / "leopard").mkdir()
    save(noise(60, 60, seed=99), root / "leopard/99.png")
    (root / "tiger/00.png").write_bytes(b"<html>")
    save(noise(60, 60, seed=2), root / "tiger/again.png")
    save(noise(60, 60, seed=4), root / "other/under_two.png")
    return root


@pytest.fixture(scope="module")
def evaluated(model: InstalledModel, pictures: Path) -> tuple[Evaluation, list[tuple[int, int]]]:
    done: list[tuple[int, int]] = []
    names = LabelNames(aside=("leopard",))
    report = lambda *pair: done.append(pair)  # noqa: E731
    return evaluate_folder(model, pictures, "cpu", thresholds={"tiger": 0.05}, names=names, progress=report), done


def test_every_picture_counts_once(evaluated: tuple[Evaluation, list[tuple[int, int]]]) -> None:
    evaluation, _ = evaluated
    assert {label.label: label.pictures for label in evaluation.labels} == {"tiger": 18, "other": 20, "leopard": 1}
    assert [figures.concept for figures in evaluation.concepts][:2] == ["ivory_product", "ivory"]
    assert len(evaluation.concepts) == 9


def test_broken_repeated_and_contradictory_pictures_are_said(
    evaluated: tuple[Evaluation, list[tuple[int, int]]],
) -> None:
    left_out = evaluated[0].left_out
    assert [place for place, _ in left_out.broken] == ["tiger/00.png"] and "web page" in left_out.broken[0][1]
    assert left_out.duplicates == 1
    assert left_out.conflicts == (("other/under_two.png", "tiger/04.png"),)


def test_progress_ends_with_all(evaluated: tuple[Evaluation, list[tuple[int, int]]]) -> None:
    assert evaluated[1] == [(16, 43), (32, 43), (43, 43)]


def test_the_subject_is_the_installed_model(
    model: InstalledModel, evaluated: tuple[Evaluation, list[tuple[int, int]]]
) -> None:
    subject = evaluated[0].subject
    assert (subject.model, subject.digest, subject.device) == (PRIMARY, model.digest, "cpu")


def test_a_folder_of_broken_pictures_is_refused_with_the_first(tmp_path: Path, model: InstalledModel) -> None:
    (tmp_path / "tiger").mkdir()
    (tmp_path / "tiger/a.jpg").write_bytes(b"<html>")
    with pytest.raises(EvaluationError, match=r"no picture could be scored; the first, tiger/a.jpg: .*web page"):
        evaluate_folder(model, tmp_path, "cpu")
