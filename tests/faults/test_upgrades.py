"""A database of an older version, with rows in every table; and programs of two versions on one database."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, MetaData, select
from sqlalchemy.orm import Session

from tests.factories import PASSWORD, make_user
from tests.faults import rows
from tests.webapp.databases import create_database, drop_database
from tests.webapp.views.conftest import post
from webapp import create_app
from webapp.db import Base, open_engine
from webapp.migrations import is_current, make_config, one_transaction, upgrade
from webapp.models import AuditEntry, Role
from webapp.services import chain, signing, upkeep, verifying
from webapp.settings import Settings

HEADS = sorted(script.revision for script in ScriptDirectory.from_config(make_config()).walk_revisions())
PAGES = ("/", "/queue", "/findings/1", "/scans", "/scans/1", "/reports", "/sources", "/audit", "/rules", "/quality")


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
    known = MetaData()
    with engine.connect() as connection:
        known.reflect(connection)
        after = rows.count(connection, [known.tables[name] for name in before if name in known.tables])
    assert {name: after.get(name, 0) for name in before} == before


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
