"""How long the stages of scans worked and waited: kept beside what they did, and told in a sentence."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from threading import Lock
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from scanner.fetch import LogEntry
from scanner.stages import NOTHING, StageName, StageTime, StageTimes, limit_of
from webapp.db import add_up, now
from webapp.language import say, say_later
from webapp.models import ScanStage
from webapp.services.processes import host_name
from webapp.wording import share_words

SUMS = ("pictures", "busy_s", "waited_s", "blocked_s", "pages", "fetched_bytes")
STAGE_WORDS = {
    StageName.FETCH: say_later("Crawling"),
    StageName.DECODE: say_later("Decoding"),
    StageName.PREDICT: say_later("Predicting"),
    StageName.WRITE: say_later("Writing"),
}


def add(session: Session, scan_id: int, name: StageName, done: StageTime, **more: Any) -> None:
    """Add what a stage did on this machine, in the caller's transaction. more: other columns of ScanStage."""
    if done == replace(NOTHING, workers=done.workers) and not any(more.get(column) for column in SUMS):
        return
    setup = {"device": "", "engine": "", "precision": "", "decoding": ""}
    key = {"scan_id": scan_id, "machine": host_name(), "stage": name.value}
    times = {field: getattr(done, field) for field in ("pictures", "busy_s", "waited_s", "blocked_s", "workers")}
    row = {**key, **setup, **times, "pages": 0, "fetched_bytes": 0, **more, "updated_at": now()}
    add_up(session, ScanStage, row, SUMS)


def add_times(session: Session, scan_id: int, times: StageTimes) -> None:
    """Add what a scanner did for the scan, in the caller's transaction."""
    setup = {name: getattr(times, name) for name in ("device", "engine", "precision", "decoding")}
    for name, done in times.stages.items():
        add(session, scan_id, name, done, **setup)


class Meter:
    """What a scanner did since it was last asked, as shares of the scans that it worked for.

    A scanner that keeps no times (see scanner.pipeline.Scanner.stages) is none to be asked.
    """

    def __init__(self, scanner: object) -> None:
        self._scanner = scanner
        self._before = StageTimes()
        self._idle_s = 0.0

    def wait(self, seconds: float) -> None:
        """No picture was there for so long, while a crawl went on."""
        self._idle_s += seconds

    def shares(self, pictures: Mapping[int, int]) -> dict[int, StageTimes]:
        """By scan, of which `pictures` were looked at; what nobody's pictures were behind is told the next time."""
        seen = getattr(self._scanner, "stages", None)
        wanted = {scan_id: count for scan_id, count in pictures.items() if count}
        if not isinstance(seen, StageTimes) or not wanted:
            return {}
        done = seen.since(self._before).waiting(self._idle_s)
        self._before, self._idle_s = seen, 0.0
        return dict(zip(wanted, done.shared(list(wanted.values())), strict=True))


class CrawlClock:
    """How long a crawl asked the network, waited for the pace of hosts, and wrote; may be shared between threads.

    Times are on the clock, of the crawl as one worker. While several requests are under way at once, the time is parted
    between asking and waiting as the requests' own times are.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._asked_s = self._paced_s = 0.0
        self._since = clock()
        self._wrote_s = 0.0

    def log(self, entry: LogEntry) -> None:
        with self._lock:
            self._asked_s += entry.took_s
            self._paced_s += entry.waited_s

    def wrote(self) -> None:
        """All since the last take() was writing."""
        at = self._clock()
        self._wrote_s += at - self._since
        self._since = at

    def take(self) -> tuple[StageTime, StageTime]:
        """What was done since it was last taken: (fetching, writing)."""
        at = self._clock()
        crawled_s, wrote_s = max(0.0, at - self._since), self._wrote_s
        self._since, self._wrote_s = at, 0.0
        with self._lock:
            asked_s, paced_s = self._asked_s, self._paced_s
            self._asked_s = self._paced_s = 0.0
        waited_s = crawled_s * paced_s / (asked_s + paced_s) if paced_s else 0.0
        fetching = StageTime(0, crawled_s - waited_s, waited_s, wrote_s, 1)
        return fetching, StageTime(busy_s=wrote_s, workers=1)


@dataclass(frozen=True, slots=True)
class Told:
    """One stage of a scan, all machines together."""

    name: StageName
    time: StageTime
    is_limit: bool

    @property
    def words(self) -> str:
        return str(STAGE_WORDS[self.name])

    @property
    def is_watched(self) -> bool:
        """Whether its idle time is known: writers come and go with the work, so that they were never seen to wait."""
        return self.name is not StageName.WRITE

    @property
    def busy(self) -> float:
        """In [0, 1], as the next two."""
        return self.time.share(self.time.busy_s)

    @property
    def waited(self) -> float:
        return self.time.share(self.time.waited_s)

    @property
    def blocked(self) -> float:
        return self.time.share(self.time.blocked_s)


@dataclass(frozen=True, slots=True)
class Course:
    """Where a scan's time went. stages: those that were measured, in their order."""

    stages: tuple[Told, ...]
    limit: StageName | None

    @property
    def words(self) -> str | None:
        """One sentence that says which stage was the limit, and how that is known."""
        return limit_words({told.name: told.time for told in self.stages})


def of_scan(session: Session, scan_id: int) -> Course:
    return course_of(session.scalars(select(ScanStage).where(ScanStage.scan_id == scan_id)))


def of_latest(session: Session) -> tuple[int, str] | None:
    """The newest scan whose limit is known, and the sentence that says it."""
    decoded = select(func.max(ScanStage.scan_id)).where(ScanStage.stage == StageName.DECODE.value)
    scan_id = session.scalar(decoded)
    words = of_scan(session, scan_id).words if scan_id is not None else None
    return (scan_id, words) if scan_id is not None and words else None


def course_of(rows: Iterable[ScanStage]) -> Course:
    sums: dict[StageName, StageTime] = {}
    for row in rows:
        sums[StageName(row.stage)] = sums.get(StageName(row.stage), NOTHING) + time_of(row)
    limit = limit_of(sums)
    return Course(tuple(Told(name, sums[name], name is limit) for name in StageName if name in sums), limit)


def time_of(row: ScanStage) -> StageTime:
    return StageTime(row.pictures, row.busy_s, row.waited_s, row.blocked_s, row.workers)


def limit_words(stages: Mapping[StageName, StageTime]) -> str | None:
    decode, predict = stages.get(StageName.DECODE, NOTHING), stages.get(StageName.PREDICT, NOTHING)
    match limit_of(stages):
        case StageName.FETCH:
            share = share_words(decode.share(decode.waited_s))
            return say("The crawl was the limit: decoders waited %(share)s of the time.", share=share)
        case StageName.DECODE:
            share = share_words(decode.share(decode.busy_s))
            return say("Decoding was the limit: decoders worked %(share)s of the time.", share=share)
        case StageName.PREDICT:
            share = share_words(predict.share(predict.busy_s))
            return say("The predictor was the limit: it worked %(share)s of the time.", share=share)
        case StageName.WRITE:
            share = share_words(predict.share(predict.blocked_s))
            return say("Writing was the limit: the predictor was held up %(share)s of the time.", share=share)
    return None
