"""From a crawl's listings to pictures in the store: fetched beside the crawl, and only where they are not known."""

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Self

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from scanner.fetch import BudgetError, Fetched, FetchError, HostStoppedError, StoppedError
from scanner.markets.base import Context
from scanner.records import Listing
from webapp.db import now
from webapp.models import Appearance, ListingRow
from webapp.services import listings, photos
from webapp.services.failures import FailureKind, kind_of_fetch
from webapp.services.listings import URL_LETTERS, clean, is_short
from webapp.storage import Store, StoreAwayError, StoreError, StoreFullError

FETCHERS = 4  # threads; the fetcher keeps the pace of each host, so that more of them help with several hosts alone
LISTINGS_AHEAD = 8
PICTURES_AHEAD = 48
PICTURE_BYTES = 20 * 1024**2
ASK_AGAIN = timedelta(days=30)  # after so long a picture of an unchanged listing is asked for once more
ETAG_LETTERS, DATE_LETTERS = 300, 60

GetPhoto = Callable[..., Fetched]


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture of a listing: its bytes in the store under `sha256`, or one `failure` with its kind.

    answer: what was fetched just now; None where the bytes were known. is_asked: the server was asked in any case.
    is_cut_short: the failure is not the picture's: the crawl's budget is used up, or its host is stopped.
    """

    url: str
    sha256: str | None = None
    size_bytes: int = 0
    failure: str | None = None
    failure_kind: FailureKind | None = None
    answer: Fetched | None = None
    is_asked: bool = False
    is_cut_short: bool = False

    @classmethod
    def known(cls, appearance: Appearance, *, is_asked: bool = False) -> Self:
        photo = appearance.photo
        return cls(appearance.url, photo.sha256, photo.size_bytes, is_asked=is_asked)


@dataclass(frozen=True, slots=True)
class Gathered:
    """A cleaned listing with all its pictures."""

    listing: Listing
    pictures: tuple[Picture, ...]


class Gatherer:
    """Fetches pictures in threads while the crawl goes on; what it holds is bounded. A context manager.

    get_photo(url, max_bytes=, etag=, last_modified=) gives the bytes of one.
    """

    def __init__(self, session: Session, source_id: int, place: Store, context: Context) -> None:
        self._session = session
        self._source_id = source_id
        self._place = place
        self._context = context
        self._threads = ThreadPoolExecutor(FETCHERS, thread_name_prefix="pictures")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._threads.shutdown(cancel_futures=True)

    def gather(self, found: Iterable[Listing], get_photo: Callable[[], GetPhoto]) -> Iterator[Gathered]:
        """Each listing once its pictures are here, in order. get_photo: asked once the crawl has begun.

        Where the crawl breaks off, what it found until then still comes out; then its exception is raised.
        """
        ahead: deque[tuple[Listing, list[Future[Picture]]]] = deque()
        broken: Exception | None = None
        try:
            for listing in self._clean(found):
                ahead.append((listing, self._begin(listing, get_photo())))
                while ahead and (is_far_ahead(ahead) or all(future.done() for future in ahead[0][1])):
                    yield self._finish(*ahead.popleft())
        except Exception as error:
            broken = error
        while ahead:
            yield self._finish(*ahead.popleft())
        if broken is not None:
            raise broken

    def _clean(self, found: Iterable[Listing]) -> Iterator[Listing]:
        for one in found:
            listing = clean(one)
            if is_short(listing.url):
                yield listing
            else:
                self._context.warn(f"A listing was left out because its address is longer than {URL_LETTERS} letters.")

    def _begin(self, listing: Listing, get_photo: GetPhoto) -> list["Future[Picture]"]:
        row = listings.find(self._session, self._source_id, listing.url)
        known = self._known_pictures(row)
        is_same = listing.is_unchanged or (row is not None and row.content_sha256 == listings.digest_of(listing))
        return [self._begin_one(url, known.get(url), is_same, get_photo) for url in listing.photo_urls]

    def _begin_one(self, url: str, known: Appearance | None, is_same: bool, get_photo: GetPhoto) -> "Future[Picture]":
        if known is not None and known.photo.purged_at is not None:
            known = None  # retention removed the bytes: ask for them, not whether they changed
        if known is not None and is_same and now() - known.checked_at < ASK_AGAIN:
            return _done(Picture.known(known))
        return self._threads.submit(fetch_picture, url, known, get_photo, self._place)

    def _finish(self, listing: Listing, pictures: list["Future[Picture]"]) -> Gathered:
        done = tuple(future.result() for future in pictures)
        for picture in done:
            if picture.is_cut_short and self._context.cut_short is None:
                self._context.end_early(f"Some pictures were not fetched. {picture.failure}")
        return Gathered(listing, done)

    def _known_pictures(self, row: ListingRow | None) -> dict[str, Appearance]:
        if row is None:
            return {}
        shown = select(Appearance).where(Appearance.listing_id == row.id).options(joinedload(Appearance.photo))
        return {one.url: one for one in self._session.scalars(shown)}


def is_far_ahead(ahead: Collection[tuple[Listing, Sequence[object]]]) -> bool:
    """Whether so much is held that the crawl is to wait."""
    return len(ahead) > LISTINGS_AHEAD or sum(len(pictures) for _, pictures in ahead) > PICTURES_AHEAD


def fetch_picture(url: str, known: Appearance | None, get_photo: GetPhoto, place: Store) -> Picture:
    """Ask for one picture, with what is known of it, and store its bytes. Raises StoreFullError and StoreAwayError."""
    if not is_short(url):
        words = f"its address is longer than {URL_LETTERS} letters"
        return Picture(url[: URL_LETTERS // 4], failure=words, failure_kind=FailureKind.REFUSED)
    etag, last_modified = (known.etag, known.last_modified) if known else (None, None)
    try:
        answer = get_photo(url, max_bytes=PICTURE_BYTES, etag=etag, last_modified=last_modified)
    except StoppedError:
        raise  # the worker ends
    except FetchError as error:
        is_cut_short = isinstance(error, BudgetError | HostStoppedError)
        kind = kind_of_fetch(error)
        return Picture(url, failure=str(error), failure_kind=kind, is_asked=True, is_cut_short=is_cut_short)
    if answer.is_unchanged and known is not None:
        return Picture.known(known, is_asked=True)
    try:
        sha256 = photos.store(place, answer.body)
    except (StoreFullError, StoreAwayError):
        raise  # not the picture's fault: it is asked for again once there is room
    except StoreError as error:
        return Picture(url, failure=str(error), failure_kind=FailureKind.MISSING, answer=answer, is_asked=True)
    return Picture(url, sha256, len(answer.body), answer=answer, is_asked=True)


def validators_of(answer: Fetched | None) -> dict[str, str | None]:
    """What the server said to recognise an answer by, as the columns of pictures and pages hold it."""
    headers = answer.headers if answer else {}
    etag, last_modified = headers.get("etag"), headers.get("last-modified")
    return {
        "etag": etag if etag and len(etag) <= ETAG_LETTERS else None,
        "last_modified": last_modified if last_modified and len(last_modified) <= DATE_LETTERS else None,
    }


def _done(picture: Picture) -> "Future[Picture]":
    future: Future[Picture] = Future()
    future.set_result(picture)
    return future
