"""Weights inside a wheel of the Python package index. The wheel is opened as an archive and never installed."""

import sys
from pathlib import Path

from scanner.zoo.sources.commands import Command, CommandError
from scanner.zoo.sources.contents import open_package
from scanner.zoo.sources.errand import Delivery, Errand, SourceError
from scanner.zoo.spec import WheelSource


def fetch_wheel(source: WheelSource, errand: Errand) -> Delivery:
    """Ask the user's own pip, which knows their index, proxy and certificates. Raises SourceError."""
    errand.echo(f"downloading {source.requirement} with pip")
    wheel = _download(source, errand)
    open_package(wheel, source, errand.unpacked)
    return Delivery(
        errand.unpacked, f"{source.requirement} of the Python package index, {wheel.name}, SHA-256 {source.sha256}"
    )


def _download(source: WheelSource, errand: Errand) -> Path:
    target = errand.scratch / "wheel"
    words = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-input"]
    words += ["--no-deps", "--only-binary", ":all:", "--dest", str(target), source.requirement]
    try:
        Command(words, errand.scratch / "pip", errand.options.deadline_s, errand.progress).run()
    except CommandError as error:
        raise SourceError(f"pip could not download it ({error})") from None
    wheels = list(target.glob("*.whl"))
    if not wheels:
        raise SourceError("pip brought no wheel")
    return wheels[0]
