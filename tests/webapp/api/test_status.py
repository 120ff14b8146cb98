from datetime import timedelta

from sqlalchemy.orm import Session

from tests.factories import add, make_finding, make_listing, make_scan, make_source
from tests.webapp.api.conftest import Write
from webapp.db import now
from webapp.models import FindingState, ListingEvent, ListingEventKind, Role, ScanState, WorkerProcess
from webapp.services import processes


def test_findings_are_counted_by_state_and_concept(program: Write, session: Session) -> None:
    make_finding(session, found_at=now() - timedelta(hours=2))
    make_finding(session, state=FindingState.CONFIRMED)
    scan = make_scan(session)
    session.commit()
    told = program(Role.VIEWER).get("/overview")
    assert told["by_state"] == {"open": 1, "confirmed": 1, "dismissed": 0, "escalated": 0, "withdrawn": 0}
    assert told["by_concept"] == {"elephant": 1}
    assert told["last_scan_id"] == scan.id and told["primary_absent"] is True
    assert 7100 < told["oldest_open_s"] < 7300


def test_what_happened_is_told_over_time(program: Write, session: Session) -> None:
    listing = make_listing(session, make_source(session, "Bazaar"), seller="ann")
    make_finding(session, listing)
    make_finding(session, make_listing(session), state=FindingState.CONFIRMED, found_at=now() - timedelta(days=2))
    add(session, ListingEvent(listing=listing, kind=ListingEventKind.REMOVED, takedown_s=3600))
    session.commit()
    viewer = program(Role.VIEWER)
    told = viewer.get("/trends?days=7")
    assert (told["days"], len(told["steps"]), told["flagged"], told["waiting"]) == (7, 7, 2, 1)
    assert told["flagged_by_state"]["open"][-1] == 1 and told["flagged_by_state"]["confirmed"][-3] == 1
    assert told["by_source"][0]["findings"] == 1 and "Bazaar" in {one["name"] for one in told["by_source"]}
    assert told["by_seller"] == [{"seller": "ann", "findings": 1}]
    assert (told["takedown"]["count"], told["takedown"]["median"], told["still_up"]) == (1, 3600.0, 1)
    assert viewer.ask("GET", "/trends?days=8").status_code == 422


def test_what_is_amiss_comes_first(program: Write) -> None:
    signs = program(Role.VIEWER).get("/health")["items"]
    assert [one["is_well"] for one in signs] == sorted(one["is_well"] for one in signs)
    workers = next(one for one in signs if one["part"] == "workers")
    assert not workers["is_well"] and workers["words"].endswith(".")


def test_what_was_crawled_and_what_waits_is_counted(program: Write, session: Session) -> None:
    make_scan(session, photos_scored=7, photos_failed=1, fetched_pages=3, fetched_bytes=100)
    make_scan(session, state=ScanState.RUNNING, finished_at=None, photos_scored=2)
    session.commit()
    told = program(Role.VIEWER).get("/work")
    assert (told["photos_scored"], told["photos_failed"], told["photos_waiting"]) == (9, 1, 0)
    assert (told["scans_by_state"]["done"], told["scans_by_state"]["running"]) == (1, 1)
    assert (told["fetched_pages"], told["fetched_bytes"], told["removals"], told["schedules_late"]) == (3, 100, 0, 0)


def test_workers_are_told_and_the_queues_that_nobody_serves(program: Write, session: Session) -> None:
    processes.beat_of(session, "worker@here:1", processes.WORKER, ["scan"])
    processes.beat_of(session, "worker@here:2", processes.WORKER, ["crawl"])
    silent = session.query(WorkerProcess).filter_by(name="worker@here:2").one()
    silent.seen_at = now() - timedelta(minutes=5)
    session.commit()
    told = program(Role.VIEWER).get("/workers")
    assert {one["name"]: one["is_alive"] for one in told["items"]} == {"worker@here:1": True, "worker@here:2": False}
    assert told["items"][0]["queues"] == ["scan"]
    assert told["unserved"] == [queue for queue in processes.QUEUES if queue != "scan"]
