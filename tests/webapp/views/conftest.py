"""A signed-in client for each role, over a database of its own.

Pages run on one database, for speed: what they ask for is the services' work, whose tests run on both. To run them on
PostgreSQL: TUSKLINE_TEST_BACKENDS=postgresql.
"""

import re
from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.factories import PASSWORD, make_user
from tests.webapp.conftest import BACKENDS
from webapp import create_app
from webapp.models import AuditEntry, Role
from webapp.settings import Settings

TOKEN = re.compile(r'name="csrf_token" type="hidden" value="([^"]+)"|name="csrf_token" value="([^"]+)"')

# A page that costs little; whoever is signed out is led to the sign-in instead.
LIGHT = "/hosts"

SignIn = Callable[[Role], FlaskClient]


@pytest.fixture(params=BACKENDS[:1])
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def app(settings: Settings) -> Iterator[Flask]:
    app = create_app(settings)
    yield app
    app.extensions["tuskline"].engine.dispose()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """Nobody is signed in."""
    return app.test_client()


@pytest.fixture
def sign_in(app: Flask, session: Session) -> SignIn:
    """A client of a user of the role; the user's name is the role's."""

    def sign_in_as(role: Role) -> FlaskClient:
        make_user(session, role.value, role)
        session.commit()
        client = app.test_client()
        answer = post(client, "/sign-in", name=role.value, password=PASSWORD)
        assert answer.status_code == 302
        return client

    return sign_in_as


@pytest.fixture
def reviewer(sign_in: SignIn) -> FlaskClient:
    return sign_in(Role.REVIEWER)


@pytest.fixture
def admin(sign_in: SignIn) -> FlaskClient:
    return sign_in(Role.ADMIN)


def token_of(client: FlaskClient, address: str = "/sign-in") -> str:
    page = client.get(address, follow_redirects=True).text
    match = TOKEN.search(page)
    assert match, f"no form at {address}"
    return match[1] or match[2]


def post(client: FlaskClient, address: str, **fields: str):  # type: ignore[no-untyped-def]
    """Send a form as a browser does: with the token of a page that was opened before."""
    return client.post(address, data={"csrf_token": token_of(client, LIGHT), **fields})


def deeds(session: Session) -> list[AuditEntry]:
    """What the audit log holds besides signing in, the oldest first."""
    return [entry for entry in session.query(AuditEntry).order_by(AuditEntry.id) if entry.action != "sign_in.done"]


def the_deed(session: Session) -> AuditEntry:
    """The only one."""
    [entry] = deeds(session)
    return entry
