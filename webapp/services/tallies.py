"""The figures of a report, counted over its findings while they are written."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from rules.law import LawEntry
from webapp.exporters.content import COUNTED
from webapp.models import (
    FindingRow,
    FindingState,
    ListingEventKind,
    ListingRow,
)
from webapp.services.decisions import standing
from webapp.services.trends import spread

SELLERS_NAMED = 200


@dataclass
class Tally:
    """Counts over the findings as they are written, so that every figure is of exactly these."""

    findings: int = 0
    decisions: int = 0
    primary_absent: bool = False
    listings: set[int] = field(default_factory=set)
    pictures: set[str] = field(default_factory=set)
    by_state: Counter[str] = field(default_factory=Counter)
    by_severity: Counter[str] = field(default_factory=Counter)
    by_concept: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    by_source: dict[tuple[str, str], Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    by_seller: dict[tuple[str, str], Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    listings_by_seller: dict[tuple[str, str], set[int]] = field(default_factory=lambda: defaultdict(set))
    by_day: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    by_rule: Counter[tuple[str, int, str]] = field(default_factory=Counter)
    rules: dict[tuple[str, int, str], dict[str, Any]] = field(default_factory=dict)
    by_model: Counter[tuple[str, str]] = field(default_factory=Counter)
    takedown_s: dict[int, float] = field(default_factory=dict)
    standing: set[int] = field(default_factory=set)
    legal: dict[str, LawEntry] = field(default_factory=dict)

    def count(self, row: FindingRow, finding: Mapping[str, Any], entries: Sequence[LawEntry]) -> None:
        """row: with its listing, source and decisions; finding: as it is written."""
        state, listing = row.state.value, row.listing
        self.findings += 1
        self.primary_absent |= row.primary_absent
        self.listings.add(row.listing_id)
        self.by_state[state] += 1
        self.by_severity[row.severity] += 1
        groups = [self.by_concept[row.concept], self.by_source[(listing.source.name, listing.source.kind)]]
        if listing.seller:
            seller = (listing.seller, listing.source.name)
            groups.append(self.by_seller[seller])
            self.listings_by_seller[seller].add(row.listing_id)
        for group in groups:
            group["all"] += 1
            group[state] += 1
        if row.photo:
            self.pictures.add(row.photo.sha256)
        if row.model:
            self.by_model[(row.model, row.model_digest or "")] += 1
        self.legal |= {entry.id: entry for entry in entries}
        self._count_rule(row)
        self._count_days(row)
        self._count_removal(row.listing, finding["events"])

    def _count_rule(self, row: FindingRow) -> None:
        key = (row.rule, row.rule_version, row.pack_digest)
        self.by_rule[key] += 1
        same = ("rule", "title", "concept", "severity", "threshold", "pack_digest")
        self.rules[key] = {name: getattr(row, name) for name in same} | {"version": row.rule_version}

    def _count_days(self, row: FindingRow) -> None:
        self.by_day[day_of(row.found_at)]["found"] += 1
        for decision in standing(row.decisions):
            self.decisions += 1
            if decision.verdict.state in (FindingState.CONFIRMED, FindingState.DISMISSED):
                self.by_day[day_of(decision.decided_at)][decision.verdict.state.value] += 1

    def _count_removal(self, listing: ListingRow, events: Sequence[Mapping[str, Any]]) -> None:
        seconds = [event["takedown_s"] for event in events if event["kind"] == ListingEventKind.REMOVED.value]
        if listing.removed_at is None:
            self.standing.add(listing.id)
        elif seconds and seconds[-1] is not None:
            self.takedown_s[listing.id] = float(seconds[-1])

    def figures(self) -> dict[str, Any]:
        ranked = sorted(self.by_seller, key=lambda seller: (-self.by_seller[seller]["all"], seller))
        return {
            "findings": self.findings,
            "listings": len(self.listings),
            "sellers": len(self.by_seller),
            "pictures": len(self.pictures),
            "decisions": self.decisions,
            "by_state": {state.value: self.by_state[state.value] for state in FindingState},
            "by_severity": dict(sorted(self.by_severity.items())),
            "by_concept": {concept: counts_of(found) for concept, found in ranked_groups(self.by_concept)},
            "by_source": {name: counts_of(found) for (name, _), found in ranked_groups(self.by_source)},
            "by_seller": [self._seller(one) for one in ranked[:SELLERS_NAMED]],
            "sellers_left_out": max(0, len(ranked) - SELLERS_NAMED),
            "by_day": [
                {"day": day} | {name: self.by_day[day][name] for name in ("found", "confirmed", "dismissed")}
                for day in sorted(self.by_day)
            ],
            "takedown": self._takedown(),
        }

    def _seller(self, seller: tuple[str, str]) -> dict[str, Any]:
        name, source = seller
        listings = len(self.listings_by_seller[seller])
        return {"seller": name, "source": source, "listings": listings, "counts": counts_of(self.by_seller[seller])}

    def _takedown(self) -> dict[str, Any]:
        """Of listings, in hours from the first suspicion to the noticed removal."""
        found = spread(list(self.takedown_s.values()))
        longest = max(self.takedown_s.values(), default=None)
        return {
            "removed": len(self.takedown_s),
            "standing": len(self.standing),
            "quarter_hours": hours(found.low),
            "median_hours": hours(found.median),
            "three_quarter_hours": hours(found.high),
            "longest_hours": hours(longest),
        }


def counts_of(found: Mapping[str, int]) -> dict[str, int]:
    return {name: found.get(name, 0) for name in ("all", *COUNTED)}


def ranked_groups(groups: Mapping[Any, Counter[str]]) -> list[tuple[Any, Counter[str]]]:
    """The largest first."""
    return sorted(groups.items(), key=lambda group: (-group[1]["all"], group[0]))


def hours(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds / 3600, 2)


def day_of(at: datetime) -> str:
    return at.date().isoformat()
