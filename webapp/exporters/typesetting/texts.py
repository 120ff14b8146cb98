"""Strangers' texts as they may stand on paper: nothing hidden, nothing that reaches beyond its place, no end."""

import re
import unicodedata

from webapp.language import number, say

# Signs that print nothing but change what is read or how it runs; joiners stay, which some scripts need.
HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u202a-\u202e"
    "\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb\ufffe\uffff\ud800-\udfff]"
)
ENDS = re.compile(r"\r\n?|\u2028|\u2029|\x0b|\x0c|\x85")
LONG = re.compile(r"[^\s\u200b\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u9fff\uac00-\ud7af]{28,}")
PIECE = 14
BREAK = "\u200b"
MOST_MARKS = 3


def shown(text: object, most: int = 300) -> str:
    """One text for a page: what is hidden stands as its code point, lines beyond `most` characters are left out."""
    whole = ENDS.sub("\n", str(text or "")).strip()
    cut = whole[:most].rstrip()
    told = break_long(without_piles(HIDDEN.sub(name_sign, cut)))
    return (
        told
        if len(whole) <= most
        else say("%(text)s … (%(count)s more characters)", text=told, count=number(len(whole) - most))
    )


def one_line(text: object, most: int = 200) -> str:
    return shown(" ".join(str(text or "").split()), most)


def name_sign(match: re.Match[str]) -> str:
    return f"[U+{ord(match[0]):04X}]"


def without_piles(text: str) -> str:
    """Marks above and below a letter, at most so many: more would cover the lines around."""
    if not any(unicodedata.combining(one) for one in text):
        return text
    kept: list[str] = []
    marks = 0
    for one in text:
        marks = marks + 1 if unicodedata.category(one) in ("Mn", "Me") else 0
        if marks <= MOST_MARKS:
            kept.append(one)
    return "".join(kept)


def break_long(text: str) -> str:
    """Places to break in a word that no line could hold."""
    return LONG.sub(lambda match: cut_up(match[0]), text)


def cut_up(word: str) -> str:
    """After the signs at which addresses are broken best, and wherever a piece gets long."""
    pieces = re.findall(rf"[^/?&=._\-]{{1,{PIECE}}}[/?&=._\-]?|[/?&=._\-]", word)
    return BREAK.join(pieces)
