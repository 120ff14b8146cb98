"""A line a record, in UTC, that nobody can forge another line with and that lets nobody in."""

import json
import logging
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
from flask.testing import FlaskClient
from pydantic import SecretStr, ValidationError
from waitress.server import create_server

from tests.webapp.views.conftest import app, backend, client, post, reviewer, sign_in  # noqa: F401  (fixtures)
from webapp import logs
from webapp.cli.processes import trust_of
from webapp.settings import Settings

PROXY_WORD, DATABASE_WORD = "swordfish-1", "p@ss word"


@pytest.fixture
def house(tmp_path: Path) -> Settings:
    return Settings(
        home=tmp_path,
        database_url="postgresql+psycopg://tusk:p%40ss%20word@db.internal/tuskline",
        broker_url="redis://:broker-word@redis.internal:6379/0",
        metrics_token=SecretStr("metrics-word"),
        smtp_password=SecretStr("smtp-word"),
        oidc_client_secret=SecretStr("oidc-word"),
    )


def record(text: str, *values: object, level: int = logging.WARNING) -> logging.LogRecord:
    made = logging.LogRecord("webapp.views", level, __file__, 1, text, values, None)
    made.created = 1_767_323_045.678
    return made


def with_trace(text: str) -> logging.LogRecord:
    made = record("it failed")
    try:
        raise RuntimeError(text)
    except RuntimeError:
        made.exc_info = sys.exc_info()
    return made


def test_a_line_says_when_how_grave_who_and_what(house: Settings) -> None:
    line = logs.make_formatter(house).format(record("%s is late", "beat"))
    assert line == "2026-01-02T03:04:05.678Z WARNING webapp.views beat is late"


def test_nobody_forges_a_line_or_turns_one_round(house: Settings) -> None:
    line = logs.make_formatter(house).format(record("name=%s", "x\n2027-01-01T00:00:00Z INFO a\r\x1b[2J\u2028b\u202ec"))
    assert line.splitlines() == [line]
    assert r"x\n2027-01-01" in line and r"\x1b[2J\u2028b\u202ec" in line


def test_a_trace_is_set_off_line_by_line(house: Settings) -> None:
    lines = logs.make_formatter(house).format(with_trace("two\nlines")).split("\n")
    assert len(lines) > 4 and all(line.startswith("  | ") for line in lines[1:])


def test_for_programs_a_line_is_an_object(house: Settings) -> None:
    formatter = logs.make_formatter(house.model_copy(update={"log_format": "json"}))
    line = formatter.format(with_trace("a\nb metrics-word"))
    said = json.loads(line)
    assert "\n" not in line and "metrics-word" not in line
    assert (said["at"], said["level"], said["logger"]) == ("2026-01-02T03:04:05.678Z", "WARNING", "webapp.views")
    assert said["message"] == "it failed" and "RuntimeError: a" in said["trace"]


SECRETS = [
    "no connection to postgresql+psycopg://tusk:p%40ss%20word@db.internal/tuskline",
    "password is p@ss word",
    "redis://:broker-word@redis.internal:6379/0 does not answer",
    "asked with Authorization: Bearer metrics-word",
    "the server said smtp-word",
    "oidc-word is no secret of this client",
    "tusk_abcdefghijklmnopqrstuvwxyz0123456789 was shown",
    "whsec_c2VjcmV0IG9mIGEgd2ViaG9vaw== signs",
    "GET /sign-in/link/gAAAAABm_one-time",
    "GET /sign-in/openid/return?code=one-time&state=one-time",
    "https://ann:one-time@elsewhere.example/hook",
]


@pytest.mark.parametrize("text", SECRETS)
@pytest.mark.parametrize("form", ["text", "json"])
def test_what_lets_in_is_in_no_line(house: Settings, text: str, form: str) -> None:
    formatter = logs.make_formatter(house.model_copy(update={"log_format": form}))
    line = formatter.format(record(text)) + formatter.format(with_trace(text))
    assert not re.search("word(?! is)|p%40ss|one-time|c2VjcmV0|abcdefghij", line), line
    assert logs.HIDDEN in line


