"""Crops lie side by side in memory that processes share; a place is free once nobody holds it."""

from collections.abc import Iterator

import numpy as np
import pytest

from scanner.crops import CropTable
from scanner.processes import Processes
from scanner.zoo.preprocessing import Preprocessing
from tests.scanner import decoders

SMALL, LARGE = Preprocessing(8, 6), Preprocessing(12, 10)
BYTES = 6 * 6 * 3 + 10 * 10 * 3


@pytest.fixture
def table() -> Iterator[CropTable]:
    with CropTable([SMALL.size, LARGE.size, SMALL.size], 3 * BYTES + BYTES // 2) as table:
        yield table


def full(how: Preprocessing, level: int) -> np.ndarray:
    return np.full((how.crop, how.crop, 3), level, np.uint8)


def test_crops_of_each_size_have_their_own_room(table: CropTable) -> None:
    for place in range(3):
        table.put(place, SMALL, full(SMALL, place))
        table.put(place, LARGE, full(LARGE, 100 + place))
    for place in range(3):
        assert (table.crop(place, SMALL) == place).all() and (table.crop(place, LARGE) == 100 + place).all()
    batch = table.batch([2, 0], LARGE)
    assert batch.shape == (2, 10, 10, 3) and batch[:, 0, 0, 0].tolist() == [102, 100]


def test_a_batch_is_a_copy(table: CropTable) -> None:
    batch = table.batch([0], SMALL)
    table.put(0, SMALL, full(SMALL, 9))
    assert not batch.any()


def test_places_are_as_many_as_fit_and_come_back(table: CropTable) -> None:
    held = [table.take() for _ in range(4)]
    assert [place is None for place in held] == [False, False, False, True]
    last = held[2]
    assert last is not None
    number = last.number
    del last, held[2:]
    again = table.take()
    assert again is not None and again.number == number


def test_a_process_sees_what_another_wrote(table: CropTable) -> None:
    with Processes(1, decoders.share, table) as process:
        table.put(1, SMALL, full(SMALL, 7))
        assert process.run(decoders.look_at, 1, SMALL, timeout_s=60).result() == 7
        process.run(decoders.write_crop, 2, LARGE, 8, timeout_s=60).result()
        assert (table.crop(2, LARGE) == 8).all()
