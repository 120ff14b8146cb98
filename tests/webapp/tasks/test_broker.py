import socket
import time
from pathlib import Path
from queue import Empty

import pytest
from kombu import Connection

from tests.servers import RedisServer, free_port
from webapp.settings import Settings
from webapp.tasks.broker import BrokerError, ask_broker


def test_a_broker_that_answers_tells_its_address(broker_url: str, tmp_path: Path) -> None:
    address = ask_broker(Settings(home=tmp_path, broker_url=broker_url))
    assert address.partition("://")[0] == broker_url.partition("://")[0]


def test_a_thousand_messages_sent_are_a_thousand_taken(broker_url: str) -> None:
    with Connection(broker_url) as connection, connection.SimpleQueue("jobs") as queue:
        for number in range(1000):
            queue.put({"number": number})
        taken = []
        for _ in range(1000):
            message = queue.get(timeout=20)
            message.ack()
            taken.append(message.payload["number"])
        with pytest.raises(Empty):
            queue.get(block=False)
    assert taken == list(range(1000))


def test_one_that_is_down_is_said_without_its_password(tmp_path: Path) -> None:
    url = f"redis://:hunter2@127.0.0.1:{free_port()}/0"
    with pytest.raises(BrokerError, match="does not answer") as failure:
        ask_broker(Settings(home=tmp_path, broker_url=url))
    assert "hunter2" not in str(failure.value)


def test_one_that_takes_the_call_and_says_nothing_is_left_after_its_time(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()
        with pytest.raises(BrokerError, match="does not answer"):
            ask_broker(Settings(home=tmp_path, broker_url=f"redis://127.0.0.1:{silent.getsockname()[1]}/0"), 0.2)
        assert time.monotonic() - began < 20, "without limits it would wait for ever"


def test_one_that_comes_back_answers_again(redis_server: RedisServer, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, broker_url=redis_server.url)
    redis_server.kill()
    with pytest.raises(BrokerError):
        ask_broker(settings)
    redis_server.start()
    ask_broker(settings)
