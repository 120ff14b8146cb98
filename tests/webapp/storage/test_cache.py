import os
import time
from pathlib import Path

import pytest

from webapp.storage import StoreFullError
from webapp.storage.cache import SPARED_S, Cache


def fetch_of(size: int, fetched: list[str], name: str) -> object:
    def fetch(path: Path) -> None:
        fetched.append(name)
        path.write_bytes(bytes(size))

    return fetch


def names(cache: Cache) -> list[str]:
    return sorted(path.name for path in cache.folder.rglob("*") if path.is_file())


def get(cache: Cache, name: str, fetched: list[str], age_s: float, size: int = 100) -> Path:
    path = cache.get(name, fetch_of(size, fetched, name))  # type: ignore[arg-type]
    os.utime(path, (time.time() - age_s,) * 2)
    return path


def test_what_was_used_least_recently_goes_first(tmp_path: Path) -> None:
    cache, fetched = Cache(tmp_path, limit_bytes=350), []  # type: ignore[var-annotated]
    for name, age_s in (("old", 9000), ("older", 9999), ("young", 8000)):
        get(cache, name, fetched, age_s)
    cache.get("older", pytest.fail)  # type: ignore[arg-type]  # used again: it is the youngest now
    get(cache, "new", fetched, 0)
    assert names(cache) == ["new", "older", "young"]
    get(cache, "old", fetched, 0)
    assert fetched == ["old", "older", "young", "new", "old"]


def test_what_somebody_may_be_opening_stays(tmp_path: Path) -> None:
    cache = Cache(tmp_path, limit_bytes=150)
    for name in ("a", "b", "c"):
        get(cache, name, [], SPARED_S / 2)
    cache.sweep()
    assert names(cache) == ["a", "b", "c"]


def test_it_sweeps_by_itself_also_what_the_processes_before_it_left(tmp_path: Path) -> None:
    for number in range(10):
        get(Cache(tmp_path, limit_bytes=1600), f"before/{number}", [], 5000)
    cache = Cache(tmp_path, limit_bytes=500)
    get(cache, "new", [], 0)
    assert len(names(cache)) == 5 and "new" in names(cache)


def test_a_fetch_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def fail(path: Path) -> None:
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    with pytest.raises(StoreFullError, match="no room left"):
        Cache(tmp_path).get("a", fail)
    assert names(Cache(tmp_path)) == []
