"""The `when` of a rule file: YAML words to conditions."""

from collections.abc import Callable
from dataclasses import dataclass, field

from rules.conditions import AllOf, AnyOf, Disagree, Mentions, NoneOf, Price, Score
from rules.document import Item
from rules.evidence import CONCEPTS
from rules.faults import shorten, suggest
from rules.lexicon import Kind, Lexicon
from rules.model import Condition, Threshold

KINDS = {"plain": (Kind.PLAIN,), "coded": (Kind.CODED,), "either": (Kind.PLAIN, Kind.CODED)}
GROUPS: dict[str, Callable[[tuple[Condition, ...]], Condition]] = {"all": AllOf, "any": AnyOf, "none": NoneOf}
WORDS = ("score", "disagree", "mentions", "price", *GROUPS)


@dataclass
class Grammar:
    """Reads conditions against the thresholds of one rule and the lexicon of its pack; `used` fills on the way."""

    thresholds: dict[str, Threshold]
    lexicon: Lexicon
    used: set[str] = field(default_factory=set)

    def read(self, item: Item, under_none: bool = False) -> Condition | None:
        """The condition that the item holds; None where it has a fault, which is then in the item's faults."""
        words = list(item.pairs())
        for word, key_item, _ in words:
            if word not in WORDS:
                key_item.fault(f"unknown condition `{shorten(word)}`", suggest(word, WORDS))
        if len(words) > 1:
            item.fault("a condition has one word, here are several", "put them in a list under `all:` or `any:`")
        known = [(word, value) for word, _, value in words if word in WORDS]
        conditions = [self._read_word(word, value, under_none) for word, value in known]
        return conditions[0] if len(words) == 1 and conditions else None

    def _read_word(self, word: str, item: Item, under_none: bool) -> Condition | None:
        if word in GROUPS:
            return self._read_group(word, item, under_none or word == "none")
        if under_none and word != "mentions":
            item.fault(f"`{word}` cannot stand under `none`", NONE_HINTS[word])
        readers: dict[str, Callable[[Item], Condition | None]] = {
            "score": self._read_score,
            "disagree": self._read_disagree,
            "mentions": self._read_mentions,
            "price": self._read_price,
        }
        return readers[word](item)

    def _read_group(self, word: str, item: Item, under_none: bool) -> Condition | None:
        entries = item.entries()
        if not entries:
            item.fault(f"`{word}` holds nothing", "list at least one condition under it")
        children = [self.read(entry, under_none) for entry in entries]
        whole = tuple(child for child in children if child is not None)
        return GROUPS[word](whole) if whole and len(whole) == len(children) else None

    def _read_score(self, item: Item) -> Score | None:
        fields = item.fields(required=("concept", "threshold"))
        concept = fields["concept"].choice(CONCEPTS, "concept") if "concept" in fields else None
        threshold = self._read_threshold(fields, "threshold")
        return None if threshold is None or concept is None else Score(concept, threshold)

    def _read_disagree(self, item: Item) -> Disagree | None:
        fields = item.fields(required=("concept", "threshold"))
        concept = fields["concept"].choice(CONCEPTS, "concept") if "concept" in fields else None
        threshold = self._read_threshold(fields, "threshold")
        return None if threshold is None or concept is None else Disagree(concept, threshold)

    def _read_threshold(self, fields: dict[str, Item], key: str) -> Threshold | None:
        """The threshold of this file that `key` names."""
        name = fields[key].text() if key in fields else None
        if name is not None and name not in self.thresholds:
            hint = suggest(name, self.thresholds) or "add it under `thresholds:` with `value:` and `basis:`"
            fields[key].fault(f"threshold `{shorten(name)}` is not defined in this file", hint)
        if name is None or name not in self.thresholds:
            return None
        self.used.add(name)
        return self.thresholds[name]

    def _read_mentions(self, item: Item) -> Mentions | None:
        fields = item.fields(required=("concepts",), optional=("kind", "languages", "terms"))
        known_terms = {term.term for term in self.lexicon.terms}
        known_languages = {term.language for term in self.lexicon.terms}
        concepts = fields["concepts"].choices(CONCEPTS, "concept") if "concepts" in fields else ()
        kind = fields["kind"].choice(KINDS, "kind") if "kind" in fields else "plain"
        languages = fields["languages"].choices(known_languages, "language") if "languages" in fields else ()
        terms = fields["terms"].choices(known_terms, "term") if "terms" in fields else ()
        if not concepts or kind is None:
            return None
        mentions = Mentions(self.lexicon, concepts, KINDS[kind], languages, terms)
        if not mentions.wanted:
            item.fault("no term of the lexicon is asked for", "look at `concepts:` and `kind:` of the lexicon's terms")
        return mentions

    def _read_price(self, item: Item) -> Price | None:
        fields = item.fields(required=("currency",), optional=("at_least", "at_most"))
        currency = fields["currency"].text() if "currency" in fields else None
        if currency is not None and not is_currency(currency):
            fields["currency"].fault(f"unknown currency `{shorten(currency)}`", "three capitals, as in USD or CNY")
        low = fields["at_least"].decimal() if "at_least" in fields else None
        high = fields["at_most"].decimal() if "at_most" in fields else None
        if fields and not fields.keys() & {"at_least", "at_most"}:
            item.fault("`price` has no bound", "add `at_least:` or `at_most:`")
        if low is not None and high is not None and low > high:
            item.fault(f"no price is at least {low} and at most {high}", "swap the two bounds")
        return None if currency is None else Price(currency, low, high)


NONE_HINTS = {
    "disagree": "models that were not asked would pass for models that agree",
    "score": "raising its threshold would then open findings, and a concept that no model sees would pass for absent",
    "price": "turn it round: `at_least:` in place of `at_most:`, outside `none`",
}


def is_currency(text: str) -> bool:
    return len(text) == 3 and text.isascii() and text.isalpha() and text.isupper()
