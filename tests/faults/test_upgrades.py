"""A database of an older version, with rows in every table; and programs of two versions on one database."""

import inspect
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from click import ClickException
from sqlalchemy import Engine, MetaData, select, text
from sqlalchemy.orm import Session

from tests.factories import PASSWORD, make_user
from tests.faults import rows
from tests.faults.acting import Actor
from tests.faults.test_fleet import check_all
from tests.functional.fleet import running_fleet
from tests.webapp.databases import create_database, drop_database
from tests.webapp.views.conftest import post
from webapp import create_app
from webapp.cli.opening import refuse_other_version
from webapp.db import Base, open_engine
from webapp.migrations import is_current, make_config, newest_revision, one_transaction, revision_of, upgrade
from webapp.models import AuditEntry, Role
from webapp.services import chain, signing, upkeep, verifying
from webapp.settings import Settings
from webapp.tasks import app, heartbeats
from webapp.tasks.heartbeats import Heartbeat

HEADS = sorted(script.revision for script in ScriptDirectory.from_config(make_config()).walk_revisions())
PAGES = ("/", "/queue", "/findings/1", "/scans", "/scans/1", "/reports", "/sources", "/audit", "/rules", "/quality")
DERIVED = {"photo_bands"}  # the index of looks lies in files since 0008


@pytest.fixture
def blank(request: pytest.FixtureRequest, backend: str, tmp_path: Path) -> Iterator[Settings]:
    """An installation whose database has no tables yet."""
    home = tmp_path / "home"
    home.mkdir()
    if backend == "sqlite":
        yield Settings(home=home, database_url=None, broker_url=None)
        return
    server = request.getfixturevalue("postgres")
    url = create_database(server)
    yield Settings(home=home, database_url=url, broker_url=None)
    drop_database(server, url.rpartition("/")[2].partition("?")[0])


@pytest.fixture
def old(blank: Settings) -> Iterator[Engine]:
    engine = open_engine(blank.sqlalchemy_url)
    yield engine
    engine.dispose()


def bring_to(engine: Engine, revision: str) -> None:
    with engine.connect() as connection, one_transaction(connection):
        config = make_config()
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


@pytest.mark.parametrize(
    "revision", [pytest.param(one, marks=() if one == HEADS[-2] else pytest.mark.full) for one in HEADS[:-1]]
)
def test_an_older_database_keeps_every_row_and_can_be_read(revision: str, old: Engine, blank: Settings) -> None:
    bring_to(old, revision)
    with old.begin() as connection:
        before = rows.fill(connection)
    upgrade(old)
    assert is_current(old)
    check_kept(old, before)
    with Session(old) as session:
        upkeep.catch_up(session)
        check_readable(session)
        check_chain(session, blank)
        make_user(session, "mirela", Role.ADMIN)
        session.commit()
    check_pages(blank)


def check_kept(engine: Engine, before: dict[str, int]) -> None:
    """But for what no longer has a table, as it is made of the others."""
    known = MetaData()
    with engine.connect() as connection:
        known.reflect(connection)
        after = rows.count(connection, [known.tables[name] for name in before if name in known.tables])
    assert after == {name: count for name, count in before.items() if name in known.tables}
    assert before.keys() - after.keys() <= DERIVED


def check_readable(session: Session) -> None:
    """Through the models of today, with all that their columns turn into."""
    for mapper in Base.registry.mappers:
        session.scalars(select(mapper.class_)).all()


def check_chain(session: Session, settings: Settings) -> None:
    """Entries of before the chain are taken into the first seal."""
    if session.scalar(select(AuditEntry.id)) is None:
        return
    chain.seal_all(session, settings.home, signing.signing_key(settings.home))
    result = verifying.verify_home(session, settings.home)
    assert [fault.words for fault in result.faults] == [] and result.unsealed == 0


def check_pages(settings: Settings) -> None:
    app = create_app(settings)
    client = app.test_client()
    assert post(client, "/sign-in", name="mirela", password=PASSWORD).status_code == 302
    answers = {page: client.get(page).status_code for page in PAGES}
    app.extensions["tuskline"].engine.dispose()
    assert set(answers.values()) <= {200, 302}, answers


