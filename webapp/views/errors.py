"""Pages for what went wrong: each says what to do."""

from contextlib import suppress
from dataclasses import dataclass

from flask import Flask, current_app, render_template, request
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import DataError, SQLAlchemyError
from werkzeug.exceptions import HTTPException, InternalServerError

from webapp import security
from webapp.extensions import db_session
from webapp.language import say, say_later
from webapp.services.errors import Refused
from webapp.services.reports import ReportError, ReportGone


@dataclass(frozen=True)
class Advice:
    title: str
    text: str


ADVICE = {
    400: Advice(
        say_later("That request could not be read"), say_later("Go back, check what was entered, and send it again.")
    ),
    401: Advice(say_later("You are signed out"), say_later("Sign in, then go back to where you were and try again.")),
    403: Advice(
        say_later("Your role does not allow this"),
        say_later("Ask an administrator to do it, or to change your role on the Users page."),
    ),
    404: Advice(
        say_later("There is nothing at this address"),
        say_later("Check the address, or start again from the overview or the queue."),
    ),
    405: Advice(
        say_later("This address does not take that kind of request"),
        say_later("Go back and use the buttons on the page."),
    ),
    413: Advice(
        say_later("That is too much to send at once"), say_later("Shorten what was entered and send it again.")
    ),
    429: Advice(
        say_later("Too many attempts"),
        say_later("Wait a minute, then try again. The limit protects accounts from guessed passwords."),
    ),
    500: Advice(
        say_later("Something broke on the server"),
        say_later(
            "Nothing that was not confirmed has been saved. Try again; if it happens twice, the server's log names the "
            "cause under the time below."
        ),
    ),
}
STALE_FORM = Advice(
    say_later("This form is no longer valid"),
    say_later(
        "Its token is missing or belongs to an older sign-in. Go back, reload the page, and send the form again."
    ),
)


def init_app(app: Flask) -> None:
    app.register_error_handler(CSRFError, show_stale_form)
    app.register_error_handler(ReportError, show_lost_report)
    app.register_error_handler(ReportGone, show_gone_report)
    app.register_error_handler(Refused, show_refusal)
    for kind in (DataError, OverflowError):
        app.register_error_handler(kind, show_unreadable)
    app.register_error_handler(HTTPException, show_error)
    app.register_error_handler(Exception, show_crash)


def show_stale_form(error: CSRFError) -> tuple[str, int]:
    security.note("form_without_its_token", why=error.description)
    return error_page(STALE_FORM, 400)


def show_refusal(error: Refused) -> tuple[str, int]:
    return error_page(Advice(say("That can't be done as it stands"), str(error)), 409)


def show_lost_report(error: ReportError) -> tuple[str, int]:
    current_app.logger.error("%s", error)
    return error_page(Advice(say("This report can't be given out"), str(error)), 500)


def show_gone_report(error: ReportGone) -> tuple[str, int]:
    return error_page(Advice(say("This is no longer kept"), str(error)), 410)


def show_error(error: HTTPException) -> tuple[str, int] | HTTPException:
    code = error.code or 500
    if code < 400:
        return error
    return error_page(ADVICE.get(code, ADVICE[500 if code >= 500 else 400]), code)


def show_unreadable(_error: Exception) -> tuple[str, int]:
    """What no column can hold: a NUL in a text, which PostgreSQL refuses, or a number beyond all bounds."""
    db_session().rollback()
    return error_page(ADVICE[400], 400)


def show_crash(error: Exception) -> tuple[str, int]:
    """What failed is rolled back first: till then the session answers nothing, and the page asks who is reading it."""
    current_app.logger.exception("%s %s failed", request.method, request.path, exc_info=error)
    with suppress(SQLAlchemyError):
        db_session().rollback()
    return error_page(ADVICE[500], InternalServerError.code or 500)


def error_page(advice: Advice, code: int) -> tuple[str, int]:
    return render_template("errors/show.html", advice=advice, code=code), code
