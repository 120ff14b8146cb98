"""How the values of a content read to people, in the language in force: one wording for pages and files."""

from collections.abc import Mapping
from typing import Any

from babel.numbers import format_decimal, format_percent

from rules.explain import sentence
from rules.model import Result
from rules.wording import spell
from webapp.echoes import say_again
from webapp.language import find_text, locale, number, say, say_later

CONCEPT_WORDS = {
    "other": say_later("none of these"),
    "tiger_tooth_claw_bone": say_later("tiger tooth, claw or bone"),
}


def word(value: object) -> str:
    """A state, severity, role, verdict or kind in the reader's language; what the catalogue has not, as it is."""
    return find_text(str(value))


def translated(text: str | None) -> str:
    """Sentences that are stored in English, a pack's texts too; what is not known (a person's words) as it is."""
    return say_again(text)


def concept_words(concept: str) -> str:
    return str(CONCEPT_WORDS.get(concept) or spell(concept, find_text))


def country_words(code: str) -> str:
    """The name of a country (ISO 3166-1 alpha-2); the code itself where it is none."""
    return str(locale().territories.get(code, code))


def why_words(reasons: Mapping[str, Any]) -> str:
    """Why a finding is one, from its stored tree: the stored sentence is the same in English."""
    return sentence(Result.from_json(reasons), find_text)


def figure_title(name: str) -> str:
    """Of a quality figure."""
    titles = {
        "precision": say("Precision"),
        "checked_precision": say("Precision, put right by second looks"),
        "recall": say("Recall"),
        "misses": say("Missed listings, estimated"),
        "kappa": say("Cohen's kappa of first and second looks"),
        "agreed": say("First and second looks that agree"),
        "overturns": say("First decisions that fell after a second look"),
        "appeals": say("Appeals that overturned a decision"),
    }
    return titles.get(name, name)


def figure_words(figure: Mapping[str, Any]) -> str:
    """A quality figure's value with its 95 % interval, the interval alone, or why there is neither.

    figure: as in the content's head, with name, value, low, high and reason.
    """
    reason = translated(figure["reason"])
    if figure["low"] is None or figure["high"] is None:
        return reason
    values = {end: figure_number(figure["name"], figure[end]) for end in ("low", "high")}
    if figure["value"] is None:
        return say("between %(low)s and %(high)s; %(reason)s", reason=reason, **values)
    value = figure_number(figure["name"], figure["value"])
    return say("%(value)s (%(low)s to %(high)s)", value=value, **values)


def figure_number(name: str, value: float) -> str:
    """One value of a quality figure: listings for misses, from -1 to 1 for kappa, else a share."""
    if name == "misses":
        return number(round(value))
    if name == "kappa":
        return format_decimal(value, "0.00", locale())
    return format_percent(value, "0.0\N{NO-BREAK SPACE}%", locale())
