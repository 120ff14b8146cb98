"""A scan of four invented listings, and what runs it."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tests.factories import make_source
from tests.webapp.services.scene import LISTINGS, PICTURES, Scene
from webapp.db import session_factory
from webapp.models import Scan
from webapp.services import scans
from webapp.services.errors import Refused
from webapp.settings import Settings

Run = Callable[[Scan], Scan]
AtOnce = Callable[[list[Callable[[Session], Any]]], list[Any]]


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


@pytest.fixture
def at_once(engine: Engine) -> Iterator[AtOnce]:
    """Runs each in a session and a thread of its own, begun together; what each gave or raised."""
    with ThreadPoolExecutor(4) as threads:

        def run(deeds: list[Callable[[Session], Any]]) -> list[Any]:
            barrier = Barrier(len(deeds))

            def one(deed: Callable[[Session], Any]) -> Any:
                with session_factory(engine)() as own:
                    barrier.wait(timeout=30)
                    try:
                        result = deed(own)
                        own.commit()
                    except Refused as error:
                        return error
                return result

            return list(threads.map(one, deeds))

        yield run
