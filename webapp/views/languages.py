"""In which language and in which light a page is shown: the person's choice, then the browser's."""

from typing import Any

from flask import Blueprint, Flask, abort, redirect, request, session, url_for
from werkzeug.wrappers import Response

from webapp.extensions import db_session
from webapp.language import ENGLISH, languages, say_later, speak, spoken
from webapp.views.access import local_path, signed_in

pages = Blueprint("languages", __name__)

THEMES = {"system": say_later("As the device"), "light": say_later("Light"), "dark": say_later("Dark")}
# Answered in English without a look at who asks: programs read them, also while the database is away.
UNSPOKEN = ("static", "bootstrap.static", "health.live", "health.ready", "metrics.metrics")


def init_app(app: Flask) -> None:
    """Call it before the form tokens are set up: the page that refuses one speaks too."""
    app.before_request(choose_language)
    app.context_processor(page_facts)


def choose_language() -> None:
    """First without the account: a page that says that the database is away is in a language too."""
    speak(ENGLISH)
    if request.endpoint not in UNSPOKEN:
        speak(session.get("language") or browser_language())
        speak(chosen("language") or spoken())


def chosen(name: str) -> str | None:
    """What the person chose: an account's choice goes with it to every browser."""
    account = signed_in()
    return getattr(account.user, name, None) or session.get(name) if account else session.get(name)


def browser_language() -> str:
    return request.accept_languages.best_match(list(languages())) or ENGLISH


def page_facts() -> dict[str, Any]:
    theme = chosen("theme")
    return {
        "language": spoken(),
        "languages": languages(),
        "theme": theme if theme in THEMES else "system",
        "themes": THEMES,
        "here": here(),
    }


def here() -> str:
    """Where to go back to; what was sent to an address can't be shown again."""
    return request.full_path.rstrip("?") if request.method == "GET" else url_for("overview.show")


@pages.post("/language")
def change_language() -> Response:
    return keep("language", list(languages()))


@pages.post("/theme")
def change_theme() -> Response:
    return keep("theme", list(THEMES))


def keep(name: str, offered: list[str]) -> Response:
    """Open to anybody: it changes nothing but what this person sees."""
    value = request.form.get(name, "")
    if value not in offered:
        abort(400)
    session[name] = value
    account = signed_in()
    if account is not None:
        setattr(account.user, name, value)
        db_session().commit()
    return redirect(local_path(request.form.get("next")) or url_for("overview.show"))