def test_an_upgrade_that_is_killed_has_changed_nothing(old: Engine, blank: Settings) -> None:
    bring_to(old, HEADS[-2])
    with old.begin() as connection:
        before = rows.fill(connection)
    assert not Actor(blank, "").act("upgrade_and_die")
    assert revision_of(old) == HEADS[-2]
    check_kept(old, before)
    upgrade(old)
    check_kept(old, before)


def test_two_upgrades_at_once_are_one(old: Engine, blank: Settings) -> None:
    bring_to(old, HEADS[0])
    with ThreadPoolExecutor(2) as threads:
        done = list(threads.map(lambda _: Actor(blank, "").act("upgrade"), range(2)))
    assert done == [True, True] and is_current(old)


@pytest.mark.parametrize(("revision", "words"), [("0001", "tuskline db upgrade"), ("9999", "of a newer version")])
def test_a_process_of_another_version_does_not_start(revision: str, words: str, settings: Settings) -> None:
    write_revision(settings, revision)
    with pytest.raises(ClickException, match=words):
        refuse_other_version(settings)


def test_what_was_upgraded_under_a_process_ends_it(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """In order, as a service manager ends it: what is under way goes back to the queue."""
    ended: list[tuple[int, int]] = []
    monkeypatch.setattr(heartbeats.os, "kill", lambda pid, number: ended.append((pid, number)))
    heartbeat = Heartbeat("worker", pause_s=0.01)
    write_revision(settings, "9999")
    heartbeat.start()
    heartbeat._thread.join(10)
    heartbeat.stop()
    assert ended == [(os.getpid(), signal.SIGTERM)]


def write_revision(settings: Settings, revision: str) -> None:
    engine = open_engine(settings.sqlalchemy_url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})
    engine.dispose()


# Messages that every version up to now put into queues: an upgrade finds them there. A new argument has a default.
MESSAGES: list[tuple[str, list[object]]] = [
    ("scans.run", [1]),
    ("pictures.score", []),
    ("scans.reconcile", []),
    ("jobs.run", [1]),
    ("jobs.write", [1]),
    ("jobs.reconcile", []),
    ("rules.apply_pack", []),
    ("schedules.fire", []),
    ("reports.fire", []),
    ("reports.deliver", []),
    ("audit.seal", []),
    ("audit.verify", ["ann"]),
    ("webhooks.deliver", []),
    ("webhooks.forget", []),
    ("retention.purge", []),
]


@pytest.mark.parametrize(("name", "arguments"), MESSAGES, ids=[name for name, _ in MESSAGES])
def test_a_message_of_an_older_version_is_understood(name: str, arguments: list[object]) -> None:
    app.loader.import_default_modules()
    inspect.signature(app.tasks[name].run).bind(*arguments)


def test_every_message_is_on_the_list() -> None:
    app.loader.import_default_modules()
    assert {name for name in app.tasks if not name.startswith("celery.")} == {name for name, _ in MESSAGES}


@pytest.mark.full
def test_a_fleet_under_which_the_database_is_upgraded_ends_and_the_new_one_goes_on(home: Path, pictures: Path) -> None:
    with running_fleet(Settings(home=home, database_url=None, broker_url=None), pictures, 240) as fleet:
        fleet.start("crawler", "scanner", "beat")
        scan_id = fleet.begin_scan()
        fleet.wait(scan_id, lambda scan: scan.listings_seen > 0)
        write_revision(fleet.settings, "9999")
        ends = [fleet.running[name].wait(60) for name in ("crawler", "scanner", "beat")]
        assert ends == [0, 0, 0] and "of a newer version" in fleet.last_words()
        assert not fleet.wait(scan_id, lambda _: True).state.is_over
        write_revision(fleet.settings, str(newest_revision()))
        fleet.tend()
        check_all(fleet, fleet.wait(scan_id, lambda scan: scan.state.is_over), 240)
