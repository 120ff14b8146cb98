"""Why pictures could not be had or read, as a small closed set of kinds."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from scanner.fetch import AddressError, BusyError, FetchError, RefusedError, RobotsError
from webapp.language import say_later
from webapp.models import PictureState, ScanPhoto

EXAMPLES = 3
LOOKED_AT = 20_000  # rows of before there were kinds, whose sentence is read


class FailureKind(StrEnum):
    """refused: by the site, its robots.txt or a rule of ours; missing: its bytes are not in the store."""

    REFUSED = "refused"
    NOT_FOUND = "not_found"
    UNREACHABLE = "unreachable"
    TIMED_OUT = "timed_out"
    TOO_LARGE = "too_large"
    NO_PICTURE = "no_picture"
    BROKEN = "broken"
    DECODER = "decoder"
    MODEL = "model"
    MISSING = "missing"
    OTHER = "other"


WORDS: Mapping[str, str] = {
    FailureKind.REFUSED: say_later("The fetch was refused"),
    FailureKind.NOT_FOUND: say_later("There is nothing at the address"),
    FailureKind.UNREACHABLE: say_later("The server can't be reached, or fails"),
    FailureKind.TIMED_OUT: say_later("It took too long"),
    FailureKind.TOO_LARGE: say_later("Too large"),
    FailureKind.NO_PICTURE: say_later("Not a picture"),
    FailureKind.BROKEN: say_later("A broken picture"),
    FailureKind.DECODER: say_later("It broke its decoder"),
    FailureKind.MODEL: say_later("No model could score it"),
    FailureKind.MISSING: say_later("Its bytes are not in the store"),
    FailureKind.OTHER: say_later("Something else"),
}

# What the scanner says in a sentence; the first that fits.
SIGNS: tuple[tuple[re.Pattern[str], FailureKind], ...] = tuple(
    (re.compile(words), kind)
    for words, kind in (
        (r"no longer in the store|is not what its name says|there is no (picture|file)", FailureKind.MISSING),
        (r"predictor process died|batch took longer|^not scored", FailureKind.MODEL),
        (r"decoder died|scan worker died", FailureKind.DECODER),
        (r"answered (404|410)", FailureKind.NOT_FOUND),
        (r"answered (401|402|403|429|451)|robots\.txt|budget of|stopped|left alone|left out", FailureKind.REFUSED),
        (r"seconds? between requests|are not fetched|is no address|address is longer", FailureKind.REFUSED),
        (r"[Tt]ook longer|in time|of computing", FailureKind.TIMED_OUT),
        (r"larger than|at most [\d,]+ are (read|decoded)|more memory", FailureKind.TOO_LARGE),
        (r"not a picture|file is empty|not a file", FailureKind.NO_PICTURE),
        (r"broken picture|answer (is|was) (broken|packed)", FailureKind.BROKEN),
        (r"answered \d|could not be asked|sent us on", FailureKind.UNREACHABLE),
    )
)


@dataclass(frozen=True, slots=True)
class Failures:
    """Failed pictures of one kind in one scan; examples: the first few."""

    kind: FailureKind
    count: int
    examples: list[ScanPhoto]

    @property
    def words(self) -> str:
        return str(WORDS[self.kind])


def kind_of(sentence: str) -> FailureKind:
    """As far as the sentence tells."""
    return next((kind for sign, kind in SIGNS if sign.search(sentence)), FailureKind.OTHER)


def kind_of_fetch(error: FetchError) -> FailureKind:
    if error.status in (404, 410):
        return FailureKind.NOT_FOUND
    if isinstance(error, RefusedError | RobotsError | AddressError) or error.status in (401, 402, 403, 429, 451):
        return FailureKind.REFUSED
    told = kind_of(str(error))
    if isinstance(error, BusyError) or told is FailureKind.OTHER:
        return FailureKind.UNREACHABLE
    return told


def by_kind(session: Session, scan_id: int) -> list[Failures]:
    """The scan's failures, the most frequent kind first."""
    failed = ScanPhoto.scan_id == scan_id, ScanPhoto.state == PictureState.FAILED
    grouped = select(ScanPhoto.failure_kind, func.count()).where(*failed).group_by(ScanPhoto.failure_kind)
    counts = Counter({FailureKind(kind): count for kind, count in session.execute(grouped) if kind is not None})
    unkind = select(ScanPhoto.id, ScanPhoto.failure).where(*failed, ScanPhoto.failure_kind.is_(None))
    told: dict[FailureKind, list[int]] = {}
    for photo_id, sentence in session.execute(unkind.order_by(ScanPhoto.id).limit(LOOKED_AT)):
        kind = kind_of(sentence or "")
        counts[kind] += 1
        told.setdefault(kind, []).append(photo_id)
    return [
        Failures(kind, count, examples_of(session, scan_id, kind, told.get(kind, [])))
        for kind, count in counts.most_common()
    ]


def examples_of(session: Session, scan_id: int, kind: FailureKind, told: list[int]) -> list[ScanPhoto]:
    """told: those of before there were kinds."""
    failed = ScanPhoto.scan_id == scan_id, ScanPhoto.state == PictureState.FAILED
    named = (ScanPhoto.failure_kind == kind.value) | ScanPhoto.id.in_(told[:EXAMPLES])
    return list(session.scalars(select(ScanPhoto).where(*failed, named).order_by(ScanPhoto.id).limit(EXAMPLES)))
