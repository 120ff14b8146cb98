"""Pictures of listings, and how many of them a person sees without blur."""

from datetime import datetime
from io import BytesIO

from flask import Response, send_file
from pydantic import BaseModel, ConfigDict

from webapp.api.access import caller, note_view
from webapp.api.operations import Room
from webapp.api.problems import Problem
from webapp.db import now
from webapp.extensions import app_store, db_session
from webapp.models import PhotoRow, Role
from webapp.services import graphic, photos, retention
from webapp.services.graphic import LimitReached
from webapp.services.tokens import Scope

room = Room("pictures", "Pictures as they were found, and as people look at them")

FILE = "application/octet-stream"


class AllowanceShape(BaseModel):
    """limit: pictures without blur that the team lets one person see in an hour, 0 for no limit.

    seen: in the last hour. free_at: when there is room again, null where there is.
    """

    model_config = ConfigDict(from_attributes=True)

    limit: int
    seen: int
    free_at: datetime | None


@room.operation("GET", "/photos/<sha256>/original", Scope.READ, media_type=FILE)
def get_photo(sha256: str) -> Response:
    """The bytes of a picture as they were found, which may be anything."""
    refuse_gone(find(sha256))
    try:
        path = photos.path_of(app_store(), checked(sha256))
    except OSError:
        raise Problem(404, "There is no such picture.") from None
    note_view(f"photo:{sha256}")
    return send_file(path, mimetype=FILE, as_attachment=True, download_name=f"{sha256}.bin")


@room.operation("GET", "/photos/<sha256>/view", Scope.READ, media_type="image/jpeg")
def view_photo(sha256: str) -> Response:
    """A picture made anew from what it shows, at most 1,200 pixels wide and high; it counts as seen without blur.

    As on the pages, so that no program leads a person around the limit that their team thinks healthy.
    """
    photo = find(sha256)
    refuse_gone(photo)
    if photo is not None:
        count(photo)
    try:
        body = photos.thumbnail(app_store(), sha256, photos.LOOK_EDGE_PX)
    except (OSError, ValueError):
        raise Problem(404, "There is no such picture that can be read.") from None
    db_session().commit()
    return send_file(BytesIO(body), mimetype="image/jpeg")


@room.operation("POST", "/photos/<sha256>/reveal", Scope.REVIEW, Role.REVIEWER, answer=AllowanceShape)
def reveal_photo(sha256: str) -> AllowanceShape:
    """Count a picture as seen without blur, before it is shown; 429 where the hour is full."""
    photo = find(sha256)
    if photo is None:
        raise Problem(404, "There is no such picture of a listing.")
    refuse_gone(photo)
    count(photo)
    db_session().commit()
    return allowance()


@room.operation("GET", "/me/pictures", Scope.READ, answer=AllowanceShape)
def get_allowance() -> AllowanceShape:
    """How many pictures without blur are left of this hour."""
    return allowance()


def allowance() -> AllowanceShape:
    return AllowanceShape.model_validate(graphic.allowance(db_session(), caller()))


def count(photo: PhotoRow) -> None:
    """Raises Problem where the person's hour is full, with the time after which there is room again."""
    try:
        graphic.reveal(db_session(), caller(), photo)
    except LimitReached as error:
        db_session().rollback()
        free_at = graphic.allowance(db_session(), caller()).free_at or now()
        wait_s = max(int((free_at - now()).total_seconds()) + 1, 1)
        raise Problem(429, str(error), {"Retry-After": str(wait_s)}) from None


def refuse_gone(photo: PhotoRow | None) -> None:
    """Raises Problem where retention removed the bytes."""
    if photo and photo.purged_at:
        purge = retention.newest_purge(db_session(), photos.name_of(photo.sha256))
        why = f" {purge.reason}" if purge else ""
        raise Problem(410, f"This picture was removed on {photo.purged_at:%Y-%m-%d}; its digest stays.{why}")


def find(sha256: str) -> PhotoRow | None:
    return photos.find(db_session(), checked(sha256))


def checked(sha256: str) -> str:
    if photos.is_sha256(sha256):
        return sha256
    raise Problem(404, "A picture is named by its SHA-256, 64 hex digits.")
