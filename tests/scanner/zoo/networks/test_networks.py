"""Every network has the published names and shapes, and computes what the published network computes."""

import gc
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from scanner.zoo import build_network
from scanner.zoo.engines.paddle import import_paddle
from scanner.zoo.networks import NETWORKS, UnknownNetworkError, may_be_absent
from tests.scanner.zoo.networks.seeding import calm_excitation, seeded_array, seeded_input, seeded_parameters

REFERENCES = Path(__file__).parent / "references"
NAMES = sorted(path.stem for path in REFERENCES.glob("*.json"))
TOLERANCE = 1e-4  # relative, float32


@pytest.fixture(scope="module", autouse=True)
def _no_chance_at_first() -> Iterator[None]:
    """Networks are made of zeros: the random numbers that each is made with take seconds, and are overwritten here."""
    initializer = import_paddle().nn.initializer
    initializer.set_global_initializer(initializer.Constant(0.0), initializer.Constant(0.0))
    yield
    initializer.set_global_initializer(None, None)


@pytest.fixture(autouse=True)
def small_memory() -> Iterator[None]:
    """Layers hang in reference cycles; the largest network holds 0.6 GB."""
    yield
    gc.collect()


def read_reference(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((REFERENCES / f"{name}.json").read_text(encoding="utf-8"))
    return content


def shapes_of(layer: Any) -> dict[str, list[int]]:
    return {name: list(value.shape) for name, value in layer.state_dict().items()}


def relative_error(found: NDArray[np.float32], wanted: NDArray[np.float64]) -> float:
    return float(np.linalg.norm(found - wanted) / np.linalg.norm(wanted))


def lazy_shapes(name: str, classes: int | None = None) -> dict[str, list[int]]:
    """Without making the numbers, which takes seconds for the larger networks."""
    with import_paddle().LazyGuard():
        return shapes_of(build_network(name, classes))


def fill(layer: Any) -> None:
    """One parameter at a time: together they would take as much memory again as the network."""
    for name, value in layer.state_dict().items():
        value.set_value(seeded_array(name, value.shape))


def first_output(layer: Any, pictures: NDArray[np.float32]) -> NDArray[np.float32]:
    paddle = import_paddle()
    with paddle.no_grad():
        outputs = layer(paddle.to_tensor(pictures))
    logits: NDArray[np.float32] = (outputs[0] if isinstance(outputs, list | tuple) else outputs).numpy()
    return logits


def test_there_are_twenty_references() -> None:
    assert len(NAMES) == 20


@pytest.mark.parametrize("name", NAMES)
def test_a_network_has_the_published_names_and_shapes_and_logits(name: str) -> None:
    wanted = read_reference(name)
    layer = build_network(name)
    assert shapes_of(layer) == wanted["parameters"]
    assert not layer.training
    fill(layer)
    logits = first_output(layer, seeded_input())
    reference = wanted["reference"]
    rows = np.array([reference["logits_row0_first8"], reference["logits_row1_first8"]])
    assert relative_error(logits[:, :8], rows) < TOLERANCE
    assert abs(logits.std() / reference["std"] - 1) < TOLERANCE
    assert abs(logits.mean() - reference["mean"]) < TOLERANCE * reference["std"]


def test_googlenet_loads_with_and_without_its_auxiliary_parameters() -> None:
    parameters = seeded_parameters(read_reference("googlenet_imagenet")["parameters"])
    published = {key: value for key, value in parameters.items() if not may_be_absent("googlenet_imagenet", key)}
    assert len(parameters) - len(published) == 10
    layer = build_network("googlenet_imagenet")
    layer.set_state_dict(published)
    without = first_output(layer, seeded_input())
    layer.set_state_dict(parameters)
    assert without.shape == (2, 1000)
    np.testing.assert_array_equal(without, first_output(layer, seeded_input()))


def test_no_other_network_may_leave_a_parameter_out() -> None:
    assert not may_be_absent("resnet50_vd_wildanimals", "fc.bias")


@pytest.mark.parametrize("name", NETWORKS)
def test_other_classes_change_the_head_alone(name: str) -> None:
    usual, narrow = lazy_shapes(name), lazy_shapes(name, classes=7)
    changed = {key for key in usual if usual[key] != narrow[key]}
    assert changed == {key for key in usual if key.startswith(name_heads(name, usual))}
    assert all(usual[key] == [*narrow[key][:-1], NETWORKS[name].classes] and narrow[key][-1] == 7 for key in changed)


def name_heads(name: str, shapes: dict[str, list[int]]) -> tuple[str, ...]:
    """Prefixes of the last layer, and of the two auxiliary ones where there are any."""
    if name == "googlenet_imagenet":
        return ("_fc_out.", "_out1.", "_out2.")
    return (list(shapes)[-1].removesuffix("bias"),)


def test_inception_v4_has_two_spellings() -> None:
    assert NETWORKS["inceptionv4_imagenet"] is NETWORKS["inception_v4_imagenet"]


def test_an_unknown_name_is_answered_with_those_that_exist() -> None:
    with pytest.raises(UnknownNetworkError, match=r"'resnet50-vd-animals'; did you mean resnet50_vd_animals\?.*vgg19"):
        build_network("resnet50-vd-animals")


@pytest.mark.parametrize("classes", [0, -1])
def test_a_network_of_no_class_is_refused(classes: int) -> None:
    with pytest.raises(ValueError, match="at least one class"):
        build_network("shufflenet_v2_imagenet", classes)


def test_a_little_noise_in_a_picture_stays_little_noise_in_calmed_logits() -> None:
    name = "efficientnetb7_imagenet"
    layer = build_network(name)
    layer.set_state_dict(calm_excitation(seeded_parameters(read_reference(name)["parameters"])))
    pictures = seeded_input()
    logits = first_output(layer, pictures)
    assert relative_error(first_output(layer, pictures * np.float32(1 + 1e-6)), logits.astype(np.float64)) < 1e-5
