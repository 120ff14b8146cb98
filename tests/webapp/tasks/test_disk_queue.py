import logging
import multiprocessing
import threading
from collections.abc import Iterator
from pathlib import Path
from queue import Empty

import pytest
from kombu import Connection
from kombu.simple import SimpleQueue

from webapp.tasks.disk_queue import address_of, register

PADDING = "x" * 20_000


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    register()
    with connect(tmp_path / "a folder, 100%") as connection:
        yield connection


def connect(folder: Path) -> Connection:
    return Connection(address_of(folder))


def test_messages_come_out_in_the_order_in_which_they_went_in(connection: Connection) -> None:
    with connection.SimpleQueue("jobs") as queue:
        for number in range(12):
            queue.put({"number": number})
        assert [take(queue) for _ in range(12)] == list(range(12))
        with pytest.raises(Empty):
            queue.get(block=False)


def test_queues_do_not_see_each_others_messages(connection: Connection) -> None:
    with connection.SimpleQueue("jobs") as jobs, connection.SimpleQueue("other.jobs") as other:
        jobs.put({"number": 1})
        other.put({"number": 2})
        assert (take(other), take(jobs)) == (2, 1)


def test_a_message_that_cannot_be_read_is_moved_aside_and_the_next_one_comes(
    connection: Connection, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "a folder, 100%"
    (folder / "messages").mkdir(parents=True)
    for number, body in enumerate((b"", b"{half of", b"\xff\xfe")):
        (folder / "messages" / f"0000000000000000000{number}_x.jobs.msg").write_bytes(body)
    with connection.SimpleQueue("jobs") as queue, caplog.at_level(logging.WARNING):
        queue.put({"number": 7})
        assert take(queue) == 7
    assert len(list((folder / "unreadable").iterdir())) == 3
    assert "could not be read" in caplog.text


def test_nothing_is_lost_and_nothing_comes_twice_between_two_producers_and_two_consumers(tmp_path: Path) -> None:
    """Consumers are threads here and producers are processes: the files meet across both."""
    spawn = multiprocessing.get_context("spawn")
    producers = [spawn.Process(target=produce, args=(tmp_path, start)) for start in (0, 500)]
    received: list[int] = []
    consumers = [threading.Thread(target=consume, args=(tmp_path, received)) for _ in range(2)]
    for one in (*producers, *consumers):
        one.start()
    for one in (*producers, *consumers):
        one.join()
    assert sorted(received) == list(range(1000))
    assert [process.exitcode for process in producers] == [0, 0]
    assert list((tmp_path / "messages").iterdir()) == []
    assert not (tmp_path / "unreadable").exists()


def produce(folder: Path, start: int) -> None:
    register()
    with connect(folder) as connection, connection.SimpleQueue("jobs") as queue:
        for number in range(start, start + 500):
            queue.put({"number": number, "padding": PADDING})


def consume(folder: Path, received: list[int]) -> None:
    with connect(folder) as connection, connection.SimpleQueue("jobs") as queue:
        while len(received) < 1000:
            try:
                received.append(take(queue, timeout_s=20 if not received else 1))
            except Empty:
                return


def take(queue: SimpleQueue, timeout_s: float = 5) -> int:
    message = queue.get(timeout=timeout_s)
    message.ack()
    return int(message.payload["number"])
