"""PaddleHub's own Python environment: pinned by hash, built when first asked for, whole or built anew."""

import hashlib
import os
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from scanner.zoo.paddlehub.commands import run_command

INSTALLER = Path(__file__).with_name("installer.txt")
PACKAGES = Path(__file__).with_name("packages.txt")
MARKER = "tuskline.sha256"
# paddle2onnx, without which PaddleHub can't be imported, has no wheel for a later Python.
PYTHONS = ((3, 11), (3, 12))
# Measured: 1,480 MB when done, and 400 MB of wheels while pip unpacks them.
ROOM_BYTES = 2_000 * 1000**2
PATIENCE_S = 3600.0
NETWORK = {
    *("http_proxy", "https_proxy", "all_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
}
# Settings of pip that would put the packages elsewhere, or take others than the pinned ones.
_BENT = {
    *("PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_USER", "PIP_PYTHON", "PIP_DRY_RUN"),
    *("PIP_CONSTRAINT", "PIP_REQUIREMENT", "PIP_ONLY_BINARY", "PIP_NO_BINARY", "PIP_IGNORE_INSTALLED"),
}
_PIP = ("install", "--no-input", "--progress-bar=off", "--no-compile", "--no-deps", "--require-hashes")


class BuildError(Exception):
    """An environment that was not built; the message is one sentence, and nothing of it was left."""


def ensure_environment(folder: Path, echo: Callable[[str], None]) -> Path:
    """The Python of the environment in `folder`, which is built there unless it stands already, whole and as pinned.

    Environments can't be moved: it is built in place, and its marker is written last. Raises BuildError.
    """
    if not is_whole(folder):
        _check_machine(folder)
        echo(
            "building an environment for PaddleHub, once: about 1.5 GB on the disk and 0.4 GB from the package index; "
            "this takes from half a minute to several minutes"
        )
        try:
            _build(folder, echo)
        except BaseException:
            discard(folder)
            raise
    return python_of(folder)


def python_of(folder: Path) -> Path:
    return folder / "bin" / "python"


def is_whole(folder: Path) -> bool:
    """Whether it was built to its end, from these pins, with this Python, at this place."""
    marker = folder / MARKER
    return python_of(folder).exists() and marker.is_file() and marker.read_text(encoding="utf-8") == _digest(folder)


def discard(folder: Path) -> None:
    (folder / MARKER).unlink(missing_ok=True)  # first: without its marker a half-deleted environment is never used
    if folder.exists():
        shutil.rmtree(folder)


def pip_settings(environ: Mapping[str, str]) -> dict[str, str]:
    """What pip needs of our own environment: the way to the package index, and where the person's settings are."""
    kept = {"PATH", "HOME", "XDG_CONFIG_HOME", "TMPDIR", "LANG", "LC_ALL"} | NETWORK
    return {name: value for name, value in environ.items() if name in kept or _is_pip(name)}


def _is_pip(name: str) -> bool:
    return name.startswith("PIP_") and name not in _BENT


def _digest(folder: Path) -> str:
    parts = (
        INSTALLER.read_bytes(),
        PACKAGES.read_bytes(),
        f"{sys.version} {sys.base_prefix} {folder.resolve()}".encode(),
    )
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def _check_machine(folder: Path) -> None:
    if sys.version_info[:2] not in PYTHONS:
        raise BuildError(
            f"PaddleHub's packages exist for Python 3.11 and 3.12, and this is {sys.version_info[0]}."
            f"{sys.version_info[1]}: run Tuskline with one of those, or leave out --via paddlehub"
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder.parent).free
    if free < ROOM_BYTES:
        raise BuildError(
            f"PaddleHub's environment needs {ROOM_BYTES / 1e9:.1f} GB and {folder.parent} has {free / 1e9:.1f} GB: "
            f"make room, or leave out --via paddlehub"
        )


def _build(folder: Path, echo: Callable[[str], None]) -> None:
    discard(folder)
    folder.mkdir(parents=True)
    _run([sys.executable, "-I", "-m", "venv", folder], folder, _quiet)
    pip: list[str | Path] = [python_of(folder), "-I", "-m", "pip", *_PIP]
    _run([*pip, "--only-binary=:all:", f"--requirement={INSTALLER}"], folder, _quiet)
    # jieba is published as source alone; setuptools of the installer's list builds it, not one fetched on the way.
    source = ["--only-binary=:all:", "--no-binary=jieba", "--no-build-isolation"]
    _run([*pip, *source, f"--requirement={PACKAGES}"], folder, _Counter(echo))
    (folder / MARKER).write_text(_digest(folder), encoding="utf-8")


def _quiet(_: str) -> None:
    pass


class _Counter:
    """Hears pip, and says now and then how far it is."""

    def __init__(self, echo: Callable[[str], None]) -> None:
        self._echo = echo
        self._all = PACKAGES.read_text(encoding="utf-8").count("==")
        self._seen = 0

    def __call__(self, line: str) -> None:
        if line.startswith(("Collecting ", "Processing ")):
            self._seen += 1
            if self._seen % 20 == 0:
                self._echo(f"PaddleHub's environment: {self._seen} of {self._all} packages fetched")
        elif line.startswith("Installing collected packages"):
            self._echo(f"PaddleHub's environment: unpacking {self._all} packages")


def _run(command: list[str | Path], folder: Path, hear: Callable[[str], None]) -> None:
    try:
        ending = run_command(command, pip_settings(os.environ), folder, PATIENCE_S, hear)
    except OSError as error:
        raise BuildError(f"PaddleHub's environment could not be built ({error}); try again") from error
    if ending.status:
        raise BuildError(
            f"PaddleHub's environment could not be built ({ending.last_words}); when the package index can be reached "
            f"and there is room on the disk, run the command again, or leave out --via paddlehub"
        )
