"""One listing, shown to somebody who is told nothing of what anybody or anything thought of it."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from rules.evidence import CONCEPTS
from webapp.db import now
from webapp.extensions import app_settings, db_session
from webapp.forms.blind import LookForm
from webapp.language import say
from webapp.models import Role
from webapp.services import blind, desk
from webapp.services.blind import BlindItem
from webapp.services.errors import Refused
from webapp.views.access import local_path, reader, requires
from webapp.views.answering import is_ahead
from webapp.views.evidence import note_view
from webapp.views.review import look_of

pages = Blueprint("blind", __name__)

Answer = str | Response | tuple[str, int]


@pages.get("/blind/next", endpoint="next")
@requires(Role.REVIEWER)
def start() -> Response:
    """One that waits. skip: a listing to leave to others; back: where to go afterwards, else to the next of these."""
    skipped = request.args.get("skip", type=int)
    if skipped is not None:
        desk.release(db_session(), reader(), skipped)
        db_session().commit()
    return redirect(next_address(skipped))


@pages.get("/blind/<int:listing_id>")
@requires(Role.REVIEWER)
def show(listing_id: int) -> Answer:
    item = blind.find(db_session(), reader(), listing_id)
    if item is None:
        flash(say("This item was settled meanwhile, or somebody else has it."), "info")
        return redirect(url_for("blind.next", **way_back()))
    try:
        blind.claim(db_session(), reader(), listing_id)
    except Refused as refusal:
        flash(str(refusal), "info")
        return redirect(url_for("blind.next", **way_back()))
    db_session().commit()
    if not is_ahead():
        note_view(f"listing:{listing_id}", blind=True)
    return item_page(item, LookForm(formdata=None, seal=seal_of(item)))


@pages.post("/blind/<int:listing_id>", endpoint="answer")
@requires(Role.REVIEWER)
def take_answer(listing_id: int) -> Answer:
    form = LookForm()
    item = blind.find(db_session(), reader(), listing_id)
    if item is None or not is_shown(item, form):
        flash(say("This item was settled meanwhile, or somebody else has it."), "info")
        return redirect(url_for("blind.next", **way_back()))
    if not form.validate():
        return item_page(item, form), 422
    try:
        blind.answer(db_session(), reader(), item, form.look())
    except Refused as refusal:
        db_session().rollback()
        flash(str(refusal), "info")
        return redirect(url_for("blind.next", **way_back()))
    db_session().commit()
    flash(say("Your answer is kept."), "success")
    return redirect(way_back().get("back") or next_address(None))


def item_page(item: BlindItem, form: LookForm) -> str:
    pictures = ([item.photo] if item.photo else []) + list(item.others)
    asked = request.args.get("picture", type=int)
    return render_template(
        "blind/show.html",
        listing=item.listing,
        form=form,
        pictures=pictures,
        chosen=next((photo for photo in pictures if photo.id == asked), item.photo),
        look_now=look_of(pictures),
        concepts=CONCEPTS,
        shown_at=now().timestamp(),
        back=way_back(),
    )


def next_address(skipped: int | None) -> str:
    item = blind.next_for(db_session(), reader(), skipped)
    if item is not None:
        return url_for("blind.show", listing_id=item.listing.id, **way_back())
    flash(say("Nothing waits for a blind look by you."), "info")
    return way_back().get("back") or url_for("quality.show")


def way_back() -> dict[str, Any]:
    """Where the person came from, where they are to go back there."""
    back = local_path(request.args.get("back"))
    return {"back": back} if back else {}


def is_shown(item: BlindItem, form: LookForm) -> bool:
    return blind.is_sealed(app_settings().secret_key, reader(), item, form.seal.data or "")


def seal_of(item: BlindItem) -> str:
    return blind.seal_of(app_settings().secret_key, reader(), item)
