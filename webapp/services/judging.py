"""What the rules say of a stored listing: its words, and the scores that are kept of its pictures."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from rules.cascade import Cascade
from rules.engine import evaluate
from rules.evidence import Evidence
from rules.model import Pack
from scanner.pipeline import evidence_of
from scanner.records import Scores
from scanner.zoo.cascade import replay
from webapp.models import Appearance, ListingRow, PhotoRow, ScoreRow
from webapp.services import findings
from webapp.services.listings import to_record


def load_listings(session: Session, ids: Iterable[int]) -> Sequence[ListingRow]:
    """The listings with all that judging them takes, by their ids."""
    pictures = selectinload(ListingRow.appearances).joinedload(Appearance.photo).selectinload(PhotoRow.scores)
    query = select(ListingRow).where(ListingRow.id.in_(list(ids))).order_by(ListingRow.id)
    return session.scalars(query.options(pictures), execution_options={"populate_existing": True}).all()


@dataclass(frozen=True, slots=True)
class Looked:
    """What a listing shows the rules: its words, and each picture of which something was said."""

    words: Evidence
    pictures: tuple[tuple[int, tuple[Scores, ...], Evidence], ...]


def judge(pack: Pack, row: ListingRow, orders: Sequence[Sequence[str]]) -> dict[findings.Key, findings.Met]:
    return meet(pack, look(pack.cascade, row, orders))


def look(cascade: Cascade, row: ListingRow, orders: Sequence[Sequence[str]]) -> Looked:
    """Once for as many packs as judge it, so long as they share the cascade."""
    listing = to_record(row)
    kept = [(one.photo_id, scores_of(one.photo, orders)) for one in row.appearances]
    said = [(photo, replay(cascade, scores, listing.text)) for photo, scores in kept]
    pictures = tuple((photo, scores, evidence_of(cascade, listing, scores)) for photo, scores in said if scores)
    return Looked(evidence_of(cascade, listing, ()), pictures)


def meet(pack: Pack, looked: Looked) -> dict[findings.Key, findings.Met]:
    seen = [findings.Seen(photo, scores, evaluate(pack, evidence)) for photo, scores, evidence in looked.pictures]
    return findings.gather(evaluate(pack, looked.words), seen)


def scores_of(photo: PhotoRow, orders: Sequence[Sequence[str]]) -> tuple[Scores, ...]:
    """What the models of the newest scan said that had this picture scored, in the order in which they speak.

    orders: digests, the newest first. A picture is never judged on a fallback alone: where none of the first speakers
    is known any more, everything that was said counts, in the order in which it was.
    """
    by_digest = {row.model_digest: row for row in photo.scores}
    order = next((order for order in orders if order and order[0] in by_digest), list(by_digest))
    return tuple(to_scores(by_digest[digest]) for digest in order if digest in by_digest)


def to_scores(row: ScoreRow) -> Scores:
    labels = tuple((str(label), float(score)) for label, score in row.top_labels)
    return Scores(row.model, row.model_digest, row.by_concept, labels, row.counters)
