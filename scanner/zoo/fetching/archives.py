"""Unpack a model archive that nobody vouches for: plain files and folders only, inside the target, within bounds."""

import errno
import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

MOST_ENTRIES = 20_000  # files, folders, and what is passed over
MOST_BYTES = 4 * 1024**3
# Weights hardly compress; a hundredfold gain is a bomb. The floor lets small text files through.
MOST_RATIO = 100
FLOOR_BYTES = 64 * 1024**2
CHUNK_BYTES = 1024**2
HEADER_BYTES = 1024**2


# What the standard library's readers raise over bytes that make no sense to them.
_BROKEN = (
    tarfile.TarError,
    zipfile.BadZipFile,
    EOFError,
    ValueError,
    NotImplementedError,
    lzma.LZMAError,
    zlib.error,
    struct.error,
)
# Faults of the disk; any other OSError comes of what the archive says (a name that no file can have, an offset below
# zero, a stream that can't be decoded).
_OF_THE_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO}


class ArchiveError(Exception):
    """An archive that is refused; the message says why."""


def is_archive(path: Path) -> bool:
    return path.is_file() and (zipfile.is_zipfile(path) or _is_tar(path))


class _PlainMember(tarfile.TarInfo):
    """A member whose extended headers are of a sane size: tarfile reads them into memory before we see the member."""

    def _check_header(self) -> None:
        if self.size > HEADER_BYTES:
            raise ArchiveError(f"the archive holds a header of {self.size:,} bytes: refused as a bomb")

    def _proc_pax(self, archive: tarfile.TarFile) -> tarfile.TarInfo:
        self._check_header()
        return super()._proc_pax(archive)  # type: ignore[misc,no-any-return]

    def _proc_gnulong(self, archive: tarfile.TarFile) -> tarfile.TarInfo:
        self._check_header()
        return super()._proc_gnulong(archive)  # type: ignore[misc,no-any-return]


def _is_tar(path: Path) -> bool:
    try:
        with tarfile.open(path, tarinfo=_PlainMember):
            return True
    except (tarfile.TarError, EOFError, OSError, ArchiveError):
        return False


def unpack(archive: Path, target: Path) -> None:
    """Write the regular files of a tar (.gz, .bz2, .xz) or zip below `target`.

    Raises ArchiveError for another format, a broken archive, a path that leaves the target, a link or a device,
    and for more than MOST_ENTRIES files and folders, MOST_BYTES bytes or MOST_RATIO times the archive's own size;
    OSError where the disk is full.
    """
    left = _Allowance(archive)
    with _faults_of(archive):
        for name, size, stream in _members(archive, left):
            path = _inside(target, name)
            left.take_bytes(size)
            _write(stream, path, size, name)


def read_members(archive: Path, wanted: Mapping[str, Path]) -> None:
    """Write the named members to the paths given for them, and nothing else; a name that is not there is no error.

    Raises as unpack does.
    """
    left = _Allowance(archive)
    with _faults_of(archive):
        for name, size, stream in _members(archive, left):
            if name in wanted:
                left.take_bytes(size)
                _write(stream, wanted[name], size, name)


@contextmanager
def _faults_of(archive: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _OF_THE_DISK:
            raise
        raise ArchiveError(f"{archive.name} is broken: {error}") from error
    except _BROKEN as error:
        raise ArchiveError(f"{archive.name} is broken: {error}") from error
    except RuntimeError as error:  # zipfile's word for an encrypted member
        raise ArchiveError(f"{archive.name} can't be read: {error}") from error


class _Allowance:
    """Counts what was unpacked against the bounds; sizes are those that the archive declares, enforced by _copy."""

    def __init__(self, archive: Path) -> None:
        self._name = archive.name
        self._entries = MOST_ENTRIES
        self._bytes = min(MOST_BYTES, max(FLOOR_BYTES, MOST_RATIO * archive.stat().st_size))

    def take_entry(self) -> None:
        self._entries -= 1
        self._check()

    def take_bytes(self, size: int) -> None:
        self._bytes -= size
        self._check()

    def _check(self) -> None:
        if self._entries < 0 or self._bytes < 0:
            raise ArchiveError(f"{self._name} unpacks to far more than a model needs: refused as a bomb")


def _members(archive: Path, left: _Allowance) -> Iterator[tuple[str, int, IO[bytes]]]:
    if zipfile.is_zipfile(archive):
        yield from _zip_members(archive, left)
    elif _is_tar(archive):
        yield from _tar_members(archive, left)
    else:
        raise ArchiveError(f"{archive.name} is no archive that is read: give .tar.gz, .tar.bz2, .tar.xz or .zip")


def _tar_members(archive: Path, left: _Allowance) -> Iterator[tuple[str, int, IO[bytes]]]:
    with tarfile.open(archive, tarinfo=_PlainMember) as tar:
        for member in tar:
            left.take_entry()
            if member.isdir():
                _check_name(member.name)
                continue
            stream = tar.extractfile(member) if member.isreg() else None
            if stream is None:
                raise ArchiveError(f"{archive.name} holds {member.name!r}, a link or device: refused")
            yield member.name, member.size, stream


def _zip_members(archive: Path, left: _Allowance) -> Iterator[tuple[str, int, IO[bytes]]]:
    with zipfile.ZipFile(archive) as bundle:
        for member in bundle.infolist():
            left.take_entry()
            if not member.filename:
                raise ArchiveError(f"{archive.name} holds a file without a name: refused")
            if member.is_dir():
                _check_name(member.filename)
                continue
            kind = member.external_attr >> 28  # the Unix file type; 0 where the archive has none, 8 a regular file
            if kind not in (0, 8):
                raise ArchiveError(f"{archive.name} holds {member.filename!r}, a link or device: refused")
            with bundle.open(member) as stream:
                yield member.filename, member.file_size, stream


def _check_name(name: str) -> PurePosixPath:
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or ":" in name or "\0" in name:
        raise ArchiveError(f"the archive holds {name!r}, a path outside of its folder: refused")
    return path


def _inside(target: Path, name: str) -> Path:
    return target.joinpath(*_check_name(name).parts)


def _write(source: IO[bytes], path: Path, size: int, name: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        _copy(source, file, size, name)


def _copy(source: IO[bytes], target: IO[bytes], size: int, name: str) -> None:
    """Copy `size` bytes and no more: a member that holds more or less than it declares is refused."""
    left = size
    while left and (chunk := source.read(min(left, CHUNK_BYTES))):
        target.write(chunk)
        left -= len(chunk)
    if left or source.read(1):
        raise ArchiveError(f"{name!r} is not as long as the archive says: refused")
