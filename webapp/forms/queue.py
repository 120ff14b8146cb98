"""The queue's filters, and the names under which people keep them."""

from collections.abc import Callable, Iterable, Sequence

from wtforms import BooleanField, IntegerField, SelectChoice, SelectField, StringField
from wtforms.validators import InputRequired, Length, Optional
from wtforms.widgets import DateInput, NumberInput, SearchInput

from rules.evidence import CONCEPTS
from rules.model import Severity
from webapp.forms.base import PageForm, QueryForm
from webapp.language import locale, say, say_later
from webapp.models import FindingState, Source
from webapp.services.saved_filters import read_day, read_score
from webapp.services.search import ASKED_LETTERS, read_terms
from webapp.services.tongues import LANGUAGES
from webapp.wording import concept_words, word

CHOSEN = ("state", "concept", "severity", "source", "rule", "language")
SCORES = ("score_from", "score_to")
DAYS = ("found_from", "found_to")
NAMES = (*CHOSEN, "seller", *SCORES, *DAYS, "q")
SELLER_LETTERS = 300
FIGURE = {"min": 0, "max": 1, "step": "any", "inputmode": "decimal"}


class FilterForm(QueryForm):
    """Read from the address: no token, and an unknown value is as if it were not there."""

    q = StringField(
        say_later("Search listings"),
        widget=SearchInput(),
        render_kw={"maxlength": ASKED_LETTERS, "autocomplete": "off"},
    )
    state = SelectField(say_later("State"))
    concept = SelectField(say_later("Concept"))
    severity = SelectField(say_later("Severity"))
    source = SelectField(say_later("Source"))
    rule = SelectField(say_later("Rule"))
    language = SelectField(say_later("Language of the listing"))
    seller = StringField(
        say_later("Seller"), render_kw={"maxlength": SELLER_LETTERS, "autocomplete": "off", "spellcheck": "false"}
    )
    score_from = StringField(say_later("Score from"), widget=NumberInput(), render_kw=FIGURE)
    score_to = StringField(say_later("Score to"), widget=NumberInput(), render_kw=FIGURE)
    found_from = StringField(say_later("Found from"), widget=DateInput())
    found_to = StringField(say_later("Found to"), widget=DateInput())

    def offer(self, sources: Sequence[Source], rules: Sequence[str]) -> None:
        """What there is to choose from, in the language in force."""
        self.state.choices = [SelectChoice(one.value, word(one.value)) for one in FindingState]
        self.concept.choices = with_any((one, concept_words(one)) for one in CONCEPTS if one != "other")
        self.severity.choices = with_any((one.value, word(one.value)) for one in reversed(Severity))
        self.source.choices = with_any((str(one.id), one.name) for one in sources)
        self.rule.choices = with_any((one, one) for one in rules)
        names = sorted((locale().languages.get(code, code), code) for code in LANGUAGES)
        self.language.choices = with_any((code, name) for name, code in names)

    def chosen(self) -> dict[str, str]:
        """What of it holds, by the names in the address."""
        found = {name: value for name in NAMES if (value := self.value_of(name)) is not None}
        for name in set(self.data) - set(found) - {"state"}:
            self[name].data = ""
        return found

    def value_of(self, name: str) -> str | None:
        written = str(self[name].data or "").strip()
        if not written:
            return None
        if name in CHOSEN:
            return written if written in {choice.value for choice in self[name].choices} else None
        if name in SCORES:
            return written if is_readable(read_score, written) else None
        if name in DAYS:
            return written if is_readable(read_day, written) else None
        if name == "q":
            return written[:ASKED_LETTERS] if read_terms(written) else None
        return written if len(written) <= SELLER_LETTERS and "\0" not in written else None


def with_any(choices: Iterable[tuple[str, str]]) -> list[SelectChoice]:
    return [SelectChoice("", say("Any")), *(SelectChoice(value, words) for value, words in choices)]


def is_readable(read: Callable[[str], object], written: str) -> bool:
    try:
        read(written)
    except ValueError:
        return False
    return True


class SavedFilterForm(PageForm):
    name = StringField(
        say_later("Name"),
        [
            InputRequired(say_later("Give the filter a name of 1 to 80 letters.")),
            Length(max=80, message=say_later("Give the filter a name of 1 to 80 letters.")),
        ],
        render_kw={"maxlength": 80, "autocomplete": "off"},
    )
    is_shared = BooleanField(say_later("Share it with the team"))


class DefaultFilterForm(PageForm):
    """filter: id of the one to begin with; empty for none."""

    filter = IntegerField(validators=[Optional()])
