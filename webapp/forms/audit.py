"""The filters of the audit log."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

from wtforms import DateField, SearchField
from wtforms.validators import Length, Optional

from webapp.forms.base import QueryForm
from webapp.language import say_later
from webapp.services.audit import AuditFilters


class AuditForm(QueryForm):
    """Read from the address: no token, and what can't be read is as if it were not there."""

    actor = SearchField(say_later("Who"), [Length(max=80)])
    action = SearchField(say_later("Action"), [Length(max=60)])
    subject = SearchField(say_later("On"), [Length(max=120)])
    first_day = DateField(say_later("From"), [Optional()])
    last_day = DateField(say_later("To"), [Optional()])

    def read(self) -> AuditFilters:
        """Days are whole days in UTC."""
        self.validate()
        first, last = self._value_of("first_day"), self._value_of("last_day")
        return AuditFilters(
            actor=self._value_of("actor"),
            action=self._value_of("action"),
            subject=self._value_of("subject"),
            from_at=datetime.combine(first, time.min, UTC) if first else None,
            to_at=datetime.combine(last, time.min, UTC) + timedelta(days=1) if last else None,
        )

    @property
    def arguments(self) -> dict[str, str]:
        """What of it belongs into the next address."""
        return {name: str(value) for name in self._fields if (value := self._value_of(name))}

    def _value_of(self, name: str) -> Any:
        field = self[name]
        if field.errors or not field.data:
            return None
        return field.data.strip() if isinstance(field.data, str) else field.data
