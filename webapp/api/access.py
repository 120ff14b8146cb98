"""Who asks: a token in the Authorization header, and never a cookie, so that no page can ask in a person's name."""

from typing import Any, cast

from flask import g, request

from webapp import evidence
from webapp.api.problems import Problem
from webapp.extensions import db_session
from webapp.models import ApiToken, Role, User
from webapp.services import tokens
from webapp.services.tokens import Scope

CHALLENGE = {"WWW-Authenticate": 'Bearer realm="Tuskline"'}


def check(scope: Scope, role: Role) -> None:
    """Raises Problem where the token is none, lacks the scope, or its user lacks the role."""
    token = tokens.authenticate(db_session(), bearer())
    if token is None:
        raise Problem(401, "Send a token that is in force, as `Authorization: Bearer tusk_...`.", CHALLENGE)
    db_session().commit()  # when it was last used
    if not tokens.allows(token, scope):
        raise Problem(403, f"This token may not {scope.value}; make one that has this scope, of a user who may.")
    if not token.user.role.covers(role):
        raise Problem(403, f"This asks for the role {role.value}; the token's user is {token.user.role.value}.")
    g.token = token


def bearer() -> str:
    scheme, _, word = request.headers.get("Authorization", "").partition(" ")
    return word.strip() if scheme.lower() == "bearer" else ""


def caller() -> User:
    """Behind `check` alone."""
    return shown_token().user


def shown_token() -> ApiToken:
    """Behind `check` alone."""
    return cast(ApiToken, g.token)


def note_view(subject: str, **facts: Any) -> None:
    """Evidence goes to a program as to a person: once an hour the log says so."""
    evidence.note_view(caller().name, subject, token=shown_token().head, **facts)


def caller_key() -> str:
    """Whose requests are counted together: those of one token, else of one address."""
    return tokens.hash_of(bearer()) if bearer() else request.remote_addr or "nobody"
