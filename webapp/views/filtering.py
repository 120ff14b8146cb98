"""The queue's filters, as they stand in the address."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import request, url_for
from werkzeug.datastructures import MultiDict

from webapp.extensions import db_session
from webapp.forms.queue import NAMES, FilterForm
from webapp.models import SavedFilter, Source
from webapp.services import queue, saved_filters
from webapp.services.queue import QueueFilters
from webapp.views.access import reader


@dataclass(frozen=True)
class Filtering:
    """arguments: what of it belongs into the next address, so that reviewing goes on under the same filters.

    default: the saved filter that is in force because the address asked for nothing.
    """

    form: FilterForm
    filters: QueueFilters
    arguments: dict[str, str]
    default: SavedFilter | None = None

    def address(self, endpoint: str, **more: Any) -> str:
        """The address of `endpoint` with these filters in it."""
        values: dict[str, Any] = {**self.arguments, **more}
        return url_for(endpoint, **values)

    def without(self, endpoint: str, *names: str) -> str:
        """The same without some of them."""
        left: dict[str, Any] = {name: value for name, value in self.arguments.items() if name not in names}
        return url_for(endpoint, **(left or {"state": "open"}))

    @property
    def is_narrowed(self) -> bool:
        return bool(set(self.arguments) - {"state"})


def read_filters(sources: Sequence[Source]) -> Filtering:
    """What the address asks for; where it asks for nothing, the reader's own default."""
    asked: Mapping[str, Any] = {name: request.args[name] for name in NAMES if name in request.args}
    default = None if asked else saved_filters.default_of(db_session(), reader())
    form = FilterForm(MultiDict(default.arguments if default else asked))
    form.offer(sources, queue.rules_of(db_session()))
    chosen = form.chosen()
    return Filtering(form, saved_filters.filters_of(chosen, "open"), chosen, default)
