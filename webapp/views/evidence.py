"""Who looked at which evidence on a page."""

from typing import Any

from webapp import evidence
from webapp.views.access import reader


def note_view(subject: str, **facts: Any) -> None:
    """That the reader looked at `finding:12`, say; only behind `requires`."""
    evidence.note_view(reader().name, subject, **facts)
