"""A scan of four invented listings, and what runs it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from tests.factories import make_source
from tests.webapp.services.scene import LISTINGS, PICTURES, Scene
from webapp.models import Scan
from webapp.services import scans
from webapp.settings import Settings

Run = Callable[[Scan], Scan]


@pytest.fixture
def scene(tmp_path: Path, settings: Settings) -> Scene:
    scene = Scene(tmp_path / "pack", LISTINGS, dict(PICTURES))
    settings.pack = str(scene.folder)
    return scene


@pytest.fixture
def scan(session: Session) -> Scan:
    scan = scans.create(session, make_source(session).id, "ann")
    session.commit()
    return scan


@pytest.fixture
def run(session: Session, settings: Settings, scene: Scene) -> Run:
    """Crawls and scores a scan; it as it then stands."""

    def run(scan: Scan) -> Scan:
        session.commit()
        scene.scan(session, scan.id, settings)
        return scans.progress(session, scan.id)

    return run
