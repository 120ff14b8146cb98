"""Pictures and tables in the inbox folder: nothing outside of it is read, whatever a file or a link says."""

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from scanner.fetch import Fetched, FetchError

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".avif", ".heic", ".heif", ".bmp", ".jfif")
SCHEME = "file"
OUTSIDE = "It lies outside the inbox folder, so it was not read."
_READ_ONLY = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)

GetPhoto = Callable[..., Fetched]


def is_picture(name: str) -> bool:
    return name.lower().endswith(SUFFIXES)


def location_of(path: Path, inbox: Path) -> str:
    """`file:///folder/name.jpg`: the file's place below the inbox, wherever the inbox is. Raises ValueError."""
    return f"{SCHEME}:///{quote(path.relative_to(inbox).as_posix())}"


class LocalPhotos:
    """Gives the bytes of a picture in the inbox, named by `location_of` or by its path; of web addresses, `get`."""

    def __init__(self, inbox: Path, get: GetPhoto | None = None) -> None:
        self._inbox = inbox.resolve()
        self._get = get

    def __call__(self, url: str, max_bytes: int, **known: str | None) -> Fetched:
        """known: of the picture that the caller has, for a server (etag, last_modified). Raises FetchError."""
        if self._get and url.lower().startswith(("http://", "https://")):
            return self._get(url, max_bytes, **known)
        body = read_file(self._inbox, self._place(url), max_bytes)
        return Fetched(url, url, 200, {}, body, datetime.now(UTC))

    def _place(self, url: str) -> Path:
        try:
            parts = urlsplit(url)
            path = unquote(parts.path).lstrip("/") if parts.scheme == SCHEME else url
            return self._inbox / path
        except ValueError:
            raise FetchError("This is no place of a file that can be read.") from None


def read_file(inbox: Path, path: Path, max_bytes: int) -> bytes:
    """The file's bytes, if it is an ordinary one below the inbox once all links are resolved. Raises FetchError."""
    try:
        place = path.resolve(strict=True)
        if not place.is_relative_to(inbox.resolve()):
            raise FetchError(OUTSIDE)
        with _opened(inbox.resolve(), place) as handle, os.fdopen(os.dup(handle), "rb") as file:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise FetchError("It is no ordinary file.")
            body = file.read(max_bytes + 1)
    except (OSError, ValueError, RuntimeError) as error:
        raise FetchError(f"The file can't be read: {getattr(error, 'strerror', None) or error}.") from error
    if len(body) > max_bytes:
        raise FetchError(f"The file is larger than {max_bytes / 1024**2:.4g} MiB.")
    return body


@contextmanager
def _opened(inbox: Path, place: Path) -> Iterator[int]:
    """A handle of the file, reached folder by folder without following a link: one that was put there since is met."""
    handles = [os.open(inbox, os.O_RDONLY)]
    try:
        for name in place.relative_to(inbox).parts:
            handles.append(os.open(name, _READ_ONLY, dir_fd=handles[-1]))
        yield handles[-1]
    finally:
        for handle in handles:
            os.close(handle)
