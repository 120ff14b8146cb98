"""What a database refuses to hold is told as such; on both, since each refuses something else."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.factories import make_finding
from tests.webapp.conftest import BACKENDS
from tests.webapp.views.conftest import SignIn, post
from webapp.extensions import db_session
from webapp.models import Decision, Role, Source

BEYOND = 10**20


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_a_nul_and_a_number_beyond_all_bounds_are_no_crash(
    client: FlaskClient, sign_in: SignIn, session: Session, caplog: pytest.LogCaptureFixture
) -> None:
    finding = make_finding(session)
    session.commit()
    lead = sign_in(Role.LEAD)
    answers = [
        post(client, "/sign-in", name="a\0b", password="a long word that is none"),
        post(lead, f"/findings/{finding.id}", verdict="confirm", note="a\0b"),
        post(lead, "/decisions/undo", batch="a\0b"),
        lead.get("/audit?actor=%00"),
        lead.get("/queue?rule=%00&seller=%00&q=%00"),
        *(lead.get(f"/{place}{BEYOND}") for place in ("findings/", "audit?before=", "blind/next?skip=")),
    ]
    assert max(answer.status_code for answer in answers) < 500, [answer.status_code for answer in answers]
    assert "failed" not in caplog.text
    assert session.query(Decision).count() <= 1


def test_a_row_that_can_not_be_written_leaves_a_page_that_can_be_read(
    app: Flask, sign_in: SignIn, session: Session
) -> None:
    """The page asks who reads it, which a session that failed does not answer."""
    session.add(Source(name="twice", kind="shop"))
    session.commit()

    def clash() -> str:
        db_session().add(Source(name="twice", kind="shop"))
        db_session().flush()
        return ""

    app.add_url_rule("/clash", "clash", clash)
    answer = sign_in(Role.LEAD).get("/clash")
    assert answer.status_code == 500
    assert "Something broke on the server" in answer.text and "lead" in answer.text
