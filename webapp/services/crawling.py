"""From a market's listings to pictures in the photo store."""

from collections.abc import Callable, Iterable, Iterator

from scanner.fetch import Fetcher, FetchError
from scanner.images import MAX_BYTES
from scanner.records import NO_PICTURE, Listing, Photo
from webapp.services import photos
from webapp.services.listings import URL_LETTERS, clean
from webapp.storage import Store


def photos_of(
    listings: Iterable[Listing], fetcher: Fetcher, place: Store, warn: Callable[[str], None]
) -> Iterator[Photo]:
    """Every picture of every listing, fetched when its turn comes; what can't be had is a Photo with a failure."""
    for found in listings:
        listing = clean(found)
        if len(listing.url) > URL_LETTERS:
            warn(f"A listing was left out because its address is longer than {URL_LETTERS} letters.")
            continue
        if not listing.photo_urls:
            yield Photo(listing.url, None, listing, NO_PICTURE)
        for url in listing.photo_urls:
            yield fetch_photo(url, listing, fetcher, place)


def fetch_photo(url: str, listing: Listing, fetcher: Fetcher, place: Store) -> Photo:
    if len(url) > URL_LETTERS:
        return Photo(url[:URL_LETTERS], None, listing, f"its address is longer than {URL_LETTERS} letters")
    try:
        path = photos.path_of(place, photos.store(place, fetcher.get(url, max_bytes=MAX_BYTES).body))
    except FetchError as error:
        return Photo(url, None, listing, str(error))
    except photos.StoreError as error:
        return Photo(url, None, listing, str(error))
    return Photo(url, path, listing)
