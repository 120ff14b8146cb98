"""Ways to reach people, and known names, taken out of free text.

It is best effort: a name in other words, a misspelt one, a number in letters, or a picture of either stays.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

SELLER, PERSON = "[seller]", "[name]"
# Of fewer letters a name is found as a whole word alone, of one letter never: it would be every third letter.
FEWEST_INSIDE, FEWEST_LETTERS = 4, 2

ANY_AT = r"(?:[@\uff20]|\s?[\[({]\s?(?:at|@)\s?[\])}]\s?)"
ANY_DOT = r"(?:\.|\s?[\[({]\s?(?:dot|\.)\s?[\])}]\s?)"
STOPS = r"\s<>\"\u201c\u201d\uff0c\u3002\uff1b"
PLAIN = rf"[^{STOPS}@\uff20,;:()\[\]{{}}\uff1a]"
HOST = r"(?:[\w-]{1,63}\.){1,8}"
HANDLE = r"[a-z0-9][\w.\-]{2,}"
MESSENGERS = (
    r"(?<![a-z])(?:whats\s?app|wechat|weixin|telegram|zalo|viber|kakao(?:\s?talk)?|signal|skype|line|qq|vx|vk|ig|fb|"
    r"instagram|facebook|messenger|微信|微訊|威信|薇信|扣扣|ไลน์|телеграм|вотсап|واتساب|تلغرام)"
    r"(?:\s?(?:id|no\.?|number|号码|号|帳號|账号|號))?"
)
# In the order in which they speak where two begin at one letter. Each part is bounded: a text is anybody's.
PATTERNS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (label, re.compile(pattern, re.IGNORECASE))
    for label, pattern in (
        ("[link]", rf"(?:https?|ftp)://[^{STOPS}]+"),
        ("[link]", rf"(?:javascript|mailto|tel|weixin|tg):[^{STOPS}]+"),
        ("[e-mail]", rf"{PLAIN}{{1,64}}{ANY_AT}{PLAIN}{{0,64}}?[^\W\d_]{PLAIN}*(?:{ANY_DOT}{PLAIN}+)*"),
        ("[link]", rf"\b{HOST}[a-z]{{2,}}/[^{STOPS}]*"),
        ("[link]", rf"\b{HOST}(?:com|net|org|info|biz|shop|store|online|site|app|io|me)\b"),
        ("[IBAN]", r"(?<!\w)[a-z]{2}\d{2}(?:[ -]?[a-z0-9]{4}){2,7}(?:[ -]?[a-z0-9]{1,4})?(?!\w)"),
        ("[handle]", rf"{MESSENGERS}\s{{0,5}}[:\uff1a=\uff1d@]\s{{0,5}}@?{HANDLE}"),
        ("[handle]", rf"{MESSENGERS}\s{{1,5}}(?=[\w.\-]{{0,40}}[\d_]){HANDLE}"),
        ("[handle]", r"(?<![\w@])[@\uff20]\w[\w.\-]+"),
    )
)
# Seven digits or more, in groups or not; from how many on it may be a card's, and what is a date or an amount.
NUMBER = re.compile(r"(?<!\d)[+\uff0b]?\(?\d(?:[\s().\-\u2013/\u00b7]{0,3}\d){6,30}(?!\d)")
CARD_DIGITS = 13
YEAR, PART = r"(?:1[5-9]|20)\d\d", r"\d{1,2}"
AMOUNT = re.compile(
    "|".join(
        (
            rf"{YEAR}[-./]{PART}[-./]{PART}(?:\s{PART})?",
            rf"{PART}[-./]{PART}[-./]{YEAR}",
            rf"{YEAR}\s?[-\u2013/]\s?{YEAR}",
            r"[01]\.\d+",
            r"[1-9]\d{0,2}(?:,\d{3})+(?:\.\d{1,2})?",
        )
    )
)


class Span(NamedTuple):
    """A piece of a text, in letters from its beginning, and what to write in its place."""

    start: int
    end: int
    label: str


class Folded(NamedTuple):
    """A text as names are compared: letters of either case alike. places: where each letter stood in the text."""

    text: str
    places: range | list[int]


@dataclass(frozen=True, slots=True)
class Names:
    """Names to be found in texts, by how they begin."""

    by_beginning: Mapping[str, tuple[tuple[str, str], ...]]

    @classmethod
    def of(cls, labelled: Iterable[tuple[str, str]]) -> "Names":
        """labelled: name and what to write in its place; of two alike the first holds."""
        known: dict[str, str] = {}
        for name, label in labelled:
            folded = fold(compose(name).strip()).text
            if len(folded) >= FEWEST_LETTERS:
                known.setdefault(folded, label)
        by_beginning = defaultdict(list)
        for name in sorted(known, key=len, reverse=True):
            by_beginning[name[:FEWEST_LETTERS]].append((name, known[name]))
        return cls({beginning: tuple(names) for beginning, names in by_beginning.items()})

    def spans(self, text: str) -> Iterator[Span]:
        """Where they stand, the longest where several begin at the same letter."""
        if not self.by_beginning:
            return
        folded, places = fold(text)
        for at in range(len(folded) - FEWEST_LETTERS + 1):
            for name, label in self.by_beginning.get(folded[at : at + FEWEST_LETTERS], ()):
                if folded.startswith(name, at) and may_stand(name, folded, at):
                    yield Span(places[at], places[at + len(name) - 1] + 1, label)
                    break


def compose(text: str) -> str:
    """A letter with its accents as one: the same name may be written either way."""
    return unicodedata.normalize("NFC", text)


def fold(text: str) -> Folded:
    whole = text.casefold()
    if len(whole) == len(text):
        return Folded(whole, range(len(text)))
    letters = [(letter, at) for at, one in enumerate(text) for letter in one.casefold()]
    return Folded("".join(letter for letter, _ in letters), [at for _, at in letters])


def may_stand(name: str, text: str, at: int) -> bool:
    """Whether a short name is a word of its own there; in a script without blanks every place will do."""
    if len(name) >= FEWEST_INSIDE or not is_cased(name):
        return True
    before, after = text[at - 1 : at] if at else "", text[at + len(name) : at + len(name) + 1]
    return not before.isalnum() and not after.isalnum()


def is_cased(name: str) -> bool:
    return name.upper() != name.lower() or name.isdigit()


def mask(text: str, names: Names) -> str:
    """The text without what leads to people; what is left stands as it was, its accents composed."""
    composed = compose(text)
    spans = sorted(merged([*contact_spans(composed), *names.spans(composed)]))
    pieces, at = [], 0
    for span in spans:
        pieces += [composed[at : span.start], span.label]
        at = span.end
    return "".join([*pieces, composed[at:]]) if spans else text


def merged(spans: Iterable[Span]) -> Iterator[Span]:
    """Spans that overlap are one, labelled as the one that begins first."""
    last: Span | None = None
    for span in sorted(spans, key=lambda one: one.start):
        if last and span.start < last.end:
            last = Span(last.start, max(last.end, span.end), last.label)
            continue
        if last:
            yield last
        last = span
    if last:
        yield last


def contact_spans(text: str) -> Iterator[Span]:
    for label, pattern in PATTERNS:
        yield from (Span(*match.span(), label) for match in pattern.finditer(text))
    for match in NUMBER.finditer(text):
        if not AMOUNT.fullmatch(match[0]):
            digits = sum(letter.isdigit() for letter in match[0])
            yield Span(*match.span(), "[card]" if digits >= CARD_DIGITS else "[phone]")


def mask_all(value: Any, names: Names, kept: frozenset[str]) -> Any:
    """A tree of JSON values with every text masked, save those under the keys `kept`, which are codes."""
    if isinstance(value, str):
        return mask(value, names)
    if isinstance(value, Mapping):
        return {key: inner if key in kept else mask_all(inner, names, kept) for key, inner in value.items()}
    return [mask_all(inner, names, kept) for inner in value] if isinstance(value, list | tuple) else value
