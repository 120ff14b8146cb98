"""What machines and crawls can do in a day, as measured in the last 30 days; what was not measured has no figure."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from scanner.stages import NOTHING, StageName, StageTime
from webapp.db import now
from webapp.language import number, say, say_many
from webapp.models import Scan, ScanStage, Source
from webapp.services import schedules
from webapp.services.scans import hosts_of
from webapp.settings import Settings

DAYS = 30
DAY_S = 86_400
FEW_PICTURES = 1000  # fewer than that say little: models load, caches are cold
RUNS_COUNTED = 500
MOST_A_DAY = 10**12


@dataclass(frozen=True, order=True, slots=True)
class Setup:
    """machine: a host. device, engine, precision, decoding: as scanner.stages.StageTimes has them."""

    machine: str
    device: str
    engine: str
    precision: str
    decoding: str

    @property
    def words(self) -> str:
        """`cpu, paddle, fp32, exact decoding`: what is known of it."""
        decoding = {"exact": say("exact decoding"), "fast": say("fast decoding")}.get(self.decoding, self.decoding)
        return ", ".join(part for part in (self.device, self.engine, self.precision, decoding) if part)


@dataclass(frozen=True, slots=True)
class Rig:
    """One machine with one set-up, and what its scan worker did there; sums over the scans of the last 30 days.

    Figures are of one scan worker. scans: on which they rest. measured_at: the last time.
    """

    setup: Setup
    decode: StageTime
    predict: StageTime
    scans: int
    measured_at: datetime

    @property
    def decode_rate(self) -> float | None:
        """Pictures a second that all its decoders manage while busy; None where none was measured, as below."""
        return self.decode.rate

    @property
    def predict_rate(self) -> float | None:
        """Pictures a second that all its predictors manage while busy."""
        return self.predict.rate

    @property
    def asked_rate(self) -> float | None:
        """Decoded pictures a second that would keep the predictors busy: some are known, some go to several models."""
        return replace(self.predict, pictures=self.decode.pictures).rate

    @property
    def rate(self) -> float | None:
        """Pictures a second end to end while pictures come: in the time that its decoders did not wait for one.

        Never more than its slowest stage manages by itself, since a predictor that was never full tells no better.
        """
        fed = replace(self.decode, busy_s=self.decode.busy_s + self.decode.blocked_s).rate
        if fed is None or self.asked_rate is None:
            return None
        return min(fed, self.asked_rate)

    @property
    def a_day(self) -> int | None:
        """Pictures in 24 hours at that rate."""
        return None if self.rate is None else int(self.rate * DAY_S)

    @property
    def limit(self) -> StageName | None:
        """The stage that bounds it while pictures come."""
        decode_rate, asked_rate = self.decode_rate, self.asked_rate
        if decode_rate is None or asked_rate is None:
            return None
        if self.predict.blocked_s > self.predict.busy_s:
            return StageName.WRITE
        return StageName.DECODE if decode_rate <= asked_rate else StageName.PREDICT

    @property
    def pictures(self) -> int:
        return self.decode.pictures

    @property
    def idle(self) -> float:
        """The share of the time in which its decoders waited for pictures, in [0, 1]."""
        return self.decode.share(self.decode.waited_s)

    @property
    def age_days(self) -> int:
        return (now() - self.measured_at).days

    @property
    def is_thin(self) -> bool:
        return self.pictures < FEW_PICTURES


@dataclass(frozen=True, slots=True)
class CrawlRate:
    """What crawls of one source brought in the last 30 days.

    fetching: the crawl as one worker: asking, waiting for the pace, writing. pages: requests. pace_s: least seconds
    between two requests to one host, None where the source asks no host. runs_a_day: after its schedules.
    """

    source_id: int
    name: str
    hosts: tuple[str, ...]
    pace_s: float | None
    fetching: StageTime
    pages: int
    listings: int
    scans: int
    runs_a_day: float
    measured_at: datetime

    @property
    def at_most(self) -> float | None:
        """Requests a second that the pace lets through to one host; None where no pace binds."""
        return 1 / self.pace_s if self.pace_s else None

    @property
    def pages_rate(self) -> float | None:
        """Requests a second, as measured."""
        return self.pages / self.fetching.span_s if self.pages and self.fetching.span_s else None

    @property
    def rate(self) -> float | None:
        """Pictures a second that such a crawl brings."""
        return (
            self.fetching.pictures / self.fetching.span_s if self.fetching.pictures and self.fetching.span_s else None
        )

    @property
    def a_day(self) -> int | None:
        """Pictures of 24 hours of crawling."""
        return None if self.rate is None else int(self.rate * DAY_S)

    @property
    def paced(self) -> float:
        """The share of the crawl's time that was spent waiting for the pace, in [0, 1]."""
        return self.fetching.share(self.fetching.waited_s)

    @property
    def scan_s(self) -> float:
        """How long one crawl took, in the mean."""
        return self.fetching.span_s / self.scans

    @property
    def planned_a_day(self) -> int:
        """Pictures that its schedules ask for a day, where each run brings what one brought in the mean."""
        return int(self.fetching.pictures / self.scans * self.runs_a_day)

    @property
    def per_listing(self) -> float | None:
        return self.fetching.pictures / self.listings if self.listings and self.fetching.pictures else None


