"""The queue, and the page on which one finding is decided, taken back, or decided anew."""

from dataclasses import dataclass
from datetime import UTC, datetime

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from rules.evidence import CONCEPTS
from rules.load import PackError
from webapp.extensions import app_pack_files, app_reason_codes, db_session
from webapp.filters import marks_of
from webapp.forms.review import DecisionForm, RevisionForm
from webapp.language import find_text, say, say_many
from webapp.models import FindingRow, PhotoRow, Role, Verdict
from webapp.services import (
    archiving,
    blind,
    clusters,
    decisions,
    desk,
    graphic,
    items,
    listings,
    preferences,
    queue,
    removals,
    saved_filters,
    sellers,
    sources,
    team,
)
from webapp.services.decisions import AlreadyDecided, Choice, Made
from webapp.services.errors import NotFound, Refused
from webapp.services.items import Advice
from webapp.views.access import local_path, reader, requires
from webapp.views.answering import facts, is_ahead, is_scripted, refusal
from webapp.views.desk import finding_named, next_address, showing
from webapp.views.evidence import note_view
from webapp.views.filtering import read_filters
from webapp.views.trail import step_back

pages = Blueprint("review", __name__)


@dataclass(frozen=True, slots=True)
class Look:
    """How a person sees pictures now: the ids of those without blur, and how many more there may be."""

    limit: graphic.Allowance
    unveiled: set[int]


Answer = str | Response | tuple[str, int] | tuple[Response, int]


@pages.get("/queue", endpoint="queue")
@requires(Role.VIEWER)
def queue_page() -> str:
    filtering = read_filters(sources.list_sources(db_session()))
    page = queue.queue_page(
        db_session(), filtering.filters, request.args.get("after"), before=request.args.get("before")
    )
    return render_template(
        "review/queue.html",
        page=page,
        filtering=filtering,
        holders=desk.holders(db_session(), {row.listing_id for row in page.rows}),
        saved=saved_filters.seen_by(db_session(), reader()),
        default=saved_filters.default_of(db_session(), reader()),
        batch_limit=queue.BATCH_LIMIT,
        me=reader(),
    )


@pages.get("/queue/next")
@requires(Role.VIEWER)
def start() -> Answer:
    """The next that waits, behind `after` where one is given: the way in for someone who only wants to work."""
    filtering = read_filters(sources.list_sources(db_session()))
    after = finding_named(request.args.get("after"))
    if after is not None and not is_ahead():
        desk.release(db_session(), reader(), after.listing_id)
        db_session().commit()
    if blind.should_interleave(db_session(), reader()):
        return redirect(url_for("blind.next", back=filtering.address("review.start", **request.args)))
    following = desk.take_next(db_session(), reader(), after, filtering.filters)
    if following is not None:
        return redirect(filtering.address("review.finding", finding_id=following.id))
    if is_ahead():
        return "", 204
    flash(say("Nothing else waits for you under these filters."), "info")
    return redirect(filtering.address("review.queue"))


@pages.get("/findings/<int:finding_id>")
@requires(Role.VIEWER)
def finding(finding_id: int) -> str:
    row = find_or_404(finding_id)
    if not is_ahead():
        note_view(f"finding:{row.id}", listing=row.listing_id)
    return finding_page(row, DecisionForm(formdata=None))


@pages.post("/findings/<int:finding_id>")
@requires(Role.REVIEWER)
def decide(finding_id: int) -> Answer:
    row = find_or_404(finding_id)
    form = DecisionForm()
    if not form.validate():
        return fault(row, form)
    advice = advise(row)
    try:
        choice = form.choice(advice.codes, checked_words(advice))
        made = decisions.decide(db_session(), reader(), finding_id, choice, form.also(), form.overrides(choice))
    except AlreadyDecided as error:
        return answer_repeat(row, form, error)
    except Refused as error:
        db_session().rollback()
        form.verdict.errors = [str(error)]
        return fault(find_or_404(finding_id), form)
    db_session().commit()
    return tell(row, choice, made)


