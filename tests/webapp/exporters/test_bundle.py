"""A bundle's bytes are one canonical form of what is in it, and any reader of ZIP can open it."""

import hashlib
import io
from pathlib import Path
from zipfile import ZIP_STORED, ZipFile, ZipInfo

import pytest

from webapp.exporters import bundle
from webapp.exporters.bundle import BundleError, packing

FILES = {"manifest.json": b"{}", "photos/a.jpg": b"\xff\xd8" * 700_000, "empty.txt": b"", "rows.jsonl": b'{"a": 1}\n'}


def as_zipfile_writes() -> bytes:
    target = io.BytesIO()
    with ZipFile(target, "w", ZIP_STORED) as made:
        for name, body in FILES.items():
            info = ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.create_system, info.external_attr = 3, 0o100644 << 16
            made.writestr(info, body)
    return target.getvalue()


def test_it_is_what_pythons_zipfile_writes(tmp_path: Path) -> None:
    target = io.BytesIO()
    with packing(tmp_path / "entries") as packed:
        packed.add_file("photos/a.jpg", "image/jpeg", "a picture", io.BytesIO(FILES["photos/a.jpg"]))
        packed.add("empty.txt", "text/plain", "nothing", [])
        packed.add_lines("rows.jsonl", "rows", [{"a": 1}])
        digest = packed.write(target, [("manifest.json", b"{}")])
    assert target.getvalue() == as_zipfile_writes()
    assert digest == hashlib.sha256(target.getvalue()).hexdigest()


def test_rows_are_hashed_one_by_one_and_half_letters_stay_json(tmp_path: Path) -> None:
    rows = [{"name": "象牙\u2028"}, {"name": "\ud83d"}]
    with packing(tmp_path / "entries") as packed:
        entry = packed.add_lines("rows.jsonl", "rows", rows)
        target = io.BytesIO()
        packed.write(target, [])
    with ZipFile(target) as made:
        lines = made.read("rows.jsonl").split(b"\n")
    assert lines[:2] == ['{"name": "象牙\u2028"}'.encode(), b'{"name": "\\ud83d"}']
    assert packed.rows == {"rows.jsonl": [hashlib.sha256(line).hexdigest() for line in lines[:2]]}
    assert entry.size_bytes == len(b"\n".join(lines))


@pytest.mark.parametrize(
    "name", ["../a", "/a", "a//b", "a\\b", "é.txt", "a/./b", "a\n", ".a", "a/.b", "a b", "a.", "a" * 241]
)
def test_a_name_that_leads_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    with packing(tmp_path / "entries") as packed, pytest.raises(ValueError, match="no name"):
        packed.add(name, "text/plain", "", [])


def test_two_names_alike_but_for_case_are_refused(tmp_path: Path) -> None:
    with packing(tmp_path / "entries") as packed:
        packed.add("rules/a.yaml", "text/plain", "", [])
        with pytest.raises(ValueError, match="already"):
            packed.add("rules/A.yaml", "text/plain", "", [])


def test_too_many_files_and_too_many_bytes_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle, "MOST_ENTRIES", 2)
    monkeypatch.setattr(bundle, "MOST_BYTES", 200)
    with packing(tmp_path / "entries") as packed:
        packed.add("a", "text/plain", "", [b"a" * 50])
        with pytest.raises(BundleError, match="bytes"):
            packed.add("b", "text/plain", "", [b"b" * 150])
    with packing(tmp_path / "others") as packed:
        packed.add("a", "text/plain", "", [])
        packed.add("b", "text/plain", "", [])
        with pytest.raises(BundleError, match="files"):
            packed.add("c", "text/plain", "", [])
