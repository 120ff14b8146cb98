"""A head that Tuskline ships, joined with backbones that are installed before it."""

from importlib import import_module
from pathlib import Path

from scanner.zoo.sources.errand import Delivery, Errand
from scanner.zoo.spec import HeadSource

ZOO = Path(__file__).parent.parent


def fetch_head(source: HeadSource, errand: Errand) -> Delivery:
    """Raises SourceError, and InstallError where a backbone can't be had."""
    backbones = tuple(errand.need(name) for name in source.backbones)
    # Late and by name: a fresh machine without a shipped head never pays for the training's libraries.
    build = import_module("scanner.zoo.training.starter").build_starter
    build(ZOO / source.folder, backbones, errand.unpacked)
    return Delivery(errand.unpacked, f"the head that Tuskline ships, on {' and '.join(source.backbones)}")
