"""A store behind fsspec: S3 and whatever else it knows. Credentials come from the provider's own variables."""

import hashlib
import os
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast
from uuid import uuid4

from webapp.storage.base import FULL, Store, StoreAwayError, StoreError, StoreFullError, checked
from webapp.storage.cache import Cache

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

HANDS = 16  # questions at a time
EXTRAS = {"s3": "s3", "s3a": "s3"}  # scheme: our extra that brings its package
# What makers of S3 servers call it; there is no error number.
FULL_WORDS = ("StorageFull", "QuotaExceeded", "InsufficientStorage", "InsufficientCapacity")


class RemoteStore(Store):
    """Names are keys below the path of `url`. A PUT is atomic there; copies for decoders lie in `cache_dir`."""

    def __init__(self, url: str, cache_dir: Path) -> None:
        self.url = url.rstrip("/")
        self.cache = Cache(cache_dir / hashlib.sha256(self.url.encode()).hexdigest()[:16])
        self._files: AbstractFileSystem | None = None
        self._pid = 0
        self._root = ""
        self._connect()

    def __repr__(self) -> str:
        return self.url

    def _connect(self) -> "AbstractFileSystem":
        """This process's connections: those of the process that forked it are not ours to use."""
        if self._files is None or self._pid != os.getpid():
            self._files, self._root = _open_files(self.url)
            self._pid = os.getpid()
        return self._files

    def _key(self, name: str) -> str:
        return f"{self._root}/{checked(name)}"

    def _ask(self, question: "Callable[[AbstractFileSystem], Any]") -> Any:
        """The answer of the store. Whatever its library raises becomes one of ours, but for what is not there."""
        try:
            return question(self._connect())
        except (FileNotFoundError, StoreError):
            raise
        except Exception as error:
            raise self._told(error) from error

    def _tell(self, statement: "Callable[[AbstractFileSystem], Any]") -> None:
        """As `_ask`, of what is to be written: whatever is missing then (the bucket, say) is no missing picture."""
        try:
            self._ask(statement)
        except FileNotFoundError as error:
            raise self._told(error) from error

    def _told(self, error: Exception) -> StoreError:
        words = str(error)
        if getattr(error, "errno", None) in FULL or any(word in words for word in FULL_WORDS):
            return StoreFullError(f"There is no room left in {self.url}: make some, and what waits goes on.")
        return StoreAwayError(f"The store {self.url} does not answer as it should ({words or type(error).__name__}).")

    def has(self, name: str) -> bool:
        """By its facts: fsspec's own `isfile` says no where the store does not answer."""
        key = self._key(name)
        try:
            return bool(self._ask(lambda files: files.info(key))["type"] == "file")
        except FileNotFoundError:
            return False

    def holds(self, name: str, body: bytes) -> bool:
        """By its length: fetching every picture again to look at it would cost more than the crawl."""
        key = self._key(name)
        return bool(self._ask(lambda files: files.size(key)) == len(body))

    def put(self, name: str, body: bytes) -> None:
        key = self._key(name)
        self._tell(lambda files: files.pipe_file(key, body))

    def put_file(self, name: str, path: Path) -> None:
        key = self._key(name)
        size = path.stat().st_size
        self._tell(lambda files: files.put_file(str(path), key))
        if self._ask(lambda files: files.size(key)) != size:
            raise StoreError(f"{self.url}/{name} did not arrive whole: {path} is kept.")
        path.unlink(missing_ok=True)

    def remove(self, name: str) -> None:
        key = self._key(name)
        with suppress(FileNotFoundError):
            self._ask(lambda files: files.rm_file(key))
        self.cache.forget(name)

    def read(self, name: str, sha256: str | None = None) -> bytes:
        key = self._key(name)
        return self._verified(name, cast(bytes, self._ask(lambda files: files.cat_file(key))), sha256)

    def _verified(self, name: str, body: bytes, sha256: str | None) -> bytes:
        if sha256 is not None and hashlib.sha256(body).hexdigest() != sha256:
            raise StoreError(f"{self.url}/{name} is not what its name says: put it back from a backup.")
        return body

    def open(self, name: str) -> BinaryIO:
        key = self._key(name)
        return cast(BinaryIO, self._ask(lambda files: files.open(key, "rb")))

    def local_path(self, name: str, sha256: str | None = None) -> Path:
        return self.cache.get(name, lambda path: self._fetch(name, path, sha256))

    def _fetch(self, name: str, path: Path, sha256: str | None) -> None:
        if sha256 is None:
            key = self._key(name)
            self._ask(lambda files: files.get_file(key, str(path)))
        else:
            path.write_bytes(self.read(name, sha256))

    @contextmanager
    def at_hand(self, names: Collection[str]) -> Iterator[Mapping[str, Path]]:
        self.cache.folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self.cache.folder.parent, prefix="at-hand-") as folder:
            paths = {name: Path(folder, f"{number}-{name.rpartition('/')[2]}") for number, name in enumerate(names)}
            with ThreadPoolExecutor(HANDS) as hands:
                found = hands.map(self._try_fetch, paths, paths.values())
                yield {name: path for (name, path), there in zip(paths.items(), list(found), strict=True) if there}

    def _try_fetch(self, name: str, path: Path) -> bool:
        try:
            self._fetch(name, path, None)
        except FileNotFoundError:
            return False
        return True

    def size(self, name: str) -> int:
        key = self._key(name)
        return int(self._ask(lambda files: files.size(key)))

    def present(self, names: Collection[str]) -> set[str]:
        with ThreadPoolExecutor(HANDS) as hands:
            return {name for name, there in zip(names, hands.map(self.has, names), strict=True) if there}

    def list(self, prefix: str) -> Iterator[str]:
        key = self._key(prefix)
        for found in sorted(self._ask(lambda files: files.find(key))):
            yield str(found).removeprefix(f"{self._root}/")

    def check(self) -> None:
        name = f"probes/{uuid4().hex}"
        self.put(name, b"tuskline")
        key = self._key(name)
        self._ask(lambda files: files.rm_file(key))


def _open_files(url: str) -> "tuple[AbstractFileSystem, str]":
    """The file system of `url` and the path in it. Raises StoreError where its package is missing."""
    from fsspec.core import url_to_fs

    scheme = url.partition("://")[0]
    try:
        # No memory of listings: other machines write too. An instance of our own: others may keep such a memory.
        files, root = url_to_fs(url, use_listings_cache=False, skip_instance_cache=True)
    except ImportError as error:
        extra = f"'tuskline[{EXTRAS[scheme]}]'" if scheme in EXTRAS else f"what it asks for ({error})"
        raise StoreError(f"The store {url} needs a package that is not installed: pip install {extra}.") from None
    except ValueError as error:
        raise StoreError(f"The store {url} can't be used ({error}); check TUSKLINE_STORE_URL.") from None
    return files, str(root).rstrip("/")
