"""The photo store: bytes as found, once, under their SHA-256; and small safe copies to look at."""

import hashlib
import os
from pathlib import Path
from uuid import uuid4

from scanner.decoding import make_thumbnail
from scanner.images import PictureError


class StoreError(OSError):
    """The store holds other bytes under a name than those that belong there."""


class StoreFullError(StoreError):
    """There is no room left where pictures are kept."""


def store(photos_dir: Path, body: bytes) -> tuple[str, Path]:
    """Keep `body`; (SHA-256, path). Kept again, it stays one file.

    Raises StoreError where the file of that name holds something else: a broken disk, or a hand.
    """
    sha256 = hashlib.sha256(body).hexdigest()
    path = path_of(photos_dir, sha256)
    if path.is_file():
        check_same(path, body)
    else:
        write_whole(path, body)
    return sha256, path


def path_of(photos_dir: Path, sha256: str) -> Path:
    return photos_dir / sha256[:2] / sha256[2:4] / sha256


def check_same(path: Path, body: bytes) -> None:
    if path.read_bytes() != body:
        raise StoreError(f"{path} is not what its name says; move it away, and it is fetched again at the next scan")


def write_whole(path: Path, body: bytes) -> None:
    """Put `body` at `path` so that the file is whole or absent, also after a crash."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        with aside.open("xb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def thumbnail(photos_dir: Path, sha256: str, edge_px: int) -> bytes:
    """A JPEG at most `edge_px` wide and high, made of the decoded pixels alone: nothing else of the file survives.

    Kept in `thumbnails` beside the store. Raises OSError where there is no such picture or it can't be decoded.
    """
    kept = photos_dir.parent / "thumbnails" / str(edge_px) / sha256[:2] / f"{sha256}.jpg"
    try:
        return kept.read_bytes()
    except FileNotFoundError:
        body = shrunk(path_of(photos_dir, sha256), edge_px)
        write_whole(kept, body)
        return body


def shrunk(path: Path, edge_px: int) -> bytes:
    try:
        return make_thumbnail(path, edge_px)
    except PictureError as error:
        raise OSError(str(error)) from None
