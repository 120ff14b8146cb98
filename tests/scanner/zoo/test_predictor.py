"""The softmax is applied once: the network's own output decides."""

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
from numpy.typing import NDArray

from scanner.zoo.predictor import ModelError, Predictor, choose_output, output_kind, pad_batch, softmax
from scanner.zoo.preprocessing import Preprocessing
from scanner.zoo.registry import InstalledModel

# Two probability rows that Baidu's published hub scores imply for the primary model (the rest spread evenly).
PUBLISHED = [[0.4942, 0.1888, 0.0864], [0.909, 0.0103, 0.0103]]


def full_row(known: list[float]) -> list[float]:
    return known + [(1 - sum(known)) / (10 - len(known))] * (10 - len(known))


def test_rows_that_sum_to_one_are_probabilities() -> None:
    rows = np.array([full_row(known) for known in PUBLISHED], dtype=np.float32)
    assert output_kind(rows) == "probabilities"


def test_a_second_softmax_would_squeeze_every_score_below_a_quarter() -> None:
    rows = np.array([full_row(known) for known in PUBLISHED], dtype=np.float32)
    assert softmax(rows).max() < 0.2321 and rows.max() > 0.9


@pytest.mark.parametrize(
    "row", [[1.5, -0.5], [0.2, 0.2], [3.0, 4.0], [-1.0, 2.0]], ids=["negative", "low sum", "high sum", "both"]
)
def test_other_rows_are_logits(row: list[float]) -> None:
    assert output_kind(np.array([[0.5, 0.5], row], dtype=np.float32)) == "logits"


def test_softmax_rows_sum_to_one_even_for_huge_logits() -> None:
    rows = softmax(np.array([[1e4, 0.0, -1e4], [1.0, 2.0, 3.0]], dtype=np.float32))
    np.testing.assert_allclose(rows.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(rows[1], [0.09003057, 0.24472847, 0.66524096], atol=1e-6)


def test_the_output_as_wide_as_the_labels_is_taken() -> None:
    outputs = [np.zeros((2, 8, 4, 4), np.float32), np.zeros((2, 10), np.float32)]
    assert choose_output(outputs, 10, Path("label_list.txt")) == 1


def test_a_wrong_label_count_is_one_clear_sentence() -> None:
    with pytest.raises(ModelError, match=r"label_list.txt has 12 labels, but the network's outputs are 10 wide"):
        choose_output([np.zeros((2, 10), np.float32)], 12, Path("label_list.txt"))


@pytest.mark.parametrize(("count", "padded"), [(1, 1), (2, 2), (3, 4), (5, 8), (16, 16), (17, 32)])
def test_a_batch_is_padded_to_a_power_of_two(count: int, padded: int) -> None:
    crops = np.arange(count * 12, dtype=np.uint8).reshape(count, 2, 2, 3)
    given = pad_batch(crops)
    assert len(given) == padded
    np.testing.assert_array_equal(given[:count], crops)


class Scripted:
    """An engine that notes how many pictures it was given, and gives the rows that a test wants."""

    def __init__(self, row: list[float], *, takes_pixels: bool = False) -> None:
        self.row = row
        self.takes_pixels = takes_pixels
        self.shapes: list[tuple[int, ...]] = []
        self.counts: list[int] = []

    def run(self, batch: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        self.counts.append(len(batch))
        self.shapes.append(batch.shape[1:])
        return [np.array([self.row] * len(batch), dtype=np.float32)]


def predictor_of(engine: Scripted, kind: str = "probabilities") -> Predictor:
    card = SimpleNamespace(output_index=0, output_kind=kind)
    spec = SimpleNamespace(preprocessing=Preprocessing())
    model = SimpleNamespace(name="scripted", card=card, spec=spec, labels=lambda: ("a", "b"))
    return Predictor(cast("InstalledModel", model), engine)


def test_the_engine_sees_powers_of_two_and_the_caller_its_own_pictures() -> None:
    engine = Scripted([0.25, 0.75])
    assert predictor_of(engine).predict(np.zeros((5, 4, 4, 3), np.uint8)).shape == (5, 2)
    assert engine.counts == [8]


@pytest.mark.parametrize("kind", ["probabilities", "logits"])
@pytest.mark.parametrize("wrong", [float("nan"), float("inf")])
def test_numbers_that_are_not_finite_are_no_score(kind: str, wrong: float) -> None:
    with pytest.raises(ModelError, match="scripted gave numbers that are not finite"):
        predictor_of(Scripted([wrong, 0.5]), kind).predict(np.zeros((1, 4, 4, 3), np.uint8))


def test_an_engine_that_normalises_by_itself_gets_pixels() -> None:
    crops = np.zeros((2, 8, 8, 3), np.uint8)
    for takes_pixels, shape in ((True, (8, 8, 3)), (False, (3, 8, 8))):
        engine = Scripted([0.5, 0.5], takes_pixels=takes_pixels)
        predictor_of(engine).predict(crops)
        assert engine.shapes == [shape]
