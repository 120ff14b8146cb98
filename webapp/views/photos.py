"""Pictures of listings. A browser gets them re-encoded; the bytes as found are a download only."""

import re
from io import BytesIO

from flask import Blueprint, abort, send_file
from werkzeug.wrappers import Response

from webapp.extensions import app_store
from webapp.models import Role
from webapp.services import photos
from webapp.views.access import requires
from webapp.views.evidence import note_view

pages = Blueprint("photos", __name__)

THUMBNAIL_EDGE_PX = 320
LARGE_EDGE_PX = 1200
SHA256 = re.compile(r"[0-9a-f]{64}")


@pages.get("/photos/<sha256>/thumbnail")
@requires(Role.VIEWER)
def thumbnail(sha256: str) -> Response:
    return jpeg_of(sha256, THUMBNAIL_EDGE_PX)


@pages.get("/photos/<sha256>/view")
@requires(Role.VIEWER)
def large(sha256: str) -> Response:
    return jpeg_of(sha256, LARGE_EDGE_PX)


@pages.get("/photos/<sha256>/original")
@requires(Role.VIEWER)
def original(sha256: str) -> Response:
    """What a seller uploaded may be anything: it is never shown in place, and never as a type that a browser runs."""
    note_view(f"photo:{checked(sha256)}")
    try:
        path = photos.path_of(app_store(), checked(sha256))
    except OSError:
        abort(404)
    answer = send_file(path, mimetype="application/octet-stream", as_attachment=True, download_name=f"{sha256}.bin")
    answer.headers["Content-Security-Policy"] = "sandbox"
    return keep_private(answer)


def jpeg_of(sha256: str, edge_px: int) -> Response:
    try:
        body = photos.thumbnail(app_store(), checked(sha256), edge_px)
    except (OSError, ValueError):
        abort(404)
    answer = send_file(BytesIO(body), mimetype="image/jpeg")
    answer.headers["Content-Security-Policy"] = "sandbox"
    return keep_private(answer)


def checked(sha256: str) -> str:
    return sha256 if SHA256.fullmatch(sha256) else abort(404)


def keep_private(answer: Response) -> Response:
    """The address names the content, so it never changes; only this person's browser may keep it."""
    answer.headers["Cache-Control"] = "private, max-age=31536000, immutable"
    return answer
