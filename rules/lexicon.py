"""The words of the trade: which of them a listing's text holds, and which only look so."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any

# A description longer than this is read up to here only: bounded work for whatever a seller posts.
MAX_CHARS = 100_000
KEPT_TEXTS = 256

# Thai, kana, Han: scripts that put no space between words.
UNSPACED = "\u0e00-\u0e7f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
SPACED_LETTER = re.compile(rf"[^\W_{UNSPACED}]")
SPLIT_WORD = re.compile(r"(?<!\w)(?:[^\W_][.·*_-]){2,}[^\W_](?!\w)")
SPLIT_UNSPACED = re.compile(rf"(?<=[{UNSPACED}])[.·*_-]+(?=[{UNSPACED}])")
SEPARATORS = re.compile(r"[.·*_-]")
COMPOUND = re.compile(r"(?<=\w)-(?=\w)")
BLANKS = re.compile(r"[^\S\n]+")
INVISIBLE = dict.fromkeys([0xAD, *range(0x200B, 0x2010), *range(0x202A, 0x202F), 0x2060, 0xFEFF, 0xFE0E, 0xFE0F])
LOOKALIKES = {0x2018: "'", 0x2019: "'", 0x2010: "-", 0x2011: "-", 0x30FB: "·", ord("\r"): "\n"}


class Kind(StrEnum):
    """`plain` names the thing; `coded` is a word that sellers hide it behind and that mostly means something else."""

    PLAIN = "plain"
    CODED = "coded"


@dataclass(frozen=True, slots=True)
class Term:
    """One entry of the lexicon.

    variants: other spellings and forms, plurals too; nothing is inflected by rule.
    not_in: negative contexts; where one stands, the term inside it is not seen.
    needs: required contexts; where there are any, the text must hold one of them besides.
    status: `unverified` where no source that was read says that sellers use the word so; of a plain word it is enough
        that a dictionary has it. It does not say that a reader of the language has checked the entry.
    """

    language: str
    term: str
    variants: tuple[str, ...]
    concepts: tuple[str, ...]
    kind: Kind
    not_in: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    source: str = ""
    status: str = "unverified"

    def to_json(self) -> dict[str, Any]:
        """What decides about a hit; source and status do not."""
        return {
            "language": self.language,
            "term": self.term,
            "variants": sorted(self.variants),
            "concepts": sorted(self.concepts),
            "kind": str(self.kind),
            "not_in": sorted(self.not_in),
            "needs": sorted(self.needs),
        }


@dataclass(frozen=True, slots=True)
class Hit:
    """A term that a text holds; `found` is the spelling that was met, normalised."""

    term: Term
    found: str


@dataclass(frozen=True, slots=True)
class Search:
    """A term made ready: all of its phrases normalised."""

    term: Term
    phrases: tuple[str, ...]
    not_in: tuple[str, ...]
    needs: tuple[str, ...]

    def find(self, text: str) -> Hit | None:
        """The first phrase that stands in the (normalised) text outside the negative contexts."""
        present = [phrase for phrase in self.phrases if phrase in text]
        if not present:
            return None
        text = blank_out(text, self.not_in)
        found = next((phrase for phrase in present if holds(text, phrase)), None)
        if found is None or (self.needs and not any(holds(text, phrase) for phrase in self.needs)):
            return None
        return Hit(self.term, found)


class Lexicon:
    """All terms of a pack, made ready once. Equal where the terms are; safe to share between threads."""

    def __init__(self, terms: tuple[Term, ...] = ()) -> None:
        self.terms = terms
        self._searches = make_searches(terms)
        # The rules of a pack, and the pictures of a listing, ask about the same text one after another.
        self.hits = lru_cache(maxsize=KEPT_TEXTS)(self._find_hits)

    def _find_hits(self, text: str) -> tuple[Hit, ...]:
        """Every term that the text holds, in the order of the lexicon, each once."""
        tidy = normalise(text)
        return tuple(hit for search in self._searches if (hit := search.find(tidy)) is not None)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Lexicon) and self.terms == other.terms

    def __hash__(self) -> int:
        return hash(self.terms)

    def __reduce__(self) -> tuple[Any, ...]:
        return Lexicon, (self.terms,)


def make_searches(terms: tuple[Term, ...]) -> tuple[Search, ...]:
    """Each term made ready. Terms that share a phrase share their negative contexts.

    Nothing says which language a listing is in: 象牙 is Chinese and Japanese, and so is what it must not stand in.
    """
    phrases = [normalise_all((term.term, *term.variants)) for term in terms]
    contexts: dict[str, tuple[str, ...]] = {}
    for term, own in zip(terms, phrases, strict=True):
        for phrase in own:
            contexts[phrase] = contexts.get(phrase, ()) + normalise_all(term.not_in)
    return tuple(
        Search(term, own, shared_contexts(own, contexts), normalise_all(term.needs))
        for term, own in zip(terms, phrases, strict=True)
    )


def shared_contexts(phrases: tuple[str, ...], contexts: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(context for phrase in phrases for context in contexts[phrase]))


def normalise(text: str) -> str:
    """The text as words are looked for in it: one spelling of letters, blanks and hyphens; line ends stay."""
    text = text[:MAX_CHARS]
    if not text.isascii():
        text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).translate(INVISIBLE).casefold())
    text = text.lower().translate(LOOKALIKES)
    text = SPLIT_WORD.sub(lambda match: SEPARATORS.sub("", match[0]), text)
    text = SPLIT_UNSPACED.sub("", text).replace("_", " ")
    # "ivory-coloured" is "ivory coloured"; a dash between blanks parts two sentences and stays.
    return BLANKS.sub(" ", COMPOUND.sub(" ", text))


def normalise_all(phrases: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(tidy for phrase in phrases if (tidy := normalise(phrase).strip())))


def holds(text: str, phrase: str) -> bool:
    return next(places(text, phrase), None) is not None


def places(text: str, phrase: str) -> Iterator[tuple[int, int]]:
    """Where the phrase stands as words of its own: (start, end)."""
    start = text.find(phrase)
    while start >= 0:
        end = start + len(phrase)
        if not cuts_word(text, start) and not cuts_word(text, end):
            yield start, end
        start = text.find(phrase, start + 1)


def cuts_word(text: str, at: int) -> bool:
    """Whether a border at `at` would part a word of a script that writes spaces."""
    around = text[at - 1 : at + 1] if at else ""
    return len(around) == 2 and all(SPACED_LETTER.match(char) for char in around)


def blank_out(text: str, contexts: tuple[str, ...]) -> str:
    """The text with every negative context taken out; what is left keeps its place."""
    chars = list(text)
    for context in contexts:
        for start, end in places(text, context):
            if not names_field(text, end):
                chars[start:end] = "\n" * (end - start)
    return "".join(chars)


def names_field(text: str, at: int) -> bool:
    """Whether a colon follows: in "material: ivory colour: white" the colour is the next field's name."""
    return text[at : at + 2].lstrip(" ").startswith(":")
