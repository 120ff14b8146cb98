"""How many rows a second crawls and scan workers write, on their real ways, into a store that has some already."""

import hashlib
import random
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, cast

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bench.results import Table, Target, Value
from bench.scale_rows import DIGEST, MODEL, WORDS
from scanner.fetch import Budget
from scanner.fetch.exchanges import Fetched
from scanner.records import Listing, Photo, ScannedPhoto, Scores
from scanner.zoo.cascade import ModelChoice
from tests.factories import make_source
from webapp.db import Base, insert_rows, now, open_engine, session_factory
from webapp.migrations import upgrade
from webapp.models import Capture, ListingRow, Scan, ScanState
from webapp.services import claims
from webapp.services.look_index import LookIndex
from webapp.services.memory import CrawlMemory
from webapp.services.outcomes import Outcome, write_outcomes
from webapp.services.packs import kept_pack
from webapp.services.pictures import Gathered, Picture
from webapp.services.recording import Recorder
from webapp.services.scoring import BATCH_PHOTOS
from webapp.services.stages import CrawlClock
from webapp.settings import Settings
from webapp.storage import open_store

CRAWL, SCORES, JUDGED = "a crawl", "scan workers", "scan workers, with what the rules say"
LISTINGS = 600  # in one round, each with three pictures
SEEN = ("elephant", "ivory", "tiger", "pangolin_scale")


@dataclass(frozen=True, slots=True)
class Written:
    """rows: of all tables; pictures: how many they are of."""

    rows: int
    pictures: int
    wall_s: float

    @property
    def rate(self) -> float:
        return self.rows / self.wall_s


class NoArchive:
    """Notes captures as rows, and writes no archive: that is the disk's affair."""

    def keep_all(self, session: Session, given: Sequence[tuple[ListingRow, Sequence[Fetched]]]) -> None:
        facts = {"scan_id": 1, "archive": "bench.warc.gz", "sha256": "0" * 64, "captured_at": now()}
        shown = [(row.id, answer.url) for row, answers in given for answer in answers]
        rows = [facts | {"listing_id": row, "url": url, "record_id": f"<{url[-40:]}>"} for row, url in shown]
        insert_rows(session, Capture, rows)

    def publish(self) -> None: ...


def measure(settings: Settings, rounds: int) -> Mapping[str, list[Written]]:
    engine = open_engine(settings.sqlalchemy_url)
    upgrade(engine)
    written: dict[str, list[Written]] = {CRAWL: [], SCORES: [], JUDGED: []}
    with session_factory(engine)() as session:
        source_id = make_source(session, "Bench").id
        index = LookIndex(settings.looks_dir)
        for number in range(2 * rounds + 2):
            listings = list(make_listings(number))
            one, is_judged = crawl(session, settings, source_id, listings), number % 2 == 0
            other = score(session, settings, index, number, is_judged=is_judged)
            session.connection().exec_driver_sql("ANALYZE")  # as a server does by itself, which those of tests may not
            session.commit()
            if number > 1:  # the first two warm
                written[CRAWL].append(one)
                written[JUDGED if is_judged else SCORES].append(other)
    engine.dispose()
    return written


def make_listings(number: int) -> Sequence[Gathered]:
    dice = random.Random(number)  # noqa: S311  # made-up data
    return [make_listing(dice, f"http://127.0.0.1:8001/{number}/{place}") for place in range(LISTINGS)]


def make_listing(dice: random.Random, url: str) -> Gathered:
    addresses = [f"{url}/{place}.jpg" for place in range(3)]
    listing = Listing(
        url,
        " ".join(dice.choices(WORDS, k=6)),
        " ".join(dice.choices(WORDS, k=40)),
        Decimal(dice.randrange(5000)),
        "EUR",
        f"seller{dice.randrange(500)}",
        photo_urls=tuple(addresses),
        answers=(fetched(url),),
    )
    return Gathered(listing, tuple(make_picture(address) for address in addresses))


def make_picture(url: str) -> Picture:
    sha256 = hashlib.sha256(url.encode()).hexdigest()
    return Picture(url, sha256, 84_000, answer=fetched(url), is_asked=True)


def fetched(url: str) -> Fetched:
    return Fetched(url, url, 200, {"etag": '"1"'}, b"", now())