def test_the_secret_key_is_hidden_where_there_is_one(house: Settings) -> None:
    assert house.secret_key not in logs.make_formatter(house).format(record(f"key {house.secret_key}"))


def test_settings_show_no_secret(house: Settings) -> None:
    assert not re.search("-word|p%40ss", repr(house) + str(house))


def test_a_process_logs_to_standard_error_alone(house: Settings) -> None:
    root, before = logging.getLogger(), logging.getLogger().handlers[:]
    level = root.level
    try:
        logs.set_up(house)
        [handler] = root.handlers
        assert isinstance(handler, logging.StreamHandler) and handler.stream is sys.stderr
        assert isinstance(handler.formatter, logs.Lines)
    finally:
        root.handlers[:] = before
        root.setLevel(level)
        logging.captureWarnings(False)


def refusals(caplog: pytest.LogCaptureFixture) -> list[dict[str, object]]:
    return [one.__dict__[logs.FACTS] for one in caplog.records if one.name == logs.SECURITY]


def test_whoever_is_refused_is_in_the_log(
    reviewer: FlaskClient,  # noqa: F811
    client: FlaskClient,  # noqa: F811
    caplog: pytest.LogCaptureFixture,
) -> None:
    reviewer.get("/users")
    client.get("/api/v1/findings", headers={"Authorization": "Bearer tusk_made_up_made_up_made_up"})
    post(client, "/sign-in", name="nobody", password="my password by mistake")
    client.post("/sign-in", data={"name": "nobody", "password": "x"})
    told = refusals(caplog)
    assert [(one["event"], one.get("status"), one["path"], one["user"]) for one in told] == [
        ("refused", 403, "/users", "reviewer"),
        ("refused", 401, "/api/v1/findings", "-"),
        ("refused", 401, "/sign-in", "-"),
        ("form_without_its_token", None, "/sign-in", "-"),
    ]
    assert {one["address"] for one in told} == {"127.0.0.1"}
    assert "by mistake" not in caplog.text and "made_up" not in caplog.text


FORWARDED = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.example"}


@contextmanager
def echo(proxy: str | None) -> Iterator[str]:
    """The address of a server that says who calls, how, and at which host."""

    def answer(environ: dict[str, str], start: Callable[[str, list[tuple[str, str]]], object]) -> list[bytes]:
        start("200 OK", [])
        return [" ".join(environ[name] for name in ("REMOTE_ADDR", "wsgi.url_scheme", "HTTP_HOST")).encode()]

    server = create_server(answer, host="127.0.0.1", port=0, threads=1, **trust_of(proxy))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield f"127.0.0.1:{server.effective_port}"
    finally:
        server.task_dispatcher.shutdown()
        server.trigger.pull_trigger(lambda: server.asyncore.close_all(server._map))
        thread.join(10)


@pytest.mark.parametrize(
    ("proxy", "said"), [(None, "127.0.0.1 http"), ("10.0.0.2", "127.0.0.1 http"), ("127.0.0.1", "203.0.113.9 https")]
)
def test_nobody_but_the_proxy_says_who_calls_and_nobody_at_which_host(proxy: str | None, said: str) -> None:
    with echo(proxy) as place:
        assert httpx2.get(f"http://{place}/", headers=FORWARDED).text == f"{said} {place}"


@pytest.mark.parametrize("said", ["*", "10.0.0", "proxy.example"])
def test_the_proxy_is_one_address(said: str) -> None:
    with pytest.raises(ValidationError, match="trusted_proxy"):
        Settings(trusted_proxy=said)  # type: ignore[arg-type]


def test_a_process_that_machine_code_kills_says_where_each_thread_was(tmp_path: Path) -> None:
    script = """
import ctypes, resource, threading, time
from webapp import logs
from webapp.settings import Settings

def wait_for_ever():
    time.sleep(60)

resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
logs.set_up(Settings())
threading.Thread(target=wait_for_ever, daemon=True).start()
ctypes.string_at(0)
"""
    told = subprocess.run(
        [sys.executable, "-c", script],
        env={"PATH": "", "TUSKLINE_HOME": str(tmp_path)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert told.returncode < 0
    assert "Segmentation fault" in told.stderr
    assert "in wait_for_ever" in told.stderr and "in string_at" in told.stderr
