"""From measured stage times to pictures a day; no figure without a measurement."""

from datetime import timedelta

import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session

from scanner.stages import StageName, StageTime
from tests.factories import add, make_scan, make_source
from webapp.db import now
from webapp.models import Scan, ScanStage, Schedule
from webapp.services import capacity
from webapp.services.capacity import Capacity, Wanted
from webapp.settings import Settings

CPU = {"device": "cpu", "engine": "paddle", "precision": "fp32", "decoding": "exact"}


def note(session: Session, scan: Scan, stage: str, time: StageTime, machine: str = "box", **more: object) -> ScanStage:
    names = ("pictures", "busy_s", "waited_s", "blocked_s", "workers")
    setup = CPU if stage in ("decode", "predict") else {}
    values = {**setup, **{name: getattr(time, name) for name in names}, **more}
    return add(session, ScanStage(scan_id=scan.id, machine=machine, stage=stage, **values))


def measure(session: Session, settings: Settings) -> Capacity:
    session.commit()
    return capacity.measure(session, settings)


def test_where_nothing_was_measured_there_is_no_figure(session: Session, settings: Settings) -> None:
    measured = measure(session, settings)
    assert (measured.rigs, measured.crawls) == ((), ())
    assert (measured.crawled_a_day, measured.per_listing, measured.planned_a_day) == (None, None, 0)
    answer = capacity.what_if(measured, Wanted(pictures=1000))
    assert answer is not None and answer.needs == () and answer.crawl_s is None
    assert "No crawl was measured" in answer.words
    assert capacity.what_if(measured, Wanted(listings=10)) is None


def test_a_machine_that_is_bound_by_its_predictor(session: Session, settings: Settings) -> None:
    scan = make_scan(session)
    note(session, scan, "decode", StageTime(2000, 40.0, 60.0, 100.0, 2))
    note(session, scan, "predict", StageTime(2000, 140.0, 60.0, 0.0, 2))
    (rig,) = measure(session, settings).rigs
    assert rig.setup.words == "cpu, paddle, fp32, exact decoding"
    assert rig.decode_rate == pytest.approx(100.0)
    assert rig.predict_rate == pytest.approx(200 / 7)
    assert rig.rate == pytest.approx(200 / 7)  # 70 s in which pictures came, and the predictors were full all along
    assert (rig.limit, rig.is_thin, rig.age_days) == (StageName.PREDICT, False, 0)
    assert rig.a_day == int(200 / 7 * 86_400)
    assert rig.idle == pytest.approx(0.3)


def test_a_machine_that_waited_is_no_faster_than_its_slowest_stage(session: Session, settings: Settings) -> None:
    """Decoders that were never full tell what they manage alone; the predictor would hold them up."""
    scan = make_scan(session)
    note(session, scan, "decode", StageTime(100, 2.0, 98.0, 0.0, 1))
    note(session, scan, "predict", StageTime(100, 10.0, 90.0, 0.0, 1))
    (rig,) = measure(session, settings).rigs
    assert rig.rate == pytest.approx(10.0)
    assert (rig.limit, rig.is_thin) == (StageName.PREDICT, True)


def test_a_machine_that_is_bound_by_decoding_or_by_writing(session: Session, settings: Settings) -> None:
    scan = make_scan(session)
    note(session, scan, "decode", StageTime(1000, 100.0, 0.0, 0.0, 1), "slow decoder")
    note(session, scan, "predict", StageTime(1000, 10.0, 90.0, 0.0, 1), "slow decoder")
    note(session, scan, "decode", StageTime(1000, 10.0, 0.0, 90.0, 1), "slow disk")
    note(session, scan, "predict", StageTime(1000, 20.0, 0.0, 80.0, 1), "slow disk")
    decoder, disk = measure(session, settings).rigs
    assert (decoder.limit, decoder.rate) == (StageName.DECODE, pytest.approx(10.0))
    assert (disk.limit, disk.rate) == (StageName.WRITE, pytest.approx(10.0))


