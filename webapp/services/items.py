"""One finding with all that a person looks at to decide it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, selectinload

from rules.law import LawEntry
from rules.lexicon import Piece, cut_pieces
from rules.look_alikes import Checklist
from rules.model import Pack
from rules.reason_codes import ReasonCodes
from webapp.models import Appearance, Decision, FindingRow, ListingRow, PhotoRow


@dataclass(frozen=True, slots=True)
class Words:
    """The listing's title and description, cut where terms of the lexicon stand."""

    title: tuple[Piece, ...] = ()
    description: tuple[Piece, ...] = ()


@dataclass(frozen=True, slots=True)
class Legal:
    """What laws, treaties and the marketplace say of the concept on the listing's day, in `country`."""

    country: str
    countries: tuple[str, ...] = ()
    at: date | None = None
    entries: tuple[LawEntry, ...] = ()
    policies: tuple[LawEntry, ...] = ()


@dataclass(frozen=True, slots=True)
class Advice:
    """What the pack says to help; empty where it can't be read: then a person still can decide."""

    words: Words = field(default_factory=Words)
    legal: Legal | None = None
    checklist: Checklist | None = None
    codes: ReasonCodes = field(default_factory=ReasonCodes)


def find(session: Session, finding_id: int) -> FindingRow | None:
    pictures = selectinload(ListingRow.appearances).joinedload(Appearance.photo).selectinload(PhotoRow.scores)
    details = (
        joinedload(FindingRow.listing).options(joinedload(ListingRow.source), pictures),
        joinedload(FindingRow.photo).selectinload(PhotoRow.scores),
        joinedload(FindingRow.scan),
        selectinload(FindingRow.decisions).options(joinedload(Decision.user), joinedload(Decision.undo)),
    )
    return session.scalar(select(FindingRow).where(FindingRow.id == finding_id).options(*details))


def pictures_of(finding: FindingRow) -> list[PhotoRow]:
    """All of the listing's, as it shows them; the flagged one stays, also where the listing shows it no more."""
    shown = [one.photo for one in finding.listing.appearances]
    if finding.photo is not None and finding.photo not in shown:
        shown.insert(0, finding.photo)
    return shown


def advise(pack: Pack, finding: FindingRow, country: str) -> Advice:
    listing = finding.listing
    return Advice(
        mark_words(pack, listing),
        legal_context(pack, finding, country),
        pack.look_alikes.checklist(finding.concept),
        pack.reason_codes,
    )


def mark_words(pack: Pack, listing: ListingRow) -> Words:
    whole = f"{listing.title}\n{listing.description}"
    lexicon = pack.lexicon
    return Words(
        cut_pieces(listing.title, lexicon.marks(listing.title, whole)) if listing.title else (),
        cut_pieces(listing.description, lexicon.marks(listing.description, whole)) if listing.description else (),
    )


def legal_context(pack: Pack, finding: FindingRow, country: str) -> Legal:
    at = (finding.listing.posted_at or finding.listing.first_seen_at).date()
    host = host_of(finding.listing.url)
    return Legal(
        country,
        pack.law.countries,
        at,
        pack.law.context(country, finding.concept, at),
        pack.law.policies(host, finding.concept, at) if host else (),
    )


def host_of(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def raw_evidence(finding: FindingRow, pictures: list[PhotoRow]) -> dict[str, Any]:
    """The scores and the reasons as they are stored."""
    return {
        "reasons": finding.reasons,
        "scores": [
            {"photo_sha256": photo.sha256, "model": one.model, "model_digest": one.model_digest, **said(one)}
            for photo in pictures
            for one in photo.scores
        ],
    }


def said(row: Any) -> Mapping[str, Any]:
    return {"by_concept": row.by_concept, "counters": row.counters, "top_labels": row.top_labels}
