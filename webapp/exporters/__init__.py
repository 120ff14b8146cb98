"""A report's content as files: one entry a format."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from webapp.exporters import document, pdf, table, xlsx
from webapp.exporters.content import Choices, Content, Means
from webapp.language import say_later


@dataclass(frozen=True, slots=True)
class Exporter:
    """write: puts the content into an open binary file, in the language in force.

    title: what people call the format. is_quick: whether it is written while a page waits; the others take a worker.
    shows_pictures: whether the choice of pictures makes a difference; speaks: whether the language does.
    """

    name: str
    title: str
    media_type: str
    suffix: str
    write: Callable[[Content, Choices, Means, BinaryIO], None]
    is_quick: bool = True
    shows_pictures: bool = False
    speaks: bool = False


XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CSV = "text/csv; charset=utf-8"
FORMATS: dict[str, Exporter] = {
    one.name: one
    for one in (
        Exporter("pdf", "PDF", "application/pdf", ".pdf", pdf.write, is_quick=False, shows_pictures=True, speaks=True),
        Exporter("xlsx", "XLSX", XLSX, ".xlsx", xlsx.write, is_quick=False, shows_pictures=True, speaks=True),
        Exporter("csv", "CSV", CSV, ".csv", table.write),
        Exporter("csv-bom", say_later("CSV for Excel"), CSV, "-bom.csv", table.write_with_mark),
        Exporter("figures", say_later("CSV of the figures"), CSV, "-figures.csv", table.write_figures),
        Exporter("json", "JSON", "application/json", ".json", document.write),
        Exporter("jsonl", "JSON Lines", "application/jsonl", ".jsonl", document.write_lines),
    )
}
