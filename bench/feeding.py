"""How fast decoder processes give crops, and how full they keep a card."""

import itertools
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from bench.family import DECODE, PARENT
from bench.harness import Sample, take
from bench.results import Table, Value
from scanner.decoding import DecodedPhoto, DecodePool, outcome
from scanner.zoo.precisions import Decoding
from scanner.zoo.preprocessing import Preprocessing

DECODERS = (1, 2, 4, 8, 16)
HOW = Preprocessing()
AHEAD = 4  # pictures under way for each decoder
FULL_BATCH = 64
LANES = 2  # batches under way on a card

Row = Mapping[str, Value]
Predict = Callable[[NDArray[np.uint8]], object]


def scale_decoders(
    pictures: Mapping[int, Sequence[Path]], sizes: Sequence[int], counts: Sequence[int], seconds: float
) -> tuple[Table, Iterator[Row]]:
    """An empty table and its rows, each of which is measured when it is asked for."""
    table = Table(
        "Decoding by processes",
        ("decoders", "px", "decoding", "pictures a second", "of one", "core ms a picture", "parent, core ms"),
        note="Our own pool, naming included; nobody takes the crops. Of one: times what one process decodes.",
    )
    return table, _scaling(pictures, sizes, counts, seconds)


def _scaling(
    pictures: Mapping[int, Sequence[Path]], sizes: Sequence[int], counts: Sequence[int], seconds: float
) -> Iterator[Row]:
    first: dict[tuple[int, str], float] = {}
    for decoding, count in itertools.product(get_args(Decoding), counts):
        with DecodePool(count, (HOW,), decoding) as pool:
            decode_for(pool, pictures[sizes[0]], count, seconds / 2)  # each process imports what it needs
            for size in sizes:
                sample = take(partial(decode_for, pool, pictures[size], count, seconds))
                one = first.setdefault((size, decoding), sample.rate)
                yield _scaled(count, size, decoding, sample, one)


def _scaled(count: int, size: int, decoding: str, sample: Sample, one: float) -> Row:
    return {
        "decoders": count,
        "px": size,
        "decoding": decoding,
        "pictures a second": sample.rate,
        "of one": sample.rate / one,
        "core ms a picture": 1000 * sample.cpu_s[DECODE] / sample.count,
        "parent, core ms": 1000 * sample.cpu_s[PARENT] / sample.count,
    }


def decode_for(pool: DecodePool, paths: Sequence[Path], workers: int, seconds: float) -> int:
    """Decode for so long, and say how many came; at least one for each process."""
    return sum(1 for _ in crops_for(pool, paths, workers, seconds))


def crops_for(pool: DecodePool, paths: Sequence[Path], workers: int, seconds: float) -> Iterator[NDArray[np.uint8]]:
    """Crops, in order, of pictures that are begun within `seconds`."""
    until = time.perf_counter() + seconds
    window: deque[Future[DecodedPhoto]] = deque()
    for number, path in enumerate(itertools.cycle(paths)):
        if time.perf_counter() > until and number >= workers:
            break
        window.append(pool.submit(path))
        if len(window) >= AHEAD * workers:
            yield _crop(window.popleft())
    yield from map(_crop, window)


def _crop(future: "Future[DecodedPhoto]") -> NDArray[np.uint8]:
    decoded = outcome(future)
    if decoded.failure is not None:
        raise RuntimeError(decoded.failure)
    return decoded.crop(HOW)


def feed_bare(crops: Iterator[NDArray[np.uint8]], predict: Predict, batch: int = FULL_BATCH) -> int:
    """The least that it takes to keep a card busy: full batches, two of them under way. How many were scored."""
    scored = 0
    with ThreadPoolExecutor(LANES) as lanes:
        under_way: deque[Future[Any]] = deque()
        while held := list(itertools.islice(crops, batch)):
            scored += len(held)
            held += held[-1:] * (batch - len(held))  # a card plans anew for every size
            under_way.append(lanes.submit(predict, np.stack(held)))
            if len(under_way) > LANES:
                under_way.popleft().result()
        for future in under_way:
            future.result()
    return scored
