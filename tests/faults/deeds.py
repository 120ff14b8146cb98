"""What workers do on the way of one picture, each deed for a process of its own. Importing this lays the hooks."""

# ruff: noqa: E402
from tests.faults import deaths

deaths.install()

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session, configure_mappers

from tests.webapp.services.scene import LISTINGS, PICTURES, Scene
from webapp import migrations
from webapp.db import open_engine, session_factory
from webapp.models import User, Verdict
from webapp.services import chain, decisions, deliveries, firing, jobs, report_firing, signing, webhooks
from webapp.services.decisions import AlreadyDecided, Choice
from webapp.services.workshop import FAILURES, WORKS
from webapp.settings import Settings

WORKER = "host:1:worker"


def do(deed: str, chosen: dict[str, Any], what: dict[str, Any]) -> None:
    """Raises what the deed raises."""
    settings = Settings(home=Path(chosen["home"]), database_url=chosen["database_url"], broker_url=None)
    settings.allowed_addresses = [chosen["site"]]
    scene = Scene(settings.home / "pack", LISTINGS, dict(PICTURES))
    settings.pack = str(scene.folder)
    engine = open_engine(settings.sqlalchemy_url)
    with session_factory(engine)() as session:
        DEEDS[deed](session, settings, scene, **what)
    engine.dispose()


def fire(session: Session, _settings: Settings, _scene: Scene) -> None:
    firing.fire_due(session)


def crawl(session: Session, settings: Settings, scene: Scene, scan_id: int) -> None:
    scene.crawl_only(session, scan_id, settings)


def score(session: Session, settings: Settings, scene: Scene) -> None:
    scene.score(session, settings, sleep=lambda _seconds: None)


def decide(session: Session, _settings: Settings, _scene: Scene, finding_id: int, user_id: int) -> None:
    try:
        decisions.decide(session, session.get_one(User, user_id), finding_id, Choice(Verdict.CONFIRM, note="seen"))
    except AlreadyDecided:
        return
    session.commit()


def seal(session: Session, settings: Settings, _scene: Scene) -> None:
    chain.seal_all(session, settings.home, signing.signing_key(settings.home))


def tell(session: Session, settings: Settings, _scene: Scene) -> None:
    webhooks.deliver_due(session, settings)


def ask_report(session: Session, _settings: Settings, _scene: Scene) -> None:
    report_firing.fire_due(session)


def report(session: Session, settings: Settings, _scene: Scene, job_id: int) -> None:
    jobs.run(session, job_id, settings, WORKER, WORKS, failures=FAILURES)


def deliver(session: Session, settings: Settings, _scene: Scene) -> None:
    deliveries.deliver_due(session, settings)


def upgrade(session: Session, _settings: Settings, _scene: Scene) -> None:
    migrations.upgrade(session.get_bind().engine)


def upgrade_and_die(session: Session, settings: Settings, scene: Scene) -> None:
    """With all statements done, and nothing committed."""
    work = migrations.command.upgrade

    def work_and_die(*arguments: Any) -> None:
        work(*arguments)
        os.kill(os.getpid(), signal.SIGKILL)

    migrations.command.upgrade = work_and_die
    upgrade(session, settings, scene)


DONE = (fire, crawl, score, decide, seal, tell, ask_report, report, deliver, upgrade, upgrade_and_die)
DEEDS: dict[str, Callable[..., None]] = {one.__name__: one for one in DONE}

configure_mappers()  # once, and not in each process that is forked from the one that imported this
