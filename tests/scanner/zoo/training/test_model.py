"""A head is learnt from labelled pictures and serves like any other model. Its backbone has random weights."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from scanner.predicting import PredictPool
from scanner.zoo.preprocessing import Preprocessing, crop_pixels
from scanner.zoo.registry import InstalledModel
from scanner.zoo.training import Example, Trained, TrainingError, train
from scanner.zoo.weights import install
from tests.scanner.conftest import PRIMARY, MakeModule

COLOURS = {"other": (40, 90, 200), "tiger": (230, 130, 20), "other/leaf": (30, 160, 50), "skull": (240, 240, 230)}


def paint(colour: tuple[int, int, int], seed: int) -> Image.Image:
    """Blots around one colour."""
    noise = np.random.default_rng(seed).normal(0, 40, (9, 12, 3)) + colour
    return Image.fromarray(np.clip(noise, 0, 255).astype(np.uint8)).resize((320, 240), Image.Resampling.BICUBIC)


def paint_all(folder: Path, counts: dict[str, int]) -> list[Example]:
    """Each picture from a source of its own by its name, three pictures a source."""
    examples = []
    for label, count in counts.items():
        for n in range(count):
            path = folder / f"{label.replace('/', '-')}-{n}.png"
            paint(COLOURS[label], seed=len(examples)).save(path)
            examples.append(Example(path, label, f"{label}-{n // 3}"))
    return examples


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory, make_module: MakeModule) -> InstalledModel:
    return install(PRIMARY, tmp_path_factory.mktemp("models"), str(make_module("A", "softmax")))


Teach = Callable[[str], tuple[Trained, list[Example]]]


@pytest.fixture(scope="module")
def teach(tmp_path_factory: pytest.TempPathFactory, backbone: InstalledModel) -> Teach:
    """Train anew, in a folder of that name."""
    folder = tmp_path_factory.mktemp("pictures")
    on = paint_all(folder, {"other": 18, "tiger": 15, "other/leaf": 12, "skull": 3})
    broken = folder / "broken.jpg"
    broken.write_bytes(b"no picture")

    def run(name: str) -> tuple[Trained, list[Example]]:
        examples = [*on, Example(broken, "tiger")]
        return train(examples, backbone, folder / name, "colours", pictures="painted", variants=2), examples

    return run


@pytest.fixture(scope="module")
def trained(teach: Teach) -> Trained:
    return teach("first")[0]


def test_what_was_trained_installs_and_tells_new_pictures_apart(trained: Trained, tmp_path: Path) -> None:
    model = install("colours", tmp_path, str(trained.folder))
    crops = np.stack([crop_pixels(paint(COLOURS[label], seed=900), Preprocessing()) for label in COLOURS])
    with PredictPool((model,), "cpu") as pool:
        other, tiger, leaf, _ = pool.submit("colours", crops).result()
    assert tiger.by_concept["tiger"] > 10 * max(other.by_concept["tiger"], leaf.by_concept["tiger"])
    assert leaf.top_labels[0][0] == "leaf" and set(leaf.by_concept) == {"other", "tiger"}


def test_the_card_tells_the_concepts_the_look_alikes_and_how_it_was_learnt(trained: Trained) -> None:
    card = json.loads((trained.folder / "card.json").read_text())
    assert card["concepts"] == {"tiger": "1"} and card["counters"] == {"leaf": "2"}
    assert (trained.folder / "label_list.txt").read_text().split() == ["other", "tiger", "leaf"]
    training = card["training"]
    assert training["labels"] == {"other": 18, "tiger": 15, "other/leaf": 12, "skull": 3}
    assert training["sources"]["other/leaf"]["other/leaf-3"] == 3
    assert training["set_aside"] == ["skull"] and training["unreadable"] == 1 and training["seed"] == 0
    assert 0 < training["recommended_thresholds"]["tiger"] < 1
    assert sum(training["said_of_set_aside"]["skull"].values()) == 3
    assert sum(pictures for _, pictures in training["found_by_source"]["tiger"].values()) == 15


def test_the_figures_are_of_every_picture_held_out(trained: Trained) -> None:
    tiger = next(figures for figures in trained.evaluation.concepts if figures.concept == "tiger")
    assert (tiger.pictures, tiger.ordinary) == (15, 30)
    assert tiger.ranking is not None and tiger.ranking.auc.value > 0.95
    assert {label.label: label.state for label in trained.evaluation.labels}["skull"] == "set aside"


def test_a_broken_picture_is_told_and_left_out(trained: Trained) -> None:
    ((path, failure),) = trained.failures
    assert path.endswith("broken.jpg") and failure.startswith("not a picture")


def test_the_same_pictures_and_seed_give_the_same_files(trained: Trained, teach: Teach) -> None:
    again, _ = teach("again")
    for name in ("model/model.pdiparams", "model/model.pdmodel", "label_list.txt"):
        assert (again.folder / name).read_bytes() == (trained.folder / name).read_bytes()


def test_too_few_pictures_are_refused_before_any_is_read(tmp_path: Path, backbone: InstalledModel) -> None:
    on = [Example(tmp_path / f"{n}.jpg", "tiger" if n % 2 else "other") for n in range(18)]
    with pytest.raises(TrainingError, match="no concept has 10 pictures"):
        train(on, backbone, tmp_path / "out", "tigers")
    assert not (tmp_path / "out").exists()


def test_one_source_for_all_can_t_be_judged(tmp_path: Path, backbone: InstalledModel) -> None:
    on = paint_all(tmp_path, {"other": 10, "tiger": 10})
    with pytest.raises(TrainingError, match="nothing can be held out"):
        train([Example(e.path, e.label, "one shop") for e in on], backbone, tmp_path / "out", "tigers", variants=0)
    assert not (tmp_path / "out").exists()
