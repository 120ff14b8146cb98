"""The words of a rule's `when`: each looks at the evidence and says what it compared."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, ClassVar, Self

from rules.evidence import Evidence
from rules.explain import name_words
from rules.lexicon import Kind, Lexicon, Term
from rules.model import Condition, Result, Threshold
from rules.wording import Say, as_it_is, both, either, listed, neither, sayable, spell

UNSEEN = sayable("no model that spoke can see it")
UNASKED = sayable("fewer than two models spoke of it")
UNPRICED = sayable("the listing names no price")
# By whether terms and languages narrow down which words count.
LIMITS = {
    (False, False): sayable("the text holds %(words)s"),
    (True, False): sayable("the text holds %(words)s of the terms %(terms)s"),
    (False, True): sayable("the text holds %(words)s in %(languages)s"),
    (True, True): sayable("the text holds %(words)s of the terms %(terms)s in %(languages)s"),
}
# By whether there is a lower and an upper bound.
BOUNDS = {
    (True, True): sayable("the price is at least %(at_least)s and at most %(at_most)s %(currency)s"),
    (True, False): sayable("the price is at least %(at_least)s %(currency)s"),
    (False, True): sayable("the price is at most %(at_most)s %(currency)s"),
}


@dataclass(frozen=True, slots=True)
class Score:
    """Met where the concept's score is at or above the threshold. An absent concept is unknown, never met."""

    concept: str
    threshold: Threshold
    needs_picture: bool = field(default=True, init=False)

    def check(self, evidence: Evidence) -> Result:
        score = read_number(evidence.scores.get(self.concept))
        facts: dict[str, Any] = {
            "concept": self.concept,
            "score": score,
            "threshold": self.threshold.value,
            "threshold_name": self.threshold.name,
        }
        if score is None:
            return Result("score", False, facts | {"unknown": UNSEEN})
        against = dict(evidence.against.get(self.concept, {}))
        if len(said := read_said(evidence, self.concept)) > 1 or against:
            facts["said"] = said
        if against:
            facts["against"] = against
        return Result("score", score >= self.threshold.value, facts)

    def describe(self, say: Say = as_it_is) -> str:
        concept, value, name = spell(self.concept, say), f"{self.threshold.value:.2f}", self.threshold.name
        text = say("%(concept)s scores %(value)s or more (%(name)s)")
        return text % {"concept": concept, "value": value, "name": name}

    def with_thresholds(self, thresholds: Mapping[str, Threshold]) -> "Score":
        return replace(self, threshold=thresholds.get(self.threshold.name, self.threshold))

    def to_json(self) -> dict[str, Any]:
        return {"score": {"concept": self.concept, "threshold": self.threshold.name}}


@dataclass(frozen=True, slots=True)
class Disagree:
    """Met where models that were asked about a concept are `threshold` or more apart.

    The engine drops it where a score of the same concept is met: then that is settled, and said better.
    """

    concept: str
    threshold: Threshold
    needs_picture: bool = field(default=True, init=False)

    def check(self, evidence: Evidence) -> Result:
        score = read_number(evidence.scores.get(self.concept))
        said = read_said(evidence, self.concept)
        spread = max(said.values()) - min(said.values()) if len(said) > 1 else None
        facts: dict[str, Any] = {
            "concept": self.concept,
            "score": score,
            "said": said,
            "spread": spread,
            "threshold": self.threshold.value,
            "threshold_name": self.threshold.name,
        }
        if score is None or spread is None:
            return Result("disagree", False, facts | {"unknown": UNASKED})
        return Result("disagree", spread >= self.threshold.value, facts)

    def describe(self, say: Say = as_it_is) -> str:
        concept, value, name = spell(self.concept, say), f"{self.threshold.value:.2f}", self.threshold.name
        text = say("models are %(value)s or more apart over %(concept)s (%(name)s)")
        return text % {"concept": concept, "value": value, "name": name}

    def with_thresholds(self, thresholds: Mapping[str, Threshold]) -> "Disagree":
        return replace(self, threshold=thresholds.get(self.threshold.name, self.threshold))

    def to_json(self) -> dict[str, Any]:
        return {"disagree": {"concept": self.concept, "threshold": self.threshold.name}}


@dataclass(frozen=True, slots=True)
class Mentions:
    """Met where the listing's words hold a term of the lexicon that is asked for.

    A term is asked for when it names one of `concepts` and is of one of `kinds`; `terms` and `languages`, where
    given, narrow that down.
    """

    lexicon: Lexicon = field(repr=False)
    concepts: tuple[str, ...]
    kinds: tuple[Kind, ...] = (Kind.PLAIN,)
    languages: tuple[str, ...] = ()
    terms: tuple[str, ...] = ()
    wanted: frozenset[Term] = field(init=False, repr=False, compare=False)
    needs_picture: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        wanted = frozenset(term for term in self.lexicon.terms if self._asks_for(term))
        object.__setattr__(self, "wanted", wanted)

    def _asks_for(self, term: Term) -> bool:
        return (
            term.kind in self.kinds
            and not set(self.concepts).isdisjoint(term.concepts)
            and (not self.languages or term.language in self.languages)
            and (not self.terms or term.term in self.terms)
        )

    def check_text(self, text: str) -> bool:
        """Whether the text holds a term that is asked for."""
        return any(hit.term in self.wanted for hit in self.lexicon.hits(text))

    def check(self, evidence: Evidence) -> Result:
        hits = [hit for hit in self.lexicon.hits(evidence.text) if hit.term in self.wanted]
        found = [
            {
                "term": hit.term.term,
                "found": hit.found,
                "language": hit.term.language,
                "kind": str(hit.term.kind),
                "concepts": list(hit.term.concepts),
                "status": hit.term.status,
            }
            for hit in hits
        ]
        kinds = [str(kind) for kind in self.kinds]
        asked = {"looked_for": self._looked_for(), "kinds": kinds, "concepts": list(self.concepts)}
        return Result("mentions", bool(hits), {**asked, "terms": found})

    def _looked_for(self, say: Say = as_it_is) -> str:
        return name_words(tuple(str(kind) for kind in self.kinds), self.concepts, say)

    def describe(self, say: Say = as_it_is) -> str:
        text = say(LIMITS[bool(self.terms), bool(self.languages)])
        languages, terms = listed(self.languages, say), listed(self.terms, say)
        return text % {"words": self._looked_for(say), "terms": terms, "languages": languages}

    def with_thresholds(self, thresholds: Mapping[str, Threshold]) -> "Mentions":  # noqa: ARG002 - has none
        return self

    def to_json(self) -> dict[str, Any]:
        return {
            "mentions": {
                "concepts": sorted(self.concepts),
                "kinds": sorted(self.kinds),
                "languages": sorted(self.languages),
                "terms": sorted(self.terms),
            }
        }


