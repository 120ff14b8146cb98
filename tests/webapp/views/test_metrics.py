import pytest
from flask import Flask
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr
from sqlalchemy.orm import Session

from tests.factories import make_finding, make_scan
from webapp import create_app
from webapp.models import ScanState
from webapp.services import processes
from webapp.settings import Settings

TOKEN = "a word of the operator's"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    settings.metrics_token = SecretStr(TOKEN)
    return settings


def scrape(client: FlaskClient, authorization: str = f"Bearer {TOKEN}") -> dict[tuple[str, str], float]:
    """(name, the one label's value) -> value."""
    answer = client.get("/metrics", headers={"Authorization": authorization})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain")
    families = text_string_to_metric_families(answer.text)
    return {(one.name, "".join(one.labels.values())): one.value for family in families for one in family.samples}


def test_what_there_is_and_what_waits_can_be_read(client: FlaskClient, session: Session) -> None:
    make_finding(session, scan=make_scan(session, photos_scored=5, photos_failed=1, fetched_pages=7, fetched_bytes=900))
    make_scan(session, state=ScanState.FAILED, crawl_error="no robots.txt")
    processes.beat_of(session, "a", processes.WORKER, ["crawl"])
    processes.beat_of(session, "b", processes.BEAT)
    session.commit()
    found = scrape(client)
    assert found["tuskline_pictures", "scored"] == 5 and found["tuskline_pictures", "pending"] == 0
    assert found["tuskline_scans", "failed"] == 1 and found["tuskline_scans", "queued"] == 0
    assert found["tuskline_findings", "open"] == 1 and found["tuskline_findings", "confirmed"] == 0
    assert found["tuskline_crawl_pages_total", ""] == 7 and found["tuskline_crawl_bytes_total", ""] == 900
    assert found["tuskline_crawl_errors_total", ""] == 1 and found["tuskline_listing_removals_total", ""] == 0
    assert found["tuskline_processes", "worker"] == found["tuskline_processes", "beat"] == 1
    assert found["tuskline_queue_workers", "crawl"] == 1 and found["tuskline_queue_workers", "scan"] == 0
    assert found["tuskline_beat_silence_seconds", ""] < 60
    assert ("tuskline_build_info", "0.1.0") in found


def test_each_scrape_counts_anew(client: FlaskClient, session: Session) -> None:
    assert ("tuskline_beat_silence_seconds", "") not in scrape(client), "no beat was ever heard"
    make_scan(session)
    session.commit()
    assert scrape(client)["tuskline_scans", "done"] == 1


@pytest.mark.parametrize("shown", ["", "Bearer", "Bearer ", f"Bearer {TOKEN}x", f"Basic {TOKEN}", TOKEN, "Bearer é"])
def test_without_the_word_nothing_is_told(client: FlaskClient, shown: str) -> None:
    answer = client.get("/metrics", headers={"Authorization": shown})
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert "tuskline_" not in answer.text


def test_nor_to_an_admin_s_browser(admin: FlaskClient) -> None:
    assert admin.get("/metrics").status_code == 401


@pytest.mark.parametrize("token", [None, SecretStr("")])
@pytest.mark.parametrize("shown", ["", "Bearer ", "Bearer None"])
def test_without_the_setting_there_is_no_such_page(settings: Settings, token: SecretStr | None, shown: str) -> None:
    settings.metrics_token = token
    app: Flask = create_app(settings)
    assert app.test_client().get("/metrics", headers={"Authorization": shown}).status_code == 404
    app.extensions["tuskline"].engine.dispose()
