"""An archive of a crawl (WARC), ours or another's, read again as if its pages were fetched now."""

import re
import shutil
import weakref
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import mkdtemp
from threading import Lock

from scanner.fetch import Fetched, FetchError
from scanner.markets.base import Context, Market, MarketError, Option, OptionKind
from scanner.markets.options import COMMON_OPTIONS, file_option, read_options, resolve_file
from scanner.markets.pages import NO_PAGE, Page
from scanner.markets.products import read_page
from scanner.markets.tallies import Tally
from scanner.markets.traps import Trap, is_challenge, is_login, says_missing
from scanner.records import Listing
from scanner.warc import ArchivedAnswer, ArchiveError, read_archive

MAX_PAGE_BYTES = 5 * 1024**2
MOST_SPOOLED_BYTES = 20 * 1024**3


def crawl(context: Context) -> Iterator[Listing]:
    """The listings among the archive's pages; their pictures come from the archive too. Raises MarketError."""
    options = read_options(MARKET, context)
    path = resolve_file(options["path"], context.inbox)
    pattern = re.compile(options["listing_pattern"]) if options["listing_pattern"] else None
    tally = Tally()
    try:
        context.get_photo = _Pictures(path)
        for answer in read_archive(path):
            listing = _read_page(answer, pattern, tally)
            if listing is not None:
                yield listing
    except ArchiveError as error:
        raise MarketError(f"{path.name} can't be read. {error}") from error
    except OSError as error:
        raise MarketError(f"{path.name} can't be read: {error.strerror}.") from error
    finally:
        tally.tell(context)


def _read_page(answer: ArchivedAnswer, pattern: re.Pattern[str] | None, tally: Tally) -> Listing | None:
    if pattern is not None and not pattern.search(answer.url):
        return None
    if answer.failure:
        tally.add_failure(answer.url, answer.failure)
    content_type = answer.headers.get("content-type", "")
    is_page = answer.status == 200 and not answer.failure and not NO_PAGE.match(content_type)
    if not is_page or len(answer.body) > MAX_PAGE_BYTES:
        return None
    page = Page(answer.url, answer.body, content_type)
    listing = read_page(page, pattern is not None)
    trap = _trap(page, answer, listing is not None and listing.read_by in ("json-ld", "microdata"))
    if trap is not None:
        tally.add_trap(answer.url, trap)
    if listing is None or trap is not None:
        return None
    return replace(listing, url=page.canonical or page.url, answers=(_fetched(answer),))


def _trap(page: Page, answer: ArchivedAnswer, is_offer: bool) -> Trap | None:
    if is_challenge(page, answer.headers, is_offer):
        return Trap.CHALLENGE
    if is_login(page, answer.url, is_offer):
        return Trap.LOGIN
    return Trap.MISSING if says_missing(page) and not is_offer else None


def _fetched(answer: ArchivedAnswer) -> Fetched:
    return Fetched(answer.url, answer.url, answer.status, answer.headers, answer.body, answer.captured_at)


class _Pictures:
    """The archive's pictures by their address, laid out on disk at the first question: an archive is read in order.

    They lie there until nobody has this any more: pictures are asked for after the last listing, too. May be shared
    between threads.
    """

    def __init__(self, archive: Path) -> None:
        self._archive = archive
        self._spool = Path(mkdtemp(prefix="tuskline-warc-"))
        weakref.finalize(self, shutil.rmtree, self._spool, ignore_errors=True)
        self._lock = Lock()
        self._found: dict[str, tuple[Path | None, ArchivedAnswer]] | None = None

    def __call__(self, url: str, max_bytes: int, **_known: str | None) -> Fetched:
        """Raises FetchError where the archive does not hold the picture, or says that it could not be had."""
        with self._lock:
            if self._found is None:
                self._found = dict(self._lay_out())
        path, answer = self._found.get(_key(url), (None, None))
        if answer is None:
            raise FetchError("The archive holds no answer for this picture.")
        if path is None:
            raise FetchError(
                answer.failure or f"The archive says that the server answered {answer.status}.", answer.status
            )
        if path.stat().st_size > max_bytes:
            raise FetchError(f"The picture is larger than {max_bytes / 1024**2:.4g} MiB.")
        return replace(_fetched(answer), url=url, body=path.read_bytes())

    def _lay_out(self) -> Iterator[tuple[str, tuple[Path | None, ArchivedAnswer]]]:
        """Of several answers for one address the last that is a success counts."""
        room, done = MOST_SPOOLED_BYTES, set()
        for number, answer in enumerate(read_archive(self._archive)):
            key, is_good = _key(answer.url), answer.status == 200 and not answer.failure
            if not is_good and key not in done:
                yield key, (None, replace(answer, body=b""))
            elif is_good and NO_PAGE.match(answer.headers.get("content-type", "")) and len(answer.body) <= room:
                room -= len(answer.body)
                path = self._spool / str(number)
                path.write_bytes(answer.body)
                done.add(key)
                yield key, (path, replace(answer, body=b""))


def _key(url: str) -> str:
    return url.split("#")[0].removeprefix("http://").removeprefix("https://")


MARKET = Market(
    "warc",
    "Archive of web pages (WARC)",
    crawl,
    (
        file_option("A .warc or .warc.gz file."),
        Option(
            "listing_pattern",
            "Pattern of listings",
            OptionKind.PATTERN,
            "A regular expression that is found in the address of every listing; empty where pages tell by themselves.",
        ),
        *COMMON_OPTIONS,
    ),
    is_web=False,
    help="Pages and pictures that were archived earlier, by Tuskline or by another program.",
)