@pages.post("/decisions/undo")
@requires(Role.REVIEWER)
def undo() -> Answer:
    """Take back all that one act decided."""
    try:
        made = decisions.undo(db_session(), reader(), request.form.get("batch", "")[:32])
    except NotFound:
        abort(404)
    except Refused as error:
        if is_scripted():
            return refusal(error)
        raise
    db_session().commit()
    said = say_many("Taken back: the decision.", "Taken back: %(num)s decisions.", len(made))
    address = url_for("review.finding", finding_id=made[0].finding_id)
    if is_scripted():
        return facts(said=said, address=address)
    flash(said, "success")
    return redirect(address)


@pages.post("/decisions/<int:decision_id>/revise")
@requires(Role.REVIEWER)
def revise(decision_id: int) -> Answer:
    form = RevisionForm()
    if not form.validate():
        flash(form.fault_words(), "warning")
        return redirect(local_path(request.form.get("back")) or url_for("review.queue"))
    try:
        choice = form.choice(app_reason_codes())
        made = decisions.revise(db_session(), reader(), decision_id, choice)
    except NotFound:
        abort(404)
    db_session().commit()
    flash(say("Revised. The earlier decision is kept beside it."), "success")
    return redirect(url_for("review.finding", finding_id=made.finding_id))


def find_or_404(finding_id: int) -> FindingRow:
    row = items.find(db_session(), finding_id)
    return row if row is not None else abort(404)


def fault(row: FindingRow, form: DecisionForm) -> Answer:
    """What has to be put right, beside what was entered."""
    if is_scripted():
        return facts(error=form.fault_words()), 422
    return finding_page(row, form), 422


def answer_repeat(row: FindingRow, form: DecisionForm, error: AlreadyDecided) -> Answer:
    """A form that was sent twice was heard once; anybody else's decision is shown."""
    db_session().rollback()
    made = error.decision
    if made and made.user_id == reader().id and made.verdict.value == form.verdict.data and is_recent(made.decided_at):
        again = facts(said=None, claim=showing())
        return again if is_scripted() else redirect(next_address(row, read_filters(sources.list_sources(db_session()))))
    if is_scripted():
        return refusal(error)
    flash(str(error), "warning")
    return redirect(url_for("review.finding", finding_id=row.id))


def is_recent(at: datetime) -> bool:
    return (datetime.now(UTC) - at).total_seconds() < team.choices(db_session()).undo_seconds


def tell(row: FindingRow, choice: Choice, made: Made) -> Answer:
    """What was decided, how to take it back, and the way on."""
    said = made_words(row, choice.verdict, made)
    left = [say("Left out: finding %(number)s. %(why)s", number=one.finding_id, why=one.why) for one in made.left_out]
    filtering = read_filters(sources.list_sources(db_session()))
    address = url_for("review.finding", finding_id=row.id)
    if is_scripted():
        undo_s = team.choices(db_session()).undo_seconds
        return facts(said=said, left_out=left, batch=made.batch, undo_s=undo_s, address=address, claim=showing())
    flash({"text": said, "address": address, "link": say("Go back to it"), "batch": made.batch}, "success")  # type: ignore[arg-type]  # the cookie keeps any JSON value
    for sentence in left:
        flash(sentence, "warning")
    return redirect(next_address(row, filtering))


def made_words(row: FindingRow, verdict: Verdict, made: Made) -> str:
    more = len(made.decisions) - 1
    if verdict is Verdict.CONFIRM:
        one, many = "Confirmed: %(title)s.", "Confirmed: %(title)s, and %(num)s more."
    elif verdict is Verdict.DISMISS:
        one, many = "Dismissed: %(title)s.", "Dismissed: %(title)s, and %(num)s more."
    else:
        one, many = "Escalated: %(title)s.", "Escalated: %(title)s, and %(num)s more."
    return say(many, title=find_text(row.title), num=more) if more else say(one, title=find_text(row.title))


