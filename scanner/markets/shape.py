"""Which fields a source's listings have, so that a site that changed is noticed before it is missed."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from scanner.records import Listing

ENOUGH_LISTINGS = 20
LARGEST_DROP = 0.3  # of the listings; smaller changes come with what is on offer
FIELDS = {
    "title": "A title",
    "description": "A description",
    "price": "A price",
    "currency": "A currency",
    "seller": "A seller",
    "country": "A country",
    "posted_at": "A time of offering",
    "photo_urls": "A picture",
}
WAYS = {
    "json-ld": "JSON-LD",
    "microdata": "microdata",
    "open-graph": "Open Graph tags",
    "html": "the bare page",
    "api": "the API",
    "feed": "the feed",
    "file": "the file",
}
MOST_UNKNOWN_KEYS = 50


@dataclass(slots=True)
class Shape:
    """What one crawl's listings looked like. fields, read_by: number of listings by field and by way of reading."""

    listings: int = 0
    fields: Counter[str] = field(default_factory=Counter)
    read_by: Counter[str] = field(default_factory=Counter)
    unknown_keys: set[str] = field(default_factory=set)

    def count(self, listing: Listing) -> None:
        self.listings += 1
        self.fields.update(name for name in FIELDS if getattr(listing, name) not in ("", None, ()))
        if listing.read_by and not listing.is_unchanged:
            self.read_by[listing.read_by] += 1

    def share(self, name: str) -> float:
        """The part of the listings, 0 to 1, that have the field."""
        return self.fields[name] / self.listings if self.listings else 0.0

    def to_json(self) -> dict[str, Any]:
        return {
            "listings": self.listings,
            "fields": dict(self.fields),
            "read_by": dict(self.read_by),
            "unknown_keys": sorted(self.unknown_keys),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any] | None) -> "Shape | None":
        """What to_json gave, None where that is nothing."""
        if not data:
            return None
        return cls(
            data.get("listings", 0),
            Counter(data.get("fields", {})),
            Counter(data.get("read_by", {})),
            set(data.get("unknown_keys", ())),
        )


def compare(before: Shape, now: Shape, is_partial: bool = False) -> list[str]:
    """What changed for the worse, in sentences. is_partial: this crawl was cut short, so its numbers say less."""
    return [
        *_fewer_listings(before, now, is_partial),
        *_lost_fields(before, now),
        *_lost_ways(before, now),
        *_new_keys(before.unknown_keys, now.unknown_keys),
    ]


def _fewer_listings(before: Shape, now: Shape, is_partial: bool) -> Iterator[str]:
    if not is_partial and before.listings >= ENOUGH_LISTINGS and now.listings * 2 < before.listings:
        yield (
            f"The scan before found {before.listings} listings, and this one {now.listings}: has the site changed, "
            "or was so much taken down?"
        )


def _lost_fields(before: Shape, now: Shape) -> Iterator[str]:
    if min(before.listings, now.listings) < ENOUGH_LISTINGS:
        return
    for name, words in FIELDS.items():
        was, is_now = before.share(name), now.share(name)
        if was - is_now >= LARGEST_DROP:
            yield (
                f"{words} was read in {was:.0%} of the listings of the scan before, and in {is_now:.0%} now: "
                "has the site changed?"
            ).replace("%", " %")


def _lost_ways(before: Shape, now: Shape) -> Iterator[str]:
    total, new_total = before.read_by.total(), now.read_by.total()
    if min(total, new_total) < ENOUGH_LISTINGS:
        return
    for way, count in before.read_by.items():
        if count / total >= LARGEST_DROP and not now.read_by[way]:
            yield (
                f"The scan before read {count / total:.0%} of its listings from {WAYS.get(way, way)}, and this one "
                "none: has the site changed?"
            ).replace("%", " %")


def _new_keys(before: Iterable[str], now: Iterable[str]) -> Iterator[str]:
    new = sorted(set(now) - set(before))
    if new:
        more = f" and {len(new) - 10} more" if len(new) > 10 else ""
        yield f"The source's answers have fields that are new to us: {', '.join(new[:10])}{more}."