@dataclass(frozen=True, slots=True)
class Capacity:
    rigs: tuple[Rig, ...]
    crawls: tuple[CrawlRate, ...]

    @property
    def crawled_a_day(self) -> int | None:
        """Pictures that crawls of all these sources bring in 24 hours, of one host one crawl at a time."""
        best: dict[tuple[str, ...], int] = {}
        for crawl in self.crawls:
            if crawl.a_day is not None:
                key = crawl.hosts or (f"source {crawl.source_id}",)
                best[key] = max(best.get(key, 0), crawl.a_day)
        return sum(best.values()) if best else None

    @property
    def planned_a_day(self) -> int:
        """Pictures that all schedules ask for a day."""
        return sum(crawl.planned_a_day for crawl in self.crawls)

    @property
    def per_listing(self) -> float | None:
        """Pictures of one listing, in the mean of all sources."""
        listings = sum(crawl.listings for crawl in self.crawls)
        pictures = sum(crawl.fetching.pictures for crawl in self.crawls)
        return pictures / listings if listings and pictures else None


@dataclass(frozen=True, slots=True)
class Need:
    """What a wanted number of pictures asks of machines like `rig`. machines: for that many every day.

    scores_s: how long one of them works at that many. scan_s: how long a scan of that many takes, from its first
    request to its last score, with one machine; limit: what bounds it.
    """

    rig: Rig
    machines: int
    scores_s: float
    scan_s: float
    limit: StageName


@dataclass(frozen=True, slots=True)
class WhatIf:
    """The answer to "so many a day". pictures: after the listings, where those were asked for.

    crawl: the one source that was asked about; None: all of them. crawled_a_day: what the crawls bring at most; None
    where none was measured. crawl_s: how long the crawl of that many takes.
    """

    pictures: int
    listings: int | None
    crawl: CrawlRate | None
    crawled_a_day: int | None
    crawl_s: float | None
    needs: tuple[Need, ...]

    @property
    def is_crawl_short(self) -> bool:
        return self.crawled_a_day is not None and self.crawled_a_day < self.pictures

    @property
    def words(self) -> str:
        """One sentence on what bounds it first."""
        if self.crawled_a_day is None:
            return say("No crawl was measured, so that only machines are counted: a crawl often bounds first.")
        if self.is_crawl_short:
            return say(
                "The crawl bounds first: it brings %(count)s pictures a day at most, whatever the machines.",
                count=number(self.crawled_a_day),
            )
        return say(
            "The crawl keeps up: it brings %(count)s pictures a day at most.",
            count=number(self.crawled_a_day),
        )


@dataclass(frozen=True, slots=True)
class Wanted:
    """pictures, listings: a day, one of them given. source_id: of one source; None: of all."""

    pictures: int | None = None
    listings: int | None = None
    source_id: int | None = None

    @property
    def is_asked(self) -> bool:
        return self.pictures is not None or self.listings is not None


def measure(session: Session, settings: Settings) -> Capacity:
    """All that was measured in the last 30 days: machines by name, the source that brings most first."""
    since = now() - timedelta(days=DAYS)
    return Capacity(tuple(find_rigs(session, since)), tuple(find_crawls(session, settings, since)))


def find_rigs(session: Session, since: datetime) -> Iterable[Rig]:
    setup = (ScanStage.machine, ScanStage.device, ScanStage.engine, ScanStage.precision, ScanStage.decoding)
    stages = (StageName.DECODE.value, StageName.PREDICT.value)
    grouped = (
        select(*setup, ScanStage.stage, *sums(), func.count(ScanStage.scan_id.distinct()).label("scans"))
        .where(ScanStage.updated_at >= since, ScanStage.stage.in_(stages), ScanStage.device != "")
        .group_by(*setup, ScanStage.stage)
    )
    found: dict[Setup, dict[str, Any]] = {}
    for row in session.execute(grouped):
        key = Setup(row.machine, row.device, row.engine, row.precision, row.decoding)
        found.setdefault(key, {})[row.stage] = row
    for key in sorted(found):
        decode, predict = (found[key].get(name) for name in stages)
        measured = [row for row in (decode, predict) if row is not None]
        yield Rig(
            key,
            decode=time_of(decode),
            predict=time_of(predict),
            scans=max(row.scans for row in measured),
            measured_at=max(row.measured_at for row in measured),
        )


def sums() -> Sequence[Any]:
    return (
        func.sum(ScanStage.pictures).label("pictures"),
        func.sum(ScanStage.busy_s).label("busy_s"),
        func.sum(ScanStage.waited_s).label("waited_s"),
        func.sum(ScanStage.blocked_s).label("blocked_s"),
        func.max(ScanStage.workers).label("workers"),
        func.max(ScanStage.updated_at, type_=ScanStage.updated_at.type).label("measured_at"),
    )


