"""Who is asked about a picture, when, and how what they say is joined: a policy, written as data in cascade.yaml."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rules.conditions import Mentions

ALL_CONCEPTS = "all"
# A probability of exactly 0 or 1 has no log odds; models give such rows in float32.
SMALLEST = 1e-6
SHOWN_FROM = 0.01  # a look-alike that is named with less moves a score by less than anyone reads


class Mode(StrEnum):
    """`order`: one fallback after the other while something is unsure; `committee`: all that may be, at once."""

    ORDER = "order"
    COMMITTEE = "committee"


class Reason(StrEnum):
    """Why a further model is asked."""

    UNSURE = "the top concept is inside the unsure band"
    WORDS = "the listing's words speak of it, and no model does"
    DISAGREE = "the models disagree"
    CONFIRM = "a look-alike is to be ruled out"


@dataclass(frozen=True, slots=True)
class Opinion:
    """What one model said of a picture: scores by concept that it can see, counters by look-alike; all in [0, 1]."""

    model: str
    scores: Mapping[str, float]
    counters: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Voice:
    """A model that could be asked: the concepts that it sees and the look-alikes that it names."""

    model: str
    sees: frozenset[str]
    counters: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Band:
    """Scores from `low` to `high`, both included, are unsure."""

    low: float
    high: float
    basis: str

    def holds(self, score: float) -> bool:
        return self.low <= score <= self.high


@dataclass(frozen=True, slots=True)
class Level:
    """A score, or a difference of scores, that decides something."""

    value: float
    basis: str


@dataclass(frozen=True, slots=True)
class WordsTrigger:
    """Asks on where the text speaks of `mentions` and no score of its concepts reaches `below`."""

    mentions: "Mentions"
    below: Level


@dataclass(frozen=True, slots=True)
class ConfirmTrigger:
    """Asks on where one of `concepts` scores `at_least`, and no model that spoke could have named its look-alike."""

    concepts: tuple[str, ...]
    at_least: Level


@dataclass(frozen=True, slots=True)
class Calibration:
    """Platt's: log odds become slope x log odds + offset (Platt 1999). An offset alone shifts the base rate."""

    slope: float
    offset: float
    basis: str

    def apply(self, score: float) -> float:
        inside = min(max(score, SMALLEST), 1 - SMALLEST)
        odds = self.slope * math.log(inside / (1 - inside)) + self.offset
        return 1 / (1 + math.exp(-odds))


@dataclass(frozen=True, slots=True)
class Counter:
    """Look-alikes that speak against a concept.

    A model that can't see the concept, names one of them with probability k and has the weight w counts as a further
    vote of 0 with the weight w * k * weight. One that sees the concept has said so by its score already. A weight of 0
    shows the look-alike to the reviewer and changes no score.
    """

    concept: str
    names: tuple[str, ...]
    weight: float
    basis: str


@dataclass(frozen=True, slots=True)
class Joined:
    """scores: what rules judge, by concept. said: who gave which (calibrated) score, by concept and model.

    against: the look-alikes that lowered a score, by concept and name, each with its highest probability.
    """

    scores: Mapping[str, float]
    said: Mapping[str, Mapping[str, float]]
    against: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def spread(self, concept: str) -> float:
        """The difference of the highest and the lowest score of a concept, 0 where fewer than two models see it."""
        values = self.said.get(concept, {}).values()
        return max(values) - min(values) if values else 0.0


