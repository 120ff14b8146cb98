"""Weights inside a wheel of the Python package index. The wheel is opened as an archive and never installed."""

import os
import re
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

from scanner.zoo.fetching.transfers import DownloadError
from scanner.zoo.sources.answers import read_json
from scanner.zoo.sources.contents import open_package
from scanner.zoo.sources.errand import Delivery, Errand, SourceError
from scanner.zoo.sources.managers import ManagerError, run_manager
from scanner.zoo.spec import WheelSource

INDEX = "https://pypi.org/simple"
# The index as JSON (https://packaging.python.org/en/latest/specifications/simple-repository-api/).
INDEX_JSON = "application/vnd.pypi.simple.v1+json"


def fetch_wheel(source: WheelSource, errand: Errand) -> Delivery:
    """Ask the user's own pip, which knows their index, proxy and certificates; where it fails, the index itself.

    pip starts again where a connection breaks off; our own download goes on. Raises SourceError.
    """
    errand.echo(f"downloading {source.requirement} with pip")
    try:
        wheel, words = _by_pip(source, errand), f"{source.requirement} of the Python package index"
    except SourceError as error:
        if os.environ.get("PIP_NO_INDEX", "0") not in ("0", "false", ""):
            raise
        wheel, words = _from_index(source, errand, str(error))
    open_package(wheel, source, errand.unpacked)
    return Delivery(errand.unpacked, f"{words}, SHA-256 {source.sha256}")


def _by_pip(source: WheelSource, errand: Errand) -> Path:
    target = errand.scratch / "wheel"
    words = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-input"]
    words += ["--no-deps", "--only-binary", ":all:", "--dest", str(target), source.requirement]
    try:
        run_manager(words, errand.scratch / "pip", errand.options.deadline_s, errand.progress)
    except ManagerError as error:
        raise SourceError(f"pip could not download it ({error})") from None
    wheels = list(target.glob("*.whl"))
    if not wheels:
        raise SourceError("pip brought no wheel")
    return wheels[0]


def _from_index(source: WheelSource, errand: Errand, reason: str) -> tuple[Path, str]:
    errand.echo(f"{reason}; asking the index itself")
    try:
        url = _find_address(source, errand)
        received = errand.downloader().fetch(url, errand.scratch / "package.whl", source.sha256)
    except (SourceError, DownloadError) as error:
        raise SourceError(f"{reason}; {error}") from None
    return received.path, received.url


def _find_address(source: WheelSource, errand: Errand) -> str:
    """Of the wheel with the pinned digest, among the files that the index lists for the project."""
    project = re.sub(r"[-_.]+", "-", source.requirement.partition("==")[0]).lower()
    page = f"{(os.environ.get('PIP_INDEX_URL') or INDEX).rstrip('/')}/{project}/"
    listed = read_json(page, {}, plain_http=errand.options.plain_http, accept=INDEX_JSON)
    found = next((file for file in _files_of(listed) if _digest_of(file) == source.sha256), None)
    if found is None:
        raise SourceError(f"{page} lists no wheel with the SHA-256 that the catalogue pins")
    try:
        return urljoin(page, str(found.get("url")))
    except ValueError as error:
        raise SourceError(f"{page} names an address that is none ({error})") from None


def _files_of(listed: Any) -> list[dict[str, Any]]:
    files = listed.get("files") if isinstance(listed, dict) else None
    return [file for file in files if isinstance(file, dict)] if isinstance(files, list) else []


def _digest_of(file: dict[str, Any]) -> object:
    hashes = file.get("hashes")
    return hashes.get("sha256") if isinstance(hashes, dict) else None
