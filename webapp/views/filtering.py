"""The queue's filters, as they stand in the address."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import request, url_for

from webapp.forms.review import FilterForm
from webapp.models import Source
from webapp.services.queue import QueueFilters


@dataclass(frozen=True)
class Filtering:
    """arguments: what of it belongs into the next address, so that reviewing goes on under the same filters."""

    form: FilterForm
    filters: QueueFilters
    arguments: dict[str, str]

    def address(self, endpoint: str, **more: Any) -> str:
        """The address of `endpoint` with these filters in it."""
        values: dict[str, Any] = {**self.arguments, **more}
        return url_for(endpoint, **values)


def read_filters(sources: Sequence[Source]) -> Filtering:
    form = FilterForm(request.args)
    form.offer_sources(list(sources))
    chosen = {name: value for name in ("state", "concept", "severity", "source") if (value := form.value_of(name))}
    filters = QueueFilters(
        state=chosen.get("state", "open"),
        concept=chosen.get("concept"),
        severity=chosen.get("severity"),
        source_id=int(chosen["source"]) if "source" in chosen else None,
    )
    return Filtering(form, filters, chosen)
