"""The period of a report."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from wtforms import DateField, ValidationError
from wtforms.validators import InputRequired

from webapp.forms.base import PageForm
from webapp.language import say, say_later


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
        return start_of(self.last_day.data + timedelta(days=1))


def start_of(day: date) -> datetime:
    return datetime.combine(day, time.min, UTC)
