"""Pictures of listings. A browser gets them re-encoded; the bytes as found are a download only."""

from io import BytesIO

from flask import Blueprint, abort, redirect, request, send_file, url_for
from werkzeug.wrappers import Response

from webapp.extensions import app_store, db_session
from webapp.models import PhotoRow, Role
from webapp.security import SANDBOX
from webapp.services import graphic, photos
from webapp.services.graphic import LimitReached
from webapp.views import gone
from webapp.views.access import local_path, reader, requires
from webapp.views.answering import is_scripted, refusal
from webapp.views.evidence import note_view

pages = Blueprint("photos", __name__)

Answer = Response | tuple[Response, int] | tuple[str, int]

FOR_EVER = "private, max-age=31536000, immutable"
# As long as a picture that was seen counts as seen.
AN_HOUR = "private, max-age=3600"


@pages.get("/photos/<sha256>/thumbnail")
@requires(Role.VIEWER)
def thumbnail(sha256: str) -> Response:
    return jpeg_of(sha256, photos.THUMBNAIL_EDGE_PX)


@pages.get("/photos/<sha256>/veil")
@requires(Role.VIEWER)
def veil(sha256: str) -> Response:
    """Colours alone, to stand where the picture would."""
    return jpeg_of(sha256, photos.VEIL_EDGE_PX)


@pages.get("/photos/<sha256>/view")
@requires(Role.VIEWER)
def large(sha256: str) -> Response:
    return seen(sha256, photos.LOOK_EDGE_PX)


@pages.get("/photos/<sha256>/detail")
@requires(Role.VIEWER)
def detail(sha256: str) -> Response:
    """For zooming in: as large as pictures are looked at."""
    return seen(sha256, photos.DETAIL_EDGE_PX)


@pages.post("/photos/<sha256>/reveal")
@requires(Role.VIEWER)
def reveal(sha256: str) -> Answer:
    """Count the picture as seen without blur, before it is asked for."""
    photo = find(sha256) or abort(404)
    if photo.purged_at:
        return gone.page(photo)
    try:
        graphic.reveal(db_session(), reader(), photo)
    except LimitReached as error:
        if is_scripted():
            return refusal(error)
        raise
    db_session().commit()
    if is_scripted():
        return "", 204
    return redirect(local_path(request.form.get("back")) or url_for("review.queue"))


@pages.get("/photos/<sha256>/original")
@requires(Role.VIEWER)
def original(sha256: str) -> Response | tuple[str, int]:
    """What a seller uploaded may be anything: it is never shown in place, and never as a type that a browser runs."""
    photo = find(sha256)
    if photo and photo.purged_at:
        return gone.page(photo)
    note_view(f"photo:{checked(sha256)}")
    try:
        path = photos.path_of(app_store(), checked(sha256))
    except OSError:
        abort(404)
    answer = send_file(path, mimetype="application/octet-stream", as_attachment=True, download_name=f"{sha256}.bin")
    answer.headers["Content-Security-Policy"] = SANDBOX
    return keep_private(answer, FOR_EVER)


def seen(sha256: str, edge_px: int) -> Response:
    """The picture without blur, which counts; the veil in its place where the person's hour is full."""
    photo = find(sha256)
    if photo is None:
        return jpeg_of(sha256, edge_px, AN_HOUR)  # of no listing: nothing to count
    if photo.purged_at:
        return gone.drawn(photo)
    try:
        graphic.reveal(db_session(), reader(), photo)
    except LimitReached:
        db_session().rollback()
        return jpeg_of(sha256, photos.VEIL_EDGE_PX, "no-store")
    answer = jpeg_of(sha256, edge_px, AN_HOUR)
    db_session().commit()
    return answer


def find(sha256: str) -> PhotoRow | None:
    return photos.find(db_session(), checked(sha256))


def jpeg_of(sha256: str, edge_px: int, caching: str = FOR_EVER) -> Response:
    photo = find(sha256)
    if photo and photo.purged_at:  # first: another machine may still have a copy at hand
        return gone.drawn(photo)
    try:
        body = photos.thumbnail(app_store(), checked(sha256), edge_px)
    except (OSError, ValueError):
        abort(404)
    answer = send_file(BytesIO(body), mimetype="image/jpeg")
    answer.headers["Content-Security-Policy"] = SANDBOX
    return keep_private(answer, caching)


def checked(sha256: str) -> str:
    return sha256 if photos.is_sha256(sha256) else abort(404)


def keep_private(answer: Response, caching: str) -> Response:
    """The address names the content, so it never changes; only this person's browser may keep it."""
    answer.headers["Cache-Control"] = caching
    return answer
