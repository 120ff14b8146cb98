"""What dies in the middle of a scan, on both set-ups: nothing is lost, nothing comes twice, the scan ends by itself."""

from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from tests.faults.wholeness import check_whole
from tests.functional.fleet import Fleet, running_fleet
from tests.servers import PostgresServer, RedisServer, missing_postgres, missing_redis
from webapp.models import ListingRow, Scan, ScanState
from webapp.settings import Settings

FEW, MANY = 60, 240  # listings of the shop


@pytest.mark.weights
def test_killed_workers_on_one_machine_without_a_server(home: Path, pictures: Path) -> None:
    settings = Settings(home=home, database_url=None, broker_url=None)
    with running_fleet(settings, pictures, FEW) as fleet:
        kill_one_after_the_other(fleet, FEW)


@pytest.mark.full
def test_killed_workers_and_restarted_servers(home: Path, pictures: Path) -> None:
    for why in (missing_postgres(), missing_redis()):
        if why:
            pytest.skip(why)
    with PostgresServer() as postgres, RedisServer() as redis:
        settings = Settings(home=home, database_url=postgres.url, broker_url=redis.url)
        with running_fleet(settings, pictures, MANY) as fleet:
            kill_one_after_the_other(fleet, MANY, postgres, redis)


def kill_one_after_the_other(fleet: Fleet, listings: int, *servers: PostgresServer | RedisServer) -> None:
    fleet.start("crawler", "scanner", "beat")
    scan_id = fleet.begin_scan()
    fleet.wait(scan_id, lambda scan: scan.listings_seen > 0)
    fleet.kill("crawler")
    fleet.wait(scan_id, lambda scan: scan.photos_scored > 0)
    fleet.kill("scanner")
    fleet.start("crawler", "scanner")
    for server in servers:
        before = fleet.wait(scan_id, lambda _: True)
        server.restart()
        fleet.wait(scan_id, lambda scan, was=before: scan.state.is_over or is_further(scan, was))
    scan = fleet.wait(scan_id, lambda scan: scan.state.is_over)
    check_all(fleet, scan, listings)


def is_further(scan: Scan, before: Scan) -> bool:
    return (scan.listings_seen, scan.photos_scored) > (before.listings_seen, before.photos_scored)


def check_all(fleet: Fleet, scan: Scan, listings: int) -> None:
    """Every listing and picture of the shop is there once, and scored once."""
    assert (scan.state, scan.note) == (ScanState.DONE, None), fleet.last_words()
    with Session(fleet.engine) as session:
        check_whole(session, fleet.settings)
        assert session.scalar(select(func.count()).select_from(ListingRow)) == scan.listings_seen == listings
        assert scan.photos_seen > listings and scan.findings_opened > 0
