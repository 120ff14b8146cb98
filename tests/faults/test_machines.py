"""Machines in trouble: full disks, too little memory, broken models, servers that are away for a while."""

import errno
import io
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from kombu.exceptions import OperationalError as BrokerAwayError
from PIL import Image
from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from scanner.fetch import FetchError
from scanner.pipeline import Scanner
from scanner.predicting import LoadModel
from scanner.records import Listing
from scanner.zoo.cascade import ModelChoice
from tests.faults import deaths
from tests.faults.conftest import draw_pictures
from tests.faults.deaths import HELPERS, Step
from tests.faults.test_fleet import check_all
from tests.faults.test_fleet_steps import variables_of
from tests.faults.wholeness import check_whole
from tests.functional.fleet import Fleet, running_fleet
from tests.scanner import engines
from tests.servers import PostgresServer, RedisServer, missing_postgres, missing_redis
from tests.webapp.services.scene import SITE, Scene
from webapp.models import Scan, ScanPhoto, ScanState
from webapp.services import claims, crawling, scans, scoring
from webapp.services.failures import FailureKind
from webapp.services.rules import current_pack
from webapp.services.scoring import Bench
from webapp.settings import Settings
from webapp.tasks.disk_queue import write_whole
from webapp.tasks.scans import run_scan, score_pictures

LISTINGS = 60
ROOM_MB = 1  # less than the pictures need
OUTAGE_S = 8.0
FULL = OperationalError("UPDATE", {}, Exception("database or disk is full"))