def crawl(session: Session, settings: Settings, source_id: int, found: Sequence[Gathered]) -> Written:
    until = now() + timedelta(hours=1)
    scan = Scan(source_id=source_id, state=ScanState.RUNNING, lease_owner="bench", lease_until=until)
    session.add(scan)
    session.commit()
    lease = (scan.id, "bench", 600)
    memory = CrawlMemory(session, scan, is_patient=True)
    context = cast(Any, SimpleNamespace(listings_expected=len(found), warn=print))
    archive, place = cast(Any, NoArchive()), open_store(settings)
    parts = (context, memory, archive, Budget(), lambda: None, place, CrawlClock())
    recorder = Recorder(session, scan, lease, kept_pack(settings.pack), *parts)
    before, began = count_rows(session), time.perf_counter()
    for gathered in found:
        url = gathered.listing.url
        memory.keep(url, gathered.listing.answers[0], listing_url=url)
        recorder.add(gathered)
    recorder.write()
    wall_s = time.perf_counter() - began
    scan.state = ScanState.SCORING
    session.commit()
    return Written(count_rows(session) - before, 3 * len(found), wall_s)


def score(session: Session, settings: Settings, index: LookIndex, number: int, *, is_judged: bool) -> Written:
    pack, model = kept_pack(settings.pack), SimpleNamespace(name=MODEL, digest=DIGEST, role="fallback", source="bench")
    choice = ModelChoice(cast(Any, (model,)), primary_absent=True, notice="", cascade=pack.cascade)
    dice, before, wall_s, pictures = random.Random(-number), count_rows(session), 0.0, 0  # noqa: S311
    while rows := claims.claim(session, "bench", 600, BATCH_PHOTOS):
        outcomes = [
            Outcome(row, scanned(dice, row.location, str(row.photo.sha256 if row.photo else ""))) for row in rows
        ]
        began = time.perf_counter()
        write_outcomes(session, "bench", outcomes, choice, pack if is_judged else None, index=index)
        index.settle(session)
        wall_s += time.perf_counter() - began
        pictures += len(rows)
    # Claims, photos and scans are rows that are changed: each picture's two are counted with those that are new.
    return Written(count_rows(session) - before + 2 * pictures, pictures, wall_s)


def scanned(dice: random.Random, url: str, sha256: str) -> ScannedPhoto:
    is_flagged = dice.random() < 0.013
    said = {concept: round(dice.random() * 0.1, 4) for concept in SEEN} | ({"elephant": 0.97} if is_flagged else {})
    labels = (("African elephant", 0.7), ("tusker", 0.21))
    pixels, look = f"{dice.getrandbits(256):064x}", f"{dice.getrandbits(256):064x}"
    scores = (Scores(MODEL, DIGEST, said, labels),)
    return ScannedPhoto(Photo(url, None), sha256, pixels, "image/jpeg", 800, 600, scores, (), None, look_hash=look)


def count_rows(session: Session) -> int:
    tables = Base.metadata.sorted_tables
    return sum(session.scalar(select(func.count()).select_from(table)) or 0 for table in tables)


def table_of(backend: str, written: Mapping[str, Sequence[Written]]) -> Table:
    columns = ["written by", "rows a second", "pictures a second", "rows a picture"]
    rows: list[dict[str, Value]] = []
    for name, rounds in written.items():
        pictures = pictures_a_second(rounds)
        each = statistics.median(one.rows / one.pictures for one in rounds)
        rows.append(dict(zip(columns, (name, median_rate(rounds), pictures, each), strict=True)))
    return Table(f"{backend}: writing", columns, rows)


def median_rate(rounds: Sequence[Written]) -> float:
    return statistics.median(one.rate for one in rounds)


def pictures_a_second(rounds: Sequence[Written]) -> float:
    return statistics.median(one.pictures / one.wall_s for one in rounds)


def targets_of(backend: str, written: Mapping[str, Sequence[Written]], wanted: float) -> list[Target]:
    return [
        Target(
            f"{backend}: rows written by {name}",
            wanted,
            median_rate(rounds),
            unit="a second",
            why=f"{pictures_a_second(rounds):,.0f} pictures a second",
        )
        for name, rounds in written.items()
        if name != JUDGED
    ]
