"""When a report is built by itself, of what, and where it goes."""

from collections.abc import Iterable, Mapping, Sequence

from wtforms import (
    BooleanField,
    IntegerField,
    RadioField,
    SelectChoice,
    SelectField,
    StringField,
    TextAreaField,
    ValidationError,
)
from wtforms.validators import InputRequired, Optional

from webapp.forms.base import PageForm
from webapp.forms.reports import FilesForm
from webapp.language import say, say_later
from webapp.models import PictureChoice, Redaction, ReportSchedule, SavedFilter, Span
from webapp.services.moments import zones
from webapp.services.report_schedules import ReportPlan

# By the word in the form: what people call it, and its expression.
RHYTHMS = {
    "weekly": (say_later("every Monday at 06:00"), "0 6 * * 1"),
    "monthly": (say_later("on the first of each month at 06:00"), "0 6 1 * *"),
    "daily": (say_later("every day at 06:00"), "0 6 * * *"),
}
OWN = "cron"
SPAN_WORDS = {
    Span.DAY: say_later("The day before"),
    Span.WEEK: say_later("The seven days before"),
    Span.MONTH: say_later("The month before, from the same day on"),
    Span.SINCE_LAST: say_later("Everything since the last report of this schedule"),
}
# A filter that was deleted or is not shared any more: something else must be chosen.
LOST = "lost"
# Where the faults of the service are told in the form.
FIELDS = {"filter_id": "filter", "language": "file_language"}
PLAIN = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}


class ReportScheduleForm(FilesForm):
    """cron: where the rhythm is one's own. mail_to: an address a line."""

    name = StringField(say_later("Name"), render_kw={"maxlength": 80, "autocomplete": "off"})
    rhythm = RadioField(say_later("How often"), default="weekly")
    cron = StringField(say_later("Cron expression"), render_kw={**PLAIN, "placeholder": "0 6 * * 1-5"})
    time_zone = SelectField(
        say_later("Time zone"), choices=[SelectChoice(name, name) for name in zones()], default="UTC"
    )
    span = SelectField(say_later("Period"), default=Span.WEEK.value)
    filter = SelectField(say_later("Findings"), default="")
    folder = StringField(say_later("Folder"), render_kw={**PLAIN, "maxlength": 200})
    mail_to = TextAreaField(say_later("E-mail addresses"), render_kw={**PLAIN, "rows": 3})
    tells_webhooks = BooleanField(say_later("Tell the webhooks that want to hear of it"))
    keep_days = IntegerField(
        say_later("Keep it for (days)"), [Optional()], render_kw={"inputmode": "numeric", "autocomplete": "off"}
    )

    def offer(self) -> None:
        super().offer()
        rhythms = [SelectChoice(name, words) for name, (words, _) in RHYTHMS.items()]
        self.rhythm.choices = [*rhythms, SelectChoice(OWN, say("by a cron expression of my own"))]
        self.span.choices = [SelectChoice(span.value, words) for span, words in SPAN_WORDS.items()]

    def offer_filters(self, rows: Iterable[SavedFilter], lost: str | None = None) -> None:
        """rows: those that the team shares; lost: the name of one that can't be used any more."""
        gone = [SelectChoice(LOST, say("%(name)s (can't be used any more)", name=lost))] if lost else []
        shared = {str(row.id): say("%(name)s, of %(who)s", name=row.name, who=row.user.name) for row in rows}
        self.filter.choices = [*gone, *(SelectChoice(*one) for one in ({"": say("Everything")} | shared).items())]

    def validate_filter(self, field: SelectField) -> None:
        if field.data == LOST:
            raise ValidationError(say("Choose another filter, or everything."))

    def plan(self) -> ReportPlan:
        """Of a form whose choices are those offered."""
        return ReportPlan(
            name=" ".join((self.name.data or "").split()),
            cron=RHYTHMS[self.rhythm.data][1] if self.rhythm.data in RHYTHMS else self.cron.data or "",
            time_zone=self.time_zone.data,
            span=Span(self.span.data),
            filter_id=int(self.filter.data) if self.filter.data else None,
            formats=tuple(self.formats.data or ()),
            language=self.file_language.data,
            redaction=Redaction(self.redaction.data),
            pictures=PictureChoice(self.pictures.data),
            folder=(self.folder.data or "").strip().strip("/") or None,
            mail_to=addresses_of(self.mail_to.data or ""),
            tells_webhooks=bool(self.tells_webhooks.data),
            keep_days=self.keep_days.data,
        )

    def take_faults(self, faults: Mapping[str, Sequence[str]]) -> None:
        for name, sentences in faults.items():
            field = self[FIELDS.get(name, name)]
            field.errors = [*field.errors, *sentences]


class MailTrialForm(PageForm):
    """to: whom a mail that says nothing is sent."""

    to = StringField(
        say_later("Send a test mail to"),
        [InputRequired(say_later("Enter an e-mail address."))],
        render_kw={**PLAIN, "inputmode": "email", "maxlength": 254},
    )


def addresses_of(text: str) -> tuple[str, ...]:
    """Parted by lines, blanks, commas or semicolons."""
    return tuple(text.replace(",", " ").replace(";", " ").split())


def rhythm_of(cron: str) -> str:
    return next((name for name, (_, known) in RHYTHMS.items() if known == cron), OWN)


def form_of(schedule: ReportSchedule, is_lost: bool) -> ReportScheduleForm:
    """Filled in from what is stored."""
    return ReportScheduleForm(
        formdata=None,
        name=schedule.name,
        rhythm=rhythm_of(schedule.cron),
        cron=schedule.cron if rhythm_of(schedule.cron) == OWN else "",
        time_zone=schedule.time_zone,
        span=schedule.span.value,
        filter=LOST if is_lost else str(schedule.filter_id or ""),
        formats=schedule.formats,
        file_language=schedule.language,
        redaction=schedule.redaction.value,
        pictures=schedule.pictures.value,
        folder=schedule.folder or "",
        mail_to="\n".join(schedule.mail_to),
        tells_webhooks=schedule.tells_webhooks,
        keep_days=schedule.keep_days,
    )
