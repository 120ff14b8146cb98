"""Sentences that can be said in any language without this package knowing one.

A function that speaks takes `say`, which gives the reader's text for an English one, and fills `%(name)s` afterwards.
"""

from collections.abc import Callable, Iterable
from functools import reduce

Say = Callable[[str], str]


def as_it_is(text: str) -> str:
    """The English text itself: what a function says to whom asks for no other language."""
    return text


def sayable(text: str) -> str:
    """The text itself. It marks a constant that is said later, so that it comes into the catalogues."""
    return text


CONCEPT_NAMES = {
    "other": sayable("other"),
    "ivory_product": sayable("ivory product"),
    "ivory": sayable("ivory"),
    "elephant": sayable("elephant"),
    "tiger_skin": sayable("tiger skin"),
    "tiger": sayable("tiger"),
    "tiger_tooth_claw_bone": sayable("tiger tooth claw bone"),
    "pangolin_scale": sayable("pangolin scale"),
    "pangolin": sayable("pangolin"),
    "pangolin_claw": sayable("pangolin claw"),
}


def spell(concept: str, say: Say = as_it_is) -> str:
    """A concept for people: `tiger_skin` is "tiger skin"; also one that only a pack of your own knows."""
    return say(CONCEPT_NAMES.get(concept, concept.replace("_", " ")))


def both(sentences: Iterable[str], say: Say = as_it_is) -> str:
    """Sentences that hold together; empty for none."""
    return chain(sentences, lambda first, more: say("%(first)s and %(more)s") % {"first": first, "more": more})


def each(words: Iterable[str], say: Say = as_it_is) -> str:
    """Words, all of which are meant."""
    return chain(words, lambda one, other: say("%(one)s and %(other)s") % {"one": one, "other": other})


def either(words: Iterable[str], say: Say = as_it_is) -> str:
    """Words or sentences, one of which is meant."""
    return chain(words, lambda one, other: say("%(one)s or %(other)s") % {"one": one, "other": other})


def neither(sentences: Iterable[str], say: Say = as_it_is) -> str:
    """Sentences after a "not" that goes for all of them."""
    return chain(sentences, lambda one, other: say("%(one)s, nor %(other)s") % {"one": one, "other": other})


def listed(words: Iterable[str], say: Say = as_it_is) -> str:
    """Words one after another, parted by commas."""
    return chain(words, lambda one, next: say("%(one)s, %(next)s") % {"one": one, "next": next})


def chain(parts: Iterable[str], join: Callable[[str, str], str]) -> str:
    given = list(parts)
    return reduce(join, given) if given else ""
