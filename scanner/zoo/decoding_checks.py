"""Compare what a model says of photographs decoded smaller with what it says of them whole, on real pictures."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from scanner.decoding import DecodedPhoto, DecodePool, outcome
from scanner.predicting import LoadModel, PredictPool, count_workers, failure_of
from scanner.records import Scores
from scanner.zoo.cards import write_card
from scanner.zoo.converting import again
from scanner.zoo.machine import processor_name
from scanner.zoo.options import Echo, say_nothing
from scanner.zoo.precisions import FEWEST_PICTURES, DecodingCheck, in_any_order, p99_of
from scanner.zoo.predictor import ModelError, load_predictor
from scanner.zoo.registry import InstalledModel
from scanner.zoo.staging import open_staging

BATCH = 16
MOST_PICTURES = 2000  # that count; more turn no verdict

Progress = Callable[[int, int], None]


class DecodingError(Exception):
    """Why nothing was checked, in one sentence that says what to do."""


@dataclass(frozen=True, slots=True)
class Pair:
    """One photograph, decoded whole and smaller, and what the model said of each."""

    exact: DecodedPhoto
    fast: DecodedPhoto
    said: tuple[Scores, Scores]

    @property
    def is_kept(self) -> bool:
        exact, fast = self.said
        return exact.top_labels[0][0] == fast.top_labels[0][0]

    @property
    def moved(self) -> float:
        """How far the probability of a concept or look-alike moved, of the one that moved most."""
        exact, fast = ({**one.by_concept, **one.counters} for one in self.said)
        return max((abs(exact[name] - fast[name]) for name in exact), default=0.0)


def check_decoding(
    model: InstalledModel,
    pictures: Sequence[Path],
    device: str = "cpu",
    progress: Progress | None = None,
    load: LoadModel = load_predictor,
) -> DecodingCheck:
    """Only those count that are decoded smaller: JPEGs whose short side is 1,024 pixels and more; each pixels once.

    Raises DecodingError where they are fewer than FEWEST_PICTURES, and ModelError where the model can't be run.
    """
    pairs = list(_pairs(model, in_any_order(pictures), progress, PredictPool((model,), device, load=load)))
    if len(pairs) < FEWEST_PICTURES:
        raise DecodingError(
            f"{len(pairs):,} of {len(pictures):,} pictures are decoded smaller, which are too few to tell: give "
            f"{FEWEST_PICTURES:,} JPEGs at least whose short side has 1,024 pixels or more"
        )
    moved = [pair.moved for pair in pairs]
    return DecodingCheck(
        pictures=len(pairs),
        kept=sum(pair.is_kept for pair in pairs) / len(pairs),
        moved_p99=p99_of(moved),
        moved_most=max(moved),
        speed=sum(pair.exact.busy_s for pair in pairs) / sum(pair.fast.busy_s for pair in pairs),
        checked_at=datetime.now(UTC).isoformat(timespec="seconds"),
        machine=processor_name(),
    )


def keep_check(model: InstalledModel, check: DecodingCheck, echo: Echo = say_nothing) -> None:
    """Onto the card, in the place of older ones. Raises ModelError where the model was removed meanwhile."""
    with open_staging(model.folder.parent, model.name, echo):
        write_card(model.folder, replace(again(model).card, decoding_checks=[check]))


def _pairs(
    model: InstalledModel, pictures: Sequence[Path], progress: Progress | None, pool: PredictPool
) -> Iterator[Pair]:
    how, seen = model.spec.preprocessing, set[str | None]()
    with ExitStack() as stack:
        exact = stack.enter_context(DecodePool(count_workers(), (how,)))
        fast = stack.enter_context(DecodePool(count_workers(), (how,), "fast"))
        predictors = stack.enter_context(pool)
        predictors.open(model.name)
        for start in range(0, len(pictures), BATCH):
            part = pictures[start : start + BATCH]
            futures = [(exact.submit(path), fast.submit(path)) for path in part]
            decoded = [(outcome(whole), outcome(shrunk)) for whole, shrunk in futures]
            smaller = {whole.pixel_hash: (whole, shrunk) for whole, shrunk in decoded if _is_smaller(whole, shrunk)}
            fresh = [pair for name, pair in smaller.items() if name not in seen]
            seen.update(smaller)
            yield from _ask(model, predictors, fresh)
            if progress is not None:
                progress(start + len(part), len(pictures))
            if len(seen) >= MOST_PICTURES:
                return


def _is_smaller(exact: DecodedPhoto, fast: DecodedPhoto) -> bool:
    return exact.failure is None and fast.failure is None and exact.pixel_hash != fast.pixel_hash


def _ask(
    model: InstalledModel, predictors: PredictPool, pairs: Sequence[tuple[DecodedPhoto, DecodedPhoto]]
) -> Iterator[Pair]:
    if not pairs:
        return
    crops = np.stack([one.crop(model.spec.preprocessing) for pair in pairs for one in pair])
    future = predictors.submit(model.name, crops)
    if (error := future.exception()) is not None:
        raise ModelError(f"{model.name}: {failure_of(error)}") from error
    said = future.result()
    for number, (exact, fast) in enumerate(pairs):
        yield Pair(exact, fast, (said[2 * number], said[2 * number + 1]))
