"""Filters of the lexicon."""

from collections.abc import Iterable

from wtforms import SearchField, SelectField
from wtforms.validators import Length, Optional

from webapp.forms.base import QueryForm
from webapp.language import say, say_later


class LexiconForm(QueryForm):
    """Read from the address: a value that is not offered is as none."""

    language = SelectField(say_later("Language"), [Optional()])
    concept = SelectField(say_later("Concept"), [Optional()])
    kind = SelectField(say_later("Kind"), [Optional()])
    q = SearchField(say_later("Word"), [Optional(), Length(max=100)], render_kw={"maxlength": 100})

    def offer(self, name: str, choices: Iterable[tuple[str, str]]) -> None:
        field = self[name]
        field.choices = [("", say("any")), *choices]
        field.data = field.data if field.data in dict(field.choices) else ""

    def chosen(self, name: str) -> str | None:
        return self[name].data or None
