"""A country, by the name that it has in the language in force."""

from collections.abc import Collection
from typing import Any

from wtforms import SelectChoice, SelectField

from webapp.language import locale

# What Babel names beside the standard's own codes: unions, islands that belong elsewhere, places for trying out.
NO_COUNTRIES = frozenset(("AC", "CP", "CQ", "DG", "EA", "EU", "EZ", "IC", "QO", "TA", "UN", "XA", "XB", "ZZ"))


class CountryField(SelectField):  # type: ignore[misc]
    """The value is a code of ISO 3166-1 (two letters). first: what an empty value stands for; without it none is.

    only: codes of those that are offered; all that there are, where it is empty.
    """

    only: Collection[str] = ()

    def __init__(self, *arguments: Any, first: str | None = None, **more: Any) -> None:
        super().__init__(*arguments, choices=self.offer, **more)
        self.first = first

    def offer(self) -> list[Any]:
        names = sorted((name, code) for code, name in locale().territories.items() if self.is_offered(code))
        offered = [SelectChoice(code, f"{name} ({code})") for name, code in names]
        return offered if self.first is None else [SelectChoice("", str(self.first)), *offered]

    def is_offered(self, code: str) -> bool:
        """What was chosen before stays a choice."""
        return is_country(code) and (not self.only or code in self.only or code == self.object_data)


def is_country(code: str) -> bool:
    return len(code) == 2 and code.isalpha() and code not in NO_COUNTRIES
