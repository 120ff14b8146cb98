"""What dies in the middle of a scan, on both set-ups: nothing is lost, nothing comes twice, the scan ends by itself."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from tests.functional.fleet import Fleet, running_fleet
from tests.servers import PostgresServer, RedisServer, missing_postgres, missing_redis
from webapp.models import (
    Appearance,
    FindingRow,
    ListingRow,
    PhotoRow,
    PictureState,
    Scan,
    ScanPhoto,
    ScanState,
    ScoreRow,
)
from webapp.settings import Settings

LISTINGS = 240
PICTURES = 24
ROOM_MB = 6  # less than the pictures need


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Blurred noise: every picture another, and none of an animal."""
    folder = tmp_path_factory.mktemp("pictures")
    random = np.random.default_rng(7)
    for number in range(PICTURES):
        coarse = random.integers(0, 255, (12, 16, 3), dtype=np.uint8)
        Image.fromarray(coarse).resize((640, 480), Image.Resampling.BICUBIC).save(folder / f"{number}.jpg")
    return folder


@pytest.fixture
def home(tmp_path: Path, default_models: Path) -> Path:
    home = tmp_path / "home"
    shutil.copytree(default_models, home / "models")
    return home


@contextmanager
def embedded(home: Path, pictures: Path) -> Iterator[Fleet]:
    with running_fleet(Settings(home=home, database_url=None, broker_url=None), pictures, LISTINGS) as fleet:
        yield fleet


def test_killed_workers_on_one_machine_without_a_server(home: Path, pictures: Path) -> None:
    with embedded(home, pictures) as fleet:
        kill_one_after_the_other(fleet)


def test_killed_workers_and_restarted_servers(home: Path, pictures: Path) -> None:
    for why in (missing_postgres(), missing_redis()):
        if why:
            pytest.skip(why)
    with PostgresServer() as postgres, RedisServer() as redis:
        settings = Settings(home=home, database_url=postgres.url, broker_url=redis.url)
        with running_fleet(settings, pictures, LISTINGS) as fleet:
            kill_one_after_the_other(fleet, postgres, redis)


def kill_one_after_the_other(fleet: Fleet, *servers: PostgresServer | RedisServer) -> None:
    fleet.start("crawler", "scanner", "beat")
    scan_id = fleet.begin_scan()
    fleet.wait(scan_id, lambda scan: scan.listings_seen >= 40)
    fleet.kill("crawler")
    fleet.wait(scan_id, lambda scan: scan.photos_scored > 0)
    fleet.kill("scanner")
    fleet.start("crawler", "scanner")
    for server in servers:
        before = fleet.wait(scan_id, lambda _: True)
        server.restart()
        fleet.wait(scan_id, lambda scan, was=before: scan.state.is_over or is_further(scan, was))
    scan = fleet.wait(scan_id, lambda scan: scan.state.is_over)
    check_whole(fleet, scan)


def is_further(scan: Scan, before: Scan) -> bool:
    return (scan.listings_seen, scan.photos_scored) > (before.listings_seen, before.photos_scored)


def check_whole(fleet: Fleet, scan: Scan) -> None:
    """Every listing and picture of the shop is there once, and scored once."""
    assert (scan.state, scan.note) == (ScanState.DONE, None), fleet.last_words()
    with Session(fleet.engine) as session:
        shown = session.scalar(select(func.count()).select_from(ScanPhoto)) or 0
        assert session.scalar(select(func.count()).select_from(ListingRow)) == scan.listings_seen == LISTINGS
        assert scan.photos_seen == shown > LISTINGS
        states = session.scalars(select(ScanPhoto.state).distinct()).all()
        assert set(states) <= {PictureState.SCORED, PictureState.FAILED}
        unscored = select(PhotoRow.id).where(PhotoRow.failure.is_(None), ~PhotoRow.scores.any())
        assert session.scalars(unscored).all() == []
        scores = select(ScoreRow.photo_id, ScoreRow.model_digest, func.count()).group_by(
            ScoreRow.photo_id, ScoreRow.model_digest
        )
        assert all(count == 1 for _, _, count in session.execute(scores))
        pixels = select(func.count(PhotoRow.pixel_hash.distinct())).where(PhotoRow.failure.is_(None))
        assert session.scalar(pixels) == scan.photos_scored, "each picture was counted as scored once"
        failed = select(func.count()).where(ScanPhoto.state == PictureState.FAILED)
        assert session.scalar(failed) == scan.photos_failed
        assert session.scalar(select(func.count()).select_from(FindingRow)) == scan.findings_opened
        assert session.scalar(select(func.count()).select_from(Appearance)) == shown - missing(session)


def missing(session: Session) -> int:
    """Addresses behind which there are no bytes, or the same as behind another address of the listing."""
    no_bytes = session.scalar(select(func.count()).where(ScanPhoto.photo_id.is_(None))) or 0
    with_bytes = select(ScanPhoto.listing_id, ScanPhoto.photo_id).where(ScanPhoto.photo_id.is_not(None))
    pairs = session.execute(with_bytes).all()
    return no_bytes + len(pairs) - len(set(pairs))


def test_a_full_disk_holds_a_scan_up_and_nothing_more(home: Path, pictures: Path) -> None:
    with embedded(home, pictures) as fleet, small_disk(home / "photos") as photos:
        fleet.start("crawler", "scanner", "beat")
        scan_id = fleet.begin_scan()
        waiting = fleet.wait(scan_id, lambda scan: bool(scan.note))
        assert waiting.note == "It waits, since there is no room on the disk; it goes on by itself."
        assert not waiting.state.is_over
        grow(photos)
        check_whole(fleet, fleet.wait(scan_id, lambda scan: scan.state.is_over))


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    mounting = ["mount", "-t", "tmpfs", "-o", f"size={ROOM_MB}m", "tmpfs", str(folder)]
    if subprocess.run(mounting, capture_output=True, check=False).returncode:
        pytest.skip("no small disk can be mounted here: that takes root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def grow(folder: Path) -> None:
    subprocess.run(["mount", "-o", "remount,size=500m", str(folder)], check=True)
