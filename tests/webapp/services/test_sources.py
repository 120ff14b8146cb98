from typing import Any

import pytest
from sqlalchemy import Engine, event
from sqlalchemy.orm import Session

from scanner.markets.base import Option, OptionKind
from tests.factories import make_listing, make_scan, make_source
from tests.webapp.views.test_sources import STALL
from webapp.models import ScanState, Source
from webapp.services import audit, schedules, sources
from webapp.services.errors import NotFound, Refused
from webapp.services.schedules import Plan
from webapp.services.source_options import read_option, read_options, shown_all
from webapp.settings import Settings


def test_a_source_is_made_once_and_then_brought_up_to_date(session: Session) -> None:
    first = sources.ensure_source(session, "A shop", "shop", {"start_url": "https://a.example/"})
    again = sources.ensure_source(session, "A shop", "shop", {"start_url": "https://b.example/"})
    assert again is first
    assert first.options == {"start_url": "https://b.example/"}
    assert [entry.action for entry in audit.recent(session, 5)] == ["source.create"]


@pytest.mark.parametrize(("name", "says"), [("", "1 to 120"), ("x" * 121, "1 to 120"), (" A   shop ", "already")])
def test_a_name_that_will_not_do_is_refused(session: Session, name: str, says: str) -> None:
    make_source(session, "A shop")
    with pytest.raises(Refused, match=says):
        sources.create(session, name, "shop", {}, "ann")
    assert session.query(Source).count() == 1


def test_no_source_of_that_number(session: Session) -> None:
    with pytest.raises(NotFound, match="no source 99"):
        sources.find(session, 99)


def test_the_list_counts_each_source_in_as_many_queries_as_one(session: Session, engine: Engine) -> None:
    statements: list[str] = []

    def count() -> int:
        statements.clear()
        sources.summaries(session)
        return len(statements)

    add_source(session, "b")
    event.listen(engine, "before_cursor_execute", lambda *given: statements.append(given[2]))
    for_one = count()
    for name in "acdefg":
        add_source(session, name)
    session.expire_all()
    session.commit()
    session.expunge_all()
    assert count() == for_one
    first = sources.summaries(session)[0]
    assert (first.source.name, first.listings_count, len(first.schedules)) == ("a", 2, 2)
    assert first.last_scan is not None and first.last_scan.state is ScanState.RUNNING
    assert first.next_at == min(one.fires_at for one in first.schedules if one.fires_at)


def add_source(session: Session, name: str) -> None:
    source = make_source(session, name)
    make_scan(session, source)
    make_scan(session, source, state=ScanState.RUNNING)
    for _ in range(2):
        make_listing(session, source)
        schedules.create(session, source.id, Plan("0 3 * * *", jitter_s=600), "ann")
    session.commit()


@pytest.mark.parametrize(
    ("option", "text", "value"),
    [
        (Option("a", "A", OptionKind.NUMBER), "7", 7),
        (Option("a", "A", OptionKind.NUMBER, default=0.5), "2.5", 2.5),
        (Option("a", "A", OptionKind.NUMBER, default=0.5), "nan", None),
        (Option("a", "A", OptionKind.NUMBER, default=0.5), "inf", None),
        (Option("a", "A", OptionKind.NUMBER), "9" * 5000, None),
        (Option("a", "A", OptionKind.PATTERN), "/item/\\d+", "/item/\\d+"),
        (Option("a", "A", OptionKind.CHOICE, choices=("x", "y")), "y", "y"),
        (Option("a", "A", OptionKind.CHOICE, choices=("x", "y")), "z", None),
        (Option("a", "A", OptionKind.SECRET), "env:KEY_1", "env:KEY_1"),
        (Option("a", "A", OptionKind.SECRET), "env:1KEY", None),
        (Option("a", "A", OptionKind.SECRET), "env:KEY\nx", None),
        (Option("a", "A", OptionKind.URL), "https://shop.example/ ", "https://shop.example/"),
        (Option("a", "A", OptionKind.URL), "javascript:alert(1)", None),
        (Option("a", "A", OptionKind.URL), "http://127.0.0.1:8001/", "http://127.0.0.1:8001/"),
    ],
)
def test_a_text_becomes_its_value_or_is_refused(settings: Settings, option: Option, text: str, value: Any) -> None:
    settings.allowed_addresses = ["127.0.0.1:8001"]
    if value is None:
        with pytest.raises(Refused):
            read_option(option, text, settings)
    else:
        assert read_option(option, text, settings) == value
        assert type(read_option(option, text, settings)) is type(value)


def test_every_fault_is_told_and_an_unknown_option_is_one(settings: Settings) -> None:
    reading = read_options(STALL, {"pattern": "(", "colour": "red", "words": "ivory"}, settings)
    assert set(reading.faults) == {"start_url", "pattern", "colour"}
    assert reading.values == {"words": "ivory"}


def test_no_secret_is_shown(session: Session) -> None:
    source = sources.create(session, "A stall", "stall", {"key": "hunter2", "words": "ivory"}, "ann")
    assert shown_all(STALL, source.options) == {"key": "(hidden)", "words": "ivory"}
    assert shown_all(STALL, {"key": "env:KEY"}) == {"key": "from the environment variable KEY"}
