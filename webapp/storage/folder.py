"""A store in a folder: of this machine, or shared by many."""

import errno
import hashlib
import os
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import BinaryIO
from uuid import uuid4

from webapp.storage.base import Store, StoreAwayError, StoreError, checked, telling_full


class FolderStore(Store):
    """Names are paths below `folder`. A file comes by a rename, so that whatever has its name is whole."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __repr__(self) -> str:
        return str(self.folder)

    def path_of(self, name: str) -> Path:
        return self.folder / checked(name)

    def has(self, name: str) -> bool:
        return self.path_of(name).is_file()

    def holds(self, name: str, body: bytes) -> bool:
        return self.path_of(name).read_bytes() == body

    def put(self, name: str, body: bytes) -> None:
        with telling_full(str(self.folder)):
            write_whole(self.path_of(name), body)

    def put_file(self, name: str, path: Path) -> None:
        target = self.path_of(name)
        with telling_full(str(self.folder)):
            target.parent.mkdir(parents=True, exist_ok=True)
            sync(path)
            try:
                path.replace(target)
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
                copy_whole(path, target)
                path.unlink(missing_ok=True)
            sync(target.parent)

    def remove(self, name: str) -> None:
        path = self.path_of(name)
        path.unlink(missing_ok=True)
        if path.parent.is_dir():
            sync(path.parent)

    def read(self, name: str, sha256: str | None = None) -> bytes:
        body = self.path_of(name).read_bytes()
        if sha256 is not None and hashlib.sha256(body).hexdigest() != sha256:
            raise StoreError(f"{self.path_of(name)} is not what its name says: put it back from a backup.")
        return body

    def open(self, name: str) -> BinaryIO:
        return self.path_of(name).open("rb")

    def local_path(self, name: str, sha256: str | None = None) -> Path:  # noqa: ARG002  # copies alone are checked
        path = self.path_of(name)
        if not path.is_file():
            raise FileNotFoundError(errno.ENOENT, "there is no such file in the store", str(path))
        return path

    @contextmanager
    def at_hand(self, names: Collection[str]) -> Iterator[Mapping[str, Path]]:
        yield {name: self.path_of(name) for name in names if self.has(name)}

    def size(self, name: str) -> int:
        return self.path_of(name).stat().st_size

    def present(self, names: Collection[str]) -> set[str]:
        return {name for name in names if self.has(name)}

    def list(self, prefix: str) -> Iterator[str]:
        """Files that are being written are not there yet: their names begin with a dot."""
        paths = self.path_of(prefix).rglob("*")
        names = (path.relative_to(self.folder).as_posix() for path in paths if path.name[0] != "." and path.is_file())
        yield from sorted(names)

    def check(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with telling_full(str(self.folder)), NamedTemporaryFile(dir=self.folder, prefix=".probe.") as probe:
                probe.write(b"tuskline")
        except StoreError:
            raise
        except OSError as error:
            raise StoreAwayError(f"The store {self.folder} can't be written ({error.strerror}).") from error


def write_whole(path: Path, body: bytes) -> None:
    """Put `body` at `path` so that the file is whole or absent, also after a crash."""

    def write(aside: Path) -> None:
        with aside.open("xb") as file:
            file.write(body)

    settle(path, write)


def copy_whole(source: Path, target: Path) -> None:
    """Copy a file of any size so that `target` is whole or absent, and whoever can't read the one can't the other."""

    def write(aside: Path) -> None:
        aside.touch(mode=0o600)
        shutil.copyfile(source, aside)
        shutil.copymode(source, aside)

    settle(target, write)


def settle(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` make a file aside, put it on the disk, then give it its name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        write(aside)
        sync(aside)
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Have the file or folder on the disk before anybody relies on it."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
