"""Photos in, scores and findings out: decoder processes fill batches for predictor processes; memory stays bounded."""

import itertools
import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from rules.engine import evaluate
from rules.evidence import Evidence
from rules.model import Pack
from scanner.decoding import DecodedPhoto, DecodePool, outcome
from scanner.predicting import PredictPool, count_workers, failure_of
from scanner.records import Listing, Photo, ScannedPhoto, Scores
from scanner.zoo.cascade import ModelChoice

logger = logging.getLogger(__name__)

KnownScores = Callable[[str, str], tuple[Scores, ...] | None]
DECODE_WINDOW = 48  # pictures on their way through the decoders; a crop is 150 kB
HELD_MOST = 64  # pictures, scored or not, that may wait for one batch to fill
LINGER_S = 2.0  # a slow crawl's half-filled batch goes out after this long, so that its first flags show


@dataclass(slots=True)
class _Entry:
    """A photo between its decoder and its findings; `scores` is empty while it waits for a predictor."""

    photo: Photo
    decoded: DecodedPhoto
    scores: tuple[Scores, ...] = ()

    @property
    def wants_scores(self) -> bool:
        return self.decoded.failure is None and not self.scores


@dataclass(slots=True)
class _Group:
    """Entries that follow one another; those that want scores are one batch."""

    entries: list[_Entry]
    future: "Future[list[Scores]] | None" = None

    @property
    def batch(self) -> list[_Entry]:
        return [entry for entry in self.entries if entry.wants_scores]


def evidence_of(listing: Listing | None, scores: tuple[Scores, ...]) -> Evidence:
    """What the rules may look at; where two models score a concept, the earlier one is believed."""
    by_concept: dict[str, float] = {}
    for said in reversed(scores):
        by_concept.update(said.by_concept)
    if listing is None:
        return Evidence(by_concept)
    return Evidence(by_concept, listing.text, listing.seller, listing.price, listing.currency, listing.country)


class Scanner:
    """Scores photos with the chosen models and judges them by the pack; a context manager that owns its processes.

    device: `cpu`, `gpu:N` or `auto`. `warning` is set once the model is loaded, where the device was not to be had.
    """

    def __init__(self, choice: ModelChoice, pack: Pack, device: str = "auto") -> None:
        self._choice = choice
        self._model = choice.models[0]
        self._pack = pack
        self._device = device
        self._stack = ExitStack()
        self.device: str | None = None
        self.warning: str | None = None

    def __enter__(self) -> Self:
        wanted = tuple(dict.fromkeys(model.spec.preprocessing for model in self._choice.models))
        self._predictors = self._stack.enter_context(PredictPool(self._choice.models, self._device))
        self._decoders = self._stack.enter_context(DecodePool(count_workers(), wanted))
        return self

    def __exit__(self, *_: Any) -> None:
        self._stack.close()

    def scan(self, photos: Iterable[Photo], known: KnownScores | None = None) -> Iterator[ScannedPhoto]:
        """One ScannedPhoto a photo, in order; `photos` is drawn from as there is room.

        known(sha256, pixel_hash) may give scores made earlier: the picture is then not scored again.
        A broken picture is a ScannedPhoto with `failure`. Raises ModelError when the model itself can't be used.
        """
        entries = (_enter(photo, decoded, known) for photo, decoded in self._decode(photos))
        for group in self._predict(self._group(entries)):
            yield from map(self._judge, group.entries)

    def _decode(self, photos: Iterable[Photo]) -> Iterator[tuple[Photo, DecodedPhoto]]:
        """Decode a window of photos ahead of the one that is given out."""
        window: deque[tuple[Photo, Future[DecodedPhoto] | None]] = deque()
        for photo in photos:
            window.append((photo, self._decoders.submit(photo.path) if photo.path else None))
            while window and (len(window) >= DECODE_WINDOW or _is_ready(window[0][1])):
                yield _settle(*window.popleft())
        yield from itertools.starmap(_settle, window)

    def _group(self, entries: Iterable[_Entry]) -> Iterator[_Group]:
        """Cut the stream where a batch is full, where it has waited long enough, or where too much is held."""
        held: list[_Entry] = []
        wanting, opened_at = 0, time.monotonic()
        for entry in entries:
            held.append(entry)
            wanting += entry.wants_scores
            overdue = time.monotonic() - opened_at > LINGER_S
            if wanting >= self._predictors.batch_size or len(held) >= HELD_MOST or overdue:
                yield _Group(held)
                held, wanting, opened_at = [], 0, time.monotonic()
        if held:
            yield _Group(held)

    def _predict(self, groups: Iterable[_Group]) -> Iterator[_Group]:
        """Keep two batches a predictor on their way, and give groups out in order."""
        window: deque[_Group] = deque()
        for group in groups:
            self._send(group)
            window.append(group)
            if len(window) > 2 * self._predictors.workers:
                yield self._receive(window.popleft())
        yield from map(self._receive, window)

    def _send(self, group: _Group) -> None:
        batch = group.batch
        if not batch:
            return
        if self.device is None:
            self.device, self.warning = self._predictors.open(self._model.name)
            if self.warning:
                logger.warning("%s", self.warning)
        how = self._model.spec.preprocessing
        crops = np.stack([entry.decoded.crop(how) for entry in batch])
        group.future = self._predictors.submit(self._model.name, crops)

    def _receive(self, group: _Group) -> _Group:
        """Wait for the group's batch and hand out its scores, or its failure."""
        if group.future is None:
            return group
        if group.future.exception() is not None:
            # A predictor that died (of memory, say) is replaced by its pool: the batch gets one more try.
            self._send(group)
        error = group.future.exception()
        for row, entry in enumerate(group.batch):
            if error is None:
                entry.scores = (group.future.result()[row],)
            else:
                entry.decoded = replace(entry.decoded, crops=(), failure=failure_of(error))
        return group

    def _judge(self, entry: _Entry) -> ScannedPhoto:
        decoded = entry.decoded
        return ScannedPhoto(
            photo=entry.photo,
            sha256=decoded.sha256,
            pixel_hash=decoded.pixel_hash,
            media_type=decoded.media_type,
            width_px=decoded.width_px,
            height_px=decoded.height_px,
            scores=entry.scores,
            findings=evaluate(self._pack, evidence_of(entry.photo.listing, entry.scores)),
            failure=decoded.failure,
        )


def _is_ready(future: "Future[DecodedPhoto] | None") -> bool:
    return future is None or future.done()


def _settle(photo: Photo, future: "Future[DecodedPhoto] | None") -> tuple[Photo, DecodedPhoto]:
    if future is None:
        return photo, DecodedPhoto(None, failure=photo.failure or "there is no file")
    return photo, outcome(future)


def _enter(photo: Photo, decoded: DecodedPhoto, known: KnownScores | None) -> _Entry:
    """An entry, with the scores that are known already (its crops are then let go)."""
    if known is None or decoded.sha256 is None or decoded.pixel_hash is None:
        return _Entry(photo, decoded)
    scores = known(decoded.sha256, decoded.pixel_hash) or ()
    return _Entry(photo, replace(decoded, crops=()) if scores else decoded, scores)
