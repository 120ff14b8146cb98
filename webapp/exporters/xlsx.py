"""Excel workbooks: typed cells, one sheet a subject, pictures beside the findings.

No cell is a formula or a link, whatever a stranger wrote: every text is written as a text, and one that would begin a
formula where somebody edits it is marked as quoted. Rows and pictures go to files as they come, so that memory does
not grow with the findings. The same content gives the same bytes.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO

from PIL import Image
from xlsxwriter import Workbook
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from webapp.exporters import sheets
from webapp.exporters.content import Choices, Content, Means
from webapp.exporters.sheets import Column, Kind, Typed
from webapp.exporters.table import FORMULA
from webapp.language import number, say, say_many

MOST_ROWS = 1_048_576  # of a sheet, its heading too
MOST_LETTERS = 32_767  # of a cell, as UTF-16 counts them
NAME_LETTERS = 31  # of a sheet's name
PICTURE_PX = 96
HEADING_PX = 38  # two lines
PICTURE_ROW_PX, ROW_PX = 102, 60
FIRST_YEAR = 1900  # Excel knows no earlier day
# What XML can't hold.
UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
UNFIT_IN_NAME = re.compile(r"[\[\]:*?/\\\x00-\x1f]|^'|'$")
NUMBER_FORMATS = {
    Kind.WHOLE: "0",
    Kind.COUNT: "#,##0",
    Kind.SCORE: "0.0000",
    Kind.SHARE: "0.0%",
    Kind.HUNDREDTHS: "#,##0.00",
    Kind.MOMENT: "yyyy-mm-dd hh:mm:ss",
    Kind.DAY: "yyyy-mm-dd",
}


def write(content: Content, choices: Choices, means: Means, target: BinaryIO) -> None:
    """The workbook, with a sheet for each subject; what it could not show is said on its last one and in notices."""
    with TemporaryDirectory(prefix="tuskline-xlsx-") as folder, open_book(content, Path(folder), target) as book:
        Report(book, content, choices, means).write()


@dataclass
class Book:
    """The workbook that is being written, and what had to be changed to get it in."""

    workbook: Workbook
    folder: Path
    formats: dict[tuple[Kind, bool], Format]
    cleaned: int = 0
    cut: int = 0
    rows_left_out: int = 0

    def add_sheet(self, name: str, columns: Sequence[Column]) -> "Sheet":
        return Sheet(self, self.workbook.add_worksheet(self._free_name(name)), columns)

    def _free_name(self, name: str) -> str:
        fit = UNFIT_IN_NAME.sub(" ", name)[:NAME_LETTERS].strip() or "Sheet"
        taken = {sheet.get_name().casefold() for sheet in self.workbook.worksheets()}
        names = [fit, *(f"{fit[: NAME_LETTERS - 3]} {number}" for number in range(2, 99))]
        return next(one for one in names if one.casefold() not in taken)

    def clean(self, text: str) -> str:
        """What a cell can hold of the text; what was lost is counted."""
        fit = UNFIT.sub("\ufffd", text)
        self.cleaned += fit != text
        if len(fit) * 2 > MOST_LETTERS and len(fit.encode("utf-16-le")) > MOST_LETTERS * 2:
            fit = fit.encode("utf-16-le")[: (MOST_LETTERS - 1) * 2].decode("utf-16-le", "ignore") + "\u2026"
            self.cut += 1
        # The library takes a text that begins and ends so for markup of its own, and writes it as it is.
        return f"{fit} " if fit.startswith("<r>") and fit.endswith("</r>") else fit


@contextmanager
def open_book(content: Content, folder: Path, target: BinaryIO) -> Iterator[Book]:
    """Writes to the target on leaving; nothing where it is left by an error."""
    options = {"constant_memory": True, "tmpdir": str(folder), "strings_to_formulas": False, "strings_to_urls": False}
    workbook = Workbook(target, options | {"strings_to_numbers": False, "use_zip64": True})
    book = Book(workbook, folder, make_formats(workbook))
    head = content.head
    workbook.set_properties(
        {
            "title": book.clean(head.get("title") or say("Report")),
            "author": "Tuskline",
            "comments": say("Suspected wildlife trade: a score is a suspicion, not a proof."),
            "created": moment_of(head.get("built_at")) or datetime(1980, 1, 1),  # noqa: DTZ001  (the library's are UTC)
        }
    )
    try:
        yield book
    except BaseException:
        for sheet in workbook.worksheets():
            sheet.row_data_fh.close()
        raise
    workbook.close()


def make_formats(workbook: Workbook) -> dict[tuple[Kind, bool], Format]:
    """By kind, and whether a text is marked as quoted."""
    found = {}
    for kind in Kind:
        base = {"valign": "top", "text_wrap": kind is Kind.TEXT or kind is Kind.HEADING}
        if kind in (Kind.TEXT, Kind.HEADING):
            base |= {"align": "left", "indent": 1}  # else it touches a number beside it
        if kind in NUMBER_FORMATS:
            base["num_format"] = NUMBER_FORMATS[kind]
        if kind is Kind.HEADING:
            base |= {"bold": True, "bg_color": "#1f3d36", "font_color": "#ffffff", "valign": "vcenter"}
        for is_quoted in (False, True):
            found[kind, is_quoted] = workbook.add_format(base | {"quote_prefix": is_quoted})
    return found


class Sheet:
    """Rows under a heading that stays in sight, with a filter on each column."""

    def __init__(self, book: Book, sheet: Worksheet, columns: Sequence[Column]) -> None:
        self._book = book
        self._sheet = sheet
        self._columns = columns
        self._next = 1
        sheet.set_row_pixels(0, HEADING_PX)
        for place, column in enumerate(columns):
            sheet.set_column(place, place, column.width)
            self._put(0, place, Kind.HEADING, str(column.title))
        sheet.freeze_panes(1, 0)
        sheet.set_landscape()
        sheet.set_paper(9)  # A4
        sheet.fit_to_pages(1, 0)
        sheet.repeat_rows(0)

    def add(self, row: Any, picture: "Picture | None" = None, height_px: int | None = None) -> None:
        """A row of what its columns read from `row`; left out where the sheet is full."""
        if self._next >= MOST_ROWS:
            self._book.rows_left_out += 1
            return
        if height_px:
            self._sheet.set_row_pixels(self._next, height_px)
        for place, column in enumerate(self._columns):
            value = column.read(row)
            kind, value = (value.kind, value.value) if isinstance(value, Typed) else (column.kind, value)
            if kind is Kind.PICTURE and picture:
                self._place_picture(place, picture, str(value))
            else:
                self._put(self._next, place, kind, None if kind is Kind.PICTURE else value)
        self._next += 1

    def finish(self) -> None:
        """When every row is there."""
        self._sheet.autofilter(0, 0, self._next - 1, len(self._columns) - 1)

    def _place_picture(self, column: int, picture: "Picture", description: str) -> None:
        scale = picture.scale
        options = {"x_offset": 4, "y_offset": 3, "x_scale": scale, "y_scale": scale, "object_position": 1}
        self._sheet.insert_image(self._next, column, str(picture.path), options | {"description": description})

    def _put(self, row: int, column: int, kind: Kind, value: Any) -> None:
        formats, sheet = self._book.formats, self._sheet
        if value is None or value == "":
            sheet.write_blank(row, column, None, formats[kind, False])
        elif isinstance(value, bool):
            sheet.write_boolean(row, column, value, formats[kind, False])
        elif isinstance(value, int | float | Decimal):
            sheet.write_number(row, column, value, formats[kind, False])
        elif kind in (Kind.MOMENT, Kind.DAY) and (moment := moment_of(value)):
            sheet.write_datetime(row, column, moment, formats[kind, False])
        else:
            text = self._book.clean(str(value))
            kind = Kind.TEXT if kind in NUMBER_FORMATS else kind
            sheet.write_string(row, column, text, formats[kind, bool(FORMULA.match(text))])


def moment_of(written: str | None) -> datetime | None:
    """As Excel has it, in UTC without saying so; None where it is no time, or one that Excel does not know."""
    try:
        at = datetime.fromisoformat(written or "")
    except ValueError:
        return None
    at = at.astimezone(UTC).replace(tzinfo=None) if at.tzinfo else at
    return at if at.year >= FIRST_YEAR else None


@dataclass(frozen=True, slots=True)
class Picture:
    """A JPEG in a file; scale: what makes it fit its cell, whatever resolution it claims."""

    path: Path
    scale: float


class Pictures:
    """Thumbnails in files of their own, each once."""

    def __init__(self, folder: Path, means: Means) -> None:
        self._folder = folder
        self._means = means
        self._known: dict[str, Picture | None] = {}
        self.missing = 0

    def find(self, sha256: str) -> Picture | None:
        if sha256 not in self._known:
            self._known[sha256] = self._save(sha256)
        found = self._known[sha256]
        self.missing += found is None
        return found

    def _save(self, sha256: str) -> Picture | None:
        body = self._means.picture(sha256, PICTURE_PX)
        if not body:
            return None
        try:
            with Image.open(BytesIO(body)) as image:
                dots = image.info.get("dpi", (96, 96))
                shown_px = max(size * 96 / (per_inch or 96) for size, per_inch in zip(image.size, dots, strict=True))
        except OSError:
            return None
        path = self._folder / f"{len(self._known)}.jpg"
        path.write_bytes(body)
        path.chmod(0o600)
        return Picture(path, min(1.0, PICTURE_PX / shown_px))


class Report:
    """Goes through the findings once, and fills every sheet."""

    def __init__(self, book: Book, content: Content, choices: Choices, means: Means) -> None:
        self._book = book
        self._content = content
        self._choices = choices
        self._means = means
        self._pictures = Pictures(book.folder, means) if choices.shows_pictures else None
        self._legal: dict[str, int] = {}

    def write(self) -> None:
        head, book = self._content.head, self._book
        made = {name: book.add_sheet(title, self._columns(name)) for name, title in sheets.titles().items()}
        self._write_findings(made)
        for name, rows in sheets.rows_of(head, self._choices, self._legal).items():
            for row in rows:
                made[name].add(row)
        notices = list(self._notices())
        for sentence in notices:
            made["limits"].add((say("This file"), sentence))
        for sheet in made.values():
            sheet.finish()
        self._means.notices.extend(notices)

    def _columns(self, name: str) -> Sequence[Column]:
        columns = sheets.COLUMNS[name]
        return columns if self._pictures else [one for one in columns if one.kind is not Kind.PICTURE]

    def _write_findings(self, made: dict[str, Sheet]) -> None:
        met: set[Any] = set()
        for done, finding in enumerate(self._content.findings(), 1):
            self._write_finding(made, finding)
            listing = finding["listing"].get("id") or (finding["source"], finding["listing"]["url"])
            if listing not in met:
                met.add(listing)
                for event in finding.get("events") or ():
                    made["takedown"].add((finding, event))
            self._means.tell(done)

    def _write_finding(self, made: dict[str, Sheet], finding: Any) -> None:
        photo = finding.get("photo")
        picture = self._pictures.find(photo["sha256"]) if self._pictures and photo else None
        made["findings"].add(finding, picture, PICTURE_ROW_PX if self._pictures else ROW_PX)
        for decision in finding.get("decisions") or ():
            made["decisions"].add((finding, decision))
        for entry in finding.get("legal") or ():
            self._legal[entry] = self._legal.get(entry, 0) + 1

    def _notices(self) -> Iterator[str]:
        book, missing = self._book, self._pictures.missing if self._pictures else 0
        if missing:
            yield say_many(
                "The picture of %(num)s finding is not shown: its bytes are gone or can't be read.",
                "The pictures of %(num)s findings are not shown: their bytes are gone or can't be read.",
                missing,
            )
        if book.cleaned:
            yield say_many(
                "%(num)s cell held characters that a workbook can't; each is shown as \ufffd.",
                "%(num)s cells held characters that a workbook can't; each is shown as \ufffd.",
                book.cleaned,
            )
        if book.cut:
            yield say_many(
                "%(num)s cell was cut to the %(most)s characters that one can hold; the JSON form has it whole.",
                "%(num)s cells were cut to the %(most)s characters that one can hold; the JSON form has them whole.",
                book.cut,
                most=number(MOST_LETTERS),
            )
        if book.rows_left_out:
            yield say_many(
                "%(num)s row is left out: a sheet takes %(most)s. Take the CSV or JSON form, or a shorter period.",
                "%(num)s rows are left out: a sheet takes %(most)s. Take the CSV or JSON form, or a shorter period.",
                book.rows_left_out,
                most=number(MOST_ROWS - 1),
            )
