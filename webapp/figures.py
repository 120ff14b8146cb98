"""A figure of a period, and how it reads: with its interval, or why there is none."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from babel.numbers import format_decimal, format_percent

from webapp.echoes import say_again
from webapp.language import locale, number, say


@dataclass(frozen=True, slots=True)
class Figure:
    """One number of a period: a share in [0, 1], but misses are listings, and kappa lies in [-1, 1].

    value, low, high: with a 95 % interval; None where `reason` says why. n: on how many it rests; basis: on which.
    """

    name: str
    n: int
    value: float | None = None
    low: float | None = None
    high: float | None = None
    reason: str = ""
    basis: str = ""

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> Self:
        """As a report's content has it; the stored sentences are said again in the language in force."""
        again = {name: say_again(said[name]) for name in ("reason", "basis")}
        return cls(said["name"], said["n"], said["value"], said["low"], said["high"], **again)

    def to_json(self) -> dict[str, Any]:
        numbers = {name: rounded(getattr(self, name)) for name in ("value", "low", "high")}
        return {"name": self.name, "n": self.n, **numbers, "reason": self.reason, "basis": self.basis}


def rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)


def title_of(figure: Figure) -> str:
    return {
        "precision": say("Precision"),
        "checked_precision": say("Precision, put right by second looks"),
        "recall": say("Recall"),
        "misses": say("Missed listings, estimated"),
        "kappa": say("Cohen's kappa of first and second looks"),
        "agreed": say("First and second looks that agree"),
        "overturns": say("First decisions that fell after a second look"),
        "appeals": say("Appeals that overturned a decision"),
    }[figure.name]


def words_of(figure: Figure) -> str:
    """The value with its 95 % interval, the interval alone, or why there is neither."""
    if figure.low is None or figure.high is None:
        return figure.reason
    values = {"low": number_words(figure, figure.low), "high": number_words(figure, figure.high)}
    if figure.value is None:
        return say("between %(low)s and %(high)s; %(reason)s", reason=figure.reason, **values)
    return say("%(value)s (%(low)s to %(high)s)", value=number_words(figure, figure.value), **values)


def number_words(figure: Figure, value: float) -> str:
    if figure.name == "misses":
        return number(round(value))
    if figure.name == "kappa":
        return format_decimal(value, "0.00", locale())
    return format_percent(value, "0.0\N{NO-BREAK SPACE}%", locale())


def sentence_of(figure: Figure) -> str:
    said = {"title": title_of(figure), "words": words_of(figure)}
    if figure.low is None or not figure.basis:
        return say("%(title)s: %(words)s", **said)
    return say("%(title)s: %(words)s, of %(n)s (%(basis)s)", n=number(figure.n), basis=figure.basis, **said)
