"""A program with a token, in front of the API."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from tests.factories import make_user
from tests.webapp.views.conftest import app, backend  # noqa: F401  # fixtures
from webapp.models import Role
from webapp.services import tokens, users
from webapp.services.tokens import Scope


@dataclass
class Program:
    """It shows its token at every request; paths are those behind /api/v1."""

    client: FlaskClient
    token: str

    def ask(self, method: str, path: str, **sent: Any) -> TestResponse:
        """The answer is read to its end, as what is noted after it is noted then."""
        shown = {"Authorization": f"Bearer {self.token}"}
        return self.client.open(f"/api/v1{path}", method=method, headers=shown, buffered=True, **sent)

    def get(self, path: str) -> Any:
        answer = self.ask("GET", path)
        assert answer.status_code == 200, answer.text
        return answer.json

    def post(self, path: str, **body: Any) -> TestResponse:
        return self.ask("POST", path, **({"json": body} if body else {}))


Write = Callable[..., Program]


@pytest.fixture
def program(app: Flask, session: Session) -> Write:  # noqa: F811
    """A program of a user of the role, whose token has all scopes that the role may have, or those given."""

    def make(role: Role = Role.ADMIN, scopes: list[Scope] | None = None) -> Program:
        user = users.find_user(session, role.value) or make_user(session, role.value, role)
        chosen = scopes if scopes is not None else tokens.offered_to(role)
        _, text = tokens.create(session, user, user, "a test", chosen, 1)
        session.commit()
        return Program(app.test_client(), text)

    return make
