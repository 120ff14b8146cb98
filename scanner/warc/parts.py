"""An archive in the making lies aside as `.NAME.part`, locked by its writer, and gets its name once it is whole."""

import fcntl
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

SUFFIX = ".warc.gz"
PART_SUFFIX = ".part"
_PIECE_BYTES = 64 * 1024


def part_of(path: Path) -> Path:
    """Where the archive that will be `path` lies until then."""
    return path.with_name(f".{path.name}{PART_SUFFIX}")


class Part:
    """A new archive; the lock on its file says that its writer lives. Raises OSError.

    size_bytes: of what was appended as a whole; what stands behind it after a failure is cut off.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size_bytes = 0
        path.parent.mkdir(parents=True, exist_ok=True)
        self._handle = os.open(part_of(path), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
        fcntl.flock(self._handle, fcntl.LOCK_EX)
        if not _is_at(self._handle, part_of(path)):  # a salvage took the empty file between the two lines above
            os.close(self._handle)
            raise FileNotFoundError(part_of(path))

    def append(self, data: bytes) -> None:
        """Write all of `data` down to the disk, or nothing."""
        try:
            _write_all(self._handle, data, self.size_bytes)
            os.fsync(self._handle)
        except OSError:
            with suppress(OSError):
                os.ftruncate(self._handle, self.size_bytes)
            raise
        self.size_bytes += len(data)

    def close(self) -> Path | None:
        """Give the archive its name; None where nothing was written, then there is none."""
        try:
            return _finish(self._handle, self.path, self.size_bytes)
        finally:
            os.close(self._handle)


def salvage(folder: Path) -> list[Path]:
    """Close the archives in `folder` whose writers died; returns them.

    What stands behind the last whole record is cut off. An archive without an answer is deleted.
    """
    parts = sorted(folder.glob(f".*{SUFFIX}{PART_SUFFIX}")) if folder.is_dir() else []
    return [path for part in parts if (path := _salvage_part(part)) is not None]


def _salvage_part(part: Path) -> Path | None:
    path = part.with_name(part.name.removeprefix(".").removesuffix(PART_SUFFIX))
    with _locked(part) as file:
        if file is None:
            return None
        ends = list(_record_ends(file))
        # The first record describes the archive itself.
        return _finish(file.fileno(), path, ends[-1] if len(ends) > 1 else 0)


@contextmanager
def _locked(part: Path) -> Iterator[BinaryIO | None]:
    """The file, or None where its writer lives or has just given it its name."""
    try:
        file = part.open("r+b")
    except FileNotFoundError:
        yield None
        return
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
        else:
            yield file if _is_at(file.fileno(), part) else None


def _finish(handle: int, path: Path, size_bytes: int) -> Path | None:
    if size_bytes == 0:
        part_of(path).unlink(missing_ok=True)
        return None
    os.ftruncate(handle, size_bytes)
    os.fsync(handle)
    part_of(path).rename(path)
    _sync_folder(path.parent)
    return path


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _is_at(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False


def _write_all(handle: int, data: bytes, offset: int) -> None:
    rest = memoryview(data)
    while rest:
        written = os.pwrite(handle, rest, offset)
        rest, offset = rest[written:], offset + written


def _record_ends(file: BinaryIO) -> Iterator[int]:
    """Where each record ends, one gzip member each, up to the first that is not whole."""
    unpacker = zlib.decompressobj(wbits=31)
    end = 0
    packed = file.read(_PIECE_BYTES)
    while packed:
        end += len(packed)
        try:
            packed = _skip(unpacker, packed)
        except zlib.error:
            return
        end -= len(packed)
        if unpacker.eof:
            yield end
            unpacker = zlib.decompressobj(wbits=31)
        packed = packed or file.read(_PIECE_BYTES)


def _skip(unpacker: "zlib._Decompress", packed: bytes) -> bytes:
    """Unpack without keeping anything; returns what stands behind the member."""
    while packed and not unpacker.eof:
        unpacker.decompress(packed, _PIECE_BYTES)
        packed = unpacker.unconsumed_tail
    return unpacker.unused_data
