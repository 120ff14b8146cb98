"""The fixed content that the reports of every format are tested with, and the files that are expected of it.

    python -m tests.webapp.exporters.dataset            writes golden/'s expected files anew from content.jsonl
    python -m tests.webapp.exporters.dataset content    makes content.jsonl anew as well, from the rows in golden_rows

Look at the difference before you commit it: it is what every reader of a report will see.
"""

import json
import sys
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import patch

from openpyxl import load_workbook
from openpyxl.utils import get_column_letter
from sqlalchemy.orm import Session

from tests.webapp.exporters.golden_rows import (
    END,
    MODEL_DIGEST,
    PICTURE_COUNT,
    REVIEWERS,
    START,
    add_rows,
    digest_of,
    draw,
)
from webapp.db import open_engine, session_factory
from webapp.exporters import FORMATS
from webapp.exporters.content import Choices, Content, Finding, Means
from webapp.language import speaking
from webapp.migrations import upgrade
from webapp.models import Redaction, Report
from webapp.services import freezing
from webapp.services.freezing import Wanted
from webapp.services.redaction import redact
from webapp.settings import Settings

FOLDER = Path(__file__).parent / "golden"
CONTENT = FOLDER / "content.jsonl"
LANGUAGES = ("en", "zh")
KEY = b"k" * 32  # of the hashes of sellers


def content() -> Content:
    """The golden one; nothing that is done to it changes the next."""
    with CONTENT.open(encoding="utf-8") as lines:
        head = json.loads(lines.readline())
    return Content(head, findings)


def findings() -> Iterator[Finding]:
    with CONTENT.open(encoding="utf-8") as lines:
        next(lines)
        for line in lines:
            yield json.loads(line)


def picture(sha256: str, edge_px: int) -> bytes | None:
    """A JPEG of at most edge_px by edge_px; None for the one picture that is gone, and for strange digests."""
    number = numbers().get(sha256)
    if number is None or number == PICTURE_COUNT - 1:
        return None
    body = BytesIO()
    image = draw(number)
    image.thumbnail((edge_px, edge_px))
    image.save(body, "JPEG", quality=80)
    return body.getvalue()


@cache
def numbers() -> dict[str, int]:
    return {digest_of(number): number for number in range(PICTURE_COUNT)}


QUALITY: list[dict[str, Any]] = [
    {
        "name": "precision",
        "value": 0.625,
        "low": 0.305742,
        "high": 0.863155,
        "n": 8,
        "reason": "",
        "basis": "decided findings",
    },
    {
        "name": "checked_precision",
        "value": None,
        "low": None,
        "high": None,
        "n": 2,
        "reason": "It takes 10 settled second looks of each answer.",
        "basis": "decided findings and settled second looks",
    },
    {
        "name": "recall",
        "value": 0.833333,
        "low": 0.454545,
        "high": 0.961538,
        "n": 40,
        "reason": "",
        "basis": "recall audit 3 of listings first seen from 2026-11-01 to 2026-11-30; 40 of 40 answered",
    },
    {
        "name": "misses",
        "value": 1.0,
        "low": 0.2,
        "high": 6.0,
        "n": 40,
        "reason": "",
        "basis": "recall audit 3 of listings first seen from 2026-11-01 to 2026-11-30; 40 of 40 answered",
    },
    {
        "name": "kappa",
        "value": None,
        "low": 0.0,
        "high": 0.81,
        "n": 2,
        "reason": "Some strata have no answer yet: the interval spans all of them.",
        "basis": "second looks",
    },
    {"name": "agreed", "value": 0.5, "low": 0.094531, "high": 0.905469, "n": 2, "reason": "", "basis": "second looks"},
    {
        "name": "overturns",
        "value": 0.5,
        "low": 0.094531,
        "high": 0.905469,
        "n": 2,
        "reason": "",
        "basis": "settled second looks",
    },
    {
        "name": "appeals",
        "value": None,
        "low": None,
        "high": None,
        "n": 0,
        "reason": "No appeal was decided.",
        "basis": "decided appeals",
    },
]
CARD = {
    "source": "PaddleClas model library",
    "installed_at": "2026-10-20T08:00:00+00:00",
    "figures": {"precision": 0.91, "recall": 0.86, "pictures": 1200},
    "run": {"engine": "paddle", "precision": "fp32", "decoding": "exact"},
}
SOFTWARE = {"version": "0.1.0", "commit": "0123456789abcdef0123456789abcdef01234567", "python": "3.11.9"}


