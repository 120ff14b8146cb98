"""Databases of every kind, as the tests of the web application have them, and what a machine needs to fail."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.faults.acting import Actor
from tests.scanner.conftest import make_module
from tests.scanner.fetch.site import Site, running_site
from tests.scanner.test_pipeline import card, choice
from tests.webapp.conftest import (
    _no_second_look_by_chance,
    backend,
    engine,
    lender,
    postgres,
    queue_of_the_test,
    session,
    settings,
)
from tests.webapp.services.conftest import scan, scene
from webapp.settings import Settings

PICTURES = 24

__all__ = [
    "_no_second_look_by_chance",
    "backend",
    "card",
    "choice",
    "engine",
    "lender",
    "make_module",
    "postgres",
    "queue_of_the_test",
    "scan",
    "scene",
    "session",
    "settings",
]


@pytest.fixture
def site() -> Iterator[Site]:
    """What webhooks are sent to."""
    with running_site() as site:
        yield site


@pytest.fixture
def actor(settings: Settings, site: Site) -> Actor:
    return Actor(settings, site.origin)


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    draw_pictures(folder, PICTURES)
    return folder


@pytest.fixture
def home(tmp_path: Path, default_models: Path) -> Path:
    """The home of a fleet: with the default model, and nothing else yet."""
    home = tmp_path / "fleet"
    shutil.copytree(default_models, home / "models")
    return home


def draw_pictures(folder: Path, number: int, seed: int = 7) -> None:
    """Blurred noise: every picture another, and none of an animal."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(seed)
    for one in range(number):
        coarse = random.integers(0, 255, (12, 16, 3), dtype=np.uint8)
        Image.fromarray(coarse).resize((640, 480), Image.Resampling.BICUBIC).save(folder / f"{one}.jpg")
