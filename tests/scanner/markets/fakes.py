"""A fetcher that answers from a table, for markets that speak to an API."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit

from scanner.fetch import Fetched, Fetcher, FetchError
from scanner.markets.base import Context

Answer = dict[str, Any] | list[Any] | bytes | FetchError


@dataclass
class Call:
    path: str
    query: dict[str, str]
    headers: Mapping[str, str]
    form: Mapping[str, str] | None = None
    is_api: bool = False


@dataclass
class FakeFetcher:
    """answer: is given each call; JSON values become bodies, a FetchError is raised."""

    answer: Callable[[Call], Answer]
    calls: list[Call] = field(default_factory=list)

    def get(
        self,
        url: str,
        max_bytes: int = 0,  # noqa: ARG002  # as a real one takes it
        *,
        headers: Mapping[str, str] | None = None,
        is_api: bool = False,
        **_: object,
    ) -> Fetched:
        return self._reply(url, headers, None, is_api)

    def post_form(self, url: str, data: Mapping[str, str], *, headers: Mapping[str, str] | None = None) -> Fetched:
        return self._reply(url, headers, data, True)

    def _reply(
        self, url: str, headers: Mapping[str, str] | None, form: Mapping[str, str] | None, is_api: bool
    ) -> Fetched:
        parts = urlsplit(url)
        self.calls.append(Call(parts.path, dict(parse_qsl(parts.query)), headers or {}, form, is_api))
        answer = self.answer(self.calls[-1])
        if isinstance(answer, FetchError):
            raise answer
        body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        return Fetched(url, url, 200, {"content-type": "application/json"}, body, datetime.now(UTC))

    def paths(self) -> list[str]:
        return [call.path for call in self.calls]


def refusal(status: int, body: object = None) -> FetchError:
    answer = Fetched("u", "u", status, {}, json.dumps(body).encode(), datetime.now(UTC))
    return FetchError(f"The server answered {status}.", status, answer)


def context_on(fetcher: FakeFetcher, **options: Any) -> Context:
    return Context(options, cast(Fetcher, fetcher))
