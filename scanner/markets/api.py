"""Ask an API: JSON in bounded size, calls that are counted, refusals in words."""

import json
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from html import unescape
from typing import Any
from urllib.parse import urlencode

from selectolax.lexbor import LexborHTMLParser

from scanner.fetch import BudgetError, Fetched, FetchError, RefusedError
from scanner.markets.base import Context, MarketError
from scanner.markets.pages import bound_markup

MAX_BYTES = 16 * 1024**2
MOST_MESSAGE = 300


class ApiError(FetchError):
    """The API answered, but not with what was asked for; one sentence."""


def read_json(fetched: Fetched, name: str) -> Any:
    """The value in the answer. name: of the API, for people. Raises ApiError."""
    try:
        return json.loads(fetched.body)
    except (ValueError, RecursionError):
        raise ApiError(f"{name} did not answer with JSON.") from None


def read_object(fetched: Fetched, name: str) -> dict[str, Any]:
    """Raises ApiError where the answer is no JSON object."""
    value = read_json(fetched, name)
    if not isinstance(value, dict):
        raise ApiError(f"{name} answered in a shape that we do not know.")
    return value


def message_of(error: FetchError, *paths: tuple[str | int, ...]) -> str:
    """What an API says of its refusal, at the first of the paths that leads to words; else the plain sentence."""
    try:
        value = json.loads(error.answer.body) if error.answer else None
    except (ValueError, RecursionError):
        value = None
    for path in paths:
        words = dig(value, *path)
        if isinstance(words, str) and words.strip():
            return f"{error} It says: “{' '.join(words.split())[:MOST_MESSAGE]}”."
    return str(error)


def dig(value: Any, *path: str | int) -> Any:
    """What lies at the path of keys and places, None where it leads nowhere."""
    for step in path:
        if isinstance(step, str):
            value = value.get(step) if isinstance(value, dict) else None
        else:
            value = value[step] if isinstance(value, list) and len(value) > step else None
    return value


def objects(value: Any) -> list[dict[str, Any]]:
    """The objects in what should be a list of such."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def text(value: Any, most: int = 20_000) -> str:
    return " ".join(value.split())[:most].replace("\0", "") if isinstance(value, str) else ""


def plain_text(html: Any, most: int = 20_000) -> str:
    """The words of a description that is written in HTML."""
    if not isinstance(html, str) or "<" not in html:
        return text(unescape(html) if isinstance(html, str) else html, most)
    tree = LexborHTMLParser(bound_markup(html)[0])
    tree.strip_tags(["script", "style"])
    return text(tree.body.text(separator=" ") if tree.body else "", most)


def from_epoch(value: Any) -> datetime | None:
    """The time in seconds since 1970."""
    try:
        return datetime.fromtimestamp(value, UTC) if isinstance(value, int | float) and value > 0 else None
    except (OverflowError, ValueError, OSError):
        return None


class Api:
    """One API in one crawl. Every call is taken from the day's quota and keeps its distance from the one before.

    account: whose quota pays. calls_a_second: at most. headers: asked before every call, as a token may have run out.
    """

    def __init__(
        self,
        context: Context,
        name: str,
        account: str,
        calls_a_day: int,
        calls_a_second: float = 0.0,
        sleep: Callable[[float], object] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self._context = context
        self._account = account
        self._calls_a_day = calls_a_day
        self._gap_s = 1 / calls_a_second if calls_a_second else 0.0
        self._sleep = sleep
        self._clock = clock
        self._free_at = clock()

    def get(self, url: str, params: Mapping[str, Any], headers: Mapping[str, str]) -> Fetched:
        """Raises BudgetError where the day's calls are used up or the API has had enough, FetchError else."""
        self.spend()
        self._wait()
        address = f"{url}?{urlencode(params)}" if params else url
        try:
            return self._context.fetcher.get(address, MAX_BYTES, headers=headers, is_api=True)
        except FetchError as error:
            if error.status == 429:
                raise BudgetError(
                    f"{self.name} asks to be left alone for now, so the rest was not asked for."
                ) from error
            raise

    def spend(self) -> None:
        """Take a call from the day's quota. Raises BudgetError where none is left."""
        if not self._context.quota.spend(self._account, self._calls_a_day):
            raise BudgetError(f"The {self._calls_a_day} calls that {self.name} grants a day are used up.")

    def _wait(self) -> None:
        now = self._clock()
        if self._free_at > now:
            self._sleep(self._free_at - now)
        self._free_at = max(now, self._free_at) + self._gap_s


def refuse(error: FetchError, name: str, *paths: tuple[str | int, ...]) -> MarketError:
    """The failure of a call that a crawl can't do without, in words. Raises RefusedError where it is our own."""
    if isinstance(error, RefusedError):
        raise error
    return MarketError(f"{name} could not be asked. {message_of(error, *paths)}")
