"""A pickle gives arrays and plain containers; whatever else it asks for is refused, and nothing of it runs."""

import io
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scanner.zoo.formats.pickles import ARRAYS, ClosedUnpickler, PickledArray, PickleError
from tests.scanner.zoo import crafted

ARRAY = np.arange(6, dtype=np.float32).reshape(2, 3)


def load(content: bytes) -> Any:
    return ClosedUnpickler(io.BytesIO(content), ARRAYS).load()


@pytest.mark.parametrize("craft", crafted.REFUSED, ids=lambda craft: craft.__name__)
def test_a_crafted_pickle_is_refused_with_its_reason_and_runs_nothing(tmp_path: Path, craft: crafted.Craft) -> None:
    marker = tmp_path / "ran"
    with pytest.raises(PickleError) as refusal:
        load(craft(marker))
    assert crafted.REFUSED[craft].replace("'", "") in str(refusal.value).replace("'", "")
    assert "\n" not in str(refusal.value)
    assert not marker.exists()


@pytest.mark.parametrize("craft", [crafted.system, crafted.evaluate, crafted.instance])
def test_the_same_pickle_would_run_with_the_ordinary_reader(tmp_path: Path, craft: crafted.Craft) -> None:
    """Else the test above would prove nothing."""
    marker = tmp_path / "ran"
    pickle.loads(craft(marker))  # noqa: S301 this is what must not happen
    assert marker.exists()


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_arrays_come_out_as_they_went_in(protocol: int) -> None:
    found = load(pickle.dumps({"a": ARRAY, "b": np.asfortranarray(ARRAY), "c": ARRAY.astype(">f8")}, protocol))
    for name in "abc":
        assert isinstance(found[name], PickledArray)
        np.testing.assert_array_equal(found[name].array, ARRAY)


def test_what_python_2_wrote_is_read() -> None:
    raw = ARRAY.tobytes()
    made = crafted.called(
        crafted.named("numpy.core.multiarray", "_reconstruct"), crafted.named("numpy", "ndarray"), b"(K\x00t", b"U\x01b"
    )
    element = crafted.called(crafted.named("numpy", "dtype"), b"U\x02f4", b"K\x00", b"K\x01")
    order = b"(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    state = b"(K\x01K\x02K\x03\x86" + element + order + b"\x89U" + bytes([len(raw)]) + raw + b"tb"
    np.testing.assert_array_equal(load(crafted.whole(made, state)).array, ARRAY)


def test_ordered_and_nested_containers_are_read() -> None:
    found = load(pickle.dumps({"model": OrderedDict(a=(1, [2.5, None, "x"]))}))
    assert found == {"model": {"a": (1, [2.5, None, "x"])}}


@pytest.mark.parametrize("end", [1, 10, -40, -1])
def test_a_pickle_that_is_cut_off_is_told(end: int) -> None:
    with pytest.raises(PickleError, match="cut off"):
        load(pickle.dumps({"a": ARRAY})[:end])


def test_what_is_no_pickle_is_told() -> None:
    with pytest.raises(PickleError, match="is no pickle that can be read"):
        load(b"<html>404</html>")


def test_numbers_that_do_not_fit_their_shape_are_refused() -> None:
    with pytest.raises(PickleError, match="don't fit its shape"):
        load(pickle.dumps(ARRAY, protocol=4).replace(b"K\x02K\x03\x86", b"K\x02K\xff\x86"))


def test_a_pickle_that_wants_room_for_more_than_it_holds_is_refused() -> None:
    """Nine bytes for which the ordinary reader would set aside 32 GB."""
    with pytest.raises(PickleError, match="numbers more things"):
        ClosedUnpickler(io.BytesIO(b"\x80\x02Nr\xff\xff\xff\x7f."), ARRAYS).load()
