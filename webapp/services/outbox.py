"""Files of a report, put where others fetch them: a folder of this machine or S3, by TUSKLINE_OUTBOX_URL.

`<folder>/<day built>-report-<number>/` holds the files and, written last, index.json with their digests: whoever
watches the place knows by it that all is there. What lies there is never written over with other bytes.
"""

import hashlib
import json
import re
import shutil
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from webapp.exporters import FORMATS
from webapp.models import Redaction, Report, ReportFile
from webapp.services import report_files
from webapp.settings import Settings
from webapp.storage import FolderStore, Store, StoreError, open_outbox
from webapp.storage.base import telling_full

FORMAT = "tuskline-delivery/1"
INDEX = "index.json"
STATEMENT = "Everything in it is suspected: a score is a suspicion, not a proof."
FOLDER_LETTERS, PART_LETTERS = 200, 80
# No part that is hidden, that leads up, or that a system of files reads otherwise than it is written.
PART = re.compile(r"[^\W_](?:[\w .-]*[\w-])?\Z")
# What Windows takes for a device, whatever follows a dot.
DEVICES = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?")


class TakenError(StoreError):
    """Something else lies there, which stays as it is."""


@dataclass(frozen=True, slots=True)
class Named:
    """A file under the name that it has wherever it is delivered."""

    name: str
    file: ReportFile

    @property
    def media_type(self) -> str:
        return FORMATS[self.file.format].media_type


def is_folder(text: str) -> bool:
    """Whether it names a folder below the outbox: letters, digits, spaces, dots, dashes and _, parted by /."""
    parts = text.split("/")
    return len(text) <= FOLDER_LETTERS and all(
        len(part) <= PART_LETTERS and PART.fullmatch(part) and not DEVICES.fullmatch(part) for part in parts
    )


def name_files(files: Sequence[ReportFile]) -> list[Named]:
    return [Named(report_files.download_name(file), file) for file in files]


def hides_people(files: Sequence[Named]) -> bool:
    return any(one.file.redaction is not Redaction.NONE for one in files)


def title_of(report: Report, files: Sequence[Named]) -> str:
    """Empty where a file hides people: in it the title is masked, and beside it the name would stand all the same."""
    return "" if hides_people(files) else report.title


def place_of(report: Report, folder: str) -> str:
    """Made of nothing that may change, so that a second try finds what the first one left."""
    return f"{folder}/{report.built_at:%Y-%m-%d}-report-{report.id}"


def deliver(settings: Settings, report: Report, folder: str, files: Sequence[Named]) -> None:
    """Put all there, whatever of it is there already. Raises StoreError, TakenError where other bytes lie there."""
    if not is_folder(folder):
        raise TakenError(f"The folder {folder} can't be used: choose one of letters, digits, dots and dashes.")
    outbox, place = open_outbox(settings), place_of(report, folder)
    check_inside(outbox, place)
    with TemporaryDirectory(prefix="tuskline-delivery-") as aside:
        for one in files:
            put(settings, outbox, f"{place}/{one.name}", one.file, Path(aside, one.name))
    index = index_of(report, files)
    sha256 = hashlib.sha256(index).hexdigest()
    if not is_there(outbox, f"{place}/{INDEX}", sha256):
        outbox.put(f"{place}/{INDEX}", index)


def check_inside(outbox: Store, place: str) -> None:
    """A link in the outbox may lead out of it."""
    if isinstance(outbox, FolderStore):
        root = outbox.folder.resolve()
        if not outbox.path_of(place).resolve().is_relative_to(root):
            raise TakenError(f"{place} leads out of the outbox: take away the link, or choose another folder.")


def put(settings: Settings, outbox: Store, name: str, file: ReportFile, aside: Path) -> None:
    """By a copy of its own: a store takes what it is given away."""
    if is_there(outbox, name, file.sha256):
        return
    body = report_files.read_file(settings, file)
    with closing(body), telling_full(str(aside.parent)), aside.open("wb") as copy:
        shutil.copyfileobj(body, copy)
    outbox.put_file(name, aside)


def is_there(outbox: Store, name: str, sha256: str) -> bool:
    """Raises TakenError where other bytes have the name."""
    if not outbox.has(name):
        return False
    if outbox.digest(name) != sha256:
        raise TakenError(f"{outbox}/{name} is there with other content, and stays: choose another folder.")
    return True


def index_of(report: Report, files: Sequence[Named]) -> bytes:
    """The same bytes at each call."""
    said = {
        "format": FORMAT,
        "report": report.id,
        "title": title_of(report, files),
        "from": report.from_at.isoformat(),
        "to": report.to_at.isoformat(),
        "built_at": report.built_at.isoformat(),
        "content_sha256": report.sha256,
        "statement": STATEMENT,
        "files": [describe(one) for one in files],
    }
    return json.dumps(said, ensure_ascii=False, indent=1, sort_keys=True).encode() + b"\n"


def describe(one: Named) -> dict[str, Any]:
    file = one.file
    return {
        "name": one.name,
        "format": file.format,
        "media_type": one.media_type,
        "language": file.language,
        "redaction": file.redaction.value,
        "pictures": file.pictures.value,
        "size_bytes": file.size_bytes,
        "sha256": file.sha256,
    }
