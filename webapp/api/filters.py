"""The queue's filters, as programs send them and as people keep them."""

from collections.abc import Mapping
from datetime import date
from typing import Any, Self

from pydantic import Field, ValidationError

from rules.model import Severity
from webapp.api.paging import Strict
from webapp.models import FindingState
from webapp.services.queue import QueueFilters
from webapp.services.search import ASKED_LETTERS

# Kept filters have the names of the page's address; those that are not here are called the same in both.
NAMES_IN_ADDRESS = {"source_id": "source", "text": "q"}


class Filters(Strict):
    """Null is any. score_from, score_to: both included; findings without a score are then left out.

    found_from, found_to: days in UTC, both included. text: words of the listing, phrases in quotes.
    """

    state: FindingState | None = None
    concept: str | None = Field(None, max_length=40)
    severity: Severity | None = None
    source_id: int | None = Field(None, ge=0, lt=2**31)
    rule: str | None = Field(None, max_length=80)
    seller: str | None = Field(None, max_length=300)
    language: str | None = Field(None, max_length=8)
    score_from: float | None = Field(None, ge=0, le=1)
    score_to: float | None = Field(None, ge=0, le=1)
    found_from: date | None = None
    found_to: date | None = None
    text: str | None = Field(None, max_length=ASKED_LETTERS)

    @classmethod
    def from_arguments(cls, arguments: Mapping[str, Any]) -> Self:
        """As a page kept them; what can't be read is as if it were not there, as on the page."""
        values = {name: arguments.get(NAMES_IN_ADDRESS.get(name, name)) for name in cls.model_fields}
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            faulty = {fault["loc"][0] for fault in error.errors()}
            return cls.model_validate({name: value for name, value in values.items() if name not in faulty})

    def to_arguments(self) -> dict[str, str]:
        """As the page's address has them."""
        said = self.model_dump(mode="json", include=set(Filters.model_fields), exclude_none=True)
        return {NAMES_IN_ADDRESS.get(name, name): str(value) for name, value in said.items()}

    def to_filters(self) -> QueueFilters:
        values = {name: getattr(self, name) for name in Filters.model_fields}
        plain = {name: values[name].value if values[name] else None for name in ("state", "severity")}
        return QueueFilters(**values | plain)
