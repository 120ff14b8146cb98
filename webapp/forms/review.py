"""The queue's filters and the decision."""

from typing import Any

from flask_wtf import FlaskForm
from wtforms import BooleanField, Form, SelectChoice, SelectField, StringField, TextAreaField
from wtforms.validators import AnyOf, InputRequired, Length

from rules.evidence import CONCEPTS
from rules.model import Severity
from webapp.filters import concept_words
from webapp.models import FindingState, Verdict

ANY = SelectChoice("", "Any")
NOTE_LETTERS = 2000


class FilterForm(Form):  # type: ignore[misc]
    """Read from the address: no token, and an unknown value is as if it were not there."""

    state = SelectField(
        "State", choices=[SelectChoice(state.value, state.value.capitalize()) for state in FindingState]
    )
    concept = SelectField(
        "Concept", choices=[ANY, *(SelectChoice(name, concept_words(name)) for name in CONCEPTS if name != "other")]
    )
    severity = SelectField(
        "Severity", choices=[ANY, *(SelectChoice(one.value, one.value.capitalize()) for one in reversed(Severity))]
    )
    source = SelectField("Source", choices=[ANY])

    def offer_sources(self, sources: list[Any]) -> None:
        self.source.choices = [ANY, *(SelectChoice(str(source.id), source.name) for source in sources)]

    def value_of(self, name: str) -> str | None:
        """The chosen value where it is one of those offered."""
        field = self[name]
        offered = {choice.value for choice in field.choices}
        return field.data if field.data and field.data in offered else None


class DecisionForm(FlaskForm):  # type: ignore[misc]
    verdict = StringField(
        "Decision",
        [
            InputRequired("Choose confirm, dismiss or escalate."),
            AnyOf([verdict.value for verdict in Verdict], "Choose confirm, dismiss or escalate."),
        ],
    )
    note = TextAreaField(
        "Note",
        [Length(max=NOTE_LETTERS, message=f"Shorten the note to {NOTE_LETTERS:,} letters.")],
        render_kw={"rows": 1, "placeholder": "Why? (optional)", "autocomplete": "off"},
    )
    with_siblings = BooleanField("Also the other findings of this listing")
