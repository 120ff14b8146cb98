"""Fetch a model's files: from a wheel of the package index, from PaddleHub's server, or from an address."""

import importlib.metadata
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import httpx2

from scanner.fingerprints import digest_file
from scanner.zoo.spec import HubSource, WheelSource

Echo = Callable[[str], None]
MOST_BYTES = 2 * 1024**3
PATIENCE = httpx2.Timeout(30.0, connect=10.0)


class DownloadError(Exception):
    """Files that could not be had; the message says why and what to do instead."""


def download_wheel(source: WheelSource, scratch: Path) -> Path:
    """The wheel, downloaded into `scratch` by the user's own pip. Raises DownloadError when pip fails."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--only-binary", ":all:", "--dest", str(scratch), source.requirement]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 the catalogue's words
    wheels = list(scratch.glob("*.whl"))
    if done.returncode or not wheels:
        last = (done.stderr.strip().splitlines() or ["pip said nothing"])[-1]
        raise DownloadError(
            f"pip could not download {source.requirement} ({last}). When the package index can be reached, run the "
            f"command again; or download the wheel elsewhere and give it with --from"
        )
    return wheels[0]


def open_wheel(source: WheelSource, wheel: Path, folder: Path) -> None:
    """Write the source's files below `folder`. Raises DownloadError where a SHA-256 is not the pinned one."""
    if digest_file(wheel) != source.sha256:
        raise DownloadError(f"{wheel.name} has not the SHA-256 that the catalogue pins: not used")
    with zipfile.ZipFile(wheel) as bundle:
        for name, (inside, sha256) in source.files.items():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(bundle.read(inside))
            if digest_file(target) != sha256:
                raise DownloadError(f"{inside} in {wheel.name} has not the SHA-256 that the catalogue pins: not used")


def find_on_hub(source: HubSource, server: str) -> str:
    """The address of the module's archive, from the server's search. Raises DownloadError."""
    query = {"word": source.module, "type": "module", "version": source.version, "hub_version": "2.4.0"}
    query["paddle_version"] = importlib.metadata.version("paddlepaddle")
    try:
        answer = httpx2.get(f"{server.rstrip('/')}/search", params=query, timeout=PATIENCE, follow_redirects=True)
        found = answer.raise_for_status().json()["data"]
        return next(str(entry["url"]) for entry in found if entry["name"] == source.module)
    except (httpx2.HTTPError, ValueError, KeyError, TypeError, StopIteration) as error:
        reason = str(error) or type(error).__name__
        raise DownloadError(
            f"PaddleHub's server {server} did not name an archive of {source.module} ({reason}). Get the module's "
            f"folder or archive where the server can be reached (`hub install {source.module}`) and give it with --from"
        ) from None


def download(url: str, target: Path, echo: Echo, *, plain_http: bool = False) -> None:
    """Write what stands at `url` to `target`, at most MOST_BYTES. Raises DownloadError.

    Plain http is refused unless `plain_http`: nobody vouches for what comes that way.
    """
    if urlsplit(url).scheme != "https" and not plain_http:
        raise DownloadError(f"{url} is not https; add --plain-http if you trust the way there")
    echo(f"downloading {url}")
    try:
        with httpx2.stream("GET", url, timeout=PATIENCE, follow_redirects=True) as answer:
            answer.raise_for_status()
            _check_scheme(answer, plain_http)
            _write(answer, target)
    except httpx2.HTTPError as error:
        raise DownloadError(f"{url} could not be downloaded ({error}); try again, or give a file with --from") from None


def _check_scheme(answer: httpx2.Response, plain_http: bool) -> None:
    if answer.url.scheme != "https" and not plain_http:
        raise DownloadError(f"{answer.url} is where the address led, and it is not https: refused")


def _write(answer: httpx2.Response, target: Path) -> None:
    size = 0
    with target.open("wb") as file:
        for chunk in answer.iter_bytes(1024**2):
            size += len(chunk)
            if size > MOST_BYTES:
                raise DownloadError(f"{answer.url} is larger than {MOST_BYTES:,} bytes: refused")
            file.write(chunk)
