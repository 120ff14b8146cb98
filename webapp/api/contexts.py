"""What helps a person to decide a finding: law, look-alikes, the seller, and where else the picture stands."""

from typing import Any

from pydantic import BaseModel, Field

from rules.law import LawEntry
from webapp.api.access import caller
from webapp.api.findings import find_finding
from webapp.api.operations import Room
from webapp.api.paging import Strict
from webapp.extensions import app_pack_files, db_session
from webapp.models import FindingRow
from webapp.services import clusters, items, preferences, sellers, team
from webapp.services.tokens import Scope

room = Room("contexts", "What helps to decide a finding")


class ContextQuery(Strict):
    country: str | None = Field(None, pattern=r"^[A-Z]{2}$", description="whose law; else the person's or the team's")


class LawShape(BaseModel):
    """One sentence of a law or a marketplace's policy. `unverified`: nobody has compared it with its source."""

    id: str
    kind: str
    place: str
    text: str
    questions: list[str]
    citation: str
    status: str
    checked_at: str | None
    in_force_from: str | None
    until: str | None


class MemberShape(BaseModel):
    """bond: listing, exact (the same pixels elsewhere) or near (alike; distance in bits of 256)."""

    finding_id: int
    listing_id: int
    bond: str
    distance: int | None
    state: str
    concept: str


class ContextShape(BaseModel):
    """as_of: the listing's day, on which the law is read. cues, confusers: to look for; they settle nothing alone.

    seller_findings: by state, over all of the seller's listings on this source.
    """

    country: str
    as_of: str | None
    law: list[LawShape]
    policies: list[LawShape]
    look_alike_note: str
    cues: list[str]
    confusers: list[dict[str, Any]]
    seller: str | None
    seller_other_listings: int
    seller_findings: dict[str, int]
    cluster: list[MemberShape]


@room.operation("GET", "/findings/<int:finding_id>/context", Scope.READ, query=ContextQuery, answer=ContextShape)
def get_context(finding_id: int, query: ContextQuery) -> ContextShape:
    """What the law of a country says, what passes for it, the seller's past, and what goes with a finding."""
    row = find_finding(finding_id)
    country = query.country or preferences.country_of(caller(), team.choices(db_session()).country)
    pack = app_pack_files()
    legal, checklist = items.legal_context(pack, row, country), pack.look_alikes.checklist(row.concept)
    seller = sellers.about(db_session(), row.listing)
    return ContextShape(
        country=legal.country,
        as_of=legal.at.isoformat() if legal.at else None,
        law=[law_shape(one) for one in legal.entries],
        policies=[law_shape(one) for one in legal.policies],
        look_alike_note=checklist.note,
        cues=[cue.text for cue in checklist.cues],
        confusers=[{"name": one.name, "cues": list(one.cues), "status": one.status} for one in checklist.confusers],
        seller=seller.name,
        seller_other_listings=seller.listings,
        seller_findings={state.value: count for state, count in seller.by_state.items()},
        cluster=members_of(row),
    )


def law_shape(entry: LawEntry) -> LawShape:
    dates = ("checked_at", "in_force_from", "until")
    said = {name: getattr(entry, name) for name in LawShape.model_fields if name not in (*dates, "kind", "questions")}
    days: dict[str, Any] = {name: str(getattr(entry, name)) if getattr(entry, name) else None for name in dates}
    return LawShape(**said, **days, kind=entry.kind.value, questions=list(entry.questions))


def members_of(row: FindingRow) -> list[MemberShape]:
    return [
        MemberShape(
            finding_id=one.finding.id,
            listing_id=one.finding.listing_id,
            bond=one.bond.value,
            distance=one.distance,
            state=one.finding.state.value,
            concept=one.finding.concept,
        )
        for one in clusters.around(db_session(), caller(), row).members
    ]
