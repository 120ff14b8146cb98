"""Get a Debian package's files without being root and without installing anything."""

import os
import shutil
import subprocess
from pathlib import Path

TIMEOUT_S = 600


class PackageError(Exception):
    """Why the package can't be had, as half a sentence."""


def unpack_package(name: str, folder: Path) -> Path:
    """Download the package with the machine's own apt and unpack it below `folder`; returns where its files lie.

    apt checks the package against the signed lists of the machine's sources. Raises PackageError.
    """
    for program in ("apt-get", "dpkg-deb"):
        if shutil.which(program) is None:
            raise PackageError(f"{program} is not on this machine")
    archive = _download(name, folder)
    files = folder / "files"
    _run(["dpkg-deb", "-x", str(archive), str(files)], folder)
    archive.unlink()
    return files


def _download(name: str, folder: Path) -> Path:
    try:
        _run(["apt-get", *_options(), "download", name], folder)
    except PackageError:
        # The machine's package lists are missing or name a version that is gone: fetch lists of our own.
        own = _own_lists(folder / "apt")
        _run(["apt-get", *_options(), *own, "update"], folder)
        _run(["apt-get", *_options(), *own, "download", name], folder)
    archives = list(folder.glob(f"{name}_*.deb"))
    if not archives:
        raise PackageError(f"apt-get left no file of {name}")
    return archives[0]


def _options() -> list[str]:
    options = ["-q", "-o", "Acquire::Retries=1", "-o", "Acquire::http::Timeout=20", "-o", "Acquire::https::Timeout=20"]
    if os.geteuid() == 0:
        # As root, apt downloads as the user _apt, who often may not look into the folder of a checkout.
        options += ["-o", "APT::Sandbox::User=root"]
    return options


def _own_lists(folder: Path) -> list[str]:
    for name in ("lists/partial", "cache/archives/partial"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    places = {"Dir::State::Lists": folder / "lists", "Dir::Cache": folder / "cache", "Debug::NoLocking": 1}
    return [word for key, value in places.items() for word in ("-o", f"{key}={value}")]


def _run(command: list[str], folder: Path) -> None:
    environment = {**os.environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}
    try:
        done = subprocess.run(  # noqa: S603 a fixed program and our own arguments, no shell
            command, cwd=folder, env=environment, capture_output=True, text=True, errors="replace", timeout=TIMEOUT_S
        )
    except subprocess.TimeoutExpired:
        raise PackageError(f"{command[0]} took longer than {TIMEOUT_S} s") from None
    except OSError as error:
        raise PackageError(f"{command[0]} could not be run ({error.strerror})") from None
    if done.returncode:
        raise PackageError(f"{command[0]} failed ({_last_error(done.stderr)})")


def _last_error(output: str) -> str:
    lines = (
        [line for line in output.splitlines() if line.startswith("E: ")] or output.splitlines() or ["it said nothing"]
    )
    return lines[-1].removeprefix("E: ").strip().rstrip(".")[:200]
