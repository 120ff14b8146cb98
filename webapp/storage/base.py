"""What every store can do, and how it fails."""

import errno
import hashlib
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import BinaryIO

FULL = (errno.ENOSPC, errno.EDQUOT)
AWAY = (errno.ESTALE, errno.ENOTCONN, errno.ETIMEDOUT, errno.EHOSTDOWN, errno.EHOSTUNREACH)


class StoreError(OSError):
    """A sentence for people: what the store holds is not what belongs there, or it can't be used."""


class StoreFullError(StoreError):
    """There is no room: what was to be kept is not there, and nothing half of it."""


class StoreAwayError(StoreError):
    """The store does not answer or refuses us; the same may work later."""


class Store(ABC):
    """Every method raises StoreAwayError where the store can't be reached, and ValueError for a name that is none."""

    @abstractmethod
    def has(self, name: str) -> bool: ...

    @abstractmethod
    def holds(self, name: str, body: bytes) -> bool:
        """Whether `body` lies under `name`, as far as can be told without fetching it. Raises FileNotFoundError."""

    @abstractmethod
    def put(self, name: str, body: bytes) -> None:
        """Keep `body`: whole or not at all, also where the machine crashes. Raises StoreFullError."""

    @abstractmethod
    def put_file(self, name: str, path: Path) -> None:
        """Move the local file `path` in, whole or not at all; it is gone afterwards. Raises StoreFullError."""

    @abstractmethod
    def remove(self, name: str) -> None:
        """Delete what lies under `name`; nothing where it is gone already. Retention alone does so."""

    @abstractmethod
    def read(self, name: str, sha256: str | None = None) -> bytes:
        """What lies under `name`. Raises FileNotFoundError; StoreError where it has not that SHA-256."""

    @abstractmethod
    def open(self, name: str) -> BinaryIO:
        """To read from, also in the middle. Raises FileNotFoundError."""

    def digest(self, name: str) -> str:
        """SHA-256 of what lies under `name`, which is read to its end. Raises FileNotFoundError."""
        with closing(self.open(name)) as body:
            return hashlib.file_digest(body, "sha256").hexdigest()  # type: ignore[arg-type]  # it reads bytes

    @abstractmethod
    def local_path(self, name: str, sha256: str | None = None) -> Path:
        """A file on this machine with what lies under `name`, to be opened soon: a copy may leave after minutes.

        Raises FileNotFoundError; StoreError where a copy that had to be fetched has not that SHA-256.
        """

    @abstractmethod
    def at_hand(self, names: Collection[str]) -> AbstractContextManager[Mapping[str, Path]]:
        """Files on this machine for long work, by name, until the context is left; what is not there is left out."""

    @abstractmethod
    def size(self, name: str) -> int:
        """In bytes. Raises FileNotFoundError."""

    @abstractmethod
    def present(self, names: Collection[str]) -> set[str]:
        """Those of `names` that are there."""

    @abstractmethod
    def list(self, prefix: str) -> Iterator[str]:
        """The names below the folder `prefix`, in order."""

    @abstractmethod
    def check(self) -> None:
        """Write and delete something small. Raises StoreError."""


def checked(name: str) -> str:
    """`name` where it stays below the store's root. Raises ValueError."""
    parts = name.split("/")
    if "\\" in name or "\0" in name or any(part in ("", ".", "..") for part in parts):
        raise ValueError(f"{name!r} is no name in the store")
    return name


@contextmanager
def telling_full(place: str) -> Iterator[None]:
    """No space and no quota left become a StoreFullError that says where."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise StoreFullError(f"There is no room left in {place}: make some, and what waits goes on.") from error
        if error.errno in AWAY:
            raise StoreAwayError(
                f"{place} can't be reached ({error.strerror}); what waits goes on once it can."
            ) from error
        raise
