"""`tuskline status`, as an operator and as a container's health check ask it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import update
from sqlalchemy.orm import Session
from waitress.server import create_server

from scanner.stages import StageTime, StageTimes
from tests.factories import add, make_scan, make_source
from tests.servers import free_port
from webapp import create_app
from webapp.cli import main
from webapp.cli.status import span
from webapp.db import now
from webapp.models import ScanState, Schedule, WorkerProcess
from webapp.services import processes, stages
from webapp.settings import Settings

Ask = Callable[..., Result]


@pytest.fixture
def ask(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Ask:
    monkeypatch.setenv("TUSKLINE_HOME", str(settings.home))
    if settings.database_url:
        monkeypatch.setenv("TUSKLINE_DATABASE_URL", settings.database_url)
    return lambda *arguments: CliRunner().invoke(main, ["status", *arguments])


def begin(session: Session, kind: str = processes.WORKER, queues: tuple[str, ...] = processes.QUEUES) -> str:
    name = processes.new_name(kind)
    processes.beat_of(session, name, kind, queues if kind == processes.WORKER else ())
    session.commit()
    return name


def silence(session: Session, name: str) -> None:
    at = now() - timedelta(minutes=5)
    session.execute(update(WorkerProcess).where(WorkerProcess.name == name).values(seen_at=at))
    session.commit()


def test_it_says_what_bounded_the_last_scan(ask: Ask, session: Session) -> None:
    scan = make_scan(session)
    stages.add_times(
        session, scan.id, StageTimes(StageTime(9, 1.0, 9.0, 0.0, 2), StageTime(9, 2.0, 8.0, 0.0, 2), "cpu")
    )
    make_scan(session)
    session.commit()
    words = "The crawl was the limit: decoders waited 90\u00a0% of the time."
    assert f"ok    limit: of scan {scan.id}: {words}" in ask().output


def test_where_all_work_it_says_so(ask: Ask, session: Session) -> None:
    begin(session)
    begin(session, processes.BEAT)
    make_scan(session)
    make_scan(session, state=ScanState.RUNNING)
    session.commit()
    result = ask()
    assert result.exit_code == 0, result.output
    assert "ok    queues: each has a worker" in result.output
    assert "ok    scans: 1 done, 1 running" in result.output
    assert "ok    pictures: 0 pending" in result.output
    assert "serves crawl, reports, scan, upkeep" in result.output


def test_what_is_missing_is_named_with_what_to_start(ask: Ask, session: Session) -> None:
    begin(session, queues=("crawl", "upkeep"))
    silence(session, begin(session, queues=("scan",)))
    result = ask()
    assert result.exit_code == 1
    assert "FAIL  beat: none lives" in result.output
    assert "FAIL  queues: nobody serves scan; start `tuskline worker --queues scan`" in result.output
    assert "FAIL  queues: nobody serves reports" in result.output
    assert "nobody serves crawl" not in result.output
    assert "seen 5 min ago (silent)" in result.output


def test_a_schedule_that_did_not_fire_is_a_failure(ask: Ask, session: Session) -> None:
    begin(session)
    begin(session, processes.BEAT)
    fires_at = now() - timedelta(minutes=10)
    add(session, Schedule(source_id=make_source(session).id, cron="* * * * *", fires_at=fires_at))
    session.commit()
    result = ask()
    assert (result.exit_code, "1 should have fired and did not" in result.output) == (1, True)


@pytest.mark.parametrize("kind", [processes.WORKER, processes.BEAT])
def test_a_container_asks_for_its_own_kind_on_its_own_host(ask: Ask, session: Session, kind: str) -> None:
    assert ask("--kind", kind).exit_code == 1
    name = begin(session, kind)
    assert ask("--kind", kind).exit_code == 0
    assert ask("--kind", kind, "--host", processes.host_name()).exit_code == 0
    elsewhere = ask("--kind", kind, "--host", "elsewhere")
    assert (elsewhere.exit_code, f"no {kind} lives on elsewhere" in elsewhere.output) == (1, True)
    silence(session, name)
    assert ask("--kind", kind).exit_code == 1


def test_a_worker_is_asked_for_by_its_queue(ask: Ask, session: Session) -> None:
    begin(session, queues=("crawl",))
    assert ask("--kind", "worker", "--queue", "crawl").exit_code == 0
    refused = ask("--kind", "worker", "--queue", "scan")
    assert (refused.exit_code, "no worker that serves scan lives" in refused.output) == (1, True)


def test_pages_are_asked_whether_they_are_ready(ask: Ask, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    with served(settings) as port:
        monkeypatch.setenv("TUSKLINE_PORT", str(port))
        assert ask("--kind", "web").exit_code == 0
    monkeypatch.setenv("TUSKLINE_PORT", str(free_port()))
    result = ask("--kind", "web")
    assert (result.exit_code, "does not answer" in result.output) == (1, True)


def test_pages_that_are_not_ready_say_why(ask: Ask, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.store_url = "carrier-pigeon://loft"
    with served(settings) as port:
        monkeypatch.setenv("TUSKLINE_PORT", str(port))
        result = ask("--kind", "web")
    assert (result.exit_code, "the store can't be written" in result.output) == (1, True)


def test_a_database_that_is_not_set_up_is_one_sentence(
    ask: Ask, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TUSKLINE_DATABASE_URL", f"sqlite:///{settings.home}/another.db")
    result = ask()
    assert (result.exit_code, "run `tuskline db upgrade`" in result.output) == (1, True)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-1, "0 s"), (119, "119 s"), (120, "2 min"), (7199, "120 min"), (7200, "2 h"), (172800, "2 days")],
)
def test_spans_are_told_in_the_unit_that_fits(seconds: float, words: str) -> None:
    assert span(seconds) == words


@contextmanager
def served(settings: Settings) -> Iterator[int]:
    app = create_app(settings)
    server = create_server(app, host="127.0.0.1", port=0, threads=1, ident=None)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield int(server.effective_port)
    finally:
        server.task_dispatcher.shutdown()
        server.trigger.pull_trigger(lambda: server.asyncore.close_all(server._map))
        thread.join(10)
        app.extensions["tuskline"].engine.dispose()
