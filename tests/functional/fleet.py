"""The processes of an installation, each killed and started by itself: what `tuskline run` starts, on any database."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from tests.servers import free_port
from webapp.db import open_engine
from webapp.migrations import upgrade
from webapp.models import Scan
from webapp.services import scans, sources
from webapp.settings import Settings
from webapp.tasks import app
from webapp.tasks.scans import run_scan

TUSKLINE = str(Path(sys.executable).with_name("tuskline"))
COMMANDS = {
    "crawler": ["worker", "--queues", "crawl", "--concurrency", "2"],
    "scanner": ["worker", "--queues", "scan,reports", "--concurrency", "2"],
    "beat": ["beat"],
    "web": ["web"],
}
LEASE_S = 4
PATIENCE_S = 300.0


@dataclass
class Fleet:
    """settings: of all processes. The shop is killed with the fleet; what is started twice was killed before.

    more: variables of the environment for what is started from then on. deaths: how often a process ended by itself.
    """

    settings: Settings
    engine: Engine
    shop_port: int
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    more: dict[str, str] = field(default_factory=dict)
    deaths: Counter[str] = field(default_factory=Counter)

    def start(self, *names: str) -> None:
        for name in names:
            self.launch(name, COMMANDS[name])

    def launch(self, name: str, command: list[str]) -> None:
        with (self.settings.home / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(
                [TUSKLINE, *command],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def environment(self) -> dict[str, str]:
        given = {
            "HOME": str(self.settings.home),
            "DATABASE_URL": self.settings.sqlalchemy_url,
            "ALLOWED_ADDRESSES": json.dumps([f"127.0.0.1:{self.shop_port}"]),
            "PORT": str(self.settings.port),
            "SHOP_PORT": str(self.shop_port),
            "LEASE_S": str(LEASE_S),
            **({"BROKER_URL": self.settings.broker_url} if self.settings.broker_url else {}),
        }
        no_hub = {"HUB_HOME": str(self.settings.home / "no-hub"), "PYTHONUNBUFFERED": "1"}
        return os.environ | no_hub | {f"TUSKLINE_{name}": value for name, value in given.items()} | self.more

    def kill(self, name: str) -> None:
        """As the kernel kills a process that takes too much memory, and all that it started with it."""
        process = self.running.pop(name)
        with suppress(ProcessLookupError):  # it died by itself, and left nothing behind
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def tend(self) -> None:
        """Start again what died, as `tuskline run` and every service manager does."""
        for name, process in list(self.running.items()):
            if process.poll() is not None and name in COMMANDS:
                self.deaths[name] += 1
                self.kill(name)
                self.start(name)

    def end(self) -> None:
        for name in list(self.running):
            self.kill(name)
        self.engine.dispose()

    def begin_scan(self, is_told: bool = True) -> int:
        """is_told: whether a message says so; else a tick has to find it."""
        options = {"start_url": f"http://127.0.0.1:{self.shop_port}/"}
        with Session(self.engine, expire_on_commit=False) as session:
            source = sources.ensure_source(session, "Shop", "shop", options)
            scan = scans.create(session, source.id, "a test")
            session.commit()
        app.use(self.settings)
        task: Any = run_scan
        if is_told:
            task.delay(scan.id)
        return scan.id

    def scan(self, scan_id: int) -> Scan | None:
        """None while the database is away."""
        try:
            with Session(self.engine, expire_on_commit=False) as session:
                return session.scalars(select(Scan).where(Scan.id == scan_id)).one()
        except SQLAlchemyError:
            return None

    def wait(self, scan_id: int, reached: Callable[[Scan], bool], patience_s: float = PATIENCE_S) -> Scan:
        until = time.monotonic() + patience_s
        while time.monotonic() < until:
            scan = self.scan(scan_id)
            if scan is not None and reached(scan):
                return scan
            time.sleep(0.05)
        raise AssertionError(f"not reached in {patience_s:.0f} s:\n{self.last_words()}")

    def last_words(self) -> str:
        logs = sorted(self.settings.home.glob("*.log"))
        return "\n".join(f"== {log.name}\n{log.read_text(errors='replace')[-1500:]}" for log in logs)


@contextmanager
def running_fleet(settings: Settings, pictures: Path | None, listings: int) -> Iterator[Fleet]:
    """A migrated database and a shop, of those pictures or of its own; workers are started by the test.

    listings: how many the shop has; without any the test opens it.
    """
    engine = open_engine(settings.sqlalchemy_url)
    upgrade(engine)
    fleet = Fleet(settings, engine, free_port())
    try:
        of_pictures = ["--photos", str(pictures)] if pictures else []
        if listings:
            fleet.launch("shop", ["shop", *of_pictures, "--listings", str(listings)])
        yield fleet
    finally:
        fleet.end()
