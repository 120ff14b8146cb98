"""A case file as Tuskline really writes it: whatever is done to it is found, by the verifier that lies in it."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.webapp.exporters.case_writer import pack
from tests.webapp.services.test_case_files import Make, evidence, make, place, site
from webapp.exporters import verify_case
from webapp.exporters.verify_case import ADDED, CHANGED, REMOVED, REORDERED, Outcome

__all__ = ["evidence", "make", "place", "site"]  # fixtures

Rows = list[bytes]
DEEDS: dict[str, tuple[str, Callable[[Rows], Rows]]] = {
    "changed": (CHANGED, lambda rows: [rows[0].replace(b":", b": ", 1), *rows[1:]]),
    "removed": (REMOVED, lambda rows: rows[:-1]),
    "copied": (ADDED, lambda rows: [*rows, rows[0]]),
    "put in": (ADDED, lambda rows: [b'{"id":0}', *rows]),
    "reordered": (REORDERED, lambda rows: [*rows[1:], rows[0]]),
}


@pytest.fixture
def backend() -> str:
    return "sqlite"


@pytest.fixture
def entries(make: Make) -> dict[str, bytes]:
    """The files of a real case file, in their order."""
    made = make()
    with zipfile.ZipFile(io.BytesIO(made.path.read_bytes())) as read:
        held = {name: read.read(name) for name in read.namelist()}
    assert pack(held.items()) == made.path.read_bytes()
    return held


@pytest.fixture
def judge(tmp_path: Path) -> Callable[[dict[str, bytes]], Outcome]:
    def look(entries: dict[str, bytes]) -> Outcome:
        (tmp_path / "case.zip").write_bytes(pack(entries.items()))
        return verify_case.check(str(tmp_path / "case.zip"))

    return look


Judge = Callable[[dict[str, bytes]], Outcome]


def named(outcome: Outcome) -> set[tuple[str, str]]:
    return {(fault.kind, fault.file) for fault in outcome.faults}


def test_every_file_of_it_is_guarded(entries: dict[str, bytes], judge: Judge) -> None:
    assert judge(entries).faults == [] and len(entries) > 20
    for path, data in entries.items():
        middle = len(data) // 2
        bent = data[:middle] + bytes([data[middle] ^ 1 if data else 0]) + data[middle + 1 :]
        wanted = {(CHANGED, path), (ADDED, path), ("signature", path), ("unreadable", path)}
        assert named(judge(entries | {path: bent})) & wanted, path
        assert (REMOVED, path) in named(judge({name: kept for name, kept in entries.items() if name != path})), path


def test_every_row_file_of_it_is_guarded(entries: dict[str, bytes], judge: Judge) -> None:
    tried = set()
    for path, data in entries.items():
        rows = data.splitlines() if path.endswith(".jsonl") else []
        for deed, (kind, do) in DEEDS.items():
            if len(rows) > (deed == "reordered"):
                outcome = judge(entries | {path: b"".join(row + b"\n" for row in do(rows))})
                assert (kind, path) in named(outcome), (path, deed)
                tried.add((path, deed))
    assert {path for path, _ in tried} >= {
        "findings.jsonl",
        "captures.jsonl",
        "audit/entries.jsonl",
        "audit/seals.jsonl",
    }
    assert len(tried) > 30


def test_its_verifier_is_the_one_that_was_tested_here(entries: dict[str, bytes]) -> None:
    assert entries["verify.py"] == Path(verify_case.__file__).read_bytes()
