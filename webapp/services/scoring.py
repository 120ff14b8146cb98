"""A scan worker: takes pictures that wait, whatever their scan, keeps batches full, writes what the models said."""

import logging
import os
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from sqlalchemy import exists, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from rules.load import PackError
from rules.model import Pack
from rules.wording import sayable
from scanner.pipeline import KnownScores, Scanner
from scanner.records import Photo, ScannedPhoto, Scores
from scanner.zoo.cards import CardError
from scanner.zoo.cascade import ModelChoice, NoModelError, choose_models
from scanner.zoo.engines import parse_device
from scanner.zoo.predictor import ModelError
from webapp.db import now
from webapp.models import Scan, ScanPhoto, ScanState
from webapp.services import claims, listings, photos, processes
from webapp.services.failures import FailureKind
from webapp.services.judging import to_scores
from webapp.services.look_index import LookIndex
from webapp.services.outcomes import Outcome, find_scores, write_outcomes
from webapp.services.rules import current_pack
from webapp.services.stages import Meter
from webapp.settings import Settings
from webapp.storage import Store, StoreAwayError, StoreError, open_store

logger = logging.getLogger(__name__)

CLAIMED_AT_ONCE = 64
BATCH_PHOTOS = 256
BATCH_S = 2.0
# While a crawl brings pictures one by one: how often to look, so that they come in lots.
LOOK_AGAIN_S = 1.0
FETCHERS = 8  # threads that bring pictures from a store elsewhere
GIVE_BACK_S = 5.0  # between two tries
# Rules and models may change while a worker is at work: after so long it begins anew with those that hold.
BENCH_S = 600.0
# How long a picture waits for another scan worker where this one has no model that works.
OTHERS_HAVE = timedelta(minutes=10)
FAILURES = (NoModelError, CardError, ModelError, PackError)


class ScansPhotos(Protocol):
    @property
    def warnings(self) -> Sequence[str]: ...

    @property
    def spoke(self) -> Mapping[str, int]: ...

    def scan(self, photos: Iterable[Photo], known: KnownScores | None = None) -> Iterator[ScannedPhoto]: ...


@dataclass(frozen=True, slots=True)
class Bench:
    """Models and rules as they stand now; a test gives its own scanner."""

    choice: ModelChoice
    pack: Pack
    scanner: AbstractContextManager[ScansPhotos]

    @property
    def order(self) -> list[str]:
        """The digests of the models in the order in which they speak."""
        return [model.digest for model in self.choice.models]


OpenBench = Callable[[Session, Settings], Bench]


def open_bench(session: Session, settings: Settings) -> Bench:
    """The real models and rules. Raises one of FAILURES."""
    pack = current_pack(session, settings.pack)
    choice = choose_models(settings.models_dir, pack.cascade).run_on(parse_device(settings.device), settings.wishes)
    return Bench(choice, pack, Scanner(choice, pack, settings.device, settings.model_memory_mb))


def run(
    session: Session,
    settings: Settings,
    worker: str,
    is_stopping: Callable[[], bool] = lambda: False,
    bench: OpenBench = open_bench,
    sleep: Callable[[float], object] = time.sleep,
) -> None:
    """Score pictures until none waits and no crawl brings more; one lot after another, of all scans together.

    Several workers may run at once, on this machine or on others. What a killed one had is taken over once its leases
    have passed; what one said of a picture is written once, in one transaction a batch.
    """
    if not claims.is_any_free(session, settings.lease_s):
        return
    with claims.PictureHeartbeat(session.get_bind().engine, worker, settings.lease_s):
        try:
            while is_work_left(session, settings, is_stopping, sleep):
                if not begin(session, settings, worker, is_stopping, bench, sleep):
                    return
        except (OperationalError, StoreAwayError) as error:
            logger.warning("pictures wait, as the machine is in trouble: %s", error)
        finally:
            give_back(session, worker, is_stopping, sleep)


