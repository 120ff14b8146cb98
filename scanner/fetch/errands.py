"""What a fetch sets out with, and what one request of it brings back."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import httpx2

from scanner.fetch.exchanges import Exchange

ELSEWHERE = (301, 302, 303, 307, 308)


@dataclass(frozen=True, slots=True)
class Errand:
    """conditions: what the caller has of the page; headers: the caller's own, for the origin of `url` alone.

    form, content: what is sent, one of them or neither. tries: how often a busy server is asked.
    """

    url: str
    max_bytes: int
    conditions: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)  # both may hold secrets
    form: Mapping[str, str] | None = field(default=None, repr=False)
    content: bytes | None = field(default=None, repr=False)
    asks_robots: bool = True
    is_robots: bool = False
    tries: int = 3

    @property
    def is_sent(self) -> bool:
        return self.form is not None or self.content is not None

    @property
    def method(self) -> str:
        return "POST" if self.is_sent else "GET"

    @property
    def is_kept(self) -> bool:
        """Whether an archive may have what goes over the wire: what is sent, and what that yields, are secrets."""
        return not self.is_sent and not self.is_robots

    @property
    def all_headers(self) -> dict[str, str]:
        return {**self.conditions, **self.headers}

    def is_answered(self, status: int) -> bool:
        return 200 <= status < 300 or (status == 304 and bool(self.conditions))


@dataclass(slots=True)
class Trail:
    """What a fetch has left behind it so far. requests: those for robots.txt are another fetch's."""

    requests: int = 0
    exchanges: list[Exchange] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Answer:
    url: httpx2.URL
    status: int
    headers: Mapping[str, str]
    body: bytes = b""
    exchange: Exchange | None = None

    @property
    def location(self) -> str | None:
        return self.headers.get("location") if self.status in ELSEWHERE else None
