"""Photos in, scores and findings out: decoder processes fill batches for predictor processes; memory stays bounded.

The first model speaks of every picture; what it leaves open goes to the next ones, as batches of their own.
"""

import itertools
import logging
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np

from rules.cascade import Cascade, Mode
from rules.engine import evaluate
from rules.evidence import Evidence
from rules.model import Pack
from scanner.decoding import DecodedPhoto, DecodePool, outcome
from scanner.predicting import MEMORY_MB, PredictPool, count_workers, failure_of
from scanner.records import Listing, Photo, ScannedPhoto, Scores
from scanner.zoo.cascade import ModelChoice, opinions_of
from scanner.zoo.predictor import ModelError
from scanner.zoo.registry import InstalledModel

logger = logging.getLogger(__name__)

KnownScores = Callable[[str, str], Sequence[Scores]]
DECODE_WINDOW = 48  # pictures on their way through the decoders; a crop is 150 kB
HELD_MOST = 64  # pictures, scored or not, that may wait for one batch to fill
GIVE_UP_AFTER = 2  # batches, each tried twice, before a fallback is no longer asked in this scan
LINGER_S = 2.0  # a slow crawl's half-filled batch goes out after this long, so that its first flags show


@dataclass(slots=True)
class _Entry:
    """A photo between its decoder and its findings.

    known: scores made earlier, by model. wants: the models that must look at it now.
    """

    photo: Photo
    decoded: DecodedPhoto
    known: dict[str, Scores] = field(default_factory=dict)
    scores: tuple[Scores, ...] = ()
    wants: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        return self.photo.listing.text if self.photo.listing else ""


@dataclass(slots=True)
class _Group:
    """Entries that follow one another; those that want the same model are a batch."""

    entries: list[_Entry]
    futures: "dict[str, Future[list[Scores]]]" = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for entry in self.entries for name in entry.wants))

    def batch(self, name: str) -> list[_Entry]:
        return [entry for entry in self.entries if name in entry.wants]


def evidence_of(cascade: Cascade, listing: Listing | None, scores: tuple[Scores, ...]) -> Evidence:
    """What the rules may look at: the models' scores joined, and the listing's words."""
    joined = cascade.join(opinions_of(scores))
    if listing is None:
        return Evidence(joined.scores, said=joined.said, against=joined.against)
    return Evidence(
        scores=joined.scores,
        text=listing.text,
        seller=listing.seller,
        price=listing.price,
        currency=listing.currency,
        country=listing.country,
        said=joined.said,
        against=joined.against,
    )