def advise(row: FindingRow) -> Advice:
    """What the pack says to help. A pack that can't be read holds up nobody: the health page names it."""
    country = preferences.country_of(reader(), team.choices(db_session()).country)
    try:
        return items.advise(app_pack_files(), row, country)
    except PackError:
        return Advice()


def checked_words(advice: Advice) -> str:
    """What was ticked on the list of look-alikes, as words for the note."""
    ticked = set(request.form.getlist("cue"))
    if advice.checklist is None or not ticked:
        return ""
    cues = [find_text(cue.text) for cue in advice.checklist.cues if cue.id in ticked]
    names = [find_text(one.name) for one in advice.checklist.confusers if one.id in ticked]
    looked = say("Looked at: %(cues)s", cues=" ".join(cues)) if cues else ""
    like = say("Looks like: %(names)s.", names="; ".join(names)) if names else ""
    return "\n".join(part for part in (looked, like) if part)


def hold(row: FindingRow) -> desk.Held | None:
    """Claim what waits for whoever may decide it; otherwise who has it."""
    if row.state in desk.WAITING and reader().role.covers(Role.REVIEWER):
        held = desk.take(db_session(), reader(), row.listing_id)
        db_session().commit()
        return held
    return desk.holder(db_session(), row.listing_id)


def finding_page(row: FindingRow, form: DecisionForm) -> str:
    held = hold(row)
    filtering = read_filters(sources.list_sources(db_session()))
    advice = advise(row)
    pictures = items.pictures_of(row)
    form.offer(advice.codes)
    made = list(row.decisions)
    return render_template(
        "review/finding.html",
        finding=row,
        form=form,
        filtering=filtering,
        held=held,
        is_mine=held is not None and held.user_id == reader().id,
        is_waiting=row.state in decisions.WAITING,
        may_decide=may_decide(row, held),
        advice=advice,
        pictures=pictures,
        chosen=chosen_of(row, pictures),
        look_now=look_of(pictures),
        marks=marks_of(row.reasons) or {row.concept: row.threshold},
        cluster=clusters.around(db_session(), reader(), row),
        seller=sellers.about(db_session(), row.listing),
        decisions=made,
        effective=decisions.effective(made),
        may_revise=lambda decision: decisions.may_revise(reader(), decision),
        raw=items.raw_evidence(row, pictures),
        events=removals.events_of(db_session(), row.listing_id),
        versions=listings.versions(db_session(), row.listing_id),
        captures=archiving.captures_of(db_session(), row.listing_id),
        next_address=next_address(row, filtering),
        previous_id=step_back(row.id, is_ahead=is_ahead()),
        shown_at=datetime.now(UTC).timestamp(),
        concepts=CONCEPTS,
    )


def may_decide(row: FindingRow, held: desk.Held | None) -> bool:
    is_free = held is None or held.user_id == reader().id
    return row.state in decisions.WAITING and is_free and reader().role.covers(Role.REVIEWER)


def chosen_of(row: FindingRow, pictures: list[PhotoRow]) -> PhotoRow | None:
    """The picture that the address names, else the flagged one, else the first."""
    asked = request.args.get("picture", type=int)
    named = next((photo for photo in pictures if photo.id == asked), None)
    return named or row.photo or next(iter(pictures), None)


def look_of(pictures: list[PhotoRow]) -> Look:
    person = preferences.of(reader())
    left = graphic.allowance(db_session(), reader())
    seen = graphic.revealed(db_session(), reader(), [photo.id for photo in pictures])
    asked = request.args.get("show", default=0, type=int)
    open_ids = {photo.id for photo in pictures if not person.blur and (photo.id in seen or not left.is_used_up)}
    return Look(left, open_ids | ({asked} & seen))
