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
from functools import partial
from typing import Any, Self

import numpy as np

from rules.cascade import Cascade, Mode
from rules.engine import evaluate
from rules.evidence import Evidence
from rules.model import Pack
from scanner.asking import Answer, Asker, Batch, Crops
from scanner.crops import CropTable, Place
from scanner.decoding import DecodedPhoto, DecodePool, outcome
from scanner.predicting import MEMORY_MB, LoadModel, PredictPool, count_workers, failure_of
from scanner.records import Listing, Photo, ScannedPhoto, Scores
from scanner.stages import StageTimes
from scanner.stopwatch import Stopwatch
from scanner.zoo.cascade import ModelChoice, opinions_of
from scanner.zoo.precisions import Decoding
from scanner.zoo.predictor import ModelError, load_predictor
from scanner.zoo.registry import InstalledModel

logger = logging.getLogger(__name__)

KnownScores = Callable[[str, str], Sequence[Scores]]
# Pictures on their way through the decoders: this many, three for each of them and two batches at least. So no decoder
# waits while a batch is waited for, and the next one fills meanwhile.
AHEAD_LEAST = 48
AHEAD_EACH = 3
HELD_BATCHES = 4  # pictures, scored or not, that may wait for one batch to fill: as many as fill so many batches
TABLE_BYTES = 512 * 1024**2  # for crops at most; further ones travel through pipes
GIVE_UP_AFTER = 2  # batches, each tried twice, before a fallback is no longer asked in this scan
LINGER_S = 2.0  # a slow crawl's half-filled batch goes out after this long, so that its first flags show


