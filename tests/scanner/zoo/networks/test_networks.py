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
from tests.scanner.zoo.networks.seeding import seeded_input, seeded_parameters

REFERENCES = Path(__file__).parent / "references"
NAMES = sorted(path.stem for path in REFERENCES.glob("*.json"))
TOLERANCE = 1e-4  # relative, float32


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


def first_output(layer: Any, pictures: NDArray[np.float32]) -> NDArray[np.float32]:
    import paddle

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
    layer.set_state_dict(seeded_parameters(wanted["parameters"]))
    logits = first_output(layer, seeded_input())
    reference = wanted["reference"]
    rows = np.array([reference["logits_row0_first8"], reference["logits_row1_first8"]])
    assert relative_error(logits[:, :8], rows) < TOLERANCE
    assert abs(logits.std() / reference["std"] - 1) < TOLERANCE
    assert abs(logits.mean() - reference["mean"]) < TOLERANCE * reference["std"]