def give_back(session: Session, worker: str, is_stopping: Callable[[], bool], sleep: Callable[[float], object]) -> None:
    """Let go what was not done, also where the database is away or its disk is full: then as soon as it can be written.

    Left to its lease it would count as begun in vain, and at the third time as a picture that kills its workers.
    """
    while True:
        try:
            session.rollback()
            claims.give_back(session, worker)
            session.commit()
        except OperationalError as error:
            logger.warning("pictures can't be given back yet: %s", error)
            if is_stopping():
                return
            sleep(GIVE_BACK_S)
        else:
            return


def is_work_left(
    session: Session, settings: Settings, is_stopping: Callable[[], bool], sleep: Callable[[float], object]
) -> bool:
    """Wait for pictures while a crawl goes on; False once there is none and none will come, and where we stop."""
    while not is_stopping():
        if claims.is_any_free(session, settings.lease_s):
            return True
        is_crawling = bool(session.scalar(select(exists().where(Scan.state == ScanState.RUNNING))))
        session.rollback()
        if not is_crawling:
            return False
        sleep(LOOK_AGAIN_S)
    return False


def begin(
    session: Session,
    settings: Settings,
    worker: str,
    is_stopping: Callable[[], bool],
    open_it: OpenBench,
    sleep: Callable[[float], object],
) -> bool:
    """Set up models and rules and score with them; where that can't be, the pictures that wait fail with the reason.

    False: they are left to other scan workers, which may be able to do what this one is not.
    """
    until = time.monotonic() + BENCH_S
    try:
        bench = open_it(session, settings)
        index = LookIndex(settings.looks_dir)
        index.settle(session, is_patient=True)
        with bench.scanner as scanner:
            place = open_store(settings)
            shift = Shift(session, settings, worker, bench, scanner, is_stopping, place, until, index)
            while time.monotonic() < until and is_work_left(session, settings, is_stopping, sleep):
                shift.work()
    except FAILURES as error:
        session.rollback()
        if is_stopping():
            return False  # the machine goes down, and the models around us with it
        logger.warning("pictures can't be scored: %s", error)
        if may_others_score(session):
            return False
        fail_waiting(session, settings, worker, str(error))
    return True


def may_others_score(session: Session) -> bool:
    """Whether another scan worker lives, and no picture has waited so long that it can't score either."""
    ours = (processes.host_name(), os.getpid())
    others = [one for one in processes.alive(session) if "scan" in one.queues and (one.host, one.pid) != ours]
    oldest = claims.oldest_waiting(session)
    return bool(others) and (oldest is None or now() - oldest < OTHERS_HAVE)


def fail_waiting(session: Session, settings: Settings, worker: str, why: str) -> None:
    """No model can speak: say so at once, loudly, instead of letting pictures wait for nobody."""
    claims.give_back(session, worker)
    session.commit()
    try:
        pack = current_pack(session, settings.pack)
    except PackError:
        pack = None
    while rows := claims.claim(session, worker, settings.lease_s, CLAIMED_AT_ONCE):
        write_outcomes(
            session,
            worker,
            [Outcome(row, failure=why, failure_kind=FailureKind.MODEL) for row in rows],
            pack=pack,
            warnings=[why],
        )