@dataclass(frozen=True, slots=True)
class Cascade:
    """The policy. primary speaks first; where it has no weights, the first fallback that has speaks in its place.

    at_most: further models asked for one picture. Without a file, the first model speaks alone.
    calibrations: by model, then by concept or ALL_CONCEPTS. weights: by model, 1 where none is given.
    """

    primary: str | None = None
    fallbacks: tuple[str, ...] = ()
    version: str = "0"
    mode: Mode = Mode.ORDER
    at_most: int = 0
    unsure: Band | None = None
    words: WordsTrigger | None = None
    disagree: Level | None = None
    confirm: ConfirmTrigger | None = None
    weights: Mapping[str, float] = field(default_factory=dict)
    calibrations: Mapping[str, Mapping[str, Calibration]] = field(default_factory=dict)
    counters: tuple[Counter, ...] = ()

    def next_models(self, voices: Sequence[Voice], said: Sequence[Opinion], text: str) -> tuple[str, ...]:
        """Which of the `voices` (in order) to ask next about a picture, given what was said; none when it is settled.

        Only models that can add something are asked: they see the concept in question, or name what speaks against it.
        """
        asked = {opinion.model for opinion in said}
        room = self.at_most - (len(said) - 1)
        concerned = self.concerns(said, text)
        able = [voice.model for voice in voices if voice.model not in asked and self.can_add(voice, concerned)]
        return tuple(able[: room if self.mode is Mode.COMMITTEE else min(room, 1)]) if room > 0 else ()

    def concerns(self, said: Sequence[Opinion], text: str) -> dict[str, Reason]:
        """The concepts that a further model should speak of, and why."""
        joined = self.join(said)
        seen = {concept: score for concept, score in joined.scores.items() if concept != "other"}
        found: dict[str, Reason] = {}
        if self.unsure and seen and self.unsure.holds(max(seen.values())):
            found[max(seen, key=seen.__getitem__)] = Reason.UNSURE
        if self.disagree:
            apart = [concept for concept in seen if joined.spread(concept) >= self.disagree.value]
            found |= dict.fromkeys(apart, Reason.DISAGREE)
        if self.confirm:
            shown = [
                concept for concept in self.confirm.concepts if seen.get(concept, 0) >= self.confirm.at_least.value
            ]
            found |= {concept: Reason.CONFIRM for concept in shown if not self._is_compared(concept, said)}
        if self.words and self._is_hidden(seen) and self.words.mentions.check_text(text):
            found |= dict.fromkeys(self.words.mentions.concepts, Reason.WORDS)
        return found

    def _is_compared(self, concept: str, said: Sequence[Opinion]) -> bool:
        """Whether a model that knows one of the concept's look-alikes has spoken."""
        names = self.look_alikes(concept)
        return any(not names.isdisjoint(opinion.counters) for opinion in said)

    def look_alikes(self, concept: str) -> set[str]:
        """Those that count against the concept."""
        return {
            name for counter in self.counters if counter.concept == concept and counter.weight for name in counter.names
        }

    def _is_hidden(self, seen: Mapping[str, float]) -> bool:
        assert self.words is not None  # noqa: S101 for the type checker; its caller asks first
        return all(seen.get(concept, 0.0) < self.words.below.value for concept in self.words.mentions.concepts)

    def can_add(self, voice: Voice, concerned: Mapping[str, Reason]) -> bool:
        """Whether the model sees a concept in question, or can vote against one that a score speaks for."""
        against = {
            name for concept, why in concerned.items() if why is not Reason.WORDS for name in self.look_alikes(concept)
        }
        return not voice.sees.isdisjoint(concerned) or not voice.counters.isdisjoint(against)

    def join(self, said: Sequence[Opinion]) -> Joined:
        """The weighted mean of what the models say of each concept that at least one of them can see."""
        concepts = dict.fromkeys(concept for opinion in said for concept in opinion.scores)
        by_model = {concept: self._calibrated(concept, said) for concept in concepts}
        scores = {concept: self._mean(concept, by_model[concept], said) for concept in concepts}
        seen = {concept: given for concept, given in by_model.items() if concept != "other"}
        against = {concept: named for concept in seen if (named := self._named_against(concept, said))}
        return Joined(scores, seen, against)

    def _calibrated(self, concept: str, said: Sequence[Opinion]) -> dict[str, float]:
        return {
            opinion.model: self.calibrate(opinion.model, concept, opinion.scores[concept])
            for opinion in said
            if concept in opinion.scores
        }

    def calibrate(self, model: str, concept: str, score: float) -> float:
        own = self.calibrations.get(model, {})
        calibration = None if concept == "other" else own.get(concept, own.get(ALL_CONCEPTS))
        return float(score) if calibration is None else calibration.apply(float(score))

    def _mean(self, concept: str, given: Mapping[str, float], said: Sequence[Opinion]) -> float:
        against = sum(self._vote_against(concept, opinion) for opinion in said)
        weights = {model: self.weights.get(model, 1.0) for model in given}
        total = sum(weights.values()) + against
        if len(given) == 1 and not against:
            return next(iter(given.values()))  # exactly what the one model said, whatever its weight
        return sum(weights[model] * score for model, score in given.items()) / total if total else 0.0

    def _vote_against(self, concept: str, opinion: Opinion) -> float:
        votes = self._votes(concept, opinion)
        return self.weights.get(opinion.model, 1.0) * sum(weight * share for weight, share in votes.values())

    def _votes(self, concept: str, opinion: Opinion) -> dict[str, tuple[float, float]]:
        """(weight, probability) of each look-alike that the opinion names; none where it sees the concept itself."""
        if concept in opinion.scores:
            return {}
        return {
            name: (counter.weight, opinion.counters[name])
            for counter in self.counters
            if counter.concept == concept and counter.weight
            for name in counter.names
            if name in opinion.counters
        }

    def _named_against(self, concept: str, said: Sequence[Opinion]) -> dict[str, float]:
        named: dict[str, float] = {}
        for opinion in said:
            for name, (_, share) in self._votes(concept, opinion).items():
                if share >= SHOWN_FROM:
                    named[name] = max(share, named.get(name, 0.0))
        return named

    def to_json(self) -> dict[str, Any]:
        """All of it that decides: JSON values only."""
        return {
            "version": self.version,
            "primary": self.primary,
            "fallbacks": list(self.fallbacks),
            "mode": str(self.mode),
            "at_most": self.at_most,
            "unsure": [self.unsure.low, self.unsure.high] if self.unsure else None,
            "words": [self.words.mentions.to_json(), self.words.below.value] if self.words else None,
            "disagree": self.disagree.value if self.disagree else None,
            "confirm": [sorted(self.confirm.concepts), self.confirm.at_least.value] if self.confirm else None,
            "weights": dict(self.weights),
            "calibrations": {
                model: {concept: [one.slope, one.offset] for concept, one in by_concept.items()}
                for model, by_concept in self.calibrations.items()
            },
            "counters": [[one.concept, sorted(one.names), one.weight] for one in self.counters],
        }
