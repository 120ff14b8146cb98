from pathlib import Path

from flask import Flask
from flask.testing import FlaskClient

from tests.servers import free_port
from webapp import create_app
from webapp.settings import Settings


def reasons(app: Flask) -> list[str]:
    answer = app.test_client().get("/health/ready")
    app.extensions["tuskline"].engine.dispose()
    assert answer.status_code == 503
    return list(answer.json["reasons"])


def test_it_is_ready_where_all_that_it_needs_answers(client: FlaskClient) -> None:
    answer = client.get("/health/ready")
    assert (answer.status_code, answer.json) == (200, {"status": "ready"})


def test_every_reason_is_told_at_once_and_none_tells_an_address(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    settings.store_url = str(tmp_path / "file")
    settings.broker_url = f"redis://:secret@127.0.0.1:{free_port()}/0"
    settings.database_url = f"sqlite:///{tmp_path}/no/such/folder/x.db"
    assert reasons(create_app(settings)) == [
        "the database does not answer",
        "the broker does not answer",
        "the store can't be written",
    ]


def test_a_database_of_another_version_is_not_ready(settings: Settings, tmp_path: Path) -> None:
    settings.database_url = f"sqlite:///{tmp_path}/empty.db"
    assert reasons(create_app(settings)) == ["the database has not the tables of this version"]


def test_a_store_that_nothing_here_speaks_to_is_told(settings: Settings) -> None:
    settings.store_url = "carrier-pigeon://loft"
    assert reasons(create_app(settings)) == ["the store can't be written"]


def test_an_answer_stands_for_a_moment_and_is_then_asked_for_again(
    app: Flask, client: FlaskClient, settings: Settings, tmp_path: Path
) -> None:
    assert client.get("/health/ready").status_code == 200
    (tmp_path / "file").write_bytes(b"")
    settings.store_url = str(tmp_path / "file")
    app.extensions["tuskline"].readiness.until = float("inf")
    assert client.get("/health/ready").status_code == 200
    app.extensions["tuskline"].readiness.until = 0.0
    assert client.get("/health/ready").json["reasons"] == ["the store can't be written"]