@dataclass(slots=True)
class Shift:
    """Scoring with one set of models and rules."""

    session: Session
    settings: Settings
    worker: str
    bench: Bench
    scanner: ScansPhotos
    is_stopping: Callable[[], bool]
    place: Store
    until: float
    index: LookIndex
    _under_way: deque[ScanPhoto] = field(default_factory=deque)
    _outcomes: list[Outcome] = field(default_factory=list)
    _written_at: float = field(default_factory=time.monotonic)
    _rested_at: float | None = None
    _meter: Meter = field(init=False)

    def __post_init__(self) -> None:
        self._meter = Meter(self.scanner)

    def work(self) -> None:
        """Score until nothing waits, or we stop."""
        if self._rested_at is not None:
            self._meter.wait(time.monotonic() - self._rested_at)
        for scanned in self.scanner.scan(self._feed(), known=self._known):
            self._take(Outcome(self._under_way.popleft(), scanned))
            if self.is_stopping():
                break
        self._write()
        self._rested_at = time.monotonic()

    def _take(self, outcome: Outcome) -> None:
        self._outcomes.append(outcome)
        if len(self._outcomes) >= BATCH_PHOTOS or time.monotonic() - self._written_at >= BATCH_S:
            self._write()

    def _feed(self) -> Iterator[Photo]:
        """Pictures as they are claimed; those of which all is known already go straight to their outcome."""
        while not self.is_stopping() and time.monotonic() < self.until:
            rows = claims.claim(self.session, self.worker, self.settings.lease_s, CLAIMED_AT_ONCE)
            if not rows:
                return
            waiting: list[ScanPhoto] = []
            for row in rows:
                if settled := self._settle(row):
                    self._take(settled)
                else:
                    waiting.append(row)
            for row, photo in zip(waiting, self._at_hand(waiting), strict=True):
                self._under_way.append(row)
                yield photo

    def _settle(self, row: ScanPhoto) -> Outcome | None:
        """What needs no decoder and no model: pictures that are known, and those that kill their workers."""
        if row.attempts > claims.MOST_ATTEMPTS:
            why = f"its scan worker died {claims.MOST_ATTEMPTS} times at it"
            return Outcome(row, failure=why, failure_kind=FailureKind.DECODER)
        return Outcome(row) if self._is_answered(row) else None

    def _is_answered(self, row: ScanPhoto) -> bool:
        """Whether all models that would be asked have said what they say of this picture, or no more can be said."""
        photo = row.photo
        if photo is not None and photo.purged_at is not None:
            return True  # retention removed the bytes; what was said stands
        if photo is None or photo.pixel_hash is None:
            return False
        kept = find_scores(self.session, photo.sha256, photo.pixel_hash, self.bench.order)
        made = {said.model: to_scores(said) for said in kept.values() if said.photo_id == photo.id}
        text = listings.to_record(row.listing).text
        scores: tuple[Scores, ...] = ()
        while names := self.bench.choice.ask_next(scores, text, set()):
            if not made.keys() >= set(names):
                return False
            scores += tuple(made[name] for name in names)
        return bool(scores)

    def _at_hand(self, rows: Sequence[ScanPhoto]) -> list[Photo]:
        """The pictures as files of this machine; of a store elsewhere they come side by side."""
        with ThreadPoolExecutor(FETCHERS) as threads:
            return list(threads.map(self._photo_of, rows))

    def _photo_of(self, row: ScanPhoto) -> Photo:
        listing = listings.to_record(row.listing)
        if row.photo is None:
            return Photo(row.location, None, listing, sayable("there is no picture"))
        try:
            return Photo(row.location, photos.path_of(self.place, row.photo.sha256), listing)
        except FileNotFoundError:
            return Photo(row.location, None, listing, sayable("its bytes are no longer in the store"))
        except StoreAwayError:
            raise
        except StoreError as error:
            return Photo(row.location, None, listing, str(error))

    def _known(self, sha256: str, pixel_hash: str) -> tuple[Scores, ...]:
        """What the chosen models said earlier of these bytes or pixels."""
        found = find_scores(self.session, sha256, pixel_hash, self.bench.order)
        return tuple(to_scores(found[digest]) for digest in self.bench.order if digest in found)

    def _write(self) -> None:
        outcomes, self._outcomes = self._outcomes, []
        self._written_at = time.monotonic()
        if outcomes:
            times = self._meter.shares(Counter(one.row.scan_id for one in outcomes if one.scanned is not None))
            choice, pack = self.bench.choice, self.bench.pack
            warnings = self.scanner.warnings
            write_outcomes(self.session, self.worker, outcomes, choice, pack, warnings, times, self.index)
            self.index.settle(self.session)
