"""All figures of one model on one set of pictures of which the truth is known, wherever the scores come from."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from rules.conditions import Score
from rules.model import Pack
from scanner.zoo.evaluation.cautions import find_cautions
from scanner.zoo.evaluation.confusion import Confusion, confuse, in_order
from scanner.zoo.evaluation.expected import BASE_RATE
from scanner.zoo.evaluation.judged import Judged, Ordinary, Sample, take_sample
from scanner.zoo.evaluation.ranking import Ranking, rank
from scanner.zoo.evaluation.reliability import Reliability, judge_reliability
from scanner.zoo.evaluation.thresholds import Aim, Curve, Point, choose_thresholds, measure, sweep, trace

FORMAT = 1
DEFAULT_THRESHOLD = 0.5

LabelState = Literal["measured", "negative", "not seen by this model", "set aside"]


class EvaluationError(Exception):
    """Nothing can be measured; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What was measured, on what. digest: of all that its scores depend on (InstalledModel.digest)."""

    model: str
    title: str
    digest: str
    pictures: str
    device: str | None = None


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Pictures that count nowhere. broken: (place, failure). conflicts: the same pixels under two labels."""

    broken: tuple[tuple[str, str], ...] = ()
    duplicates: int = 0
    conflicts: tuple[tuple[str, ...], ...] = ()
    ignored: Mapping[str, int] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {
            "broken": [{"file": place, "failure": failure} for place, failure in self.broken],
            "duplicates": self.duplicates,
            "conflicts": [list(pair) for pair in self.conflicts],
            "ignored": dict(self.ignored),
        }


@dataclass(frozen=True, slots=True)
class LabelCount:
    """One truth of the set. groups: sources that its pictures come from, None where no source is known."""

    label: str
    pictures: int
    groups: int | None
    state: LabelState

    def to_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("label", "pictures", "groups", "state")}


@dataclass(frozen=True)
class ConceptFigures:
    """One concept against the rest. pictures, negatives, ordinary: counts. at: the figures at `threshold`."""

    concept: str
    pictures: int
    negatives: int
    ordinary: int
    ordinary_are: Ordinary
    threshold: float
    at: Point
    ranking: Ranking | None
    points: tuple[Point, ...]
    aims: tuple[Aim, ...]
    curve: Curve | None
    reliability: Reliability | None
    cautions: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        ranking = self.ranking
        return {
            "pictures": self.pictures,
            "negatives": self.negatives,
            "ordinary": self.ordinary,
            "ordinary_are": self.ordinary_are,
            "average_precision": None if ranking is None else ranking.average_precision.to_json(),
            "auc": None if ranking is None else ranking.auc.to_json(),
            "at_threshold": self.at.to_json(),
            "sweep": [point.to_json() for point in self.points],
            "aims": [aim.to_json() for aim in self.aims],
            "curve": [] if self.curve is None else self.curve.to_json(),
            "reliability": None if self.reliability is None else self.reliability.to_json(),
            "cautions": list(self.cautions),
        }


@dataclass(frozen=True)
class Evaluation:
    """See docs/evaluation.md for the meaning of every field of its JSON."""

    subject: Subject
    made_at: datetime
    base_rate: float
    grouped: bool
    labels: tuple[LabelCount, ...]
    concepts: tuple[ConceptFigures, ...]
    by_top: Confusion
    by_threshold: Confusion
    left_out: LeftOut

    @property
    def pictures(self) -> int:
        return sum(label.pictures for label in self.labels)

    @property
    def unseen(self) -> tuple[LabelCount, ...]:
        """Labels of concepts that the model can't see: no figure of theirs is 0, they have none."""
        return tuple(label for label in self.labels if label.state == "not seen by this model")

    def to_json(self) -> dict[str, Any]:
        """JSON values only; `format` counts up when a field changes its meaning or goes."""
        return {
            "format": FORMAT,
            "model": self.subject.model,
            "title": self.subject.title,
            "model_digest": self.subject.digest,
            "device": self.subject.device,
            "evaluated_on": self.subject.pictures,
            "made_at": self.made_at.isoformat(timespec="seconds"),
            "base_rate": self.base_rate,
            "intervals": "95 %, by source" if self.grouped else "95 %, every picture taken as independent",
            "pictures": self.pictures,
            "labels": [label.to_json() for label in self.labels],
            "left_out": self.left_out.to_json(),
            "concepts": {figures.concept: figures.to_json() for figures in self.concepts},
            "confusion": {"by_top_concept": self.by_top.to_json(), "by_threshold": self.by_threshold.to_json()},
        }


