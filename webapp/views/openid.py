"""Signing in by the team's identity provider: OpenID Connect, authorization code with PKCE, state and nonce."""

import logging
import time
from typing import Any
from urllib.parse import urlsplit

from authlib.integrations.base_client import OAuthError
from authlib.integrations.flask_client import OAuth
from authlib.oidc.core import CodeIDToken
from flask import Blueprint, abort, current_app, render_template, request, session, url_for
from joserfc.errors import JoseError
from requests import RequestException
from werkzeug.wrappers import Response

from webapp.extensions import app_settings, db_session, limiter
from webapp.language import say
from webapp.services import oidc
from webapp.services.errors import Refused
from webapp.settings import LOOPBACK, Settings
from webapp.views.access import BY_PROVIDER, local_path
from webapp.views.sessions import go_on

pages = Blueprint("openid", __name__)

NAME = "openid"
NEXT = "openid_next"
# Signatures by a key that the provider alone has: never none, nor a secret that both sides know.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
KEEP_S = 3600  # what the provider says of itself, its keys among it, is read anew after an hour
PATIENCE_S = 10
FAULTS = (OAuthError, JoseError, RequestException, ValueError, KeyError, RuntimeError)

log = logging.getLogger(__name__)


class ProviderError(RuntimeError):
    """The provider answers as it must not."""


@pages.get("/sign-in/openid")
@limiter.limit("30 per minute")
def begin() -> Response | tuple[str, int]:
    try:
        answer = open_client().authorize_redirect(return_address())
    except FAULTS as fault:
        log.error("The identity provider can't be used: %s", fault)
        return refusal(say("The identity provider does not answer as it should. Try again in a minute."), 502)
    session[NEXT] = local_path(request.args.get("next"))
    return answer  # type: ignore[no-any-return]


@pages.get("/sign-in/openid/return")
@limiter.limit("30 per minute")
def finish() -> Response | tuple[str, int]:
    try:
        claims = read_claims()
    except FAULTS as fault:
        log.warning("A sign-in by the identity provider was refused: %s", fault)
        return refusal(say("The identity provider's answer does not count. Begin the sign-in again."), 401)
    try:
        user = oidc.sign_in(db_session(), app_settings(), claims)
    except oidc.Unknown as fault:
        return refusal(str(fault), 403, subject=fault.subject)
    except Refused as fault:
        db_session().rollback()
        return refusal(str(fault), 403)
    return go_on(user, BY_PROVIDER, session.get(NEXT))


def read_claims() -> dict[str, Any]:
    """What the provider says of whoever comes back, once signature, issuer, audience, nonce and times were checked."""
    client, settings = open_client(), app_settings()
    token = client.authorize_access_token(claims_options=expected(settings), claims_cls=CodeIDToken)
    claims = token.get("userinfo")
    if not claims or not str(claims.get("sub") or "").strip():
        raise ProviderError("there is no ID token in the answer")
    if not oidc.is_subject(str(claims["sub"])):
        raise ProviderError("it calls somebody what no provider may call anybody")
    return {**more_claims(client, token, claims), **claims}


def expected(settings: Settings) -> dict[str, Any]:
    """Authlib compares the issuer with what the provider says of itself, and the audience with nothing, unless told."""
    return {
        "iss": {"essential": True, "value": settings.oidc_issuer},
        "aud": {"essential": True, "value": settings.oidc_client_id},
    }


def more_claims(client: Any, token: dict[str, Any], claims: dict[str, Any]) -> dict[str, Any]:
    """Of the userinfo endpoint, where the ID token leaves out what is asked for. Raises ProviderError."""
    settings = app_settings()
    wanted = [settings.oidc_name_claim, *([settings.oidc_role_claim] if settings.oidc_role_claim else [])]
    if all(oidc.values_of(claims, name) for name in wanted) or "userinfo_endpoint" not in client.server_metadata:
        return {}
    more: dict[str, Any] = client.userinfo(token=token)
    if more.get("sub") != claims["sub"]:
        raise ProviderError("the userinfo endpoint speaks of somebody else")
    return more


def open_client() -> Any:
    """The provider's client, read anew every hour; 404 where no provider is set."""
    settings = app_settings()
    if not settings.oidc_issuer:
        abort(404)
    client = current_app.extensions.get(NAME)
    if client is None or time.time() - client.server_metadata.get("_loaded_at", time.time()) > KEEP_S:
        client = current_app.extensions[NAME] = register(settings)
    metadata(client)
    return client


def register(settings: Settings) -> Any:
    secret = settings.oidc_client_secret
    return OAuth(current_app).register(
        NAME,
        client_id=settings.oidc_client_id,
        client_secret=secret.get_secret_value() if secret else None,
        server_metadata_url=f"{(settings.oidc_issuer or '').rstrip('/')}/.well-known/openid-configuration",
        client_kwargs={
            "scope": settings.oidc_scopes,
            "code_challenge_method": "S256",
            "default_timeout": PATIENCE_S,
            **({} if secret else {"token_endpoint_auth_method": "none"}),
        },
    )


def metadata(client: Any) -> None:
    """Read what the provider says of itself, and keep of it only what is safe. Raises ProviderError."""
    facts = client.load_server_metadata()
    if facts.get("issuer") != app_settings().oidc_issuer:
        raise ProviderError(f"the provider calls itself {facts.get('issuer')}, not TUSKLINE_OIDC_ISSUER")
    for name in ("authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint"):
        check_endpoint(name, facts.get(name))
    offered = facts.get("id_token_signing_alg_values_supported") or ["RS256"]
    safe = [name for name in offered if name in ALGORITHMS]
    if not safe:
        raise ProviderError("it offers no way to sign that is safe")
    facts["id_token_signing_alg_values_supported"] = safe


def check_endpoint(name: str, address: str | None) -> None:
    parts = urlsplit(address or "")
    if address and not (parts.scheme == "https" or parts.hostname in LOOPBACK):
        raise ProviderError(f"its {name} is no https:// address")


def return_address() -> str:
    public = app_settings().public_url
    return f"{public}{url_for('openid.finish')}" if public else url_for("openid.finish", _external=True)


def refusal(sentence: str, status: int, subject: str = "") -> tuple[str, int]:
    return render_template("sessions/refused.html", sentence=sentence, subject=subject), status
