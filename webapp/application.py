"""The Flask application, put together."""

from datetime import timedelta
from pathlib import Path

from flask import Flask

from webapp import api, extensions, filters, language, security, views
from webapp.services import signing
from webapp.settings import Settings
from webapp.tasks import app as queue
from webapp.views import languages, uploads


def build_app(settings: Settings) -> Flask:
    app = Flask("webapp", template_folder=template_folder())
    app.config.from_mapping(config_of(settings))
    signing.signing_key(settings.home)  # from the first run on there is one: workers of this folder seal with it
    app.session_interface = security.SessionCookies()
    languages.init_app(app)
    uploads.init_app(app)
    extensions.init_app(app, settings)
    queue.use(settings)
    security.init_app(app)
    filters.init_app(app)
    add_language(app)
    views.init_app(app)
    api.init_app(app)
    return app


def template_folder() -> str:
    """`templates/` beside the package in a checkout; the wheel carries it inside the package."""
    package = Path(__file__).parent
    beside = package.parent / "templates"
    return str(beside if beside.is_dir() else package / "templates")


def add_language(app: Flask) -> None:
    """`_` and `ngettext` in templates; values that fill a text are escaped, the text itself is ours."""
    app.jinja_env.add_extension("jinja2.ext.i18n")
    app.jinja_env.install_gettext_callables(language.find_text, language.find_plural, newstyle=True)  # type: ignore[attr-defined]


def config_of(settings: Settings) -> dict[str, object]:
    return {
        "SECRET_KEY": settings.secret_key,
        "PERMANENT_SESSION_LIFETIME": timedelta(hours=settings.session_hours),
        "SESSION_COOKIE_NAME": "tuskline",
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        # A sign-in ends after its hours even where it is used; and of two answers at once the slower one, a picture's
        # say, must not put back the cookie as it was before.
        "SESSION_REFRESH_EACH_REQUEST": False,
        # A review page may stay open for hours; the token lives as long as the sign-in.
        "WTF_CSRF_TIME_LIMIT": None,
        # The strict check wants a Referer over HTTPS, and our own policy is that browsers send none.
        "WTF_CSRF_SSL_STRICT": False,
        "BOOTSTRAP_SERVE_LOCAL": True,
        "RATELIMIT_STORAGE_URI": "memory://",
        "RATELIMIT_HEADERS_ENABLED": True,
        "MAX_CONTENT_LENGTH": 1_000_000,
        "TEMPLATES_AUTO_RELOAD": False,
    }
