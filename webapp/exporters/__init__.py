"""A report's content as files: one entry a format."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

from webapp.exporters import document, table

Content = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Exporter:
    """write: puts the content, as services.reports.read gives it, into an open binary file."""

    name: str
    media_type: str
    suffix: str
    write: Callable[[Content, BinaryIO], None]


FORMATS: dict[str, Exporter] = {
    "csv": Exporter("csv", "text/csv; charset=utf-8", ".csv", table.write),
    "figures": Exporter("figures", "text/csv; charset=utf-8", "-figures.csv", table.write_figures),
    "json": Exporter("json", "application/json", ".json", document.write),
}
