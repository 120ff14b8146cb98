"""The processes: started, watched, started again, stopped."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from webapp.embedded.errors import EmbeddedError
from webapp.settings import Settings

RESTARTS = 3
FIRST_PAUSE_S = 1.0
SETTLED_S = 600.0  # a process that lived this long died of something else than the one before
GRACE_S = 10.0
READY_S = 120.0
LOG_LINES = 15


@dataclass
class Child:
    """One process in a session of its own, so that a Ctrl-C reaches us alone and we stop all of it in order."""

    name: str
    command: list[str]
    log: Path
    environment: dict[str, str]
    process: subprocess.Popen[bytes] | None = None
    dead_pids: list[int] = field(default_factory=list)
    deaths: int = 0  # in a row, each soon after a start
    started_at: float = 0.0
    due_at: float = 0.0

    def start(self) -> None:
        self.started_at = time.monotonic()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603  # our own command
                self.command,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def is_alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def tend(self) -> None:
        """Start it again where it died, after a pause that doubles. Raises EmbeddedError at the fourth death."""
        if self.is_alive:
            return
        if self.process is not None:
            self.signal(signal.SIGKILL)  # whatever it started and left behind
            self.dead_pids.append(self.process.pid)
            self.process = None
            self.deaths = 1 if time.monotonic() - self.started_at > SETTLED_S else self.deaths + 1
            if self.deaths > RESTARTS:
                raise EmbeddedError(
                    f"the {self.name} process died {self.deaths} times; its last lines:\n{self.last_lines()}"
                )
            self.due_at = time.monotonic() + FIRST_PAUSE_S * 2 ** (self.deaths - 1)
        elif time.monotonic() >= self.due_at:
            self.start()

    def signal(self, number: signal.Signals) -> None:
        """To the process and all that it started."""
        if self.process is None:
            return
        try:
            os.killpg(self.process.pid, number)
        except ProcessLookupError:
            return

    def wait(self, until: float) -> bool:
        if self.process is None:
            return True
        try:
            self.process.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            return False
        return True

    def last_lines(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines()[-LOG_LINES:]
        return "\n".join(f"  {line}" for line in lines) + f"\n  (all of it: {self.log})"


class Children:
    """A context manager: leaving it stops every process."""

    def __init__(self, settings: Settings, photos: Path | None, listings: int | None) -> None:
        self._settings = settings
        shop = ["shop", *(["--photos", str(photos)] if photos else [])]
        shop += ["--listings", str(listings)] if listings else []
        commands = {
            "shop": shop,
            "web": ["web"],
            # Apart: a crawl that waits for a slow site, or four of them, must not keep pictures waiting.
            "crawler": ["worker", "--queues", "crawl", "--concurrency", "2"],
            "scanner": ["worker", "--queues", "scan,reports", "--concurrency", "8"],
            "beat": ["beat"],
        }
        self._children = [self._make(name, command) for name, command in commands.items()]

    def _make(self, name: str, arguments: list[str]) -> Child:
        logs = self._settings.home / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "webapp.cli", *arguments]
        return Child(name, command, logs / f"{name}.log", environment_of(self._settings))

    def start(self) -> None:
        for child in self._children:
            keep_last(child.log)
            child.start()

    def tend(self) -> None:
        for child in self._children:
            child.tend()

    def take_dead(self) -> list[int]:
        """The process ids of those that died since this was asked last."""
        dead = [pid for child in self._children for pid in child.dead_pids]
        for child in self._children:
            child.dead_pids.clear()
        return dead

    def wait_until_ready(self) -> None:
        """Until the pages and the sample marketplace answer. Raises EmbeddedError."""
        until = time.monotonic() + READY_S
        for port, path in ((self._settings.shop_port, "/robots.txt"), (self._settings.port, "/health/ready")):
            while not answers(f"http://127.0.0.1:{port}{path}"):
                self.tend()
                if time.monotonic() > until:
                    logs = self._settings.home / "logs"
                    raise EmbeddedError(f"nothing answers on port {port} after {READY_S:.0f} s; see {logs}")
                time.sleep(0.1)

    def stop(self) -> None:
        """Ask all to end, wait, then kill what is left.

        The last started goes first: to a worker at its scan, a shop that is gone already would look like a failure.
        """
        until = time.monotonic() + GRACE_S
        for child in reversed(self._children):
            if child.process is not None:
                # Only the process itself: it ends what it started in its own order.
                child.process.send_signal(signal.SIGTERM)
            child.wait(until)
            child.signal(signal.SIGKILL)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        patience = signal.signal(signal.SIGINT, signal.SIG_IGN), signal.signal(signal.SIGTERM, signal.SIG_IGN)
        self.stop()
        signal.signal(signal.SIGINT, patience[0])
        signal.signal(signal.SIGTERM, patience[1])


def environment_of(settings: Settings) -> dict[str, str]:
    """Ours, with what the command line changed, and the shop as the one private address that may be crawled."""
    allowed = [*settings.allowed_addresses, f"127.0.0.1:{settings.shop_port}"]
    return os.environ | {
        "TUSKLINE_HOME": str(settings.home.resolve()),
        "TUSKLINE_PORT": str(settings.port),
        "TUSKLINE_SHOP_PORT": str(settings.shop_port),
        "TUSKLINE_ALLOWED_ADDRESSES": json.dumps(allowed),
        "PYTHONUNBUFFERED": "1",
    }


def keep_last(log: Path) -> None:
    """The log of the run before stays beside the new one."""
    if log.exists():
        log.replace(log.with_suffix(".last.log"))


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2):  # noqa: S310  # our own address
            return True
    except (urllib.error.URLError, OSError):
        return False
