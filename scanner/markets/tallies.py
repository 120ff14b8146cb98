"""Many pages with the same trouble, told in one sentence."""

import re
from dataclasses import dataclass, field

from scanner.markets.base import Context

_NUMBERS = re.compile(r"\d+")


@dataclass(slots=True)
class _Entry:
    url: str
    reason: str
    count: int = 0


@dataclass(slots=True)
class Tally:
    """What went wrong on the way, by kind of trouble."""

    _failures: dict[str, _Entry] = field(default_factory=dict)
    _traps: dict[str, _Entry] = field(default_factory=dict)

    def add_failure(self, url: str, reason: str) -> None:
        """A page that could not be read. reason: one sentence; those that differ in numbers alone are one trouble."""
        self._failures.setdefault(_NUMBERS.sub("#", reason), _Entry(url, reason)).count += 1

    def add_trap(self, url: str, what: str) -> None:
        """A page that is not what it seems. what: follows “pages”, and “page”: `asked us to sign in`."""
        self._traps.setdefault(what, _Entry(url, what)).count += 1

    def count_traps(self, what: str) -> int:
        return self._traps[what].count if what in self._traps else 0

    def tell(self, context: Context) -> None:
        for entry in self._failures.values():
            if entry.count == 1:
                context.warn(f"{entry.url} could not be read. {entry.reason}")
            else:
                context.warn(f"{entry.count} pages could not be read, {entry.url} the first of them. {entry.reason}")
        for entry in self._traps.values():
            if entry.count == 1:
                context.warn(f"1 page {entry.reason}: {entry.url}.")
            else:
                context.warn(f"{entry.count} pages {entry.reason}, {entry.url} the first of them.")
        self._failures.clear()
        self._traps.clear()
