"""What laws and marketplaces say about a concept: dated, cited, and never a verdict.

An entry tells a reviewer what the legality of an offer depends on. It decides nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from pathlib import Path


class LawKind(StrEnum):
    """`treaty` speaks everywhere, `law` in its countries, `platform` on its own hosts alone."""

    TREATY = "treaty"
    LAW = "law"
    PLATFORM = "platform"


@dataclass(frozen=True, slots=True)
class LawDate:
    """A date as exactly as it is known: a day, a month or a year.

    first and last: the days that it may mean, both included. written: as in the file, `2014`, `2014-06`, `2014-06-01`.
    """

    first: date
    last: date
    written: str

    def __str__(self) -> str:
        return self.written


@dataclass(frozen=True, slots=True)
class LawEntry:
    """One rule of one place.

    place: ISO 3166-1 alpha-2 or `EU` in capitals, else a small name (`cites`, `ebay`). countries: where a law speaks.
    hosts: of a platform, `ebay.com` stands for its subdomains too. text: one sentence. questions: what to ask about
    the offer, exemptions above all. in_force_from, until: None where no bound is known. checked_at: when a person
    compared it with a source; None and status `unverified` where nobody has.
    """

    id: str
    kind: LawKind
    place: str
    place_name: str
    concepts: tuple[str, ...]
    text: str
    questions: tuple[str, ...]
    citation: str
    status: str
    checked_at: LawDate | None = None
    in_force_from: LawDate | None = None
    until: LawDate | None = None
    note: str = ""
    countries: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    path: Path | None = field(default=None, compare=False)

    @property
    def is_verified(self) -> bool:
        return self.status == "verified"

    def is_in_force(self, at: date) -> bool:
        """Whether it holds on that day; of a date known by month or year, its whole span counts."""
        begun = self.in_force_from is None or self.in_force_from.first <= at
        return begun and (self.until is None or at <= self.until.last)

    def speaks_on(self, host: str) -> bool:
        name = host.lower().rstrip(".")
        return any(name == own or name.endswith(f".{own}") for own in self.hosts)


@dataclass(frozen=True, slots=True)
class Law:
    """All entries of a pack, in the order of its files."""

    entries: tuple[LawEntry, ...] = ()

    def context(self, country: str | None, concept: str, at: date) -> tuple[LawEntry, ...]:
        """What speaks of the concept in a country on that day: its own law, its union's, then treaties.

        country: ISO 3166-1 alpha-2 of the offer, None where unknown (then treaties alone). at: the listing's day.
        """
        code = (country or "").upper()
        own = [entry for entry in self._about(concept, at, LawKind.LAW) if code in entry.countries]
        own.sort(key=lambda entry: entry.place != code)
        return (*own, *self._about(concept, at, LawKind.TREATY))

    def policies(self, host: str, concept: str, at: date) -> tuple[LawEntry, ...]:
        """What the marketplace at `host` itself says of the concept on that day."""
        return tuple(entry for entry in self._about(concept, at, LawKind.PLATFORM) if entry.speaks_on(host))

    def _about(self, concept: str, at: date, kind: LawKind) -> Iterator[LawEntry]:
        for entry in self.entries:
            if entry.kind is kind and concept in entry.concepts and entry.is_in_force(at):
                yield entry

    @property
    def countries(self) -> tuple[str, ...]:
        """Every country of which there is a law, by code, sorted."""
        return tuple(sorted({code for entry in self.entries for code in entry.countries}))

    def find(self, entry_id: str) -> LawEntry | None:
        return next((entry for entry in self.entries if entry.id == entry_id), None)
