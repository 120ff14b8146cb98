"""Browsers in which people signed in before: strangers who guess at a name do not slow these down."""

from hashlib import sha256

from flask import after_this_request, request
from itsdangerous import BadSignature, URLSafeTimedSerializer
from werkzeug.wrappers import Response

from webapp.extensions import app_settings
from webapp.models import User
from webapp.security import cookie_name, is_https

COOKIE = "tuskline-known"
AGE_S = 180 * 86400
MOST = 5  # people who share a browser


def known_names() -> list[str]:
    """Whoever signed in here, the last first. A forged or dated cookie says nothing."""
    try:
        names = signer().loads(request.cookies.get(cookie_name(COOKIE), ""), max_age=AGE_S)
    except BadSignature:
        return []
    return [str(name) for name in names]


def is_known(name: str) -> bool:
    return name.casefold() in {known.casefold() for known in known_names()}


def remember(user: User) -> None:
    """In the answer to this request."""
    names = [user.name, *(name for name in known_names() if name != user.name)][:MOST]

    @after_this_request
    def add_cookie(response: Response) -> Response:
        signed = str(signer().dumps(names))
        response.set_cookie(
            cookie_name(COOKIE), signed, max_age=AGE_S, path="/", secure=is_https(), httponly=True, samesite="Lax"
        )
        return response


def signer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(
        app_settings().secret_key, salt="known browser", signer_kwargs={"digest_method": sha256}
    )
