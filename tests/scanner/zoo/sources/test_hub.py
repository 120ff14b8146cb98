"""What PaddleHub's server names: by /search, else by /info; the wanted version, else the newest."""

import importlib.metadata
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from scanner.zoo.catalogue import PRIMARY
from scanner.zoo.sources.errand import SourceError
from scanner.zoo.sources.hub import HUB_VERSION, choose_version, fetch_from_hub, find_archive, left_by_hub
from scanner.zoo.spec import HubSource
from tests.scanner.zoo.file_server import FileServer
from tests.scanner.zoo.sources.conftest import MakeErrand

SOURCE = HubSource(PRIMARY, "1.1.0")


def answer(server: FileServer, path: str, data: object) -> None:
    server.put(path, json.dumps({"status": 0, "data": data}).encode())


def entry(version: str, url: str | None, name: str = PRIMARY) -> dict[str, Any]:
    return {"name": name, "version": version, "url": url, "paddle_version": "2.0.0", "hub_version": "2.0.0"}


def test_the_search_is_asked_first(server: FileServer, make_errand: MakeErrand) -> None:
    answer(server, "/search", [entry("1.1.0", "https://x/other", "resnet50_vd"), entry("1.1.0", "https://x/a")])
    found = find_archive(SOURCE, make_errand(PRIMARY, hub_server=server.address + "/"))
    assert found == ("https://x/a", "1.1.0")
    assert len(server.asked) == 1
    assert f"word={PRIMARY}&type=module&version=1.1.0&hub_version=2.4.0&paddle_version=3." in server.asked[0][0]


@pytest.mark.parametrize(
    ("installed", "asked"),
    [({"paddlepaddle-gpu": "3.3.1"}, "&paddle_version=3.3.1"), ({}, f"&hub_version={HUB_VERSION}")],
)
def test_paddle_may_be_the_one_for_the_gpu_or_unknown(
    server: FileServer,
    make_errand: MakeErrand,
    monkeypatch: pytest.MonkeyPatch,
    installed: dict[str, str],
    asked: str,
) -> None:
    def version(package: str) -> str:
        if package not in installed:
            raise importlib.metadata.PackageNotFoundError(package)
        return installed[package]

    monkeypatch.setattr(importlib.metadata, "version", version)
    answer(server, "/search", [entry("1.1.0", "https://x/a")])
    assert find_archive(SOURCE, make_errand(PRIMARY, hub_server=server.address)) == ("https://x/a", "1.1.0")
    assert server.asked[0][0].endswith(asked)


@pytest.mark.parametrize("search", [None, [], [entry("1.1.0", None)], [entry("1.1.0", "ftp://x/a")], "none", {}])
def test_where_the_search_names_nothing_usable_info_is_asked(
    server: FileServer, make_errand: MakeErrand, search: object
) -> None:
    answer(server, "/search", search)
    answer(server, "/info", {"info": [entry("1.0.0", "https://x/old"), entry("1.1.0", "https://x/a")]})
    assert find_archive(SOURCE, make_errand(PRIMARY, hub_server=server.address)) == ("https://x/a", "1.1.0")
    assert server.asked[1][0] == f"/info?name={PRIMARY}"


@pytest.mark.parametrize(
    "body", [b"<html>", b"[]", b"null", b'{"data": {"info": 3}}', b"[" * 100_000, b" " * 5_000_000]
)
def test_a_server_that_talks_nonsense_is_a_reason(server: FileServer, make_errand: MakeErrand, body: bytes) -> None:
    server.put("/search", body)
    server.put("/info", body)
    with pytest.raises(SourceError, match=r"names no archive|gives no usable answer"):
        find_archive(SOURCE, make_errand(PRIMARY, hub_server=server.address))


def test_both_refusals_are_named(server: FileServer, make_errand: MakeErrand) -> None:
    answer(server, "/search", [])
    with pytest.raises(SourceError, match=r"search names no archive; .*/info answers 404 Not Found"):
        find_archive(SOURCE, make_errand(PRIMARY, hub_server=server.address))


def test_a_server_without_https_is_not_asked_unless_trusted(server: FileServer, make_errand: MakeErrand) -> None:
    with pytest.raises(SourceError, match="is not https"):
        find_archive(SOURCE, make_errand(PRIMARY, hub_server=server.address, plain_http=False))
    assert server.asked == []


def test_the_wanted_version_is_taken_else_the_newest() -> None:
    entries = [entry(version, f"https://x/{version}") for version in ("1.0.9", "1.0.10", "0.9")]
    assert choose_version(entries, "1.0.9") == ("https://x/1.0.9", "1.0.9")
    assert choose_version(entries, "1.1.0") == ("https://x/1.0.10", "1.0.10")
    assert choose_version([], "1.1.0") is None


def test_the_archive_is_unpacked_and_its_digest_is_to_be_pinned(server: FileServer, make_errand: MakeErrand) -> None:
    bundle = io.BytesIO()
    with tarfile.open(fileobj=bundle, mode="w:gz") as tar:
        info = tarfile.TarInfo(f"{PRIMARY}/label_list.txt")
        info.size = 5
        tar.addfile(info, io.BytesIO(b"label"))
    url = server.put("/m/module.tar.gz", bundle.getvalue())
    answer(server, "/search", [entry("1.0.0", url)])
    delivery = fetch_from_hub(SOURCE, make_errand(PRIMARY, hub_server=server.address))
    assert (delivery.folder / PRIMARY / "label_list.txt").read_bytes() == b"label"
    assert delivery.pin is not None and delivery.pin[0] == url
    assert delivery.words == f"PaddleHub's {PRIMARY} 1.0.0, {url}, SHA-256 {delivery.pin[1].sha256}"


def test_an_empty_folder_is_nothing_that_hub_install_left(no_hub_home: Path) -> None:
    (no_hub_home / "modules" / PRIMARY).mkdir(parents=True)
    assert left_by_hub(PRIMARY) is None
    (no_hub_home / "modules" / PRIMARY / "module.py").touch()
    assert left_by_hub(PRIMARY) == no_hub_home / "modules" / PRIMARY
