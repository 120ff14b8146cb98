from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from webapp.models import StoppedHost
from webapp.services import audit, hosts
from webapp.services.errors import NotFound, Refused
from webapp.services.hosts import StopList, host_of


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("Shop.Example", "shop.example"),
        (" shop.example. ", "shop.example"),
        ("https://shop.example:8443/path?query#part", "shop.example"),
        ("shop.example:8001", "shop.example"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("localhost", "localhost"),
        ("127.0.0.1:8001", "127.0.0.1"),
        ("2001:DB8::1", "2001:db8::1"),
        ("[2001:db8::1]:80", "2001:db8::1"),
    ],
)
def test_a_host_is_kept_under_one_name(text: str, host: str) -> None:
    assert host_of(text) == host


@pytest.mark.parametrize(
    "text",
    ["", " ", "two words", "https://", "a..example", "-a.example", "a" * 64 + ".example", ".".join(["abcdefgh"] * 30),
     "good.example@evil.example", "a/b c\\d", "sh\x00op.example", "*.example", "://x", "shop.example:port", "[::1"],
)  # fmt: skip
def test_what_names_no_host_is_refused(text: str) -> None:
    with pytest.raises(Refused, match="name of one host"):
        host_of(text)


def test_stopping_and_letting_again_are_in_the_audit(session: Session) -> None:
    row = hosts.stop(session, "shop.example", " They wrote to us. ", "ann")
    assert hosts.stopped(session) == {"shop.example": "shop.example is not asked: ann stopped it (They wrote to us.)."}
    assert hosts.allow(session, row.id, "ben") == "shop.example"
    assert hosts.stopped(session) == {}
    entries = [(entry.actor, entry.action, entry.facts["host"]) for entry in audit.recent(session, 5)]
    assert entries == [("ben", "host.allow", "shop.example"), ("ann", "host.stop", "shop.example")]


def test_a_host_is_stopped_once_and_with_a_reason(session: Session) -> None:
    hosts.stop(session, "shop.example", "why", "ann")
    with pytest.raises(Refused, match="already"):
        hosts.stop(session, "SHOP.example", "why", "ben")
    with pytest.raises(Refused, match="Say why"):
        hosts.stop(session, "other.example", " ", "ann")
    with pytest.raises(NotFound):
        hosts.allow(session, 99, "ann")
    assert session.query(StoppedHost).count() == 1


class Clock:
    def __init__(self) -> None:
        self.time_s = 100.0

    def __call__(self) -> float:
        return self.time_s


def test_the_list_is_read_again_after_five_seconds_and_not_before(session: Session, engine: Engine) -> None:
    reads: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *given: reads.append(given[2]))
    clock = Clock()
    why_not = StopList(engine, clock)
    assert [why_not("shop.example") for _ in range(100)] == [None] * 100
    assert len(reads) == 1
    hosts.stop(session, "shop.example", "why", "ann")
    session.commit()
    reads.clear()
    clock.time_s += 4.9
    assert why_not("shop.example") is None
    assert reads == []
    clock.time_s += 0.2
    assert why_not("Shop.Example.") == "shop.example is not asked: ann stopped it (why)."
    assert why_not("www.shop.example") is None
    assert why_not("") is None
    assert len(reads) == 1


def test_threads_share_one_reading(session: Session, engine: Engine) -> None:
    hosts.stop(session, "shop.example", "why", "ann")
    session.commit()
    reads: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *given: reads.append(given[2]))
    why_not = StopList(engine, Clock())
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(why_not, ["shop.example"] * 200))
    assert None not in answers
    assert len(reads) == 1


def test_while_the_database_does_not_answer_what_was_read_last_counts(session: Session, engine: Engine) -> None:
    hosts.stop(session, "shop.example", "why", "ann")
    session.commit()
    clock = Clock()
    why_not = StopList(engine, clock)
    assert why_not("shop.example")
    why_not._engine = create_engine("sqlite:////nowhere/at/all.db")
    clock.time_s += 60
    assert why_not("shop.example")
    with pytest.raises(OperationalError):
        StopList(why_not._engine)("shop.example")
