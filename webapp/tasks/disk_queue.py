"""A queue in a folder, for one machine without a server: kombu's filesystem transport made safe for several processes.

kombu 5.7 writes a message in place, so that a consumer may read half of it and then ends; it names files by a clock
that starts again at every boot; and it rewrites its table of queues in place. Here whatever can be seen is whole.
"""

import fcntl
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from kombu.transport import TRANSPORT_ALIASES, filesystem
from kombu.transport.filesystem import exchange_queue_t
from kombu.transport.virtual import BrokerState
from kombu.utils.json import dumps, loads

SCHEME = "tuskline-disk"
POLLING_S = 0.1

logger = logging.getLogger(__name__)


def register() -> None:
    """Let Celery know the scheme `tuskline-disk://`."""
    TRANSPORT_ALIASES[SCHEME] = f"{__name__}:Transport"


def address_of(folder: Path) -> str:
    """The broker address of a queue in `folder`: connections to other folders are other connections."""
    return f"{SCHEME}://localhost/{quote(str(folder.resolve()), safe='')}"


class Channel(filesystem.Channel):
    """The folder that the address names holds messages/, tables/, taken/ and unreadable/."""

    @property
    def folder(self) -> Path:
        return Path(self.connection.client.virtual_host)

    @property
    def data_folder_in(self) -> str:
        return str(made(self.folder / "messages"))

    @property
    def data_folder_out(self) -> str:
        return self.data_folder_in

    @property
    def control_folder(self) -> Path:
        return made(self.folder / "tables")

    def _put(self, queue: str, payload: Any, **_: Any) -> None:  # type: ignore[override]
        """Write aside, then rename: a message is there as a whole or not at all."""
        name = f"{time.time_ns():020d}_{uuid4()}.{queue}.msg"
        write_whole(Path(self.data_folder_in) / name, dumps(payload))

    def _get(self, queue: str) -> Any:  # type: ignore[override]
        """The oldest message that no other consumer takes first; what can't be read is moved to unreadable/."""
        for name in self._waiting(queue):
            path = self._claim(name)
            if path is None:
                continue
            try:
                payload = loads(path.read_text(encoding="utf-8"))
            except ValueError:
                path.rename(made(self.folder / "unreadable") / name)
                logger.warning("a queue message could not be read; it lies in %s", self.folder / "unreadable" / name)
                continue
            path.unlink()
            return payload
        raise Empty

    def _waiting(self, queue: str) -> list[str]:
        names = (path.name for path in Path(self.data_folder_in).iterdir())
        return sorted(name for name in names if name.partition(".")[2] == f"{queue}.msg")

    def _claim(self, name: str) -> Path | None:
        """Move the file to taken/; of two consumers the file system lets one succeed."""
        taken = made(self.folder / "taken") / name
        try:
            Path(self.data_folder_in, name).rename(taken)
        except FileNotFoundError:
            return None
        return taken

    def _table_file(self, exchange: str) -> Path:
        checked: Path = super()._exchange_file(exchange)  # type: ignore[no-untyped-call]
        return checked

    def get_table(self, exchange: str) -> list[Any]:
        try:
            text = self._table_file(exchange).read_text(encoding="utf-8")
        except FileNotFoundError:
            return []
        return [exchange_queue_t(*entry) for entry in loads(text)]

    def _queue_bind(self, exchange: str, routing_key: str | None, pattern: str | None, queue: str | None) -> None:
        bound = exchange_queue_t(routing_key or "", pattern or "", queue or "")
        if bound in self.get_table(exchange):
            return
        with self._one_writer():
            table = self.get_table(exchange)
            if bound not in table:
                write_whole(self._table_file(exchange), dumps([bound, *table]))

    def _delete(self, queue: str, exchange: str, routing_key: str, pattern: str, *_: Any, **__: Any) -> None:
        bound = exchange_queue_t(routing_key or "", pattern or "", queue or "")
        with self._one_writer():
            table = [entry for entry in self.get_table(exchange) if entry != bound]
            write_whole(self._table_file(exchange), dumps(table))

    @contextmanager
    def _one_writer(self) -> Iterator[None]:
        with (self.control_folder / ".lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


class Transport(filesystem.Transport):
    Channel = Channel
    default_connection_params: dict[str, Any] = {}  # noqa: RUF012  # kombu's own shape
    polling_interval = POLLING_S

    def __init__(self, client: Any, **options: Any) -> None:
        super().__init__(client, **options)  # type: ignore[no-untyped-call]
        # kombu's own is one for the process: a second folder would then lack the tables that the first one has.
        self.state = BrokerState()


def made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def write_whole(path: Path, text: str) -> None:
    aside = path.with_name(f".{uuid4()}.part")
    try:
        aside.write_text(text, encoding="utf-8")
        aside.rename(path)
    except OSError:  # a full disk is not to fill with what has no room on it
        aside.unlink(missing_ok=True)
        raise