def time_of(row: Any) -> StageTime:
    """Of a row of `sums`; PostgreSQL sums whole numbers to decimals."""
    return StageTime(int(row.pictures), row.busy_s, row.waited_s, row.blocked_s, row.workers) if row else NOTHING


def find_crawls(session: Session, settings: Settings, since: datetime) -> list[CrawlRate]:
    """Those that brought something, the one that brings most a second first."""
    fetched = (ScanStage.updated_at >= since, ScanStage.stage == StageName.FETCH.value)
    # A scan may have several rows, one a machine: its listings count once.
    scanned = select(ScanStage.scan_id).where(*fetched).distinct()
    counted = (
        select(Scan.source_id, func.sum(Scan.listings_seen).label("listings"), func.count().label("scans"))
        .where(Scan.id.in_(scanned))
        .group_by(Scan.source_id)
        .subquery()
    )
    # In one statement: of a source whose first crawl begins meanwhile a second one would know what this one does not.
    of_source = (
        select(Source, counted.c.listings, counted.c.scans, *sums(), func.sum(ScanStage.pages).label("pages"))
        .join(Scan, Scan.source_id == Source.id)
        .join(ScanStage, ScanStage.scan_id == Scan.id)
        .join(counted, counted.c.source_id == Source.id)
        .where(*fetched)
        .group_by(Source.id, counted.c.listings, counted.c.scans)
    )
    runs = runs_a_day(session)
    crawls = [crawl_of(row, runs, settings) for row in session.execute(of_source).all()]
    return sorted(crawls, key=lambda crawl: -(crawl.rate or 0.0))


def crawl_of(row: Any, runs: dict[int, float], settings: Settings) -> CrawlRate:
    """Of a row of `find_crawls`."""
    source: Source = row.Source
    hosts = tuple(sorted(hosts_of(source)))
    return CrawlRate(
        source_id=source.id,
        name=source.name,
        hosts=hosts,
        pace_s=pace_of(source, hosts, settings),
        fetching=time_of(row),
        pages=int(row.pages),
        listings=int(row.listings),
        scans=row.scans,
        runs_a_day=runs.get(source.id, 0.0),
        measured_at=row.measured_at,
    )


def pace_of(source: Source, hosts: Sequence[str], settings: Settings) -> float | None:
    """Hosts that are allowed by name are our own, and asked without a pace."""
    ours = {address.rpartition(":")[0].lower() for address in settings.allowed_addresses}
    if not set(hosts) - ours:
        return None
    return float(source.options.get("pace_s") or settings.crawl_pace_s) or None


def runs_a_day(session: Session) -> dict[int, float]:
    """By source, how often its schedules that are not paused fire a day, in the mean of their next runs."""
    found: dict[int, float] = {}
    begin = now()
    for schedule in schedules.list_schedules(session):
        if schedule.is_paused:
            continue
        week = begin + timedelta(days=7)
        runs = [at for at in schedules.next_runs(schedule, RUNS_COUNTED, begin) if at <= week]
        span = (runs[-1] if len(runs) == RUNS_COUNTED else week) - begin
        found[schedule.source_id] = found.get(schedule.source_id, 0.0) + len(runs) * DAY_S / span.total_seconds()
    return found


def what_if(capacity: Capacity, wanted: Wanted) -> WhatIf | None:
    """What so many a day ask for; None where listings are asked for and nobody knows how many pictures they show.

    A source of which no crawl was measured has no figures, and not those of the others.
    """
    crawl = next((one for one in capacity.crawls if one.source_id == wanted.source_id), None)
    asked = capacity if wanted.source_id is None else crawl
    pictures = pictures_of(wanted, asked.per_listing if asked else None)
    if pictures is None:
        return None
    crawled = capacity.crawled_a_day if wanted.source_id is None else crawl.a_day if crawl else None
    crawl_s = pictures * DAY_S / crawled if crawled else None
    rigs = [rig for rig in capacity.rigs if rig.a_day]
    needs = tuple(need_of(rig, pictures, crawl_s) for rig in rigs)
    return WhatIf(pictures, wanted.listings, crawl, crawled, crawl_s, needs)


def pictures_of(wanted: Wanted, per_listing: float | None) -> int | None:
    if wanted.pictures is not None:
        return wanted.pictures
    return math.ceil(wanted.listings * per_listing) if wanted.listings and per_listing else None


def need_of(rig: Rig, pictures: int, crawl_s: float | None) -> Need:
    scores_s = pictures / (rig.rate or math.inf)
    is_crawl = crawl_s is not None and crawl_s >= scores_s
    limit = StageName.FETCH if is_crawl else rig.limit or StageName.PREDICT
    return Need(rig, math.ceil(scores_s / DAY_S), scores_s, max(scores_s, crawl_s or 0.0), limit)


def age_words(days: int) -> str:
    return say("today") if days == 0 else say_many("%(num)s day ago", "%(num)s days ago", days)
