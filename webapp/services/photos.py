"""The pictures in the store: bytes as found, once, under their SHA-256; and small safe copies to look at."""

import hashlib
import re
from contextlib import suppress
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from scanner.decoding import make_thumbnail
from scanner.images import PictureError
from webapp.models import PhotoRow
from webapp.storage import Store, StoreError, StoreFullError

__all__ = ["StoreError", "StoreFullError", "find", "is_sha256", "name_of", "path_of", "store", "thumbnail"]

# So few that nothing is recognised, whatever a browser or a file does with it.
VEIL_EDGE_PX = 24
# As large as a picture is looked at, unless somebody zooms in.
LOOK_EDGE_PX = 1200
SHA256 = re.compile(r"[0-9a-f]{64}")


def store(place: Store, body: bytes) -> str:
    """Keep `body`; its SHA-256. Kept again, it stays one file.

    Raises StoreError where the file of that name holds something else (a broken disk, or a hand), StoreFullError, and
    StoreAwayError where the same may work later.
    """
    sha256 = hashlib.sha256(body).hexdigest()
    name = name_of(sha256)
    if not place.has(name):
        place.put(name, body)
    elif not place.holds(name, body):
        raise StoreError(
            f"{name} in {place} is not what its name says; move it away, and it is fetched again at the next scan"
        )
    return sha256


def is_sha256(text: str) -> bool:
    """Whether it can name a picture; nothing else may become part of a path."""
    return SHA256.fullmatch(text) is not None


def find(session: Session, sha256: str) -> PhotoRow | None:
    """The picture of a listing; one that is only tried has no row."""
    return session.scalar(select(PhotoRow).where(PhotoRow.sha256 == sha256))


def name_of(sha256: str) -> str:
    return f"photos/{sha256[:2]}/{sha256[2:4]}/{sha256}"


def path_of(place: Store, sha256: str) -> Path:
    """A file on this machine, to be opened within two minutes. Raises FileNotFoundError and StoreError."""
    return place.local_path(name_of(sha256), sha256)


def thumbnail(place: Store, sha256: str, edge_px: int) -> bytes:
    """A JPEG at most `edge_px` wide and high, made of the decoded pixels alone: nothing else of the file survives.

    Kept in the store, once made. Raises OSError where there is no such picture or it can't be decoded.
    """
    kept = f"thumbnails/{edge_px}/{sha256[:2]}/{sha256}.jpg"
    with suppress(FileNotFoundError):
        return place.local_path(kept).read_bytes()
    body = shrunk(path_of(place, sha256), edge_px)
    place.put(kept, body)
    return body


def shrunk(path: Path, edge_px: int) -> bytes:
    try:
        return make_thumbnail(path, edge_px)
    except PictureError as error:
        raise OSError(str(error)) from None
