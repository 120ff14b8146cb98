"""What a report freezes: findings read in batches, figures counted over exactly these, and all that they rest on."""

import hashlib
import json
import shutil
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.orm import Session, selectinload

from rules.law import LawEntry
from rules.model import Pack
from scanner.zoo.cards import CardError
from scanner.zoo.registry import find_installed
from webapp.exporters.content import COUNTED, FORMAT
from webapp.language import ENGLISH, speaking
from webapp.models import (
    Decision,
    FindingRow,
    FindingState,
    ListingEvent,
    ListingEventKind,
    ListingRow,
    PhotoRow,
    Report,
    Scan,
    ScoreRow,
)
from webapp.services import items, packs, quality, queue, removals
from webapp.services.decisions import standing
from webapp.services.narrowing import Query, QueueFilters, narrow
from webapp.services.software import made_with
from webapp.services.trends import spread
from webapp.settings import Settings

BATCH = 200
SELLERS_NAMED = 200
STATEMENT = (
    "A score is a suspicion, not a proof: it says how alike a picture is to pictures that a model learned from.",
    "Visual identification is tentative: look-alikes, copies and poor pictures mislead models and people.",
    "Whether an item is what it looks like, and whether its trade breaks a law, is for a person to find out.",
    "A concept that no installed model sees has no score: where nothing was flagged, something may still be there.",
    "The findings are those found or decided in the period; states and decisions are as they stood when it was built.",
    "Removal is noticed at the next visit: the hours to it are at most those given here, and end with a visit.",
    "The legal context is a help to ask the right questions, no advice; what is called unverified was not checked.",
)
NARROWED = "Filters narrowed the findings: the figures on precision, recall and agreement are of all in the period."
ABSENT = "The primary model was not installed when some of these were scored; fallback models spoke in its place."


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a report is to hold: findings found or decided in [from_at, to_at) that the filters let through.

    filters: arguments as in the queue's address; a state narrows only where it is named. corrects: the report that
    this one puts right, correction: what was wrong with it.
    """

    from_at: datetime
    to_at: datetime
    title: str = ""
    filters: Mapping[str, str] = field(default_factory=dict)
    filters_name: str | None = None
    narrowed: QueueFilters = field(default_factory=lambda: QueueFilters(state=None))
    corrects: Report | None = None
    correction: str = ""


@dataclass(frozen=True, slots=True)
class Frozen:
    """A content file that was just written."""

    path: Path
    sha256: str
    size_bytes: int
    findings_count: int


def freeze(
    session: Session,
    settings: Settings,
    wanted: Wanted,
    actor: str,
    at: datetime,
    folder: Path,
    tell: Callable[[int, int], None] = lambda _done, _total: None,
) -> Frozen:
    """Write the content (webapp.exporters.content) to a file in `folder`, an empty one for this alone.

    tell: called with the findings that are written and those to write. Memory holds one batch of them.
    """
    with speaking(ENGLISH):
        return freeze_in_english(session, settings, wanted, actor, at, folder, tell)


def freeze_in_english(
    session: Session,
    settings: Settings,
    wanted: Wanted,
    actor: str,
    at: datetime,
    folder: Path,
    tell: Callable[[int, int], None],
) -> Frozen:
    ids = session.scalars(chosen(session, wanted).with_only_columns(FindingRow.id).order_by(FindingRow.id)).all()
    tally, pack = Tally(), packs.kept_pack(settings.pack)
    findings_file = folder / "findings.jsonl"
    with findings_file.open("wb") as lines:
        for start in range(0, len(ids), BATCH):
            tell(start, len(ids))
            for finding in describe_batch(session, ids[start : start + BATCH], pack, tally):
                lines.write(as_line(finding))
    tell(len(ids), len(ids))
    head = head_of(session, settings, wanted, actor, at, tally)
    return put_together(folder / "content.jsonl", head, findings_file, len(ids))


def put_together(path: Path, head: Mapping[str, Any], findings_file: Path, count: int) -> Frozen:
    with path.open("wb") as whole, findings_file.open("rb") as findings:
        whole.write(as_line(head))
        shutil.copyfileobj(findings, whole)
    findings_file.unlink()
    with path.open("rb") as whole:
        sha256 = hashlib.file_digest(whole, "sha256").hexdigest()
    return Frozen(path, sha256, path.stat().st_size, count)


def as_line(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, allow_nan=False).encode() + b"\n"


def chosen(session: Session, wanted: Wanted) -> Query:
    """Found in the period, or decided in it by what was not taken back."""
    found = (FindingRow.found_at >= wanted.from_at) & (FindingRow.found_at < wanted.to_at)
    in_period = (Decision.decided_at >= wanted.from_at) & (Decision.decided_at < wanted.to_at)
    decided = FindingRow.decisions.any(in_period & ~Decision.undo.has())
    return narrow(session, wanted.narrowed).query.where(found | decided)


def describe_batch(session: Session, ids: Sequence[int], pack: Pack, tally: "Tally") -> Iterator[dict[str, Any]]:
    """In the order of the ids; the rows are read in a session of their own in the same transaction, and let go."""
    with Session(session.connection()) as reading:
        undone = selectinload(FindingRow.decisions).joinedload(Decision.undo)
        query = queue.with_details(select(FindingRow).where(FindingRow.id.in_(ids)).order_by(FindingRow.id))
        rows = reading.scalars(query.options(undone)).unique().all()
        events = removals.events_by_listing(reading, {row.listing_id for row in rows})
        for row in rows:
            entries = legal_entries(pack, row)
            finding = describe_finding(row, events.get(row.listing_id, []), [entry.id for entry in entries])
            tally.count(row, finding, entries)
            yield finding


def legal_entries(pack: Pack, row: FindingRow) -> list[LawEntry]:
    """What laws, treaties and the marketplace said of the concept on the listing's day, in the listing's country."""
    legal = items.legal_context(pack, row, row.listing.country or "")
    return [*legal.entries, *legal.policies]


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


def head_of(
    session: Session, settings: Settings, wanted: Wanted, actor: str, at: datetime, tally: Tally
) -> dict[str, Any]:
    scans = scans_of(session, wanted)
    primary_absent = tally.primary_absent or any(scan.primary_absent for scan in scans)
    older = wanted.corrects
    return {
        "format": FORMAT,
        "title": wanted.title,
        "from": stamp(wanted.from_at),
        "to": stamp(wanted.to_at),
        "built_at": stamp(at),
        "built_by": actor,
        "built_with": made_with(),
        "filters": dict(wanted.filters),
        "filters_name": wanted.filters_name,
        "corrects": {"report": older.id, "sha256": older.sha256, "why": wanted.correction} if older else None,
        "statement": [*STATEMENT, *([NARROWED] if wanted.filters else []), *([ABSENT] if primary_absent else [])],
        "primary_absent": primary_absent,
        "scans": len(scans),
        "sources": [
            {"name": name, "kind": kind, "findings": found["all"], "counts": counts_of(found)}
            for (name, kind), found in ranked_groups(tally.by_source)
        ],
        "figures": tally.figures(),
        "quality": quality.figures(session, wanted.from_at, wanted.to_at).to_json(),
        "models": models_of(settings, scans, tally),
        "rules": [tally.rules[key] | {"findings": tally.by_rule[key]} for key in sorted(tally.rules)],
        "legal": {name: describe_law(tally.legal[name]) for name in sorted(tally.legal)},
    }


def scans_of(session: Session, wanted: Wanted) -> Sequence[Row[Any]]:
    """Those that ran in the period, of the chosen source where one was chosen: `models`, `primary_absent`."""
    query = select(Scan.models, Scan.primary_absent).order_by(Scan.id)
    query = query.where(Scan.queued_at < wanted.to_at, Scan.finished_at >= wanted.from_at)
    source_id = wanted.narrowed.source_id
    return session.execute(query if source_id is None else query.where(Scan.source_id == source_id)).all()


def models_of(settings: Settings, scans: Sequence[Row[Any]], tally: Tally) -> list[dict[str, Any]]:
    """Every model that spoke in a scan of the period, flagging or not, or whose score opened one of the findings."""
    roles = {(model["name"], model["digest"]): model.get("role") for scan in scans for model in scan.models}
    spoke = sorted(set(tally.by_model) | set(roles))
    return [
        {
            "name": name,
            "digest": digest,
            "role": roles.get((name, digest)),
            "findings": tally.by_model[(name, digest)],
            "card": card_of(settings, name, digest),
        }
        for name, digest in spoke
    ]


def card_of(settings: Settings, name: str, digest: str) -> dict[str, Any] | None:
    """Facts of the card of exactly that model; None where it is no longer installed."""
    try:
        model = find_installed(settings.models_dir, name)
    except CardError:
        return None
    if model is None or model.digest != digest:
        return None
    card = model.card
    return {"source": card.source, "installed_at": card.installed_at, "figures": dict(card.figures)}


def describe_law(entry: LawEntry) -> dict[str, Any]:
    same = ("place", "place_name", "text", "citation", "status", "note")
    dates = {"in_force_from": entry.in_force_from, "until": entry.until, "checked_at": entry.checked_at}
    return (
        {name: getattr(entry, name) for name in same}
        | {"kind": entry.kind.value, "concepts": list(entry.concepts), "questions": list(entry.questions)}
        | {name: str(date) if date else None for name, date in dates.items()}
    )


def describe_finding(row: FindingRow, events: Sequence[ListingEvent], legal: Sequence[str]) -> dict[str, Any]:
    same = ("id", "concept", "severity", "title", "rule", "rule_version", "pack_digest", "threshold")
    more = ("score", "model", "model_digest", "primary_absent", "why", "reasons")
    return {name: getattr(row, name) for name in same + more} | {
        "state": row.state.value,
        "found_at": stamp(row.found_at),
        "source": row.listing.source.name,
        "listing": describe_listing(row.listing),
        "events": [describe_event(event) for event in events],
        "photo": describe_photo(row.photo) if row.photo else None,
        "scores": [describe_scores(said) for said in row.photo.scores] if row.photo else [],
        "decisions": describe_decisions(row.decisions),
        "legal": list(legal),
    }


def describe_listing(row: ListingRow) -> dict[str, Any]:
    same = ("id", "url", "title", "description", "currency", "seller", "seller_url", "country", "language")
    return {name: getattr(row, name) for name in same} | {
        "price": str(row.price) if row.price is not None else None,
        "posted_at": stamp(row.posted_at),
        "first_seen_at": stamp(row.first_seen_at),
        "last_seen_at": stamp(row.last_seen_at),
        "removed_at": stamp(row.removed_at),
    }


def describe_event(row: ListingEvent) -> dict[str, Any]:
    return {"at": stamp(row.at), "kind": row.kind.value, "takedown_s": row.takedown_s, "facts": row.facts}


def describe_photo(row: PhotoRow) -> dict[str, Any]:
    same = ("sha256", "pixel_hash", "look_hash", "media_type", "size_bytes", "width_px", "height_px")
    return {name: getattr(row, name) for name in same} | {"purged_at": stamp(row.purged_at)}


def describe_scores(row: ScoreRow) -> dict[str, Any]:
    same = ("model", "model_digest", "by_concept", "top_labels", "counters")
    return {name: getattr(row, name) for name in same} | {"scored_at": stamp(row.scored_at)}


def describe_decisions(rows: Sequence[Decision]) -> list[dict[str, Any]]:
    """All of them: what was taken back or revised is marked, and counts nowhere."""
    kept = {decision.id for decision in standing(rows)}
    return [describe_decision(row) | {"stands": row.id in kept} for row in rows]


def describe_decision(row: Decision) -> dict[str, Any]:
    same = ("id", "note", "reason", "concept", "revises_id", "role")
    return {name: getattr(row, name) for name in same} | {
        "at": stamp(row.decided_at),
        "by": row.user.name,
        "verdict": row.verdict.value,
        "stage": row.stage.value,
        "undone_at": stamp(row.undo.undone_at) if row.undo else None,
    }


def stamp(at: datetime | None) -> str | None:
    return at.isoformat(timespec="seconds") if at else None