def evaluate(
    judged: Sequence[Judged],
    subject: Subject,
    base_rate: float = BASE_RATE,
    thresholds: Mapping[str, float] | None = None,
    left_out: LeftOut | None = None,
) -> Evaluation:
    """Every figure, for each concept that was scored.

    base_rate: share of pictures that show a concept where the model will be used, between 0 and 1.
    thresholds: by concept, those in use (see pack_thresholds); 0.5 for any other.
    Raises EvaluationError where there is no picture with a score, ValueError for a base rate that is none.
    """
    if not 0 < base_rate < 1:
        raise ValueError(f"base rate {base_rate:g}: give a share between 0 and 1, such as 0.013 for one picture in 77")
    scored = [picture for picture in judged if picture.scores]
    if not any(picture.counts for picture in scored):
        raise EvaluationError(f"{subject.pictures}: no picture with a label that counts could be scored")
    wanted = thresholds or {}
    seen = in_order({concept for picture in scored for concept in picture.scores} - {"other"})
    return Evaluation(
        subject=subject,
        made_at=datetime.now(UTC),
        base_rate=base_rate,
        grouped=any(picture.group is not None for picture in scored),
        labels=count_labels(scored, seen),
        concepts=tuple(
            measure_concept(take_sample(scored, concept), base_rate, wanted.get(concept, DEFAULT_THRESHOLD))
            for concept in seen
        ),
        by_top=confuse(scored, lambda picture: picture.top),
        by_threshold=confuse(scored, lambda picture: picture.decide(wanted, DEFAULT_THRESHOLD)),
        left_out=left_out or LeftOut(),
    )


def measure_concept(sample: Sample, base_rate: float, threshold: float) -> ConceptFigures:
    curve = trace(sample, base_rate)
    return ConceptFigures(
        concept=sample.concept,
        pictures=int(sample.shows.sum()),
        negatives=int((~sample.shows).sum()),
        ordinary=int(sample.ordinary.sum()),
        ordinary_are=sample.ordinary_are,
        threshold=threshold,
        at=measure(sample, threshold, base_rate),
        ranking=rank(sample),
        points=sweep(sample, base_rate),
        aims=() if curve is None else choose_thresholds(sample, curve, base_rate),
        curve=curve,
        reliability=judge_reliability(sample),
        cautions=find_cautions(sample),
    )


def count_labels(judged: Sequence[Judged], seen: Sequence[str]) -> tuple[LabelCount, ...]:
    """Every truth with its pictures, in the order of the concepts."""
    pictures = Counter(picture.truth for picture in judged)
    return tuple(
        LabelCount(label, pictures[label], _count_groups(judged, label), _state(label, judged, seen))
        for label in in_order(set(pictures))
    )


def _count_groups(judged: Sequence[Judged], label: str) -> int | None:
    groups = [picture.group for picture in judged if picture.truth == label]
    named = {group for group in groups if group is not None}
    return len(named) + groups.count(None) if named else None


def _state(label: str, judged: Sequence[Judged], seen: Sequence[str]) -> LabelState:
    if label == "other":
        return "negative"
    if label in seen:
        return "measured"
    counts = any(picture.counts for picture in judged if picture.truth == label)
    return "not seen by this model" if counts else "set aside"


def pack_thresholds(pack: Pack) -> dict[str, float]:
    """By concept the lowest threshold at which a picture alone is flagged by one of the pack's rules."""
    found: dict[str, float] = {}
    for rule in pack.rules:
        if isinstance(rule.when, Score):
            concept, value = rule.when.concept, rule.when.threshold.value
            found[concept] = min(value, found.get(concept, value))
    return found
