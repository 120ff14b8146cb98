"""What people's decisions say of the models, and the pictures that a model may learn from them.

A picture is its pixels: the same one in ten listings counts once, whoever decided it.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from rules.model import Pack
from scanner.zoo.registry import InstalledModel
from webapp.models import (
    DECIDED,
    Decision,
    DecisionUndo,
    FindingRow,
    FindingState,
    ListingRow,
    PhotoRow,
    ScoreRow,
    Stage,
)
from webapp.services.photos import name_of
from webapp.services.rates import rate_of
from webapp.storage import Store

if TYPE_CHECKING:
    from scanner.zoo.evaluation.intervals import Rate

# Besides the threshold at which the pack flags.
THRESHOLDS = (0.5, 0.7, 0.9)
OTHER = "other"  # a picture that shows none


@dataclass(frozen=True, slots=True)
class ReviewedPhoto:
    """name: in the store. concept: the one that people confirmed, `other` where they dismissed all that was suspected.

    group: its seller, else its listing, as a number that names nobody: pictures of one group are not independent.
    """

    name: str
    concept: str
    group: str


@dataclass(slots=True)
class _Picture:
    """One picture with the states of all its findings by concept."""

    sha256: str
    group: str
    states: dict[str, set[FindingState]] = field(default_factory=lambda: defaultdict(set))

    def note(self, concept: str, state: FindingState, seen: str | None) -> None:
        """One finding of it. seen: the concept that the reviewer named; of a dismissed one `other` says no more."""
        if seen is None or seen in (concept, OTHER):
            self.states[concept].add(state)
        else:
            self.states[seen].add(FindingState.CONFIRMED)
            if state is FindingState.DISMISSED:
                self.states[concept].add(state)

    def verdict(self, concept: str) -> bool | None:
        """Whether the concept was confirmed; None where it is undecided or people disagree.

        A re-listing that waits does not undo what was decided on the same pixels.
        """
        states = self.states.get(concept, set()) - {FindingState.OPEN}
        if states == {FindingState.CONFIRMED}:
            return True
        return False if states == {FindingState.DISMISSED} else None

    @property
    def shows(self) -> str | None:
        """The one concept that it shows; None where that is undecided, disputed, or more than one."""
        verdicts = {concept: self.verdict(concept) for concept in self.states}
        confirmed = [concept for concept, verdict in verdicts.items() if verdict]
        if len(confirmed) == 1:
            return confirmed[0]
        return OTHER if verdicts and all(verdict is False for verdict in verdicts.values()) else None


@dataclass(frozen=True, slots=True)
class Precision:
    """Of the decided pictures to which a model gives `threshold` or more, how many people confirmed.

    rate: with its 95 % interval, by seller; None where there is no such picture. flags: at it the pack's rule flags.
    """

    threshold: float
    rate: "Rate | None"
    flags: bool


@dataclass(frozen=True, slots=True)
class ReviewedFigures:
    """One concept. decided: pictures with a decision and a score of this very model; disputed ones are not among them.

    They say nothing of recall: what nothing flagged, nobody looked at.
    """

    concept: str
    decided: int
    confirmed: int
    sellers: int
    precisions: tuple[Precision, ...]


def marks_of(pack: Pack) -> dict[str, float]:
    """By concept the threshold from which a picture's score alone flags."""
    from scanner.zoo.evaluation import pack_thresholds  # SciPy costs a second, which only few pages pay

    return pack_thresholds(pack)


def figures(session: Session, model: InstalledModel, marks: Mapping[str, float]) -> list[ReviewedFigures]:
    """For each concept that the model sees and people decided on. marks: where the pack flags, by concept."""
    pictures = read_pictures(session)
    scores = read_scores(session, model.digest)
    found = (measure(concept, pictures, scores, marks.get(concept)) for concept in model.spec.sees)
    return [one for one in found if one is not None]


