"""Modules of PaddleHub: what `hub install` left behind, and what PaddleHub's server or a mirror of it names."""

import importlib.metadata
import os
import re
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from scanner.zoo.fetching.transfers import DownloadError
from scanner.zoo.sources.addresses import Address, fetch_address
from scanner.zoo.sources.answers import UnreachableError, read_json
from scanner.zoo.sources.errand import Delivery, Errand, SourceError
from scanner.zoo.spec import HubSource

HUB_VERSION = "2.4.0"  # the last PaddleHub; its server wants to be told


def hub_home() -> Path:
    """Where PaddleHub keeps its modules: $HUB_HOME, else ~/.paddlehub."""
    return Path(os.environ.get("HUB_HOME") or Path.home() / ".paddlehub")


def left_by_hub(module: str) -> Path | None:
    """The folder that `hub install` left for the module, where there is one with something in it."""
    folder = hub_home() / "modules" / module
    return folder if folder.is_dir() and any(folder.iterdir()) else None


def fetch_from_hub(source: HubSource, errand: Errand) -> Delivery:
    """The archive that the server names. Raises SourceError, DownloadError, ArchiveError and PinError."""
    url, version = find_archive(source, errand)
    if not errand.options.plain_http and errand.find_pin(url) is None:
        url = re.sub(r"^http:", "https:", url)  # the server names http; the hosts that it names speak https too
    delivery = fetch_address(Address(url, url), errand)
    return Delivery(delivery.folder, f"PaddleHub's {source.module} {version}, {delivery.words}", delivery.pin)


def find_archive(source: HubSource, errand: Errand) -> tuple[str, str]:
    """(address, version) of the module's archive, by /search and, where that has none, by /info.

    Raises SourceError and DownloadError.
    """
    reasons = []
    for ask in (_search, _info):
        try:
            found = choose_version(ask(source, errand), source.version)
        except UnreachableError:
            raise  # the other question would go to the same server
        except (SourceError, DownloadError) as error:
            reasons.append(str(error))
            continue
        if found is not None:
            return found
        reasons.append(f"{ask.__name__.removeprefix('_')} names no archive")
    raise SourceError("; ".join(dict.fromkeys(reasons)))


def _search(source: HubSource, errand: Errand) -> list[Any]:
    query = {"word": source.module, "type": "module", "version": source.version, "hub_version": HUB_VERSION}
    if versions := _paddle_versions():
        query["paddle_version"] = versions[0]
    answer = _ask(errand, "search", query)
    found = answer.get("data") if isinstance(answer, dict) else None
    entries = found if isinstance(found, list) else []
    return [entry for entry in entries if isinstance(entry, dict) and entry.get("name") == source.module]


def _paddle_versions() -> list[str]:
    """Of Paddle as it is installed: the package for the CPU, then the one for the GPU; either may be missing."""
    found = []
    for package in ("paddlepaddle", "paddlepaddle-gpu"):
        with suppress(importlib.metadata.PackageNotFoundError):
            found.append(importlib.metadata.version(package))
    return found


def _info(source: HubSource, errand: Errand) -> list[Any]:
    answer = _ask(errand, "info", {"name": source.module})
    data = answer.get("data") if isinstance(answer, dict) else None
    found = data.get("info") if isinstance(data, dict) else None
    return found if isinstance(found, list) else []


def _ask(errand: Errand, path: str, query: dict[str, str]) -> Any:
    server = errand.options.hub_server.rstrip("/")
    return read_json(f"{server}/{path}", query, plain_http=errand.options.plain_http)


def choose_version(entries: Iterable[Any], wanted: str) -> tuple[str, str] | None:
    """(address, version): the wanted version, else the newest; entries without an address are passed over."""
    usable = [
        (str(entry["url"]), str(entry.get("version") or "of an unnamed version"))
        for entry in entries
        if isinstance(entry, dict) and str(entry.get("url") or "").startswith(("https://", "http://"))
    ]
    same = [each for each in usable if each[1] == wanted]
    return max(same or usable, key=lambda each: _numbers(each[1]), default=None)


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d{1,9}", version)]
