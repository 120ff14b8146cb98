import re
import subprocess
import sys
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.factories import PASSWORD, make_finding, make_user
from tests.webapp.views.conftest import admin, app, client, post, reviewer, sign_in  # noqa: F401  (fixtures)
from webapp import create_app
from webapp.settings import Settings

TEMPLATES = Path(__file__).parents[2] / "templates"


def test_every_answer_carries_the_headers(client: FlaskClient) -> None:  # noqa: F811
    for address in ("/sign-in", "/", "/nothing-here", "/health/live", "/static/tuskline.css", "/photos/x/view"):
        answer = client.get(address)
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self'")
        assert "unsafe" not in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
        answer.close()


def test_pages_are_not_kept_in_caches(client: FlaskClient) -> None:  # noqa: F811
    assert client.get("/sign-in").headers["Cache-Control"] == "no-store"


def test_no_template_holds_a_style_or_a_script_of_its_own() -> None:
    for path in TEMPLATES.rglob("*.html"):
        text = path.read_text().lower()
        assert "style=" not in text, path
        assert "<style" not in text, path
        assert "onclick" not in text, path
        assert text.count("<script") == len(re.findall(r"<script (type=\"module\" )?src=", text)), path
        assert "|safe" not in text, path


def test_every_template_parses(app: Flask) -> None:  # noqa: F811
    names = app.jinja_env.list_templates()
    assert len(names) > 30
    for name in names:
        app.jinja_env.get_template(name)


def test_css_and_script_come_from_here(reviewer: FlaskClient) -> None:  # noqa: F811
    page = reviewer.get("/").text
    assert "/bootstrap/static/" in page
    assert "//cdn" not in page
    answer = reviewer.get("/bootstrap/static/css/bootstrap.min.css")
    assert answer.status_code == 200
    answer.close()


def test_it_is_alive_without_a_database(tmp_path: Path) -> None:
    empty = create_app(Settings(home=tmp_path, database_url=None, broker_url=None))
    with empty.test_client() as visitor:
        assert visitor.get("/health/live").json == {"status": "live"}
        answer = visitor.get("/health/ready")
        assert (answer.status_code, answer.json["status"]) == (503, "not ready")
    empty.extensions["tuskline"].engine.dispose()


def test_it_is_ready_with_one(client: FlaskClient) -> None:  # noqa: F811
    assert client.get("/health/ready").json == {"status": "ready"}


def test_a_page_that_is_not_there_says_what_to_do(client: FlaskClient) -> None:  # noqa: F811
    answer = client.get("/nothing-here")
    assert answer.status_code == 404
    assert "Check the address" in answer.text


def test_a_crash_is_a_page_without_the_cause(app: Flask, caplog: pytest.LogCaptureFixture) -> None:  # noqa: F811
    def crash() -> str:
        raise RuntimeError("the cause with a secret")

    app.add_url_rule("/crash", "crash", crash)
    answer = app.test_client().get("/crash")
    assert answer.status_code == 500
    assert "Something broke on the server" in answer.text
    assert "secret" not in answer.text
    assert "the cause with a secret" in caplog.text


def test_what_a_failed_request_wrote_is_rolled_back(app: Flask, session: Session) -> None:  # noqa: F811
    from webapp.extensions import db_session

    def fail() -> str:
        make_user(db_session(), "half")
        raise RuntimeError

    app.add_url_rule("/fail", "fail", fail)
    assert app.test_client().get("/fail").status_code == 500
    assert session.query(type(make_user(session, "other"))).filter_by(name="half").count() == 0


def test_an_answer_of_another_host_stays_out_of_the_session_cookie(app: Flask) -> None:  # noqa: F811
    answer = app.test_client().get("/sign-in")
    assert "Domain=" not in answer.headers["Set-Cookie"]


def test_flask_is_not_paid_for_by_importing_the_package() -> None:
    code = "import webapp, sys; assert not {'flask', 'celery', 'paddle'} & set(sys.modules), sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


USE_PAGES = """
import io
import re
import sys
from pathlib import Path
from webapp import create_app
from webapp.settings import Settings
from tests.webapp.views.conftest import post
app = create_app(Settings(home=Path(sys.argv[1]), database_url=sys.argv[3] or None, broker_url=None))
client = app.test_client()
assert post(client, "/sign-in", name="mirela", password=sys.argv[2]).status_code == 302
for address in ("/", "/queue", "/findings/1", "/scans", "/rules", "/rules/elephant_seen", "/reports",
                "/models", "/models/pplcnetv2_base_imagenet"):
    assert client.get(address).status_code == 200, address
assert post(client, "/findings/1", verdict="confirm").status_code == 302
assert post(client, "/sources/1/scans").status_code == 302
assert post(client, "/models/pplcnetv2_base_imagenet/verify").status_code == 403
assert post(client, "/models/try", picture=(io.BytesIO(b"a picture"), "picture.jpg")).status_code == 302
heavy = [name for name in sys.modules if name.split(".")[0] in ("paddle", "torch", "cv2")]
assert not heavy, heavy
"""


def test_the_web_process_never_imports_paddle(settings: Settings, session: Session) -> None:
    make_user(session, "mirela")
    make_finding(session)
    session.commit()
    run = [sys.executable, "-c", USE_PAGES, str(settings.home), PASSWORD, settings.database_url or ""]
    root = Path(__file__).parents[2]
    done = subprocess.run(run, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
