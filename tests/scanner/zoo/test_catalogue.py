"""Every model with a network: published, installed, verified, and scoring as its reference says, from each layout."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, nullcontext
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from scanner.processes import Processes
from scanner.zoo import probe
from scanner.zoo.cards import Tuning
from scanner.zoo.catalogue import CATALOGUE
from scanner.zoo.engines import Device
from scanner.zoo.engines.paddle import PaddleEngine
from scanner.zoo.formats import conversion
from scanner.zoo.formats.conversion import start_conversion
from scanner.zoo.formats.programs import cut_network, read_network, write_network
from scanner.zoo.predictor import Predictor, softmax
from scanner.zoo.registry import InstalledModel
from scanner.zoo.weights import install
from tests.scanner.zoo.networks.seeding import seeded_array, seeded_input
from tests.scanner.zoo.networks.test_networks import REFERENCES, TOLERANCE, read_reference, relative_error
from tests.scanner.zoo.publishing import Form, compute_logits, publish

Rows = NDArray[np.float32]
Publish = Callable[[str, Form], Path]

MODULES = ["alexnet_imagenet", "vgg19_imagenet", "resnet_v2_50_imagenet", "inception_v4_imagenet"]
MODULES += ["se_resnext50_32x4d_imagenet", "dpn107_imagenet", "densenet161_imagenet"]
BOTH = ["googlenet_imagenet", "mobilenet_v2_imagenet", "shufflenet_v2_imagenet", "xception71_imagenet"]
BOTH += ["resnext152_64x4d_imagenet", "resnext152_vd_64x4d_imagenet"]
BOTH += ["mobilenet_v3_large_imagenet_ssld", "mobilenet_v3_small_imagenet_ssld"]
INFERENCE = ["resnet50_vd_wildanimals", "resnet50_vd_animals", "resnet50_vd_dishes", "efficientnetb7_imagenet"]

# Each model in each layout in which it was published, the two of one network side by side: its numbers are made once.
PUBLISHED: list[tuple[str, Form]] = [
    *((name, form) for name in INFERENCE for form in ("A", "B")),
    *((name, "V1") for name in MODULES),
    *((name, form) for name in BOTH for form in ("D", "V1")),
    ("inceptionv4_imagenet", "D"),
    ("darknet53_imagenet", "B"),
    ("efficientnet_lite0_imagenet", "F"),
    ("efficientnet_lite0_imagenet", "zip"),
    ("efficientnet_lite1_imagenet", "F"),
    ("efficientnet_lite2_imagenet", "F"),
    ("resnet50_keras_imagenet", "G"),
]
# With random parameters the last digit of its input decides what this network gives: none but the kernels that made
# the reference give the same, and those run without optimisation.
UNSTEADY = "efficientnetb7_imagenet"
LETTERS: dict[Form, str] = {"V1": "B", "zip": "F"}


@pytest.fixture(scope="module")
def workshop() -> Iterator[Processes]:
    """Processes that stay: to import Paddle for each of some sixty conversions and probes would take a minute."""
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:

        @cache
        def keep(count: int, start: Callable[[], None] | None = None) -> AbstractContextManager[Processes]:
            return nullcontext(stack.enter_context(Processes(count, start)))

        for module in (conversion, probe):
            patch.setattr(module, "Processes", keep)
        with keep(1, start_conversion) as process:
            yield process


@pytest.fixture
def published(tmp_path: Path, workshop: Processes) -> Iterator[Publish]:
    """published(name, form): the model's folder; it goes away with the test, as pytest keeps its own for days."""

    def make(name: str, form: Form) -> Path:
        workshop.run(publish, name, form, tmp_path / "published", timeout_s=300).result()
        return tmp_path / "published"

    yield make
    shutil.rmtree(tmp_path)


def test_every_model_with_a_network_is_among_the_published() -> None:
    assert {name for name, _ in PUBLISHED} == {name for name, spec in CATALOGUE.items() if spec.network is not None}