@dataclass(slots=True)
class _Entry:
    """A photo between its decoder and its findings.

    place: of its crops in the table. known: scores made earlier, by model. wants: the models that must look at it now.
    """

    photo: Photo
    decoded: DecodedPhoto
    place: Place | None = None
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
    batches: list[Batch[_Entry]] = field(default_factory=list)

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

    device: `cpu`, `gpu:N` or `auto`. memory_mb: for the networks of one predictor process. load: how a predictor
    process gets a model ready. How pictures are decoded the models say, which have to agree: else ValueError.
    `warning` is set once a model is loaded, where the device was not to be had. `warnings` grows while it scans:
    fallbacks that could not be asked, a card that failed. `spoke`: pictures by model, those alone that were scored now.
    """

    def __init__(
        self,
        choice: ModelChoice,
        pack: Pack,
        device: str = "auto",
        memory_mb: int = MEMORY_MB,
        load: LoadModel = load_predictor,
    ) -> None:
        self._choice = choice
        self._pack = pack
        self._device = device
        self._memory_mb = memory_mb
        self._load = load
        self._models = {model.name: model for model in choice.models}
        self.decoding = _agreed_decoding(choice.models)
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
        table = self._stack.enter_context(CropTable([how.size for how in wanted], TABLE_BYTES))
        pool = PredictPool(self._choice.models, self._device, self._memory_mb, table, self._load)
        self._table = table
        self._predictors = self._stack.enter_context(pool)
        self._decoders = self._stack.enter_context(DecodePool(count_workers(), wanted, self.decoding, table))
        self._asker = Asker(pool, self._crops_of, self._warn)
        self._decoding_watch = Stopwatch(self._decoders.workers)
        return self

    def __exit__(self, *_: Any) -> None:
        self._stack.close()

    @property
    def stages(self) -> StageTimes:
        """How long decoders and predictors worked and waited so far, while pictures were scanned."""
        model = self.first
        running = (self.device, model.engine, model.precision) if self.device else ("", "", "")
        return StageTimes(self._decoding_watch.time, self._asker.watch.time, *running, self.decoding)

    @property
    def first(self) -> InstalledModel:
        """The model that speaks of every picture."""
        return self._choice.models[0]

    def scan(self, photos: Iterable[Photo], known: KnownScores | None = None) -> Iterator[ScannedPhoto]:
        """One ScannedPhoto a photo, in order; `photos` is drawn from as there is room.

        known(sha256, pixel_hash) may give scores that the chosen models made earlier: they are not made again.
        A broken picture is a ScannedPhoto with `failure`. Raises ModelError when the first model can't be used.
        """
        entries: Iterable[_Entry] = itertools.starmap(partial(self._enter, known), self._decode(photos))
        for _ in range(self._rounds):
            entries = self._ask(entries)
        yield from self._watched(map(self._judge, entries))

    def _watched(self, found: Iterable[ScannedPhoto]) -> Iterator[ScannedPhoto]:
        """The same, with both stages' times running; while our caller has what we found, predictors are held up."""
        watches = (self._decoding_watch, self._asker.watch)
        for watch in watches:
            watch.run()
        try:
            for one in found:
                self._asker.watch.hold_up(True)
                yield one
                self._asker.watch.hold_up(False)
        finally:
            for watch in watches:
                watch.rest()

    @property
    def _rounds(self) -> int:
        """How often a picture may go to predictors: the first time to all that are asked in any case."""
        cascade = self._choice.cascade
        if self._choice.everyone or len(self._choice.models) == 1 or not cascade.at_most:
            return 1
        return 2 if cascade.mode is Mode.COMMITTEE else 1 + cascade.at_most

    def _decode(self, photos: Iterable[Photo]) -> Iterator[tuple[Photo, DecodedPhoto, Place | None]]:
        """Decode a window of photos ahead of the one that is given out."""
        window: deque[_UnderWay] = deque()
        ahead = max(AHEAD_LEAST, AHEAD_EACH * self._decoders.workers, 2 * self._predictors.batch_size)
        for photo in self._draw(photos):
            window.append(self._begin(photo))
            while window and (len(window) >= ahead or window[0].is_ready):
                yield window.popleft().outcome()
        while window:
            yield window.popleft().outcome()

    def _draw(self, photos: Iterable[Photo]) -> Iterator[Photo]:
        """The same; while one is waited for, so are the decoders, else they are held up."""
        self._decoding_watch.hold_up(False)
        for photo in photos:
            self._decoding_watch.hold_up(True)
            yield photo
            self._decoding_watch.hold_up(False)

    def _begin(self, photo: Photo) -> "_UnderWay":
        if photo.path is None:
            return _UnderWay(photo)
        place = self._table.take()
        self._decoding_watch.send()
        future = self._decoders.submit(photo.path, place)
        # It holds the place, whatever becomes of this scan: the decoder may still write there.
        future.add_done_callback(partial(self._note, place))
        return _UnderWay(photo, future, place)

    def _note(self, _: Place | None, future: "Future[DecodedPhoto]") -> None:
        is_whole = not future.cancelled() and future.exception() is None
        self._decoding_watch.receive(1, future.result().busy_s if is_whole else 0.0)

    def _enter(self, known: KnownScores | None, photo: Photo, decoded: DecodedPhoto, place: Place | None) -> _Entry:
        """An entry, with the scores that are known already; crops that no model will want are let go."""
        if decoded.failure is not None:
            place = None
        if known is None or decoded.sha256 is None or decoded.pixel_hash is None:
            return _Entry(photo, decoded, place)
        made = {said.model: said for said in known(decoded.sha256, decoded.pixel_hash)}
        if made.keys() >= self._models.keys():
            decoded, place = replace(decoded, crops=()), None
        return _Entry(photo, decoded, place, made)

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
            size = self._predictors.batch_size
            if not wanting or wanting >= size or len(held) >= HELD_BATCHES * size or overdue:
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
            while window and (not window[0].batches or len(window) > 2 * self._predictors.workers):
                yield self._receive(window.popleft())
        yield from map(self._receive, window)

    def _send(self, group: _Group, name: str) -> None:
        if self._open(name):
            group.batches += self._asker.send(name, group.batch(name))

    def _crops_of(self, name: str, entries: Sequence[_Entry]) -> Crops:
        """The places of the crops in the table; the crops themselves where there was no place for one of them."""
        places = [entry.place.number for entry in entries if entry.place]
        if len(places) == len(entries):
            return places
        how = self._models[name].spec.preprocessing
        crops = (
            self._table.crop(entry.place.number, how) if entry.place else entry.decoded.crop(how) for entry in entries
        )
        return np.stack(list(crops))

    def _open(self, name: str) -> bool:
        """Load the model when first asked for. Raises ModelError where the one that speaks first can't be loaded."""
        if name not in self._opened and name not in self._out:
            try:
                self._load_model(name)
                self._opened.add(name)
            except ModelError as error:
                if name == self.first.name:
                    raise
                self._out.add(name)
                self._warn(f"{name} could not be asked: {error}")
        return name not in self._out

    def _load_model(self, name: str) -> None:
        """On the card where there is one, and where that fails on the CPU."""
        try:
            device, warning = self._predictors.open(name)
        except ModelError as error:
            # Files that have changed are no fault of the card's.
            if not self._predictors.is_on_card or self._models[name].changed_files():
                raise
            self._asker.leave_card(str(error))
            device, warning = self._predictors.open(name)
        if name != self.first.name and self._predictors.is_on_card:
            return  # where the card can't run it, it runs beside it, as its own warning says
        self.device = device
        if warning:
            self.warning = warning
            logger.warning("%s", warning)
        if device == "cpu" and self._predictors.is_on_card:
            self._asker.go_to_cpu()  # its processes saw that there is none: as many as there are cores, then

    def _warn(self, sentence: str) -> None:
        if sentence not in self.warnings:
            self.warnings.append(sentence)
            logger.warning("%s", sentence)

    def _receive(self, group: _Group) -> _Group:
        """Wait for the group's batches and hand out their scores, or their failures."""
        for batch in group.batches:
            for answer in self._asker.receive(batch):
                self._hand_out(batch.model, answer)
        if self.device is not None and not self._predictors.is_on_card:
            self.device = "cpu"
        group.batches = []
        for entry in group.entries:
            entry.wants = ()
            if entry.decoded.failure is not None:  # not before: another model's batch may have to be sent again
                entry.place, entry.decoded = None, replace(entry.decoded, crops=())
        return group

    def _hand_out(self, name: str, answer: Answer[_Entry]) -> None:
        if answer.error is None:
            self.spoke[name] += len(answer.pictures)
            for entry, said in zip(answer.pictures, answer.scores, strict=True):
                entry.scores += (said,)
        elif name == self.first.name:
            for entry in answer.pictures:
                entry.decoded = replace(entry.decoded, failure=failure_of(answer.error))
        else:
            self._died[name] += 1
            self._warn(f"{name} could not be asked about some pictures: {failure_of(answer.error)}")
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


@dataclass(slots=True)
class _UnderWay:
    """A photo in the window; without `future` there is no file."""

    photo: Photo
    future: "Future[DecodedPhoto] | None" = None
    place: Place | None = None

    @property
    def is_ready(self) -> bool:
        return self.future is None or self.future.done()

    def outcome(self) -> tuple[Photo, DecodedPhoto, Place | None]:
        if self.future is None:
            return self.photo, DecodedPhoto(None, failure=self.photo.failure or "there is no file"), None
        return self.photo, outcome(self.future), self.place


def _agreed_decoding(models: Sequence[InstalledModel]) -> Decoding:
    """A picture is decoded once, for all of them."""
    ways = {model.decoding for model in models}
    if len(ways) > 1:
        raise ValueError("of models that are asked together, some want their pictures decoded exactly and some fast")
    return ways.pop()
