"""Batches on their way to the predictors and back: a batch that fails is sent again, in smaller parts or elsewhere."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from scanner.predicting import PredictPool, Said, failure_of, is_out_of_memory
from scanner.records import Scores
from scanner.stopwatch import Stopwatch

Picture = TypeVar("Picture")
Crops = NDArray[np.uint8] | Sequence[int]


@dataclass(frozen=True, slots=True)
class Batch(Generic[Picture]):
    """Pictures of which a model is asked. generation: of the pool when it was sent. tries: that failed before."""

    model: str
    pictures: Sequence[Picture]
    future: "Future[Said]"
    generation: int
    tries: int = 0


@dataclass(frozen=True, slots=True)
class Answer(Generic[Picture]):
    """What a model said of pictures, one Scores each; or why it said nothing."""

    pictures: Sequence[Picture]
    scores: Sequence[Scores]
    error: BaseException | None = None


class LostError(Exception):
    """A batch that was under way when its processes were replaced."""


class Asker(Generic[Picture]):
    """Asks the models of a pool.

    crops_of: the crops of pictures as the named model wants them, or their places. warn: told in a sentence what people
    should know of.
    """

    def __init__(
        self,
        pool: PredictPool,
        crops_of: Callable[[str, Sequence[Picture]], Crops],
        warn: Callable[[str], None],
    ) -> None:
        self._pool = pool
        self._crops_of = crops_of
        self._warn = warn
        self.watch = Stopwatch(pool.workers)

    def send(self, model: str, pictures: Sequence[Picture], tries: int = 0) -> list[Batch[Picture]]:
        """In batches that the pool takes: as many as one, unless it takes smaller ones by now."""
        size = self._pool.batch_size
        return [self._send(model, pictures[at : at + size], tries) for at in range(0, len(pictures), size)]

    def _send(self, model: str, pictures: Sequence[Picture], tries: int) -> Batch[Picture]:
        self.watch.send()
        future = self._pool.ask(model, self._crops_of(model, pictures))
        future.add_done_callback(partial(self._note, len(pictures)))
        return Batch(model, pictures, future, self._pool.generation, tries)

    def _note(self, count: int, future: "Future[Said]") -> None:
        if future.cancelled() or future.exception() is not None:
            self.watch.receive(0, 0.0)
        else:
            self.watch.receive(count, future.result().busy_s)

    def receive(self, batch: Batch[Picture]) -> list[Answer[Picture]]:
        """Wait for it; what failed is sent again as often as there is hope. Each picture is in one answer."""
        error = self._wait(batch)
        if error is None:
            return [Answer(batch.pictures, batch.future.result().scores)]
        again = self._send_again(batch, error)
        if not again:
            return [Answer(batch.pictures, (), error)]
        return [answer for part in again for answer in self.receive(part)]

    def _wait(self, batch: Batch[Picture]) -> BaseException | None:
        if batch.generation != self._pool.generation and not batch.future.done():
            return LostError()
        return batch.future.exception()

    def _send_again(self, batch: Batch[Picture], error: BaseException) -> list[Batch[Picture]]:
        """Empty where there is no hope: a processor failed twice at it."""
        if batch.generation != self._pool.generation or self._makes_smaller(batch, error):
            return self.send(batch.model, batch.pictures)
        if batch.tries == 0:
            # A process that died (of memory, say) is replaced by its pool.
            return self.send(batch.model, batch.pictures, tries=1)
        if self._pool.is_on_card:
            self.leave_card(failure_of(error))
            return self.send(batch.model, batch.pictures)
        return []

    def _makes_smaller(self, batch: Batch[Picture], error: BaseException) -> bool:
        """Whether the card had too little memory for so many, and is given fewer from now on."""
        if not (self._pool.is_on_card and is_out_of_memory(error)):
            return False
        return len(batch.pictures) > self._pool.batch_size or self._pool.halve_batch()

    def leave_card(self, why: str) -> None:
        """Ask the CPU from now on, also about what is under way, and say so."""
        self._warn(f"{self.go_to_cpu()} failed in mid-scan ({why}): the CPU went on, which is slower; see to the card")

    def go_to_cpu(self) -> str:
        """Ask the CPU from now on, also about what is under way; the name of the card."""
        card = self._pool.leave_card()
        self.watch.employ(self._pool.workers)
        return card