# The largest of families whose smaller members are tried here too: a quarter of a minute each, and each layout.
GIANTS = ("resnext152_64x4d_imagenet", "resnext152_vd_64x4d_imagenet", "efficientnetb7_imagenet", "dpn107_imagenet")
all_models = pytest.mark.skipif(not os.environ.get("TUSKLINE_TEST_ALL"), reason="large: TUSKLINE_TEST_ALL=1 tries it")
TRIED = [pytest.param(*one, id="-".join(one), marks=[all_models] if one[0] in GIANTS else []) for one in PUBLISHED]


@pytest.mark.parametrize(("name", "form"), TRIED)
def test_a_model_scores_as_its_reference_from_each_layout(
    tmp_path: Path, published: Publish, workshop: Processes, name: str, form: Form
) -> None:
    source = published(name, form)
    model = install(name, tmp_path / "models", str(source))
    shutil.rmtree(source)
    assert (model.card.source_layout, model.card.tuning) == (LETTERS.get(form, form), "full")
    assert model.changed_files() == []
    pictures = seeded_input(0, model.spec.preprocessing.crop)
    tuning: Tuning = "without optimisation" if name == UNSTEADY else model.card.tuning
    outputs = PaddleEngine(model.folder, model.card.network, Device(), tuning=tuning).run(pictures)
    logits = find_logits(model, outputs, tmp_path)
    check_reference(model, logits, lambda: workshop.run(compute_logits, name, timeout_s=300).result())
    crops = np.zeros((2, pictures.shape[2], pictures.shape[3], 3), np.uint8)
    given = Predictor(model, Given(outputs)).predict(crops)
    np.testing.assert_allclose(given, softmax(logits.astype(np.float64)), rtol=1e-3, atol=1e-4)


class Given:
    """An engine that was run before."""

    takes_pixels = False

    def __init__(self, outputs: list[Rows]) -> None:
        self._outputs = outputs

    def run(self, _: Rows) -> list[Rows]:
        return self._outputs


def find_logits(model: InstalledModel, outputs: list[Rows], tmp_path: Path) -> Rows:
    """What the network gave; where it ends in a softmax, what that softmax was given."""
    if model.card.output_kind == "logits":
        return outputs[model.card.output_index]
    if len(outputs) == 2:
        return classify(model, outputs[1 - model.card.output_index])
    network = read_network(model.folder, model.card.network)
    last = next(op for op in reversed(network.block.ops) if op.type == "softmax")
    layout = write_network(cut_network(network, [last.inputs[0].arguments[0]]), tmp_path / "cut")
    return PaddleEngine(tmp_path / "cut", layout, Device()).run(seeded_input())[0]


def classify(model: InstalledModel, features: Rows) -> Rows:
    """The last layer, of the features that a module of PaddleHub 1.x gives beside its classes."""
    shapes: dict[str, list[int]] = read_reference(str(model.spec.network))["parameters"]
    rows = features.reshape(len(features), -1)
    wanted = [rows.shape[1], model.spec.classes]
    weight = next(name for name, shape in shapes.items() if shape == wanted)  # googlenet's auxiliary ones come later
    bias = weight.replace("weight", "bias")
    return rows @ seeded_array(weight, wanted) + seeded_array(bias, shapes[bias])


def check_reference(model: InstalledModel, logits: Rows, compute: Callable[[], Rows]) -> None:
    if not (REFERENCES / f"{model.spec.network}.json").is_file():
        assert relative_error(logits, compute().astype(np.float64)) < TOLERANCE
        return
    reference = read_reference(str(model.spec.network))["reference"]
    rows = np.array([reference["logits_row0_first8"], reference["logits_row1_first8"]])
    assert relative_error(logits[:, :8], rows) < TOLERANCE
    assert abs(logits.std() / reference["std"] - 1) < TOLERANCE
    assert abs(logits.mean() - reference["mean"]) < TOLERANCE * reference["std"]