def test_a_full_database_is_no_fault_of_the_pictures(
    session: Session,
    settings: Settings,
    scene: Scene,
    scan: Scan,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Neither what was said of them nor that they are free again can be written: they are held until it can."""
    write, give_back, slept = scoring.write_outcomes, claims.give_back, []
    scene.crawl_only(session, scan.id, settings)
    for _ in range(claims.MOST_ATTEMPTS + 1):
        monkeypatch.setattr(scoring, "write_outcomes", failing_once(write))
        monkeypatch.setattr(claims, "give_back", failing_once(give_back))
        scene.score(session, settings, sleep=slept.append)
        assert not session.scalars(select(ScanPhoto.id).where(ScanPhoto.lease_owner.is_not(None))).all()
    monkeypatch.undo()
    scene.score(session, settings)
    assert scans.progress(session, scan.id).state is ScanState.DONE and slept
    check_whole(session, settings)


def failing_once(function: Callable[..., None]) -> Callable[..., None]:
    calls: list[object] = []

    def fail_first(*arguments: object, **named: object) -> None:
        calls.append(arguments)
        if len(calls) == 1:
            raise FULL
        function(*arguments, **named)

    return fail_first


def test_a_crawl_goes_on_while_the_broker_is_away(scan: Scan, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it would have told is seen by the next tick."""
    told: list[str] = []

    def crawl(*arguments: Any) -> bool:
        arguments[-1]()  # there is work for scan workers
        told.append("crawled on")
        return False

    def send() -> None:
        raise BrokerAwayError("Connection refused")

    monkeypatch.setattr(crawling, "run", crawl)
    monkeypatch.setattr(score_pictures, "delay", send)
    run_scan(scan.id)
    assert told == ["crawled on"]


def test_a_message_that_has_no_room_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def have_no_room(path: Path, text: str, encoding: str) -> None:
        path.write_bytes(text.encode(encoding)[:3])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", have_no_room)
    with pytest.raises(OSError, match="No space"):
        write_whole(tmp_path / "message", "a message")
    assert list(tmp_path.iterdir()) == []


@contextmanager
def embedded(home: Path, pictures: Path) -> Iterator[Fleet]:
    with running_fleet(Settings(home=home, database_url=None, broker_url=None), pictures, LISTINGS) as fleet:
        yield fleet


@contextmanager
def small_disk(folder: Path, megabytes: int = ROOM_MB) -> Iterator[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    mounting = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    if subprocess.run(mounting, capture_output=True, check=False).returncode:
        pytest.skip("no small disk can be mounted here: that takes root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def grow(folder: Path) -> None:
    subprocess.run(["mount", "-o", "remount,size=500m", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """A file that takes all the room that is left."""
    path = folder / "filler"
    with suppress(OSError), path.open("wb", buffering=0) as file:
        while file.write(bytes(4096)):
            pass
    return path


@pytest.mark.full
def test_a_full_store_holds_a_scan_up_and_nothing_more(home: Path, pictures: Path) -> None:
    with embedded(home, pictures) as fleet, small_disk(home / "photos") as photos:
        fleet.start("crawler", "scanner", "beat")
        scan_id = fleet.begin_scan()
        waiting = fleet.wait(scan_id, lambda scan: bool(scan.note))
        assert waiting.note == "It waits, since there is no room on the disk; it goes on by itself."
        assert not waiting.state.is_over
        grow(photos)
        check_all(fleet, fleet.wait(scan_id, lambda scan: scan.state.is_over), LISTINGS)


@pytest.mark.full
def test_a_full_disk_of_the_queue_holds_nothing_up_for_good(home: Path, pictures: Path) -> None:
    """The messages that could not be written are sent by the ticks that come once there is room.

    Workers that start meanwhile end by themselves, and are started again.
    """
    with small_disk(home / "queue") as folder, embedded(home, pictures) as fleet:
        scan_id = fleet.begin_scan()
        filler = fill(folder)
        fleet.start("crawler", "scanner", "beat")
        time.sleep(OUTAGE_S)
        filler.unlink()

        def is_over(scan: Scan) -> bool:
            fleet.tend()
            return scan.state.is_over

        check_all(fleet, fleet.wait(scan_id, is_over), LISTINGS)
        assert not list((folder / "messages").glob("*.part"))


@pytest.mark.full
def test_a_full_disk_of_the_database_holds_nothing_up_for_good(home: Path, pictures: Path, tmp_path: Path) -> None:
    with ExitStack() as stack:
        folder = stack.enter_context(small_disk(tmp_path / "database", 40))
        settings = Settings(home=home, database_url=f"sqlite:///{folder / 'tuskline.db'}", broker_url=None)
        fleet = stack.enter_context(running_fleet(settings, pictures, LISTINGS))
        fleet.start("crawler", "scanner", "beat")
        scan_id = fleet.begin_scan()
        fleet.wait(scan_id, lambda scan: scan.listings_seen > 0)
        filler = fill(folder)
        time.sleep(OUTAGE_S)
        filler.unlink()
        check_all(fleet, fleet.wait(scan_id, lambda scan: scan.state.is_over), LISTINGS)
        logs = "".join(log.read_text(errors="replace") for log in home.glob("*.log"))
        assert "database or disk is full" in logs


@pytest.mark.full
@pytest.mark.parametrize("which", ["broker", "database"])
def test_servers_that_are_away_for_a_while(which: str, home: Path, pictures: Path) -> None:
    for why in (missing_postgres(), missing_redis()):
        if why:
            pytest.skip(why)
    with PostgresServer() as postgres, RedisServer() as redis:
        settings = Settings(home=home, database_url=postgres.url, broker_url=redis.url)
        with running_fleet(settings, pictures, LISTINGS) as fleet:
            fleet.start("crawler", "scanner", "beat")
            scan_id = fleet.begin_scan()
            fleet.wait(scan_id, lambda scan: scan.listings_seen > 0)
            server = redis if which == "broker" else postgres
            server.kill()
            time.sleep(OUTAGE_S)
            server.start()
            check_all(fleet, fleet.wait(scan_id, lambda scan: scan.state.is_over), LISTINGS)


@pytest.mark.full
@pytest.mark.parametrize("step", HELPERS, ids=lambda step: step.name)
def test_the_kernel_takes_memory_back(step: Step, home: Path, pictures: Path) -> None:
    """A picture whose decoder was killed says so; a batch whose predictor was killed is scored by the next one."""
    with embedded(home, pictures) as fleet:
        fleet.more = variables_of(home / "deaths")
        deaths.arm(home / "deaths", step)
        fleet.start("crawler", "scanner", "beat")
        scan = fleet.wait(fleet.begin_scan(), lambda scan: scan.state.is_over)
        assert not deaths.is_armed(home / "deaths", step) and not fleet.deaths
        assert scan.state is ScanState.DONE
        with Session(fleet.engine) as session:
            check_whole(session, fleet.settings)
            killed = select(ScanPhoto.failure).where(ScanPhoto.failure.like("%died%"))
            said = set(session.scalars(killed))
        assert said == ({"its decoder died (exit code -9)"} if step.process == "decoder" else set())


@pytest.mark.full
def test_a_broken_model_is_named_and_what_it_left_is_scored_by_the_next_scan(home: Path, tmp_path: Path) -> None:
    """Broken in the middle of a scan; the worker that loads it anew finds out."""
    draw_pictures(tmp_path / "many", 100)
    with running_fleet(Settings(home=home, database_url=None, broker_url=None), tmp_path / "many", 240) as fleet:
        fleet.start("crawler", "scanner", "beat")
        first = fleet.begin_scan()
        fleet.wait(first, lambda scan: scan.photos_scored > 0)
        fleet.kill("scanner")
        whole = {path: path.read_bytes() for path in (home / "models").rglob("*.pdiparams")}
        for path, body in whole.items():
            path.write_bytes(body[: len(body) // 2])
        fleet.start("scanner")
        broken = fleet.wait(first, lambda scan: scan.state.is_over)
        assert broken.note and "tuskline models" in broken.note, broken.note
        for path, body in whole.items():
            path.write_bytes(body)
        second = fleet.wait(fleet.begin_scan(), lambda scan: scan.state.is_over)
        assert second.state is ScanState.DONE
        with Session(fleet.engine) as session:
            check_whole(session, fleet.settings)
            of_model = ScanPhoto.scan_id == second.id, ScanPhoto.failure_kind == FailureKind.MODEL.value
            assert session.scalars(select(ScanPhoto.id).where(*of_model)).all() == []


@pytest.mark.full
@pytest.mark.usefixtures("card")
@pytest.mark.parametrize("load", [engines.load_lost, engines.load_dying], ids=["refuses", "kills its process"])
def test_a_card_that_is_lost_in_mid_scan_costs_no_picture(
    load: LoadModel, session: Session, settings: Settings, scan: Scan, choice: ModelChoice, tmp_path: Path
) -> None:
    """Through a scan worker, with an engine in the place of the card's; the scan says what became of the card."""
    offers = [Listing(f"{SITE}/{n}", "A figure", photo_urls=(f"{SITE}/{n}.png",)) for n in range(60)]
    pictures: dict[str, bytes | FetchError] = {f"{SITE}/{n}.png": red(2 * n) for n in range(60)}
    scene = Scene(tmp_path / "pack", offers, pictures)
    settings.pack = str(scene.folder)
    scene.crawl_only(session, scan.id, settings)

    def bench(session: Session, settings: Settings) -> Bench:
        pack = current_pack(session, settings.pack)
        return Bench(choice, pack, Scanner(choice, pack, "gpu:0", load=load))

    scoring.run(session, settings, "host:1:scorer", bench=bench, sleep=lambda _: None)
    after = scans.progress(session, scan.id)
    assert (after.state, after.photos_scored, after.photos_failed) == (ScanState.PARTIAL, 60, 0)
    assert after.note and "the CPU went on" in after.note
    check_whole(session, settings)


def red(level: int) -> bytes:
    target = io.BytesIO()
    Image.new("RGB", (40, 40), (level, 0, 0)).save(target, "PNG")
    return target.getvalue()
