"""The pack's files, read once and again when one of them changes: pages ask for them all the time."""

from functools import lru_cache
from pathlib import Path

from rules.load import find_pack, load_pack
from rules.model import Pack

Stamp = tuple[tuple[str, int], ...]


def kept_pack(pack_name: str) -> Pack:
    """The pack as its files say it, without thresholds that people set since. Raises rules.load.PackError."""
    folder = find_pack(pack_name)
    return _read(folder, stamp_of(folder))


def stamp_of(folder: Path) -> Stamp:
    """Which files there are, and when each was written."""
    return tuple(sorted((str(path), path.stat().st_mtime_ns) for path in folder.rglob("*.yaml")))


@lru_cache(maxsize=4)
def _read(folder: Path, _stamp: Stamp) -> Pack:
    return load_pack(folder)
