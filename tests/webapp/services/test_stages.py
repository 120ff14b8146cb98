"""What each stage of a scan did is written beside its outcomes, adds up, and is told in a sentence."""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from scanner.fetch import LogEntry
from scanner.pipeline import KnownScores
from scanner.records import Listing, Photo, ScannedPhoto
from scanner.stages import NOTHING, StageName, StageTime, StageTimes
from tests.factories import make_scan, make_source
from tests.webapp.services.scene import SITE, PlainScanner, Scene
from webapp.models import Scan, ScanStage
from webapp.services import scans, stages
from webapp.services.processes import host_name
from webapp.services.stages import CrawlClock, Meter
from webapp.settings import Settings

MADE_WITH = ("cpu", "paddle", "fp32", "exact")


class TimedScanner(PlainScanner):
    """Says that each picture took a decoder 0.2 s and a predictor 0.1 s, of 2 workers each."""

    seen = 0

    @property
    def stages(self) -> StageTimes:
        decode = StageTime(self.seen, 0.2 * self.seen, 0.6 * self.seen, 0.0, 2)
        return StageTimes(decode, StageTime(self.seen, 0.1 * self.seen, 0.7 * self.seen, 0.0, 2), *MADE_WITH)

    def scan(self, photos: Iterable[Photo], known: KnownScores | None = None) -> Iterator[ScannedPhoto]:
        for scanned in super().scan(photos, known):
            self.seen += 1
            yield scanned


def rows_of(session: Session, scan: Scan) -> dict[str, ScanStage]:
    query = select(ScanStage).where(ScanStage.scan_id == scan.id).execution_options(populate_existing=True)
    return {row.stage: row for row in session.scalars(query)}


def add_scan(session: Session, settings: Settings, scene: Scene, prefix: str, count: int) -> Scan:
    """A crawled scan of `count` pictures that wait, of a source of its own."""
    scene.listings = [
        Listing(f"{SITE}/{prefix}{n}", f"Thing {n}", photo_urls=(f"{SITE}/{prefix}{n}.jpg",)) for n in range(count)
    ]
    scene.site.answers |= {
        f"{SITE}/{prefix}{n}.jpg": f"elephant 0.{1 + n:03}{ord(prefix):03}".encode() for n in range(count)
    }
    scan = scans.create(session, make_source(session).id, "ann")
    session.commit()
    scene.crawl_only(session, scan.id, settings)
    return scan


def test_a_scan_keeps_what_each_stage_did(session: Session, settings: Settings, scan: Scan, scene: Scene) -> None:
    scene.scanner_of = TimedScanner
    scene.scan(session, scan.id, settings)
    rows = rows_of(session, scan)
    assert set(rows) == {"fetch", "decode", "predict", "write"}
    assert {row.machine for row in rows.values()} == {host_name()}
    decode = rows["decode"]
    assert (decode.device, decode.engine, decode.precision, decode.decoding) == MADE_WITH
    assert decode.pictures == rows["predict"].pictures == 4
    assert decode.busy_s == pytest.approx(0.8)
    assert (rows["fetch"].device, rows["write"].engine) == ("", "")
    assert rows["fetch"].pictures == scans.progress(session, scan.id).photos_seen
    assert rows["write"].pictures == 4
    assert rows["write"].busy_s > 0


def test_a_scanner_that_keeps_no_times_is_let_be(
    session: Session, settings: Settings, scan: Scan, scene: Scene
) -> None:
    scene.scan(session, scan.id, settings)
    assert set(rows_of(session, scan)) == {"fetch", "write"}
    assert stages.of_scan(session, scan.id).words is None


def test_the_times_of_a_batch_are_shared_by_its_scans(session: Session, settings: Settings, scene: Scene) -> None:
    scene.scanner_of = TimedScanner
    one, three = (add_scan(session, settings, scene, prefix, count) for prefix, count in (("a", 1), ("b", 3)))
    scene.score(session, settings)
    small, large = rows_of(session, one), rows_of(session, three)
    assert (small["decode"].pictures, large["decode"].pictures) == (1, 3)
    assert small["decode"].busy_s == pytest.approx(0.2)
    assert large["decode"].busy_s == pytest.approx(0.6)


