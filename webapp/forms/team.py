"""The team's choices, each with what it does."""

from dataclasses import fields
from typing import Any

from wtforms import BooleanField, Field, IntegerField, SelectChoice, SelectField, StringField
from wtforms.validators import InputRequired, NumberRange

from webapp.forms.base import PageForm
from webapp.forms.countries import CountryField
from webapp.language import say_later
from webapp.services.team import BOUNDS, NAMES, TeamChoices

# By the name of a choice: its label, and what it does.
WORDS = {
    "claim_minutes": (
        say_later("A claim lasts (minutes)"),
        say_later("How long a listing stays with the person who opened it and does nothing more."),
    ),
    "skip_hours": (
        say_later("A skip lasts (hours)"),
        say_later("How long a finding that somebody skipped is left to the others."),
    ),
    "undo_seconds": (
        say_later("A decision can be taken back for (seconds)"),
        say_later("After that it can be revised only, and the first one stays in the history."),
    ),
    "graphic_limit": (
        say_later("Pictures without blur, for a person in an hour"),
        say_later("After so many, pictures stay blurred until the hour is over; 0 sets no limit."),
    ),
    "second_look_percent": (
        say_later("Decisions that get a blind second look (per cent)"),
        say_later("A random share is decided again by somebody who does not see the first answer."),
    ),
    "blind_percent": (
        say_later("Blind items in the queue (per cent)"),
        say_later("How much of what the queue hands out are second looks and recall audits, while such wait."),
    ),
    "country": (
        say_later("Country for the legal context"),
        say_later("Whose law the page of a finding shows, unless a person chose another country."),
    ),
    "decision_seconds": (
        say_later("What a decision costs (seconds)"),
        say_later("Reviewer hours are reckoned with it until enough decisions were timed."),
    ),
    "lone_promotion": (
        say_later("One person may change a threshold alone"),
        say_later("Else whoever proposed a threshold needs somebody else to put it into force."),
    ),
    "second_factor_from": (
        say_later("Second factor"),
        say_later("Whom it is asked of sets one up at the next sign-in, before any page opens."),
    ),
}
WHOM = [
    SelectChoice("", say_later("Asked of nobody, open to everybody")),
    SelectChoice("viewer", say_later("Asked of everybody")),
    SelectChoice("reviewer", say_later("Asked of reviewers, leads and admins")),
    SelectChoice("lead", say_later("Asked of leads and admins")),
    SelectChoice("admin", say_later("Asked of admins")),
]
NO_NUMBER = say_later("Enter a whole number.")


class TeamForm(PageForm):
    """With a field for each choice, see team_form."""

    def rows(self) -> list[tuple[Field, str]]:
        """(field, what the choice does)."""
        return [(self[name], words_of(name)[1]) for name in NAMES]

    def values(self) -> dict[str, Any]:
        return {name: self[name].data for name in NAMES}


def team_form(choices: TeamChoices | None = None) -> TeamForm:
    """As the team has it, or as it was sent."""
    made = {field.name: field_of(field.name, field.default) for field in fields(TeamChoices)}
    form = type("FilledTeamForm", (TeamForm,), made)
    if choices is None:
        return form()  # type: ignore[no-any-return]
    return form(formdata=None, data={name: getattr(choices, name) for name in NAMES})  # type: ignore[no-any-return]


def field_of(name: str, default: Any) -> Any:
    """The kind of field that fits the choice: what it is by default says which."""
    label = words_of(name)[0]
    if name == "second_factor_from":
        return SelectField(label, choices=WHOM)
    if name == "country":
        return CountryField(label)
    if isinstance(default, bool):
        return BooleanField(label)
    if isinstance(default, int):
        least, most = BOUNDS[name]
        rules = [InputRequired(NO_NUMBER), NumberRange(least, most)]
        return IntegerField(label, rules, render_kw={"inputmode": "numeric", "autocomplete": "off"})
    return StringField(label, render_kw={"autocomplete": "off"})


def words_of(name: str) -> tuple[str, str]:
    return WORDS.get(name, (name.replace("_", " "), ""))