def test_known_pictures_and_second_opinions_count_as_they_came(session: Session, settings: Settings) -> None:
    """Half of what is decoded is known: the predictor is asked about the other half."""
    scan = make_scan(session)
    note(session, scan, "decode", StageTime(1000, 50.0, 0.0, 50.0, 1))
    note(session, scan, "predict", StageTime(500, 100.0, 0.0, 0.0, 1))
    (rig,) = measure(session, settings).rigs
    assert (rig.predict_rate, rig.rate) == (pytest.approx(5.0), pytest.approx(10.0))


def test_sums_are_of_one_set_up_and_of_the_last_thirty_days(session: Session, settings: Settings) -> None:
    first, second, old = make_scan(session), make_scan(session), make_scan(session)
    for scan in (first, second):
        note(session, scan, "decode", StageTime(10, 1.0, workers=2))
        note(session, scan, "predict", StageTime(10, 2.0, workers=2))
    note(session, second, "decode", StageTime(5, 1.0, workers=2), engine="onnx")
    note(session, old, "decode", StageTime(99, 9.0, workers=2), updated_at=now() - timedelta(days=31))
    onnx, paddle = measure(session, settings).rigs
    assert (paddle.pictures, paddle.scans, paddle.decode_rate) == (20, 2, pytest.approx(20.0))
    assert (onnx.setup.engine, onnx.decode_rate, onnx.rate, onnx.a_day, onnx.limit) == (
        "onnx",
        pytest.approx(10.0),
        None,
        None,
        None,
    )


def test_age_is_that_of_the_newest_figure(session: Session, settings: Settings) -> None:
    scan = make_scan(session)
    note(session, scan, "decode", StageTime(10, 1.0, workers=1), updated_at=now() - timedelta(days=9, hours=1))
    note(session, scan, "predict", StageTime(10, 1.0, workers=1), updated_at=now() - timedelta(days=8, hours=1))
    (rig,) = measure(session, settings).rigs
    assert rig.age_days == 8
    assert capacity.age_words(rig.age_days) == "8 days ago"


def test_a_crawl_brings_what_it_brought(session: Session, settings: Settings) -> None:
    source = make_source(session, "Bazaar", address="http://shop.example/")
    for listings in (100, 200):
        scan = make_scan(session, source, listings_seen=listings)
        note(session, scan, "fetch", StageTime(300, 20.0, 80.0, 0.0, 1), pages=90)
        note(session, scan, "fetch", StageTime(0, 0.0, 0.0, 0.0, 1), "other box", pages=10)
    measured = measure(session, settings)
    (crawl,) = measured.crawls
    assert (crawl.hosts, crawl.pace_s, crawl.at_most) == (("shop.example",), 1.0, 1.0)
    assert (crawl.pages_rate, crawl.rate) == (pytest.approx(1.0), pytest.approx(3.0))
    assert (crawl.scans, crawl.listings, crawl.per_listing) == (2, 300, 2.0)
    assert (crawl.paced, crawl.scan_s) == (pytest.approx(0.8), pytest.approx(100.0))
    assert (crawl.a_day, measured.crawled_a_day, measured.per_listing) == (259_200, 259_200, 2.0)


def test_of_one_host_one_crawl_at_a_time_counts(session: Session, settings: Settings) -> None:
    for host, pictures in (("one.example", 100), ("one.example", 200), ("two.example", 50)):
        scan = make_scan(session, make_source(session, address=f"http://{host}/"))
        note(session, scan, "fetch", StageTime(pictures, 100.0, workers=1))
    measured = measure(session, settings)
    assert [crawl.rate for crawl in measured.crawls] == [2.0, 1.0, 0.5]
    assert measured.crawled_a_day == int(2.5 * 86_400)


def test_own_hosts_and_files_have_no_pace(session: Session, settings: Settings) -> None:
    ours = settings.model_copy(update={"allowed_addresses": ["127.0.0.1:8001"]})
    for source in (make_source(session, address="http://127.0.0.1:8001/"), make_source(session, kind="folder")):
        note(session, make_scan(session, source), "fetch", StageTime(1, 1.0, workers=1))
    assert [crawl.at_most for crawl in measure(session, ours).crawls] == [None, None]


