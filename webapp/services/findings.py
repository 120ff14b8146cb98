"""From rules that were met to rows that wait for a person."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from rules.model import Finding
from scanner.records import Scores
from webapp.db import insert_new, now
from webapp.models import FindingRow, FindingState, FindingTerm, ListingRow, Scan
from webapp.services.priority import NO_HISTORY, History, Signs, named_terms, weigh

TERM_LETTERS = 200
UNDECIDED = (FindingState.OPEN, FindingState.WITHDRAWN)
# What people saw where no rule had flagged (services.sightings): no file of the pack, so it never lapses with one.
BY_PEOPLE = ("recall_audit", "second_look")


@dataclass(frozen=True, slots=True)
class Met:
    """A rule that a listing meets, through one of its pictures or (photo_id None) through its words alone."""

    finding: Finding
    photo_id: int | None = None
    spoke: Scores | None = None
    spoke_in_all: int = 1


@dataclass(frozen=True, slots=True)
class Seen:
    """What the rules say of one picture of a listing."""

    photo_id: int
    scores: tuple[Scores, ...]
    findings: tuple[Finding, ...]


Key = tuple[int | None, str]


def gather(words: Iterable[Finding], pictures: Iterable[Seen]) -> dict[Key, Met]:
    """Each rule once a picture that meets it; once a listing where no score decided; keys are (photo id, rule).

    What words alone meet is left out where a picture meets the same rule by its score: that says it better.
    """
    met: dict[Key, Met] = {}
    without_score: list[Finding] = list(words)
    for seen in pictures:
        for finding in seen.findings:
            if finding.score is None:
                without_score.append(finding)
            else:
                met[seen.photo_id, finding.rule] = Met(
                    finding, seen.photo_id, speaker(finding, seen.scores), len(seen.scores)
                )
    scored = {rule for _, rule in met}
    for finding in without_score:
        if finding.rule not in scored:
            met.setdefault((None, finding.rule), Met(finding))
    return met


def speaker(finding: Finding, scores: tuple[Scores, ...]) -> Scores | None:
    """Whose score it was: the earliest model that can see the concept."""
    return next((said for said in scores if finding.concept in said.by_concept), scores[0] if scores else None)


def name_speakers(one: Met) -> str | None:
    """The model whose score it was; where several made it, the one that spoke first and how many more."""
    if one.spoke is None:
        return None
    more = one.spoke_in_all - 1
    return f"{one.spoke.model} and {more} more" if more > 0 else one.spoke.model


def known_findings(session: Session, listing_ids: Iterable[int]) -> dict[int, dict[Key, FindingRow]]:
    """The findings of rules that stand, by listing id and by the keys of `gather`."""
    known: dict[int, dict[Key, FindingRow]] = {}
    mine = (FindingRow.listing_id.in_(list(listing_ids)), FindingRow.rule.not_in(BY_PEOPLE))
    for row in session.scalars(select(FindingRow).where(*mine)):
        known.setdefault(row.listing_id, {})[row.photo_id, row.rule] = row
    return known


def open_met(
    session: Session,
    scan: Scan,
    listing: ListingRow,
    pack_digest: str,
    met: Mapping[Key, Met],
    known: Mapping[Key, FindingRow],
    history: History = NO_HISTORY,
) -> int:
    """Open what is new or was withdrawn, bring open ones up to date, leave decided ones alone; how many were opened.

    history: of the listing's seller (priority.histories).
    """
    opened = 0
    for key, one in met.items():
        row = known.get(key)
        found_at = row.found_at if row else now()
        values = values_of(one, pack_digest, scan) | {"priority": weigh(signs_of(one, listing, history, found_at))}
        if row is None:
            opened += insert_finding(session, scan, listing, one, values | {"found_at": found_at})
        elif row.state in UNDECIDED and differs(row, values):
            opened += row.state is FindingState.WITHDRAWN
            if row.reasons != values["reasons"]:
                note_terms(session, row.id, values["reasons"])
            set_undecided(session, row, state=FindingState.OPEN, **values)
    return opened


def insert_finding(session: Session, scan: Scan, listing: ListingRow, one: Met, values: dict[str, Any]) -> bool:
    key = {"appearance_key": f"{listing.id}:{one.photo_id or 0}", "rule": one.finding.rule}
    is_new = insert_new(
        session,
        FindingRow,
        **key,
        listing_id=listing.id,
        photo_id=one.photo_id,
        scan_id=scan.id,
        state=FindingState.OPEN,
        source_id=listing.source_id,
        seller=listing.seller,
        language=listing.language,
        **values,
    )
    if is_new and any(named_terms(values["reasons"])):
        note_terms(session, session.scalars(select(FindingRow.id).filter_by(**key)).one(), values["reasons"])
    return is_new


def note_terms(session: Session, finding_id: int, reasons: Mapping[str, Any]) -> None:
    """Keep which terms of the lexicon the reasons name, in place of those that they named before."""
    named = {(term["language"], term.get("term", term["found"])[:TERM_LETTERS]) for term in named_terms(reasons)}
    session.execute(delete(FindingTerm).where(FindingTerm.finding_id == finding_id))
    for language, term in sorted(named):
        insert_new(session, FindingTerm, finding_id=finding_id, language=language, term=term)


def signs_of(one: Met, listing: ListingRow, history: History, found_at: datetime) -> Signs:
    finding = one.finding
    reasons = finding.result.to_json()
    return Signs(finding.severity, finding.score, listing.price, listing.currency, reasons, history, found_at)


def values_of(one: Met, pack_digest: str, scan: Scan) -> dict[str, Any]:
    """The columns that follow the rule and the model."""
    finding = one.finding
    return {
        "rule_version": finding.rule_version,
        "pack_digest": pack_digest,
        "title": finding.title,
        "concept": finding.concept,
        "severity": finding.severity.value,
        "threshold": finding.threshold,
        "score": finding.score,
        "model": name_speakers(one),
        "model_digest": one.spoke.model_digest if one.spoke else None,
        "primary_absent": scan.primary_absent,
        "why": finding.why,
        "reasons": finding.result.to_json(),
    }


def differs(row: FindingRow, values: Mapping[str, Any]) -> bool:
    return row.state is FindingState.WITHDRAWN or any(getattr(row, name) != value for name, value in values.items())


def withdraw(session: Session, row: FindingRow) -> bool:
    """Take back what nobody decided; whether it was still open."""
    return row.state is FindingState.OPEN and set_undecided(session, row, state=FindingState.WITHDRAWN)


def set_undecided(session: Session, row: FindingRow, **values: Any) -> bool:
    """Change a finding unless a person has decided it in this very moment: then the decision stands."""
    undecided = (FindingRow.id == row.id, FindingRow.state.in_(UNDECIDED))
    changed = update(FindingRow).where(*undecided).values(**values).returning(FindingRow.id)
    return session.scalar(changed) is not None