class Scanner:
    """Scores photos with the chosen models and judges them by the pack; a context manager that owns its processes.

    device: `cpu`, `gpu:N` or `auto`. memory_mb: for the networks of one predictor process. `warning` is set once a
    model is loaded, where the device was not to be had. `warnings` grows while it scans: fallbacks that could not be
    asked. `spoke`: pictures by model, those alone that were scored now.
    """

    def __init__(self, choice: ModelChoice, pack: Pack, device: str = "auto", memory_mb: int = MEMORY_MB) -> None:
        self._choice = choice
        self._pack = pack
        self._device = device
        self._memory_mb = memory_mb
        self._models = {model.name: model for model in choice.models}
        self._opened: set[str] = set()
        self._out: set[str] = set()  # fallbacks that are given up for this scan
        self._died: Counter[str] = Counter()
        self._stack = ExitStack()
        self.device: str | None = None
        self.warning: str | None = None
        self.warnings: list[str] = list(choice.warnings)
        self.spoke: Counter[str] = Counter()

    def __enter__(self) -> Self:
        wanted = tuple(model.spec.preprocessing for model in self._choice.models)
        pool = PredictPool(self._choice.models, self._device, self._memory_mb)
        self._predictors = self._stack.enter_context(pool)
        self._decoders = self._stack.enter_context(DecodePool(count_workers(), wanted))
        return self

    def __exit__(self, *_: Any) -> None:
        self._stack.close()

    @property
    def first(self) -> InstalledModel:
        """The model that speaks of every picture."""
        return self._choice.models[0]

    def scan(self, photos: Iterable[Photo], known: KnownScores | None = None) -> Iterator[ScannedPhoto]:
        """One ScannedPhoto a photo, in order; `photos` is drawn from as there is room.

        known(sha256, pixel_hash) may give scores that the chosen models made earlier: they are not made again.
        A broken picture is a ScannedPhoto with `failure`. Raises ModelError when the first model can't be used.
        """
        entries: Iterable[_Entry] = (self._enter(photo, decoded, known) for photo, decoded in self._decode(photos))
        for _ in range(self._rounds):
            entries = self._ask(entries)
        yield from map(self._judge, entries)

    @property
    def _rounds(self) -> int:
        """How often a picture may go to predictors: the first time to all that are asked in any case."""
        cascade = self._choice.cascade
        if self._choice.everyone or len(self._choice.models) == 1 or not cascade.at_most:
            return 1
        return 2 if cascade.mode is Mode.COMMITTEE else 1 + cascade.at_most

    def _decode(self, photos: Iterable[Photo]) -> Iterator[tuple[Photo, DecodedPhoto]]:
        """Decode a window of photos ahead of the one that is given out."""
        window: deque[tuple[Photo, Future[DecodedPhoto] | None]] = deque()
        for photo in photos:
            window.append((photo, self._decoders.submit(photo.path) if photo.path else None))
            while window and (len(window) >= DECODE_WINDOW or _is_ready(window[0][1])):
                yield _settle(*window.popleft())
        yield from itertools.starmap(_settle, window)

    def _enter(self, photo: Photo, decoded: DecodedPhoto, known: KnownScores | None) -> _Entry:
        """An entry, with the scores that are known already; crops that no model will want are let go."""
        if known is None or decoded.sha256 is None or decoded.pixel_hash is None:
            return _Entry(photo, decoded)
        made = {said.model: said for said in known(decoded.sha256, decoded.pixel_hash)}
        return _Entry(photo, replace(decoded, crops=()) if made.keys() >= self._models.keys() else decoded, made)

    def _ask(self, entries: Iterable[_Entry]) -> Iterator[_Entry]:
        """One round: every entry goes to the models that are to be asked about it next, and comes out in order."""
        for group in self._predict(self._group(map(self._choose, entries))):
            yield from group.entries

    def _choose(self, entry: _Entry) -> _Entry:
        """Let the entry want the models to ask; what one of them said earlier is taken at once."""
        if entry.decoded.failure is not None:
            return entry
        names = self._choice.ask_next(entry.scores, entry.text, self._out)
        entry.scores += tuple(entry.known[name] for name in names if name in entry.known)
        entry.wants = tuple(name for name in names if name not in entry.known and name not in self._out)
        return entry

    def _group(self, entries: Iterable[_Entry]) -> Iterator[_Group]:
        """Cut the stream where a batch is full, where it has waited long enough, or where too much is held."""
        held: list[_Entry] = []
        wanting, opened_at = 0, time.monotonic()
        for entry in entries:
            held.append(entry)
            wanting += bool(entry.wants)
            overdue = time.monotonic() - opened_at > LINGER_S
            if not wanting or wanting >= self._predictors.batch_size or len(held) >= HELD_MOST or overdue:
                yield _Group(held)
                held, wanting, opened_at = [], 0, time.monotonic()
        if held:
            yield _Group(held)

    def _predict(self, groups: Iterable[_Group]) -> Iterator[_Group]:
        """Keep two batches a predictor on their way, and give groups out in order."""
        window: deque[_Group] = deque()
        for group in groups:
            for name in group.names:
                self._send(group, name)
            window.append(group)
            while window and (not window[0].futures or len(window) > 2 * self._predictors.workers):
                yield self._receive(window.popleft())
        yield from map(self._receive, window)

    def _send(self, group: _Group, name: str) -> None:
        if not self._open(name):
            return
        how = self._models[name].spec.preprocessing
        crops = np.stack([entry.decoded.crop(how) for entry in group.batch(name)])
        group.futures[name] = self._predictors.submit(name, crops)

    def _open(self, name: str) -> bool:
        """Load the model when first asked for. Raises ModelError where the one that speaks first can't be loaded."""
        if name not in self._opened and name not in self._out:
            try:
                self.device, self.warning = self._predictors.open(name)
                self._opened.add(name)
                if self.warning:
                    logger.warning("%s", self.warning)
            except ModelError as error:
                if name == self.first.name:
                    raise
                self._out.add(name)
                self._warn(f"{name} could not be asked: {error}")
        return name not in self._out

    def _warn(self, sentence: str) -> None:
        if sentence not in self.warnings:
            self.warnings.append(sentence)
            logger.warning("%s", sentence)

    def _receive(self, group: _Group) -> _Group:
        """Wait for the group's batches and hand out their scores, or their failures."""
        for name in list(group.futures):
            if group.futures[name].exception() is not None:
                # A predictor that died (of memory, say) is replaced by its pool: the batch gets one more try.
                self._send(group, name)
            self._hand_out(group.batch(name), name, group.futures[name])
        for entry in group.entries:
            entry.wants = ()
        return group

    def _hand_out(self, batch: list[_Entry], name: str, future: "Future[list[Scores]]") -> None:
        error = future.exception()
        if error is None:
            self.spoke[name] += len(batch)
            for entry, said in zip(batch, future.result(), strict=True):
                entry.scores += (said,)
        elif name == self.first.name:
            for entry in batch:
                entry.decoded = replace(entry.decoded, crops=(), failure=failure_of(error))
        else:
            self._died[name] += 1
            self._warn(f"{name} could not be asked about some pictures: {failure_of(error)}")
            if self._died[name] >= GIVE_UP_AFTER:
                self._out.add(name)

    def _judge(self, entry: _Entry) -> ScannedPhoto:
        decoded = entry.decoded
        order = list(self._models)
        scores = () if decoded.failure else tuple(sorted(entry.scores, key=lambda said: order.index(said.model)))
        return ScannedPhoto(
            photo=entry.photo,
            sha256=decoded.sha256,
            pixel_hash=decoded.pixel_hash,
            media_type=decoded.media_type,
            width_px=decoded.width_px,
            height_px=decoded.height_px,
            scores=scores,
            findings=evaluate(self._pack, evidence_of(self._choice.cascade, entry.photo.listing, scores)),
            failure=decoded.failure,
            look_hash=decoded.look_hash,
        )


def _is_ready(future: "Future[DecodedPhoto] | None") -> bool:
    return future is None or future.done()


def _settle(photo: Photo, future: "Future[DecodedPhoto] | None") -> tuple[Photo, DecodedPhoto]:
    if future is None:
        return photo, DecodedPhoto(None, failure=photo.failure or "there is no file")
    return photo, outcome(future)