def test_what_is_written_twice_adds_up(session: Session) -> None:
    scan = make_scan(session)
    stages.add(session, scan.id, StageName.FETCH, StageTime(2, 1.0, 2.0, 0.5, 1), pages=3, fetched_bytes=40)
    stages.add(session, scan.id, StageName.FETCH, StageTime(1, 0.5, 1.0, 0.5, 1), pages=1, fetched_bytes=2)
    row = rows_of(session, scan)["fetch"]
    assert stages.time_of(row) == StageTime(3, 1.5, 3.0, 1.0, 1)
    assert (row.pages, row.fetched_bytes) == (4, 42)


def test_each_set_up_has_its_own_times(session: Session) -> None:
    scan = make_scan(session)
    for engine in ("paddle", "onnx"):
        stages.add_times(session, scan.id, StageTimes(StageTime(1, 1.0), StageTime(1, 1.0), "cpu", engine, "fp32"))
    rows = session.scalars(select(ScanStage).where(ScanStage.stage == "decode")).all()
    assert {row.engine for row in rows} == {"paddle", "onnx"}
    course = stages.of_scan(session, scan.id)
    assert [told.time.pictures for told in course.stages] == [2, 2]


def test_nothing_done_is_no_row(session: Session) -> None:
    scan = make_scan(session)
    stages.add(session, scan.id, StageName.WRITE, StageTime(workers=1))
    assert rows_of(session, scan) == {}


def test_a_meter_keeps_what_no_picture_was_behind_and_counts_the_rest() -> None:
    class Scanner:
        stages = StageTimes(StageTime(4, 2.0, 0.0, 0.0, 2), NOTHING, *MADE_WITH)

    meter = Meter(Scanner())
    assert meter.shares(Counter()) == {}
    meter.wait(1.5)
    shares = meter.shares(Counter({7: 1, 9: 1}))
    assert shares[7].decode == StageTime(2, 1.0, 1.5, 0.0, 2)
    assert meter.shares({7: 1})[7].decode == StageTime(workers=2)


class Hand:
    """A clock that a test moves."""

    at = 100.0

    def __call__(self) -> float:
        return self.at


def entry(took_s: float, waited_s: float) -> LogEntry:
    return LogEntry(datetime.now(UTC), "http://127.0.0.1/", "allowed", 200, 10, waited_s, took_s, "")


def test_a_crawl_is_parted_into_asking_waiting_and_writing() -> None:
    hand = Hand()
    clock = CrawlClock(hand)
    clock.log(entry(1.0, 3.0))
    hand.at += 8.0
    fetching, writing = clock.take()
    assert fetching == StageTime(0, 2.0, 6.0, 0.0, 1)
    assert writing == StageTime(workers=1)
    hand.at += 0.5
    clock.wrote()
    hand.at += 2.0
    assert clock.take() == (StageTime(0, 2.0, 0.0, 0.5, 1), StageTime(busy_s=0.5, workers=1))


@pytest.mark.parametrize(
    ("decode", "predict", "words"),
    [
        (
            StageTime(9, 19.0, 81.0, 0.0, 1),
            StageTime(9, 30.0, 70.0, 0.0, 1),
            "The crawl was the limit: decoders waited 81\u00a0% of the time.",
        ),
        (
            StageTime(9, 9.0, 1.0, 0.0, 1),
            StageTime(9, 5.0, 5.0, 0.0, 1),
            "Decoding was the limit: decoders worked 90\u00a0% of the time.",
        ),
        (
            StageTime(9, 2.0, 0.0, 8.0, 1),
            StageTime(9, 9.5, 0.5, 0.0, 1),
            "The predictor was the limit: it worked 95\u00a0% of the time.",
        ),
        (
            StageTime(9, 2.0, 0.0, 8.0, 1),
            StageTime(9, 1.0, 0.0, 9.0, 1),
            "Writing was the limit: the predictor was held up 90\u00a0% of the time.",
        ),
        (NOTHING, NOTHING, None),
    ],
)
def test_the_limit_is_said_in_a_sentence(decode: StageTime, predict: StageTime, words: str | None) -> None:
    assert stages.limit_words({StageName.DECODE: decode, StageName.PREDICT: predict}) == words
