"""Who has which listing: skipping, keeping, putting back and taking over."""

from flask import Blueprint, abort, flash, redirect, request, url_for
from werkzeug.wrappers import Response

from webapp.extensions import db_session
from webapp.language import say
from webapp.models import FindingRow, Role
from webapp.services import desk, sources
from webapp.services.desk import Held
from webapp.services.errors import Refused
from webapp.views import trail
from webapp.views.access import reader, requires
from webapp.views.answering import facts, is_scripted, refusal
from webapp.views.evidence import note_view
from webapp.views.filtering import Filtering, read_filters

pages = Blueprint("desk", __name__)

Answer = str | Response | tuple[str, int] | tuple[Response, int]


@pages.post("/findings/<int:finding_id>/skip")
@requires(Role.REVIEWER)
def skip(finding_id: int) -> Answer:
    row = find_or_404(finding_id)
    until = desk.skip(db_session(), reader(), row)
    db_session().commit()
    said = say(
        "Left to others: %(title)s. It comes back to you after %(time)s UTC.", title=row.title, time=f"{until:%H:%M}"
    )
    if is_scripted():
        return facts(said=said, address=url_for("review.finding", finding_id=row.id), claim=showing())
    flash(said, "info")
    return redirect(next_address(row, current_filters()))


@pages.post("/findings/<int:finding_id>/claim")
@requires(Role.REVIEWER)
def claim(finding_id: int) -> Answer:
    """Keep the listing, or (a lead, with `over`) take it from whoever has it."""
    row = find_or_404(finding_id)
    leave()
    try:
        act = desk.take_over if request.form.get("over") else desk.take
        held = act(db_session(), reader(), row.listing_id)
    except Refused as error:
        if is_scripted():
            return refusal(error)
        raise
    db_session().commit()
    if is_scripted():
        trail.step_back(row.id)
        note_view(f"finding:{row.id}", listing=row.listing_id)
        return facts(**claim_facts(held))
    return redirect(current_filters().address("review.finding", finding_id=row.id))


@pages.post("/findings/<int:finding_id>/release")
@requires(Role.REVIEWER)
def release(finding_id: int) -> Answer:
    """Put the listing back; a page that is left says so in its last moment."""
    row = find_or_404(finding_id)
    desk.release(db_session(), reader(), row.listing_id)
    db_session().commit()
    if is_scripted():
        return "", 204
    flash(say("Put back: %(title)s is free for others.", title=row.title), "info")
    return redirect(current_filters().address("review.queue"))


def find_or_404(finding_id: int) -> FindingRow:
    row = db_session().get(FindingRow, finding_id)
    return row if row is not None else abort(404)


def finding_named(number: str | None) -> FindingRow | None:
    if number is None or not number.isdecimal() or len(number) > 9:
        return None
    return db_session().get(FindingRow, int(number))


def current_filters() -> Filtering:
    return read_filters(sources.list_sources(db_session()))


def next_address(row: FindingRow, filtering: Filtering) -> str:
    return filtering.address("review.start", after=row.id)


def leave() -> None:
    """Let go what the page showed before, where it names it."""
    left = finding_named(request.form.get("leaving"))
    if left is not None:
        desk.release(db_session(), reader(), left.listing_id)


def showing() -> dict[str, object] | None:
    """Keep what the page has gone on to already, and note that it is looked at; commits."""
    row = finding_named(request.form.get("showing"))
    if row is None:
        return None
    trail.step_back(row.id)
    note_view(f"finding:{row.id}", listing=row.listing_id)
    if row.state not in desk.WAITING:
        return {"is_mine": True}
    held = desk.take(db_session(), reader(), row.listing_id)
    db_session().commit()
    return claim_facts(held)


def claim_facts(held: Held) -> dict[str, object]:
    is_mine = held.user_id == reader().id
    return {"is_mine": is_mine, "until": held.until.isoformat(), "words": None if is_mine else held.words}
