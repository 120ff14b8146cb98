"""Sentences that were said in English before, and perhaps stored, said again in the language in force.

What a scan met is written into the database as English sentences with their values in them. The catalogue's texts of
that kind carry the comment `kept`: each is a pattern whose placeholders give the values back.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, reduce

from babel.messages.pofile import read_po

from webapp.language import ENGLISH, catalogue, find_plural, path_of, say, spoken

KEPT = "kept"
MOST_SENTENCES = 40  # of more, a person wrote them, or nobody reads them
PLACEHOLDER = re.compile(r"%\((\w+)\)s")
SENTENCE_END = re.compile(r"(?<=[.!?]) (?=[A-Z\u201c])")
# A value inside a sentence does not reach into the next one; at the end it may be sentences itself.
INNER, LAST = r"(?:(?![.!?] [A-Z\u201c]).)+?", ".+"


@dataclass(frozen=True, slots=True)
class Pattern:
    """text: as the catalogue has it, both its forms where it counts something (`num`). literal: a part that stands in
    every text of the kind, to pass by all others quickly."""

    text: str | Sequence[str]
    shape: re.Pattern[str]
    literal: str

    def say(self, values: Mapping[str, str]) -> str:
        if isinstance(self.text, str):
            return say(self.text, **values)
        num = int(values["num"]) if values.get("num", "").isdecimal() else 2
        one, many = self.text
        return find_plural(one, many, num) % values


def say_again(text: str | None) -> str:
    """The sentences in the language in force; what is not known again (a person's words, say) stays as it is."""
    if not text or spoken() == ENGLISH:
        return text or ""
    return "\n".join(translate(spoken(), line) for line in text.split("\n"))


@lru_cache(maxsize=4096)
def translate(code: str, text: str) -> str:
    """`code` is the language in force: it is named for the sake of what is remembered."""
    parts = SENTENCE_END.split(text)
    if len(parts) > MOST_SENTENCES:
        return text
    said: list[str] = []
    while parts:
        count, sentence = begin(code, parts)
        said.append(sentence)
        parts = parts[count:]
    return reduce(lambda before, next: say("%(sentence)s %(more)s", sentence=before, more=next), said)


def begin(code: str, parts: list[str]) -> tuple[int, str]:
    """How many of the parts belong together, the most that are known, and what they say."""
    for count in range(len(parts), 0, -1):
        known = find_whole(code, " ".join(parts[:count]))
        if known is not None:
            return count, known
    return 1, parts[0]


def find_whole(code: str, text: str) -> str | None:
    """What the text says as one; also where a capital was put before what is kept without."""
    known = find_exactly(code, text)
    return known if known is not None or not text[:1].isupper() else find_exactly(code, text[:1].lower() + text[1:])


def find_exactly(code: str, text: str) -> str | None:
    exact = catalogue(code).gettext(text)
    if exact != text:
        return exact
    for pattern in patterns(code):
        if pattern.literal in text and (match := pattern.shape.fullmatch(text)):
            values = {name: translate(code, value) for name, value in match.groupdict().items()}
            return pattern.say(values)
    return None


@lru_cache(maxsize=8)
def patterns(code: str) -> tuple[Pattern, ...]:
    """Those with most of their own words first."""
    with path_of(code).open("rb") as file:
        messages = [message for message in read_po(file, locale=code) if KEPT in message.auto_comments]
    written = [(form, message.id) for message in messages for form in forms_of(message.id) if PLACEHOLDER.search(form)]
    written.sort(key=lambda one: len(PLACEHOLDER.sub("", one[0])), reverse=True)
    return tuple(make_pattern(*one) for one in written)


def forms_of(text: str | Sequence[str]) -> Sequence[str]:
    return (text,) if isinstance(text, str) else text


def make_pattern(form: str, text: str | Sequence[str]) -> Pattern:
    shape = re.compile("".join(shapes(form)), re.DOTALL)
    return Pattern(text, shape, max(PLACEHOLDER.sub("\0", form).replace("%%", "%").split("\0"), key=len))


def shapes(text: str) -> Iterator[str]:
    """The text as a regular expression, piece by piece."""
    at, seen = 0, set()
    for match in PLACEHOLDER.finditer(text):
        yield re.escape(text[at : match.start()].replace("%%", "%"))
        at, name = match.end(), match[1]
        yield f"(?P={name})" if name in seen else f"(?P<{name}>{LAST if at == len(text) else INNER})"
        seen.add(name)
    yield re.escape(text[at:].replace("%%", "%"))
