"""What every answer says to the browser about what it may do, and how cookies are named and kept."""

from contextlib import suppress
from hashlib import sha256

from flask import Flask, Response, g, request
from flask.sessions import SecureCookieSessionInterface
from flask_login import current_user
from sqlalchemy.exc import SQLAlchemyError

from webapp import logs
from webapp.extensions import app_settings

CONTENT_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "form-action 'self'",
        "connect-src 'self'",
        "object-src 'none'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)
# Of what others made (pictures, files): wherever a browser shows it, it runs, loads and frames nothing.
SANDBOX = "sandbox; default-src 'none'; object-src 'none'; frame-ancestors 'none'; base-uri 'none'"
# None of what a page could ask of a device: whatever got into one may not either.
REFUSED_FEATURES = (
    "accelerometer", "autoplay", "camera", "display-capture", "encrypted-media", "geolocation", "gyroscope", "hid",
    "identity-credentials-get", "magnetometer", "microphone", "midi", "payment", "publickey-credentials-get",
    "screen-wake-lock", "serial", "usb", "xr-spatial-tracking",
)  # fmt: skip

HEADERS = {
    "Content-Security-Policy": CONTENT_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": ", ".join(f"{name}=()" for name in REFUSED_FEATURES),
}
STRICT_TRANSPORT = "max-age=63072000; includeSubDomains"  # two years
REFUSALS = (401, 403, 429)
# What a browser forgets with a sign-in: pictures that it kept for this person, and what scripts noted.
FORGET = '"cache", "storage"'
# Browsers take such a cookie over HTTPS alone, from this very host, and for all of it.
HOST_ALONE = "__Host-"


class SessionCookies(SecureCookieSessionInterface):
    """A cookie that came over HTTPS never travels without it; on loopback there is no HTTPS to ask for."""

    digest_method = staticmethod(sha256)  # Flask's own is SHA-1

    def get_cookie_secure(self, app: Flask) -> bool:  # noqa: ARG002  (the signature is Flask's)
        return is_https()

    def get_cookie_name(self, app: Flask) -> str:
        return cookie_name(super().get_cookie_name(app))


def is_https() -> bool:
    """Whether the browser asks over HTTPS: it does, or the server before us speaks it with everybody."""
    return request.is_secure or (app_settings().public_url or "").startswith("https://")


def cookie_name(name: str) -> str:
    return f"{HOST_ALONE}{name}" if is_https() else name


def init_app(app: Flask) -> None:
    app.after_request(add_headers)
    app.after_request(note_refusal)


def add_headers(response: Response) -> Response:
    """A view may have set a stricter value of its own (pictures do); pages are kept out of shared caches."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if is_https():
        response.headers.setdefault("Strict-Transport-Security", STRICT_TRANSPORT)
    if request.endpoint not in ("static", "bootstrap.static"):
        response.headers.setdefault("Cache-Control", "no-store")
    return response


def note_refusal(response: Response) -> Response:
    """Whoever is refused is a line of the log: who, from where, at what. The audit log has what people did."""
    if response.status_code in REFUSALS:
        note("refused", status=response.status_code)
    return response


def note(event: str, **facts: object) -> None:
    where = {"method": request.method, "path": request.path, "user": asker(), "address": request.remote_addr}
    logs.note_security(event, **facts, **where)


def asker() -> str:
    """The name, the first letters of a token, or - for nobody that is known."""
    if "token" in g:
        return f"{g.token.user.name} ({g.token.head})"
    with suppress(SQLAlchemyError):
        return str(current_user.name) if current_user.is_authenticated else "-"
    return "-"