@dataclass(frozen=True, slots=True)
class Price:
    """Met where the listing names a price in `currency` within the bounds (both included). No rates are guessed."""

    currency: str
    at_least: Decimal | None = None
    at_most: Decimal | None = None
    needs_picture: bool = field(default=False, init=False)

    def check(self, evidence: Evidence) -> Result:
        price, currency = evidence.price, evidence.currency
        facts: dict[str, Any] = {
            "currency": self.currency,
            "at_least": as_text(self.at_least),
            "at_most": as_text(self.at_most),
            "price": as_text(price),
            "price_currency": currency,
        }
        if price is None or not price.is_finite():
            return Result("price", False, facts | {"price": None, "unknown": UNPRICED})
        if currency is None or currency.strip().upper() != self.currency:
            return Result("price", False, facts | {"unknown": f"the price is not in {self.currency}"})
        low_enough = self.at_most is None or price <= self.at_most
        return Result("price", low_enough and (self.at_least is None or price >= self.at_least), facts)

    def describe(self, say: Say = as_it_is) -> str:
        text = say(BOUNDS[self.at_least is not None, self.at_most is not None])
        return text % {"at_least": self.at_least, "at_most": self.at_most, "currency": self.currency}

    def with_thresholds(self, thresholds: Mapping[str, Threshold]) -> "Price":  # noqa: ARG002 - has none
        return self

    def to_json(self) -> dict[str, Any]:
        bounds = {"at_least": as_text(self.at_least), "at_most": as_text(self.at_most)}
        return {"price": {"currency": self.currency, **bounds}}


@dataclass(frozen=True, slots=True)
class Group:
    """Conditions under one word. Every child is checked, so that the reasons are whole."""

    children: tuple[Condition, ...]
    word: ClassVar[str]

    def with_thresholds(self, thresholds: Mapping[str, Threshold]) -> Self:
        return type(self)(tuple(child.with_thresholds(thresholds) for child in self.children))

    def to_json(self) -> dict[str, Any]:
        return {self.word: [child.to_json() for child in self.children]}

    def _check_children(self, evidence: Evidence) -> tuple[Result, ...]:
        return tuple(child.check(evidence) for child in self.children)


@dataclass(frozen=True, slots=True)
class AllOf(Group):
    """Met where every child is."""

    word: ClassVar[str] = "all"

    @property
    def needs_picture(self) -> bool:
        return any(child.needs_picture for child in self.children)

    def check(self, evidence: Evidence) -> Result:
        results = self._check_children(evidence)
        return Result(self.word, all(result.met for result in results), {}, results)

    def describe(self, say: Say = as_it_is) -> str:
        return both((describe_inside(child, say) for child in self.children), say)


@dataclass(frozen=True, slots=True)
class AnyOf(Group):
    """Met where at least one child is."""

    word: ClassVar[str] = "any"

    @property
    def needs_picture(self) -> bool:
        return all(child.needs_picture for child in self.children)

    def check(self, evidence: Evidence) -> Result:
        results = self._check_children(evidence)
        return Result(self.word, any(result.met for result in results), {}, results)

    def describe(self, say: Say = as_it_is) -> str:
        return either((describe_inside(child, say) for child in self.children), say)


@dataclass(frozen=True, slots=True)
class NoneOf(Group):
    """Met where no child is, and none is unknown: what no model can see is not known to be absent."""

    word: ClassVar[str] = "none"

    @property
    def needs_picture(self) -> bool:
        return False

    def check(self, evidence: Evidence) -> Result:
        results = self._check_children(evidence)
        return Result(self.word, not any(result.met or is_unknown(result) for result in results), {}, results)

    def describe(self, say: Say = as_it_is) -> str:
        return say("not %(parts)s") % {"parts": neither((describe_inside(child, say) for child in self.children), say)}


def describe_inside(condition: Condition, say: Say = as_it_is) -> str:
    """A child's words, in brackets where it is a group itself."""
    text = condition.describe(say)
    return say("(%(group)s)") % {"group": text} if isinstance(condition, Group) else text


def is_unknown(result: Result) -> bool:
    return "unknown" in result.facts or any(is_unknown(child) for child in result.children)


def read_said(evidence: Evidence, concept: str) -> dict[str, float]:
    """Who gave which score of the concept, as plain finite floats."""
    given = {model: read_number(score) for model, score in evidence.said.get(concept, {}).items()}
    return {model: score for model, score in given.items() if score is not None}


def read_number(value: object) -> float | None:
    """A score as a plain float (models give NumPy's); None where it is absent or no finite number."""
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def as_text(amount: Decimal | None) -> str | None:
    return None if amount is None else str(amount)
