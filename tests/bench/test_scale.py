"""The store that the benchmark makes up hangs together, and every question it asks has an answer."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from bench import scale, scale_writing
from bench.scale_questions import Asker
from bench.scale_rows import COLUMNS, Maker, stock_look
from webapp.db import open_engine, session_factory
from webapp.models import FindingRow, ListingRow, PhotoLook, PhotoRow
from webapp.settings import Settings

PICTURES = 3_000


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.full)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Settings]:
    server = None if request.param == "sqlite" else request.getfixturevalue("postgres_server").url
    with scale.home(server, tmp_path) as settings:
        scale.fill(settings, PICTURES, lambda _line: None)
        yield settings


def test_a_filled_store_answers_every_question(store: Settings) -> None:
    asker = Asker(store, PICTURES)
    for name, draw in asker.questions().items():
        assert scale.clock(draw) > 0, name
    check(asker.session)
    asker.close()


def check(session: Session) -> None:
    counted = {table: session.scalar(select(func.count()).select_from(table)) for table in (PhotoRow, PhotoLook)}
    assert set(counted.values()) == {PICTURES}
    assert 0.005 < (session.scalar(select(func.count(FindingRow.id))) or 0) / PICTURES < 0.03
    assert 0.2 < (session.scalar(select(func.count(ListingRow.id))) or 0) / PICTURES < 1
    if session.get_bind().dialect.name == "sqlite":
        assert session.execute(text("PRAGMA foreign_key_check")).all() == []
    else:
        assert session.scalar(text("SELECT count(*) FROM pg_constraint WHERE contype IN ('u', 'f')")) > 100


def test_made_rows_name_the_columns_that_there_are() -> None:
    for rows in (Maker(100).first(), *Maker(100).blocks()):
        for table, some in rows.items():
            assert all(len(row) == len(COLUMNS[table].split()) for row in some)
    assert len(stock_look()) == 64


def test_growth_is_that_of_the_medians() -> None:
    times = {10: [1.0, 2.0, 90.0], 100: [3.0, 6.0, 5.0]}
    assert scale.growth(times, (10, 100)) == 2.5


def test_rows_are_written_on_the_real_ways(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scale_writing, "LISTINGS", 5)
    settings = Settings(home=tmp_path, database_url=None, broker_url=None)
    written = scale_writing.measure(settings, 1)
    assert {name: len(rounds) for name, rounds in written.items()} == {
        scale_writing.CRAWL: 2,
        scale_writing.SCORES: 1,
        scale_writing.JUDGED: 1,
    }
    assert all(one.rows > 3 * one.pictures for rounds in written.values() for one in rounds)
    with session_factory(open_engine(settings.sqlalchemy_url))() as session:
        assert session.scalar(select(func.count(PhotoLook.number))) == 4 * 15
