"""What stands where a picture was that retention removed."""

from textwrap import wrap

from flask import make_response, render_template
from werkzeug.wrappers import Response

from webapp.echoes import say_again
from webapp.extensions import db_session
from webapp.language import say
from webapp.models import PhotoRow, Purge
from webapp.security import SANDBOX
from webapp.services import photos, retention
from webapp.views.errors import Advice, error_page

GONE = 410
LETTERS, WIDE_LETTERS = 52, 26  # in a line of the drawing; Chinese takes twice the width


def drawn(photo: PhotoRow) -> Response:
    """410, as a drawing that says since when and why: it is shown wherever the picture would be."""
    lines = wrap_words(reason_of(photo))
    page = render_template("photos/gone.svg", title=title_of(photo), lines=lines[:5], sha256=photo.sha256)
    answer = make_response(page, GONE)
    answer.headers["Content-Type"] = "image/svg+xml; charset=utf-8"
    answer.headers["Content-Security-Policy"] = SANDBOX
    answer.headers["Cache-Control"] = "no-store"  # a new crawl may bring it back
    return answer


def page(photo: PhotoRow) -> tuple[str, int]:
    return error_page(Advice(title_of(photo), words_of(photo)), GONE)


def title_of(photo: PhotoRow) -> str:
    day = photo.purged_at.date().isoformat() if photo.purged_at else ""
    return say("This picture was removed on %(day)s", day=day)


def reason_of(photo: PhotoRow) -> str:
    purge = find_purge(photo)
    return say_again(purge.reason) if purge else say("Its retention asked for that.")


def words_of(photo: PhotoRow) -> str:
    return say("%(reason)s Its SHA-256 is %(sha256)s.", reason=reason_of(photo), sha256=photo.sha256)


def find_purge(photo: PhotoRow) -> Purge | None:
    return retention.newest_purge(db_session(), photos.name_of(photo.sha256))


def wrap_words(text: str) -> list[str]:
    return wrap(text, LETTERS if text.isascii() else WIDE_LETTERS)