def freeze_rows(session: Session, settings: Settings, folder: Path) -> Path:
    """The content that services.freezing makes of the golden rows, in a file."""
    add_rows(session)
    wanted = Wanted(
        START,
        END,
        title="Ngà voi, 象牙 и бивни: November 2026",
        filters={"q": "ngà voi OR 象牙 OR tusk"},
        filters_name="Ivory, weekly",
        corrects=cast(Report, SimpleNamespace(id=7, sha256="7" * 64)),
        correction="The report of 1 December counted the listing of Nguyễn Thị Hương twice.",
    )
    return freezing.freeze(session, settings, wanted, REVIEWERS[2], END, folder).path


def make_content() -> None:
    """What takes a whole team and its models to come about is put in by hand: quality figures, a model's card."""

    def card(_settings: Settings, _name: str, digest: str) -> dict[str, Any] | None:
        return CARD if digest == MODEL_DIGEST else None

    quality = SimpleNamespace(to_json=lambda: QUALITY)
    with (
        TemporaryDirectory() as folder,
        patch.object(freezing, "made_with", lambda: SOFTWARE),
        patch.object(freezing.quality, "figures", lambda *_: quality),
        patch.object(freezing, "card_of", card),
    ):
        engine = open_engine(f"sqlite:///{folder}/golden.db")
        upgrade(engine)
        with session_factory(engine)() as session:
            made = freeze_rows(session, Settings(home=Path(folder), database_url=None, broker_url=None), Path(folder))
        CONTENT.write_bytes(made.read_bytes())
        engine.dispose()


def expected() -> dict[str, bytes]:
    """What each file of golden/ is to hold, by its name."""
    files = {f"report{FORMATS[name].suffix}": written(name) for name in ("csv", "csv-bom", "figures", "json", "jsonl")}
    for level in (Redaction.HASHED, Redaction.MINIMAL):
        files[f"report-{level}.jsonl"] = written("jsonl", level)
    for code in LANGUAGES:
        with speaking(code):
            files[f"report-{code}.xlsx.txt"] = dump(written("xlsx"))
    return files


def written(name: str, level: Redaction = Redaction.NONE, pictures: str = "blurred") -> bytes:
    """The golden content in a format, in the language in force."""
    target, means = BytesIO(), Means(picture=picture)
    choices = Choices(level.value, pictures, report_id=8, sha256="8" * 64)
    FORMATS[name].write(redact(content(), level, KEY), choices, means, target)
    return target.getvalue()


def dump(workbook: bytes) -> bytes:
    """A workbook as lines: sheet, cell, type, value and number format; then where its pictures stand."""
    lines = []
    for sheet in load_workbook(BytesIO(workbook)):
        lines.append(f"{sheet.title}\t{sheet.dimensions}\tfilter {sheet.auto_filter.ref}\tfrozen {sheet.freeze_panes}")
        for cell in (cell for row in sheet.iter_rows() for cell in row if cell.value is not None):
            value = cell.value.isoformat() if isinstance(cell.value, datetime) else cell.value
            shown = json.dumps(value, ensure_ascii=False)
            lines.append("\t".join((sheet.title, cell.coordinate, cell.data_type, shown, cell.number_format)))
        for image in sheet._images:
            at = f"{get_column_letter(image.anchor._from.col + 1)}{image.anchor._from.row + 1}"
            lines.append(f"{sheet.title}\t{at}\tpicture\t{image.width}x{image.height}")
    return ("\n".join(lines) + "\n").encode()


def main(words: list[str]) -> None:
    if "content" in words:
        make_content()
    for name, body in expected().items():
        (FOLDER / name).write_bytes(body)


if __name__ == "__main__":
    main(sys.argv[1:])
