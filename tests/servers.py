"""Real servers for tests, private and on this machine alone: each may be stopped, killed and started again.

They end with the process that started them, however that ends. What Debian starts by itself is left alone.
"""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Self

PATIENCE_S = 60.0
SETPRIV = shutil.which("setpriv")
REDIS = shutil.which("redis-server")
# Where Debian keeps the newest version, else what is on the PATH.
INITDB = next(
    (
        str(path)
        for path in sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda one: -int(one.parts[4]))
    ),
    shutil.which("initdb"),
)


class ServerError(RuntimeError):
    """It did not start; its last words."""


class Server(ABC):
    """A context manager. Its folder is deleted at the end; folders of runs that were killed, at the next start."""

    name: str

    def __init__(self) -> None:
        sweep(self.name)
        self.folder = Path(tempfile.mkdtemp(prefix=f"tuskline-{self.name}-{os.getpid()}-"))
        self._log = self.folder / "server.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    @abstractmethod
    def url(self) -> str: ...

    @abstractmethod
    def command(self) -> list[str]: ...

    def as_user(self) -> list[str]:
        """Options of setpriv that say who it runs as."""
        return []

    @abstractmethod
    def answers(self) -> bool: ...

    def start(self) -> None:
        """Until it answers. What a killed one left behind may stand in the way for a moment: it is tried again."""
        until = time.monotonic() + PATIENCE_S
        while not self._began():
            if time.monotonic() > until:
                raise ServerError(f"{self.name} does not start: {self.last_words()}")
            time.sleep(0.1)

    def _began(self) -> bool:
        if self._process is None or self._process.poll() is not None:
            with self._log.open("ab") as log:
                # The kernel ends it with the thread that starts it here.
                self._process = subprocess.Popen(
                    [str(SETPRIV), *self.as_user(), "--pdeathsig", "INT", *self.command()],
                    cwd=self.folder,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
        return self.answers()

    def stop(self) -> None:
        """As an operator stops it: what is under way is rolled back, what was committed is on the disk."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """As a power cut ends the process."""
        self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(PATIENCE_S)
            self._process = None

    def restart(self) -> None:
        self.stop()
        self.start()

    def last_words(self) -> str:
        return self._log.read_text(errors="replace")[-2000:] if self._log.exists() else "it said nothing"

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


class RedisServer(Server):
    """Keeps nothing: after a restart its queues are empty, as they may be after any crash."""

    name = "redis"

    def __init__(self) -> None:
        super().__init__()
        self.port = free_port()
        self._was_up = False

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def command(self) -> list[str]:
        assert REDIS is not None
        if not self._was_up:
            self.port = free_port()  # another may have taken the one of before; from the first start on it stays
        only_here = ["--bind", "127.0.0.1", "--port", str(self.port)]
        return [REDIS, *only_here, "--save", "", "--appendonly", "no", "--dir", str(self.folder)]

    def answers(self) -> bool:
        """By its folder: at a port that was taken, somebody else's would answer."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
                connection.sendall(b"CONFIG GET dir\r\n")
                is_ours = str(self.folder).encode() in connection.recv(1000)
        except OSError:
            return False
        self._was_up = self._was_up or is_ours
        return is_ours


class PostgresServer(Server):
    """Listens on a socket in its folder, which is its user's alone; whoever may enter it needs no password.

    Without fsync: a killed server loses nothing, as the machine goes on. Without autovacuum: tables that are emptied
    and filled again keep their rows in the order in which they came, as new ones do.
    """

    name = "postgres"

    def __init__(self) -> None:
        super().__init__()
        self._owner = pwd.getpwnam(owner_name()) if os.geteuid() == 0 else None
        if self._owner:
            os.chown(self.folder, self._owner.pw_uid, self._owner.pw_gid)
        self._binaries = Path(str(INITDB)).parent
        self._data = self.folder / "data"
        self._initialise()

    @property
    def url(self) -> str:
        return f"postgresql+psycopg://tuskline@/postgres?host={self.folder}"

    def _initialise(self) -> None:
        options = ["--auth=trust", "--username=tuskline", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"]
        command = [str(SETPRIV), *self.as_user(), str(self._binaries / "initdb"), *options, "-D", str(self._data)]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False)
        if done.returncode:
            raise ServerError(f"initdb failed: {done.stdout[-500:]}{done.stderr[-1500:]}")

    def command(self) -> list[str]:
        options = {
            "fsync": "off",
            "autovacuum": "off",
            "full_page_writes": "off",
            "listen_addresses": "",
            "unix_socket_directories": self.folder,
        }
        flags = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        return [str(self._binaries / "postgres"), "-D", str(self._data), *flags]

    def as_user(self) -> list[str]:
        """PostgreSQL refuses to be root."""
        if self._owner is None:
            return []
        return [f"--reuid={self._owner.pw_uid}", f"--regid={self._owner.pw_gid}", "--clear-groups"]

    def answers(self) -> bool:
        import psycopg

        try:
            psycopg.connect(f"user=tuskline dbname=postgres host={self.folder}", connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True


def owner_name() -> str:
    """Whom the server belongs to where we are root."""
    known = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"


def missing_postgres() -> str | None:
    """Why the tests can't start a PostgreSQL; None where they can."""
    if INITDB is None:
        return "PostgreSQL is not installed: `apt-get install postgresql` gives it"
    return None if SETPRIV else "setpriv (util-linux) is not installed"


def missing_redis() -> str | None:
    """Why the tests can't start a Redis; None where they can."""
    if REDIS is None:
        return "Redis is not installed: `apt-get install redis-server` gives it"
    return None if SETPRIV else "setpriv (util-linux) is not installed"


def sweep(name: str) -> None:
    """Delete the folders of test runs that were killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"tuskline-{name}-*-*"):
        if not Path("/proc", folder.name.split("-")[2]).exists():
            shutil.rmtree(folder, ignore_errors=True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
