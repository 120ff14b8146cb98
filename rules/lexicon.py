"""The words of the trade: which of them a listing's text holds, and which only look so."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any

from rules.spelling import Aligned, align, holds, normalise, normalise_all, places

KEPT_TEXTS = 256


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
class Mark:
    """Where a term stands in a text as it was published: from `start` up to `end`, in characters (code points)."""

    start: int
    end: int
    term: Term


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a text, and the terms that are marked in all of it (none in plain text)."""

    text: str
    terms: tuple[Term, ...] = ()


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

    def find_all(self, aligned: Aligned) -> Iterator[Mark]:
        """Every place of every phrase outside the negative contexts; required contexts are not asked for."""
        text = blank_out(aligned.text, self.not_in)
        for start, end in {place for phrase in self.phrases for place in places(text, phrase)}:
            yield Mark(*aligned.original(start, end), self.term)


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

    def marks(self, text: str, whole: str | None = None) -> tuple[Mark, ...]:
        """Where the terms stand in the text as it was published, sorted by place; what only looks so is not marked.

        whole: the text in which the terms must be hits, where `text` is a part of it (the title of a listing): a word
        that a term needs besides may stand elsewhere. Two terms may be marked at the same place.
        """
        hit = {hit.term for hit in self.hits(text if whole is None else whole)}
        if not hit:
            return ()
        aligned = align(text)
        found = (mark for search in self._searches if search.term in hit for mark in search.find_all(aligned))
        return tuple(sorted(found, key=lambda mark: (mark.start, mark.end)))

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


def cut_pieces(text: str, marks: Sequence[Mark]) -> tuple[Piece, ...]:
    """The text cut where marks begin and end; the pieces one after another are the text, none is empty."""
    cuts = sorted({0, len(text), *(at for mark in marks for at in (mark.start, mark.end))})
    pieces = []
    for start, end in itertools.pairwise(cuts):
        terms = (mark.term for mark in marks if mark.start <= start and end <= mark.end)
        pieces.append(Piece(text[start:end], tuple(dict.fromkeys(terms))))
    return tuple(pieces)