def test_schedules_tell_how_much_is_asked_for(session: Session, settings: Settings) -> None:
    source = make_source(session, address="http://shop.example/")
    note(session, make_scan(session, source), "fetch", StageTime(300, 100.0, workers=1))
    add(session, Schedule(source_id=source.id, cron="0 */6 * * *"))
    add(session, Schedule(source_id=source.id, cron="* * * * *", is_paused=True))
    (crawl,) = measure(session, settings).crawls
    assert crawl.runs_a_day == pytest.approx(4.0)
    assert crawl.planned_a_day == 1200


def test_a_schedule_of_every_minute_is_counted_in_part(session: Session) -> None:
    source = make_source(session)
    add(session, Schedule(source_id=source.id, cron="* * * * *"))
    session.commit()
    assert capacity.runs_a_day(session)[source.id] == pytest.approx(1440, rel=0.01)


def scored(session: Session) -> None:
    """A machine of 10 pictures a second, and a crawl that brings 2."""
    scan = make_scan(session, make_source(session, address="http://shop.example/"), listings_seen=50)
    note(session, scan, "decode", StageTime(1000, 20.0, 0.0, 80.0, 1))
    note(session, scan, "predict", StageTime(1000, 100.0, 0.0, 0.0, 1))
    note(session, scan, "fetch", StageTime(200, 20.0, 80.0, 0.0, 1), pages=100)


def test_what_so_many_a_day_ask_for(session: Session, settings: Settings) -> None:
    scored(session)
    answer = capacity.what_if(measure(session, settings), Wanted(pictures=2_000_000))
    assert answer is not None
    (need,) = answer.needs
    assert (need.machines, need.scores_s) == (3, pytest.approx(200_000))
    assert answer.crawl_s == pytest.approx(1_000_000)
    assert (need.scan_s, need.limit) == (pytest.approx(1_000_000), StageName.FETCH)
    assert answer.is_crawl_short
    assert answer.words == "The crawl bounds first: it brings 172,800 pictures a day at most, whatever the machines."


def test_listings_are_counted_by_the_pictures_that_they_showed(session: Session, settings: Settings) -> None:
    scored(session)
    measured = measure(session, settings)
    answer = capacity.what_if(measured, Wanted(listings=10, source_id=measured.crawls[0].source_id))
    assert answer is not None
    assert (answer.pictures, answer.listings, answer.crawl) == (40, 10, measured.crawls[0])
    assert not answer.is_crawl_short
    assert answer.words == "The crawl keeps up: it brings 172,800 pictures a day at most."
    assert answer.needs[0].machines == 1


def test_a_source_that_was_not_measured_has_no_figures_of_others(session: Session, settings: Settings) -> None:
    scored(session)
    measured = measure(session, settings)
    answer = capacity.what_if(measured, Wanted(pictures=1000, source_id=999))
    assert answer is not None
    assert (answer.crawled_a_day, answer.crawl_s) == (None, None)
    assert "No crawl was measured" in answer.words
    assert capacity.what_if(measured, Wanted(listings=10, source_id=999)) is None


def test_a_source_whose_first_crawl_begins_meanwhile_breaks_nothing(session: Session, settings: Settings) -> None:
    """It did: one statement knew the source, the one before did not."""
    first = make_scan(session, make_source(session, "Source 0"))
    note(session, first, "fetch", StageTime(10, 1.0, workers=1))
    session.commit()
    begun = []

    def begin_another(_state: object) -> None:
        with Session(session.get_bind(), expire_on_commit=False) as other:
            source = make_source(other, f"Source {len(begun) + 1}")
            note(other, make_scan(other, source), "fetch", StageTime(10, 1.0, workers=1))
            other.commit()
        begun.append(source.name)

    event.listen(session, "do_orm_execute", begin_another)
    measured = capacity.measure(session, settings)
    event.remove(session, "do_orm_execute", begin_another)
    assert len(begun) >= 2
    assert all(crawl.scans == 1 and crawl.rate == pytest.approx(10.0) for crawl in measured.crawls)
    assert "Source 0" in {crawl.name for crawl in measured.crawls}