def measure(
    concept: str, pictures: Mapping[str, _Picture], scores: Mapping[str, Mapping[str, float]], mark: float | None
) -> ReviewedFigures | None:
    known = [
        (scores[key][concept], verdict, picture.group)
        for key, picture in pictures.items()
        if concept in scores.get(key, {}) and (verdict := picture.verdict(concept)) is not None
    ]
    if not known:
        return None
    thresholds = [*([mark] if mark is not None else []), *(value for value in THRESHOLDS if value > (mark or 0))]
    return ReviewedFigures(
        concept=concept,
        decided=len(known),
        confirmed=sum(verdict for _, verdict, _ in known),
        sellers=len({group for _, _, group in known}),
        precisions=tuple(Precision(value, rate_above(known, value), value == mark) for value in thresholds),
    )


def rate_above(known: Iterable[tuple[float, bool, str]], threshold: float) -> "Rate | None":
    flagged = [(verdict, group) for score, verdict, group in known if score >= threshold]
    return rate_of([verdict for verdict, _ in flagged], [group for _, group in flagged])


def reviewed_photos(session: Session, place: Store) -> list[ReviewedPhoto]:
    """Every decided picture whose bytes are kept, in the order in which they were found.

    Left out: what is open or escalated, what people disagree about, and what shows two concepts at once.
    """
    pictures = [picture for picture in read_pictures(session).values() if picture.shows]
    numbers = {group: number for number, group in enumerate(dict.fromkeys(one.group for one in pictures), start=1)}
    photos = [ReviewedPhoto(name_of(one.sha256), str(one.shows), f"seller {numbers[one.group]}") for one in pictures]
    kept = place.present([photo.name for photo in photos])
    return [photo for photo in photos if photo.name in kept]


def count_by_concept(photos: Iterable[ReviewedPhoto]) -> dict[str, int]:
    """The most frequent first."""
    return dict(Counter(photo.concept for photo in photos).most_common())


def read_pictures(session: Session) -> dict[str, _Picture]:
    """Pictures of which something was decided, by what tells their pixels apart; withdrawn findings are left out.

    What people say that they see counts beside what was suspected, or in its place where they confirmed.
    """
    decided = select(FindingRow.photo_id).where(FindingRow.state.in_(DECIDED))
    seen = concepts_seen(session)
    rows = (
        select(FindingRow.id, FindingRow.concept, FindingRow.state, PhotoRow.sha256, PhotoRow.pixel_hash, ListingRow)
        .join(FindingRow.photo)
        .join(FindingRow.listing)
        .where(FindingRow.state != FindingState.WITHDRAWN, FindingRow.photo_id.in_(decided))
        .order_by(FindingRow.id)
    )
    pictures: dict[str, _Picture] = {}
    for finding_id, concept, state, sha256, pixel_hash, listing in session.execute(rows):
        picture = pictures.setdefault(pixel_hash or sha256, _Picture(sha256, group_of(listing)))
        picture.note(concept, state, seen.get(finding_id))
    return pictures


def concepts_seen(session: Session) -> dict[int, str]:
    """By decided finding the concept that the decision in force names, where it names one.

    That is the newest that was not taken back; a blind second look sets no state (services.decisions.effective).
    """
    undone = exists().where(DecisionUndo.decision_id == Decision.id)
    newest = select(func.max(Decision.id)).where(Decision.stage != Stage.SECOND, ~undone).group_by(Decision.finding_id)
    said = select(Decision.finding_id, Decision.concept).join(Decision.finding)
    named = said.where(Decision.id.in_(newest), Decision.concept.is_not(None), FindingRow.state.in_(DECIDED))
    return {finding_id: str(concept) for finding_id, concept in session.execute(named)}


def group_of(listing: ListingRow) -> str:
    return f"seller {listing.source_id} {listing.seller}" if listing.seller else f"listing {listing.id}"


def read_scores(session: Session, digest: str) -> dict[str, Mapping[str, float]]:
    """What this very version of a model said, by the keys of `read_pictures`."""
    decided = select(FindingRow.photo_id).where(FindingRow.photo_id.is_not(None))
    rows = select(PhotoRow.pixel_hash, PhotoRow.sha256, ScoreRow.by_concept).join(ScoreRow.photo)
    mine = rows.where(ScoreRow.model_digest == digest, PhotoRow.id.in_(decided))
    return {pixel_hash or sha256: by_concept for pixel_hash, sha256, by_concept in session.execute(mine)}
