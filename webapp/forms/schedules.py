"""When a source is scanned by itself."""

from typing import Any

from wtforms import IntegerField, RadioField, SelectChoice, SelectField, StringField, ValidationError
from wtforms.validators import InputRequired

from webapp.forms.base import PageForm
from webapp.language import say_later
from webapp.models import Overlap, Schedule
from webapp.services.moments import check, zones
from webapp.services.schedules import Plan

PRESETS = (
    (say_later("every day at 03:00"), "0 3 * * *"),
    (say_later("every 6 hours"), "0 */6 * * *"),
    (say_later("every Monday at 03:00"), "0 3 * * 1"),
    (say_later("on the first of each month"), "0 3 1 * *"),
)
OVERLAPS = [
    SelectChoice(Overlap.SKIP.value, say_later("Leave the new run out")),
    SelectChoice(Overlap.QUEUE.value, say_later("Let the new run wait until the older scan is over")),
    SelectChoice(Overlap.STOP.value, say_later("Cancel the older scan, and run")),
]


class ScheduleForm(PageForm):
    """The jitter is in minutes here, for people."""

    cron = StringField(
        say_later("When (cron expression)"),
        render_kw={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false", "placeholder": "0 3 * * *"},
    )
    time_zone = SelectField(
        say_later("Time zone"), choices=[SelectChoice(name, name) for name in zones()], default="UTC"
    )
    jitter = IntegerField(
        say_later("Put each run off by up to (minutes)"),
        [InputRequired(say_later("Enter a number of minutes, 0 for none."))],
        default=0,
        render_kw={"inputmode": "numeric", "autocomplete": "off"},
    )
    overlap = RadioField(
        say_later("While an older scan of this source is not over"), choices=OVERLAPS, default=Overlap.SKIP.value
    )

    def validate_cron(self, _field: Any) -> None:
        self.refuse("cron")

    def validate_jitter(self, _field: Any) -> None:
        self.refuse("jitter_s")

    def refuse(self, name: str) -> None:
        """Raise the faults that the service finds in the argument `name`."""
        zone = self.time_zone.data if self.time_zone.data in zones() else "UTC"
        sentences = check(self.cron.data or "", zone, (self.jitter.data or 0) * 60).get(name)
        if sentences:
            raise ValidationError(" ".join(sentences))

    def preview(self) -> Plan | None:
        """The plan of a form that was filled in but not sent; None where it has faults, which it says then."""
        faults = self.plan().check()
        self.cron.errors, self.jitter.errors = faults.get("cron", []), faults.get("jitter_s", [])
        return None if faults else self.plan()

    def plan(self) -> Plan:
        """Of a form that was validated, or filled in from what is stored."""
        return Plan(self.cron.data, self.time_zone.data, self.jitter.data * 60, Overlap(self.overlap.data))


def form_of(schedule: Schedule) -> ScheduleForm:
    return ScheduleForm(
        formdata=None,
        cron=schedule.cron,
        time_zone=schedule.time_zone,
        jitter=round(schedule.jitter_s / 60),
        overlap=schedule.overlap.value,
    )
