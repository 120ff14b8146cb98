"""What a report is to hold, how its files are to look, and what was wrong with the one before."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from wtforms import (
    DateField,
    SelectChoice,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
    ValidationError,
)
from wtforms.validators import DataRequired, InputRequired, Length
from wtforms.widgets import CheckboxInput, ListWidget

from webapp.exporters import FORMATS
from webapp.forms.base import PageForm
from webapp.forms.queue import NAMES, FilterForm, with_any
from webapp.language import ENGLISH, languages, say, say_later, spoken
from webapp.models import FindingState, PictureChoice, Redaction, SavedFilter, Source
from webapp.services.report_files import Style
from webapp.wording import word

TITLE_LETTERS = 200
CORRECTION_LETTERS = 2_000
REDACTION_WORDS = {
    Redaction.NONE: say_later("Everything"),
    Redaction.HASHED: say_later("Sellers as a code, no way to reach anybody"),
    Redaction.MINIMAL: say_later("Nothing of sellers, reviewers and what they wrote"),
}
PICTURE_WORDS = {
    PictureChoice.BLURRED: say_later("Blurred"),
    PictureChoice.PLAIN: say_later("As they are"),
    PictureChoice.NONE: say_later("Left out"),
}


class PeriodForm(PageForm):
    """Whole days in UTC; both days are in the report."""

    first_day = DateField(say_later("First day"), [InputRequired(say_later("Choose the first day."))])
    last_day = DateField(say_later("Last day"), [InputRequired(say_later("Choose the last day."))])

    def validate_last_day(self, field: Any) -> None:
        if self.first_day.data and field.data < self.first_day.data:
            raise ValidationError(say("The last day lies before the first: swap them."))

    @property
    def from_at(self) -> datetime:
        return start_of(self.first_day.data)

    @property
    def to_at(self) -> datetime:
        """The moment after the last day."""
        return start_of(min(self.last_day.data, date.max - timedelta(days=1)) + timedelta(days=1))


def start_of(day: date) -> datetime:
    return datetime.combine(day, time.min, UTC)


def last_week(today: date) -> tuple[date, date]:
    """From Monday to Sunday."""
    monday = today - timedelta(days=today.weekday() + 7)
    return monday, monday + timedelta(days=6)


def last_month(today: date) -> tuple[date, date]:
    last = today.replace(day=1) - timedelta(days=1)
    return last.replace(day=1), last


def last_30_days(today: date) -> tuple[date, date]:
    return today - timedelta(days=30), today


# By the word in the address: what people call it, and its first and last day, from today's.
PRESETS: dict[str, tuple[str, Callable[[date], tuple[date, date]]]] = {
    "last_week": (say_later("Last week"), last_week),
    "last_month": (say_later("Last month"), last_month),
    "last_30_days": (say_later("The last 30 days"), last_30_days),
}


class FormatsField(SelectMultipleField):  # type: ignore[misc]
    widget = ListWidget(prefix_label=False)
    option_widget = CheckboxInput()


class LookForm(PageForm):
    """How files look, whatever their format."""

    file_language = SelectField(say_later("Language of the files"), default=spoken)
    redaction = SelectField(say_later("What they say of people"), default=Redaction.NONE.value)
    pictures = SelectField(say_later("Pictures"), default=PictureChoice.BLURRED.value)

    def offer(self) -> None:
        """What there is to choose from, in the language in force."""
        self.file_language.choices = [SelectChoice(code, name) for code, name in languages().items()]
        self.redaction.choices = [SelectChoice(one.value, words) for one, words in REDACTION_WORDS.items()]
        self.pictures.choices = [SelectChoice(one.value, words) for one, words in PICTURE_WORDS.items()]

    def style_of(self, name: str) -> Style:
        """In the format of that name."""
        redaction, pictures = Redaction(self.redaction.data), PictureChoice(self.pictures.data)
        return Style(name, self.file_language.data or ENGLISH, redaction, pictures)


class FilesForm(LookForm):
    formats = FormatsField(say_later("Write it as"))

    def offer(self) -> None:
        super().offer()
        self.formats.choices = format_choices()

    def tick_default(self) -> None:
        """What people read, not what programs do."""
        self.formats.data = [one.name for one in FORMATS.values() if one.speaks] or list(FORMATS)[:1]

    @property
    def styles(self) -> list[Style]:
        return [self.style_of(name) for name in self.formats.data or ()]


class ReportForm(PeriodForm, FilesForm):
    """saved: the id of a filter that was kept under a name."""

    title = StringField(
        say_later("Title"),
        [Length(max=TITLE_LETTERS, message=say_later("Shorten the title to 200 letters."))],
        render_kw={"maxlength": TITLE_LETTERS, "autocomplete": "off"},
    )
    saved = SelectField(say_later("Saved filter"), default="")

    def offer_filters(self, rows: Iterable[SavedFilter]) -> None:
        self.saved.choices = [SelectChoice("", say("None")), *(SelectChoice(str(row.id), row.name) for row in rows)]


class NarrowForm(FilterForm):
    """The queue's filters, for a report: any state unless one is chosen."""

    def offer(self, sources: Sequence[Source], rules: Sequence[str]) -> None:
        super().offer(sources, rules)
        self.state.choices = with_any((one.value, word(one.value)) for one in FindingState)

    def read(self, sent: Mapping[str, str]) -> tuple[dict[str, str], bool]:
        """What narrows, by the names in the address, and whether all that was sent could be read."""
        chosen = self.chosen()
        faulty = [name for name in NAMES if str(sent.get(name, "")).strip() and name not in chosen]
        for name in faulty:
            self[name].errors = [say("This can't be read: choose another value, or none.")]
        return chosen, not faulty


class FileForm(LookForm):
    """One more file of a report."""

    format = SelectField(say_later("Format"))

    def offer(self) -> None:
        super().offer()
        self.format.choices = format_choices()

    @property
    def style(self) -> Style:
        return self.style_of(self.format.data)


class CorrectionForm(FilesForm):
    correction = TextAreaField(
        say_later("What is wrong with this report"),
        [
            DataRequired(say_later("Say what was wrong with the report that this one corrects.")),
            Length(max=CORRECTION_LETTERS, message=say_later("Shorten the text to 2,000 letters.")),
        ],
        render_kw={"rows": 3},
    )


def format_choices() -> list[SelectChoice]:
    """The ending tells formats of one kind apart."""
    return [SelectChoice(one.name, f"{one.title} ({one.suffix})") for one in FORMATS.values()]
