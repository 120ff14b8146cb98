"""Fetch a file over HTTP: resumed where it broke off, and checked before anybody uses it."""

import errno
from dataclasses import dataclass, field
from pathlib import Path

from scanner.fingerprints import digest_file
from scanner.zoo.fetching.partials import BusyError, Partial, open_partial
from scanner.zoo.fetching.transfers import DownloadError, Pace, Transfer, public_url

FOLDER = ".downloads"
FULL = {errno.ENOSPC, errno.EDQUOT}


class DigestError(DownloadError):
    """Bytes that are not those that were expected."""

    def __init__(self, url: str, expected: str, found: str) -> None:
        super().__init__(f"{url} has the SHA-256 {found} and not {expected}, which was published: not used")
        self.expected = expected
        self.found = found


class DiskFullError(Exception):
    """No room for the file; what was fetched so far is kept."""


@dataclass(frozen=True, slots=True)
class Received:
    """A file that is whole. url: without a user's name or password."""

    path: Path
    url: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True)
class Downloader:
    """Fetches addresses; `folder` keeps what broke off. plain_http: also over http without a digest known before."""

    folder: Path
    plain_http: bool = False
    pace: Pace = field(default_factory=Pace)

    def fetch(self, url: str, target: Path, sha256: str | None = None) -> Received:
        """Write what stands at `url` to `target`. sha256: hex, where it is known beforehand.

        Raises DownloadError, DigestError when the file is another one than sha256 says, and DiskFullError.
        """
        try:
            with open_partial(self.folder, url) as partial:
                found = self._complete(url, partial, sha256)
                size = partial.size
                partial.move(target)
        except BusyError:
            raise DownloadError(f"{public_url(url)} is being downloaded by another process: wait for it") from None
        except OSError as error:
            if error.errno in FULL:
                raise DiskFullError(f"the disk of {self.folder.parent} is full; free some space") from None
            raise
        return Received(target, public_url(url), found, size)

    def _complete(self, url: str, partial: Partial, sha256: str | None) -> str:
        resumed = partial.size > 0
        known = sha256 is not None
        Transfer(self.pace, url, partial, known, self.plain_http or known).run()
        found = digest_file(partial.path)
        if sha256 in (None, found):
            return found
        partial.clear()
        if resumed:  # a server may have spliced two versions: once more, from the first byte
            return self._complete(url, partial, sha256)
        raise DigestError(public_url(url), str(sha256), found)
