"""What a report freezes: findings read in batches, figures counted over exactly these, and all that they rest on."""

import hashlib
import json
import shutil
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
from scanner.zoo.running import variant_of
from webapp.exporters.content import FORMAT
from webapp.language import ENGLISH, speaking
from webapp.models import (
    Decision,
    FindingRow,
    Report,
    Scan,
)
from webapp.services import items, packs, quality, queue, removals
from webapp.services.describing import describe_finding, describe_law, stamp
from webapp.services.narrowing import Query, QueueFilters, narrow
from webapp.services.software import made_with
from webapp.services.tallies import Tally, counts_of, ranked_groups
from webapp.settings import Settings

BATCH = 200
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
    found = select(FindingRow.id).where(FindingRow.found_at >= wanted.from_at, FindingRow.found_at < wanted.to_at)
    in_period = Decision.decided_at >= wanted.from_at, Decision.decided_at < wanted.to_at
    decided = select(Decision.finding_id).where(*in_period, ~Decision.undo.has())
    # Each by its own index: to ask one question for both would read every finding there is.
    return narrow(session, wanted.narrowed).query.where(FindingRow.id.in_(found.union(decided)))


def describe_batch(session: Session, ids: Sequence[int], pack: Pack, tally: "Tally") -> Iterator[dict[str, Any]]:
    """In the order of the ids; the rows are read in a session of their own in the same transaction, and let go."""
    with Session(session.connection()) as reading:
        undone = selectinload(FindingRow.decisions).joinedload(Decision.undo)
        query = queue.with_details(select(FindingRow).where(FindingRow.id.in_(ids)).order_by(FindingRow.id))
        rows = reading.scalars(query.options(undone)).unique().all()
        events = removals.events_by_listing(reading, {row.listing_id for row in rows})
        for row in rows:
            entries = legal_entries(pack, row)
            finding = describe_finding(
                row, events.get(row.listing_id, []), [entry.id for entry in entries], pack.reason_codes
            )
            tally.count(row, finding, entries)
            yield finding


def legal_entries(pack: Pack, row: FindingRow) -> list[LawEntry]:
    """What laws, treaties and the marketplace said of the concept on the listing's day, in the listing's country."""
    legal = items.legal_context(pack, row, row.listing.country or "")
    return [*legal.entries, *legal.policies]


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
    variant = variant_of(model, digest) if model is not None else None
    if variant is None:
        return None
    card, run = variant.card, {"engine": variant.engine, "precision": variant.precision, "decoding": variant.decoding}
    return {"source": card.source, "installed_at": card.installed_at, "figures": dict(card.figures), "run": run}
