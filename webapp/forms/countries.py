"""A country out of all that there are, by the name that it has in the language in force."""

from typing import Any

from wtforms import SelectChoice, SelectField

from webapp.language import locale, say

# What Babel names beside the standard's own codes: unions, islands that belong elsewhere, places for trying out.
NO_COUNTRIES = frozenset(("AC", "CP", "CQ", "DG", "EA", "EU", "EZ", "IC", "QO", "TA", "UN", "XA", "XB", "ZZ"))


class CountryField(SelectField):  # type: ignore[misc]
    """The value is a code of ISO 3166-1 (two letters). first: what an empty value stands for; without it none is."""

    def __init__(self, *arguments: Any, first: str | None = None, **more: Any) -> None:
        super().__init__(*arguments, choices=self.offer, **more)
        self.first = first

    def offer(self) -> list[Any]:
        names = sorted((name, code) for code, name in locale().territories.items() if is_country(code))
        offered = [SelectChoice(code, f"{name} ({code})") for name, code in names]
        return offered if self.first is None else [SelectChoice("", str(self.first)), *offered]


def is_country(code: str) -> bool:
    return len(code) == 2 and code.isalpha() and code not in NO_COUNTRIES


def country_name(code: str | None) -> str:
    """In the language in force; the code where Babel has no name."""
    return str(locale().territories.get(code or "", code or say("none")))
