"""Scans: what runs, what ran, and starting one."""

from flask import Blueprint, abort, flash, jsonify, redirect, render_template, url_for
from werkzeug.wrappers import Response

from webapp.echoes import say_again
from webapp.extensions import app_settings, app_store, db_session
from webapp.language import say
from webapp.models import Role, Scan, Source
from webapp.services import archives, crawl_logs, failures, overview, retention, scans, sources, stages
from webapp.tasks.scans import run_scan, score_pictures
from webapp.tasks.sending import enqueue
from webapp.views.access import reader, requires
from webapp.views.errors import Advice, error_page
from webapp.wording import word

pages = Blueprint("scans", __name__)

SCANS_SHOWN = 50
FAILURES_SHOWN = 200


@pages.get("/scans")
@requires(Role.VIEWER)
def index() -> str:
    return render_template(
        "scans/index.html",
        scans=overview.newest_scans(db_session(), SCANS_SHOWN),
        sources=sources.list_sources(db_session()),
    )


@pages.post("/sources/<int:source_id>/scans")
@requires(Role.REVIEWER)
def start(source_id: int) -> Response:
    if db_session().get(Source, source_id) is None:
        abort(404)
    if waiting := scans.unfinished(db_session(), source_id):
        flash(say("A scan of this source is under way already: this is it."), "info")
        return redirect(url_for("scans.show", scan_id=waiting.id))
    scan = scans.create(db_session(), source_id, reader().name)
    db_session().commit()
    if not enqueue(run_scan, scan.id):
        flash(say("The scan is noted, but the queue does not answer. It starts once a worker runs."), "warning")
    return redirect(url_for("scans.show", scan_id=scan.id))


@pages.get("/scans/<int:scan_id>")
@requires(Role.VIEWER)
def show(scan_id: int) -> str:
    scan = find_or_404(scan_id)
    found = scans.failures(db_session(), scan_id, FAILURES_SHOWN)
    return render_template(
        "scans/show.html",
        scan=scan,
        failures=found,
        kinds=failures.by_kind(db_session(), scan_id),
        course=stages.of_scan(db_session(), scan_id),
        limit=FAILURES_SHOWN,
    )


@pages.get("/scans/<int:scan_id>/progress")
@requires(Role.VIEWER)
def progress(scan_id: int) -> Response:
    return jsonify(progress_of(find_or_404(scan_id)))


@pages.get("/scans/<int:scan_id>/log")
@requires(Role.VIEWER)
def log(scan_id: int) -> Response | tuple[str, int]:
    """Every request of the crawl, one JSON object a line, as a file."""
    find_or_404(scan_id)
    if purge := retention.newest_below(db_session(), f"{crawl_logs.STORED}/{scan_id}/"):
        day = purge.purged_at.date().isoformat()
        title = say("The log of this crawl was removed on %(day)s", day=day)
        return error_page(Advice(title, say_again(purge.reason)), 410)
    lines = crawl_logs.read_logs(app_store(), archives.archives_dir(app_settings()), scan_id)
    name = f"scan-{scan_id}.jsonl"
    headers = {"Content-Disposition": f"attachment; filename={name}"}
    return Response(lines, mimetype="application/jsonl", headers=headers)


@pages.post("/scans/<int:scan_id>/cancel")
@requires(Role.REVIEWER)
def cancel(scan_id: int) -> Response:
    done = scans.cancel(db_session(), find_or_404(scan_id).id, reader().name)
    return answer(scan_id, done, say("The scan is cancelled. What was scored stays."))


@pages.post("/scans/<int:scan_id>/pause")
@requires(Role.REVIEWER)
def pause(scan_id: int) -> Response:
    done = scans.pause(db_session(), find_or_404(scan_id).id, reader().name)
    return answer(scan_id, done, say("The scan is paused. It stays so until somebody lets it go on."))


@pages.post("/scans/<int:scan_id>/resume")
@requires(Role.REVIEWER)
def resume(scan_id: int) -> Response:
    done = scans.resume(db_session(), find_or_404(scan_id).id, reader().name)
    response = answer(scan_id, done, say("The scan goes on."))
    if done:
        enqueue(run_scan, scan_id)
        enqueue(score_pictures)
    return response


def answer(scan_id: int, done: bool, words: str) -> Response:
    """Commits; somebody else may have been faster, or the scan over."""
    db_session().commit()
    if done:
        flash(words, "success")
    else:
        flash(say("Nothing was changed: the scan is over, or somebody was faster."), "info")
    return redirect(url_for("scans.show", scan_id=scan_id))


def find_or_404(scan_id: int) -> Scan:
    scan = scans.find(db_session(), scan_id)
    return scan if scan is not None else abort(404)


def progress_of(scan: Scan) -> dict[str, object]:
    counts = ("listings_expected", "listings_seen", "photos_seen", "photos_scored", "photos_failed", "findings_opened")
    state = {"state": scan.state.value, "state_words": word(scan.state), "is_over": scan.state.is_at_rest}
    return state | {name: getattr(scan, name) for name in counts}
