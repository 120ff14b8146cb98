"""One spelling for a text, in which words are looked for; and the way back to the text as published.

`normalise` is quick and gives the text alone. `align` gives the same text with the place of every letter, for a page
that marks words.
"""

import itertools
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

# A description longer than this is read up to here only: bounded work for whatever a seller posts.
MAX_CHARS = 100_000

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


@dataclass(frozen=True, slots=True)
class Aligned:
    """A text, and for each of its characters what it stands for in the original: from `starts` up to `ends`."""

    text: str
    starts: tuple[int, ...]
    ends: tuple[int, ...]

    def original(self, start: int, end: int) -> tuple[int, int]:
        """The span of the original that the characters from start up to end (not empty) stand for."""
        return min(self.starts[start:end]), max(self.ends[start:end])


def align(text: str) -> Aligned:
    """`normalise(text)`, with the place of each of its characters in `text`. About fifty times as slow."""
    text = text[:MAX_CHARS]
    aligned = Aligned(text, tuple(range(len(text))), tuple(range(1, len(text) + 1)))
    if not text.isascii():
        aligned = _compose(aligned)
        aligned = _map(aligned, [(at, at + 1, char.translate(INVISIBLE)) for at, char in enumerate(aligned.text)])
        aligned = _compose(_map(aligned, [(at, at + 1, char.casefold()) for at, char in enumerate(aligned.text)]))
    lowered = aligned.text.lower().translate(LOOKALIKES)
    aligned = Aligned(lowered, aligned.starts, aligned.ends)
    aligned = _replace(aligned, _separators(aligned.text), "")
    aligned = _replace(aligned, (match.span() for match in SPLIT_UNSPACED.finditer(aligned.text)), "")
    aligned = Aligned(aligned.text.replace("_", " "), aligned.starts, aligned.ends)
    aligned = Aligned(COMPOUND.sub(" ", aligned.text), aligned.starts, aligned.ends)
    return _replace(aligned, (match.span() for match in BLANKS.finditer(aligned.text)), " ")


def _separators(text: str) -> Iterator[tuple[int, int]]:
    """What stands between the letters of a word that is parted by dots."""
    for word in SPLIT_WORD.finditer(text):
        for separator in SEPARATORS.finditer(text, *word.span()):
            yield separator.span()


def _map(aligned: Aligned, pieces: Iterable[tuple[int, int, str]]) -> Aligned:
    """Each piece (start, end, its new text) in order; what has a new text stands for the whole of its piece."""
    texts, starts, ends = [], list[int](), list[int]()
    for start, end, new in pieces:
        if new == aligned.text[start:end]:
            starts.extend(aligned.starts[start:end])
            ends.extend(aligned.ends[start:end])
        else:
            starts.extend([min(aligned.starts[start:end])] * len(new))
            ends.extend([max(aligned.ends[start:end])] * len(new))
        texts.append(new)
    return Aligned("".join(texts), tuple(starts), tuple(ends))


def _replace(aligned: Aligned, spans: Iterable[tuple[int, int]], new: str) -> Aligned:
    """The text with `new` in place of each span; spans in order, none over another."""
    pieces, last = [], 0
    for start, end in spans:
        pieces += [(last, start, aligned.text[last:start]), (start, end, new)]
        last = end
    return _map(aligned, [*pieces, (last, len(aligned.text), aligned.text[last:])]) if pieces else aligned


def _compose(aligned: Aligned) -> Aligned:
    """NFKC, piece by piece: a piece begins with each character that can't join the one before it."""
    text = aligned.text
    borders = [at for at, char in enumerate(text) if at == 0 or not _joins(char)]
    spans = itertools.pairwise([*borders, len(text)])
    return _map(aligned, [(start, end, unicodedata.normalize("NFKC", text[start:end])) for start, end in spans])


@cache
def _joins(char: str) -> bool:
    """Whether the character may change together with the one before it when a text is normalised."""
    first = unicodedata.normalize("NFKD", char)[0]
    return unicodedata.combining(first) != 0 or ord(first) in _second_halves()


@cache
def _second_halves() -> frozenset[int]:
    """Characters that are no marks, and that join the one before them all the same: Hangul and some vowel signs."""
    parts = (unicodedata.decomposition(chr(code)).split() for code in range(0x1_2000))
    pairs = {int(part[1], 16) for part in parts if len(part) == 2 and not part[0].startswith("<")}
    return frozenset(pairs | set(range(0x1161, 0x1176)) | set(range(0x11A8, 0x11C3)))


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
