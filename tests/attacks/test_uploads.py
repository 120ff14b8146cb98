"""Hostile files through the forms of the pages: kept aside under names of ours, and never opened by the web process."""

import io
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.attacks.corpus import FILES, PICTURES, Attack, Room
from tests.attacks.memory import no_growth
from tests.webapp.conftest import *  # noqa: F403  # fixtures
from tests.webapp.views.conftest import admin, app, backend, client, post, reviewer, sign_in  # noqa: F401  # fixtures
from webapp.extensions import limiter
from webapp.models import Job, Source
from webapp.services import trials
from webapp.settings import Settings
from webapp.views import trials as trial_pages

NAMES = (
    "../../etc/passwd",
    "..\\..\\a.php",
    "a\0.jpg",
    ".htaccess",
    "a" * 5000,
    "CON",
    "<script>.png",
    "\u202egpj.exe",
    "",
)
PICTURES_QUICK = [attack for attack in PICTURES if not attack.is_slow][::60]
PICTURES_ALL = [attack for attack in PICTURES if not attack.is_slow]
TABLES = [attack for attack in FILES if attack.room in (Room.TABLES, Room.ARCHIVES)]


@pytest.fixture(autouse=True)
def _as_often_as_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limiter, "enabled", False)
    monkeypatch.setattr(trial_pages.run_job, "delay", lambda _id: None)


def send(client: FlaskClient, address: str, field: str, body: bytes, file_name: str, **more: str) -> Any:  # noqa: F811
    answer = post(client, address, **{field: (io.BytesIO(body), file_name)}, **more)  # type: ignore[arg-type]
    answer.request.environ["wsgi.input"].close()  # the test client's own file, where the body is a large one
    return answer


def try_each(client: FlaskClient, session: Session, settings: Settings, attacks: list[Attack]) -> None:  # noqa: F811
    """Each is kept as it came, for a worker."""
    with no_growth():
        for number, attack in enumerate(attacks):
            body = attack.make()
            answer = send(client, "/models/try", "picture", body, NAMES[number % (len(NAMES) - 1)])
            if not body:
                assert answer.status_code == 422
                continue
            assert answer.status_code == 302, attack.name
            job = session.get_one(Job, int(answer.location.rpartition("/")[2]))
            path = trials.place_of(settings, job.options["upload"])
            assert path.read_bytes() == body
            session.delete(job)
            session.commit()
            path.unlink()
    assert files_in(settings.home / "tries") == []


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_some_pictures_are_kept_aside(reviewer: FlaskClient, session: Session, settings: Settings) -> None:  # noqa: F811
    try_each(reviewer, session, settings, PICTURES_QUICK)


@pytest.mark.full
def test_all_pictures_are_kept_aside(reviewer: FlaskClient, session: Session, settings: Settings) -> None:  # noqa: F811
    try_each(reviewer, session, settings, PICTURES_ALL)


@pytest.mark.full
def test_tables_and_archives_are_kept_in_the_inbox_under_plain_names(
    admin: FlaskClient,  # noqa: F811
    session: Session,
    settings: Settings,
) -> None:
    with no_growth():
        for number, attack in enumerate(TABLES):
            kind = {"csv": "csv", "jsonl": "jsonl"}.get(attack.name.rpartition(".")[2], "warc")
            name = f"../\u202e{attack.name}" if number % 2 else attack.name
            fields = {"name": f"S{number}", "path": "", "minimum_listings": "1", "market_kind": kind}
            answer = send(admin, f"/sources/new/{kind}", "upload_path", attack.make(), name, **fields)
            assert answer.status_code in (302, 422), attack.name
    kept = files_in(settings.inbox_dir)
    assert kept and all(path.parent == settings.inbox_dir and path.name.isprintable() for path in kept)
    assert session.query(Source).count() > 0
