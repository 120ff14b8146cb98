"""A server's JSON answer, of bounded size."""

import json
from collections.abc import Mapping
from typing import Any

import httpx2

from scanner.fetch.bodies import read_body
from scanner.fetch.errors import FetchError
from scanner.zoo.fetching.transfers import open_client, public_url
from scanner.zoo.sources.errand import SourceError

MOST_BYTES = 4 * 1024**2


class UnreachableError(SourceError):
    """A server that does not answer at all."""


def read_json(url: str, query: Mapping[str, str], *, plain_http: bool, accept: str = "application/json") -> Any:
    """What the address answers. accept: the media type that is asked for.

    Raises SourceError, UnreachableError, and DownloadError for an address that is not https.
    """
    how = {"Accept": accept, "Accept-Encoding": "gzip, deflate"}
    try:
        with (
            open_client(plain_http) as client,
            client.stream("GET", url, params=dict(query), headers=how) as answer,
        ):
            answer.raise_for_status()
            return json.loads(read_body(answer, MOST_BYTES))
    except httpx2.HTTPStatusError as error:
        status = f"{error.response.status_code} {error.response.reason_phrase}"
        raise SourceError(f"{public_url(url)} answers {status}") from None
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise UnreachableError(f"{public_url(url)} can't be reached ({str(error) or type(error).__name__})") from None
    except (FetchError, ValueError, RecursionError) as error:
        raise SourceError(f"{public_url(url)} gives no usable answer ({error})") from None
