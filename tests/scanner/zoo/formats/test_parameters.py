"""Parameter files are read to the last byte, or refused."""

import numpy as np
import pytest

from scanner.zoo.formats.parameters import ParameterError, join_records, pack_record, split_records, unpack_record

ARRAYS = {
    "b": np.arange(6, dtype=np.float32).reshape(2, 3),
    "a": np.array([1.5], dtype=np.float32),
    "B": np.zeros((1, 2, 1, 2), dtype=np.float32),
}
RECORDS = {name: pack_record(array) for name, array in ARRAYS.items()}


def test_arrays_come_back_from_a_joined_file() -> None:
    records = split_records(join_records(RECORDS), list(ARRAYS))
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(unpack_record(records[name], name), array)


def test_a_joined_file_is_ordered_by_the_bytes_of_the_names() -> None:
    assert join_records(RECORDS) == RECORDS["B"] + RECORDS["a"] + RECORDS["b"]


@pytest.mark.parametrize("lost", [1, 20, 60])
def test_a_truncated_file_is_refused(lost: int) -> None:
    with pytest.raises(ParameterError, match="ends within"):
        split_records(join_records(RECORDS)[:-lost], list(ARRAYS))


def test_a_file_that_holds_more_than_its_program_names_is_refused() -> None:
    with pytest.raises(ParameterError, match="bytes long"):
        split_records(join_records(RECORDS), ["B", "a"])


def test_the_parameters_of_another_network_are_refused() -> None:
    with pytest.raises(ParameterError, match="of another network"):
        split_records(b"\x80\x04" * 40, ["w"])
