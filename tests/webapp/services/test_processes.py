from datetime import timedelta

from sqlalchemy import update
from sqlalchemy.orm import Session

from webapp.db import now
from webapp.models import WorkerProcess
from webapp.services import processes


def silence(session: Session, name: str, seconds: float) -> None:
    at = now() - timedelta(seconds=seconds)
    session.execute(update(WorkerProcess).where(WorkerProcess.name == name).values(seen_at=at, started_at=at))


def test_a_process_is_one_row_however_often_it_speaks(session: Session) -> None:
    processes.beat_of(session, "worker@a:1", processes.WORKER, ["scan", "crawl"])
    silence(session, "worker@a:1", 100)
    session.commit()
    assert processes.alive(session) == []
    processes.beat_of(session, "worker@a:1", processes.WORKER, ["crawl"])
    session.commit()
    session.expire_all()
    [process] = processes.alive(session)
    assert (process.kind, process.queues, process.host) == ("worker", ["crawl"], processes.host_name())
    assert (now() - process.started_at).total_seconds() > 99, "the start is the first word"


def test_the_silent_are_no_longer_alive_and_after_an_hour_forgotten(session: Session) -> None:
    for name, seconds in (("a", 1), ("b", 50), ("c", 3601)):
        processes.beat_of(session, name, processes.BEAT)
        silence(session, name, seconds)
    processes.forget(session)
    session.commit()
    assert [process.name for process in processes.alive(session)] == ["a"]
    assert [process.name for process in processes.recent(session)] == ["a", "b"]


def test_a_process_that_ends_in_order_is_gone_at_once(session: Session) -> None:
    processes.beat_of(session, "a", processes.WORKER)
    processes.remove(session, "a")
    processes.remove(session, "a")
    assert processes.recent(session) == []


def test_a_queue_is_served_by_whoever_takes_from_it(session: Session) -> None:
    processes.beat_of(session, "a", processes.WORKER, ["crawl", "upkeep"])
    processes.beat_of(session, "b", processes.WORKER, ["scan"])
    assert processes.unserved(processes.alive(session)) == ["reports"]
    assert processes.unserved([]) == list(processes.QUEUES)


def test_no_two_processes_share_a_name() -> None:
    assert len({processes.new_name("worker") for _ in range(20)}) == 20
    assert len(processes.new_name("worker")) <= 120
