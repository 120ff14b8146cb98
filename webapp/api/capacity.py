"""What machines and crawls can do in a day, as measured."""

from dataclasses import asdict
from datetime import datetime

from pydantic import BaseModel, Field

from scanner.stages import StageName
from webapp.api.operations import Room
from webapp.api.paging import Strict
from webapp.extensions import app_settings, db_session
from webapp.services import capacity
from webapp.services.capacity import CrawlRate, Need, Rig, Wanted, WhatIf
from webapp.services.tokens import Scope

room = Room("capacity", "What machines and crawls can do in a day, as measured in the last 30 days")


class RigShape(BaseModel):
    """One machine with one set-up; figures are of one scan worker. null: not measured.

    decode_rate, predict_rate: pictures a second of that stage while it is busy; rate: end to end while pictures come.
    a_day: pictures in 24 hours at that rate. limit: the stage that bounds it. idle: the share of the time in which its
    decoders waited for pictures. pictures, scans: on which the figures rest.
    """

    machine: str
    device: str
    engine: str
    precision: str
    decoding: str
    decode_rate: float | None
    predict_rate: float | None
    rate: float | None
    a_day: int | None
    limit: StageName | None
    idle: float
    pictures: int
    scans: int
    measured_at: datetime


class CrawlShape(BaseModel):
    """Crawls of one source. pages: requests. at_most: requests a second that the pace lets through to one host.

    a_day: pictures of 24 hours of crawling; planned_a_day: those that its schedules ask for. paced: the share of the
    time that was spent waiting for the pace.
    """

    source_id: int
    name: str
    hosts: list[str]
    pace_s: float | None
    at_most: float | None
    pages: int
    pages_rate: float | None
    pictures: int
    rate: float | None
    a_day: int | None
    paced: float
    scans: int
    runs_a_day: float
    planned_a_day: int
    measured_at: datetime


class NeedShape(BaseModel):
    """machines: like that one, for so many every day. scan_s: how long a scan of so many takes on one of them."""

    machine: str
    device: str
    engine: str
    precision: str
    decoding: str
    machines: int
    scores_s: float
    scan_s: float
    limit: StageName


class WhatIfShape(BaseModel):
    """words: what bounds it first, in a sentence. crawled_a_day: pictures that the crawls bring at most."""

    pictures: int
    crawled_a_day: int | None
    is_crawl_short: bool
    crawl_s: float | None
    words: str
    needs: list[NeedShape]


class CapacityShape(BaseModel):
    """what_if: null where nothing was asked, or where it is not known how many pictures a listing shows."""

    days: int
    machines: list[RigShape]
    crawls: list[CrawlShape]
    crawled_a_day: int | None
    planned_a_day: int
    what_if: WhatIfShape | None


class CapacityQuery(Strict):
    """What if so many pictures, or else listings, came a day; source_id: from that source alone."""

    pictures: int | None = Field(None, ge=1, le=capacity.MOST_A_DAY)
    listings: int | None = Field(None, ge=1, le=capacity.MOST_A_DAY)
    source_id: int | None = None


@room.operation("GET", "/capacity", Scope.READ, query=CapacityQuery, answer=CapacityShape)
def get_capacity(query: CapacityQuery) -> CapacityShape:
    """What machines and crawls can do in a day, as measured, and what so many pictures a day would ask for."""
    measured = capacity.measure(db_session(), app_settings())
    wanted = Wanted(query.pictures, query.listings, query.source_id)
    answer = capacity.what_if(measured, wanted) if wanted.is_asked else None
    return CapacityShape(
        days=capacity.DAYS,
        machines=[rig_shape(rig) for rig in measured.rigs],
        crawls=[crawl_shape(crawl) for crawl in measured.crawls],
        crawled_a_day=measured.crawled_a_day,
        planned_a_day=measured.planned_a_day,
        what_if=what_if_shape(answer) if answer else None,
    )


def rig_shape(rig: Rig) -> RigShape:
    same = ("decode_rate", "predict_rate", "rate", "a_day", "limit", "idle", "pictures", "scans", "measured_at")
    return RigShape(**asdict(rig.setup), **{name: getattr(rig, name) for name in same})


def crawl_shape(crawl: CrawlRate) -> CrawlShape:
    names = [name for name in CrawlShape.model_fields if name != "pictures"]
    return CrawlShape(**{name: getattr(crawl, name) for name in names}, pictures=crawl.fetching.pictures)


def what_if_shape(answer: WhatIf) -> WhatIfShape:
    names = [name for name in WhatIfShape.model_fields if name != "needs"]
    return WhatIfShape(
        **{name: getattr(answer, name) for name in names}, needs=[need_shape(one) for one in answer.needs]
    )


def need_shape(need: Need) -> NeedShape:
    same = ("machines", "scores_s", "scan_s", "limit")
    return NeedShape(**asdict(need.rig.setup), **{name: getattr(need, name) for name in same})
