"""Reports as files: a report is written once in each style that is asked for, and what was written never changes."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO, Self

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from webapp.db import insert_new, now
from webapp.exporters import FORMATS, Exporter
from webapp.exporters.content import Choices, Content, Means
from webapp.language import ENGLISH, languages, say, say_many, speaking
from webapp.models import PictureChoice, Redaction, Report, ReportFile, User
from webapp.services import audit, reports, users
from webapp.services.errors import NotFound, Refused
from webapp.services.redaction import fit_pictures, key_of, redact
from webapp.services.report_pictures import Pictures
from webapp.settings import Settings
from webapp.storage import open_store

QUICK_FINDINGS = 2_000  # up to so many, a quick format takes well under a second

Tell = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Style:
    """How a report is written. format: a name of webapp.exporters.FORMATS; language: the code of a catalogue."""

    format: str
    language: str = ENGLISH
    redaction: Redaction = Redaction.NONE
    pictures: PictureChoice = PictureChoice.BLURRED

    @property
    def exporter(self) -> Exporter:
        return FORMATS[self.format]

    def to_json(self) -> dict[str, str]:
        return {name: str(value) for name, value in asdict(self).items()}

    @classmethod
    def from_json(cls, said: Mapping[str, str]) -> Self:
        """Raises ValueError for a redaction or a choice of pictures that there is not."""
        redaction, pictures = Redaction(said["redaction"]), PictureChoice(said["pictures"])
        return cls(said["format"], said["language"], redaction, pictures)


def settle(style: Style) -> Style:
    """The style with what makes no difference to its format left at one value: of such files one is enough.

    Raises Refused for a format or a language that there is not.
    """
    exporter = FORMATS.get(style.format)
    if exporter is None:
        raise Refused(say("Reports come as %(formats)s.", formats=", ".join(FORMATS)))
    if style.language not in languages():
        raise Refused(say("Reports are written in %(languages)s.", languages=", ".join(languages())))
    pictures = fit_pictures(style.redaction, style.pictures) if exporter.shows_pictures else PictureChoice.NONE
    return replace(style, language=style.language if exporter.speaks else ENGLISH, pictures=pictures)


def is_quick(report: Report, style: Style) -> bool:
    """Whether it is written while a page waits; else a worker does it."""
    return settle(style).exporter.is_quick and report.findings_count <= QUICK_FINDINGS


def find_file(session: Session, report: Report, style: Style) -> ReportFile | None:
    """Raises Refused for a style that can't be."""
    return session.scalar(query_of(report, settle(style)))


def query_of(report: Report, style: Style) -> Select[ReportFile]:
    """At most one row."""
    query = select(ReportFile).where(ReportFile.report_id == report.id, ReportFile.format == style.format)
    query = query.where(ReportFile.language == style.language, ReportFile.redaction == style.redaction)
    return query.where(ReportFile.pictures == style.pictures)


def find(session: Session, report_id: int, file_id: int) -> ReportFile:
    """Raises NotFound, also for a file of another report."""
    file = session.get(ReportFile, file_id)
    if file is None or file.report_id != report_id:
        raise NotFound(say("Report %(report)s has no file %(number)s.", report=report_id, number=file_id))
    return file


def write_file(
    session: Session,
    settings: Settings,
    report: Report,
    style: Style,
    actor: User | None = None,
    tell: Tell = lambda _done, _total: None,
) -> ReportFile:
    """The report in that style, written unless it is there already; the caller commits.

    tell: called with the findings that are written and those to write; it may raise to end the work. Of two who write
    the same at once one is kept. Raises Refused, and what reports.read raises.
    """
    style = settle(style)
    if known := find_file(session, report, style):
        check_there(known)
        return known
    with TemporaryDirectory(prefix="tuskline-file-") as folder:
        path = Path(folder) / "report"
        notices = write_aside(settings, report, style, path, tell)
        keep(session, settings, report, style, actor, path, notices)
    return session.scalars(query_of(report, style)).one()


def write_aside(settings: Settings, report: Report, style: Style, path: Path, tell: Tell) -> list[str]:
    """Write the file at `path`; the sentences on what it could not show, in the language of the style."""
    total = report.findings_count
    pictures = Pictures(open_store(settings), style.pictures)
    means = Means(pictures.find, lambda done: tell(done, total))
    choices = Choices(style.redaction.value, style.pictures.value, report.id, report.sha256)
    content = redacted(reports.read(settings, report), style.redaction, settings)
    with speaking(style.language):
        with path.open("wb") as target:
            style.exporter.write(content, choices, means, target)
        return list(dict.fromkeys([*means.notices, *missing_words(pictures.missing)]))


def redacted(content: Content, level: Redaction, settings: Settings) -> Content:
    if level is Redaction.NONE:
        return content
    return redact(content, level, key_of(settings.secret_key))


def missing_words(missing: int) -> list[str]:
    """The same sentence as in a workbook, which counts for itself."""
    if not missing:
        return []
    return [
        say_many(
            "The picture of %(num)s finding is not shown: its bytes are gone or can't be read.",
            "The pictures of %(num)s findings are not shown: their bytes are gone or can't be read.",
            missing,
        )
    ]


def keep(
    session: Session,
    settings: Settings,
    report: Report,
    style: Style,
    actor: User | None,
    path: Path,
    notices: list[str],
) -> None:
    """The row first, in the caller's transaction: whoever comes second puts no file into the store.

    A crash before the commit leaves a file that no row names; it is the same one when it is written again.
    """
    sha256, size_bytes = digest_of(path), path.stat().st_size
    facts = {"sha256": sha256, "size_bytes": size_bytes, "notices": notices}
    values = {**facts, "made_at": now(), "user_id": actor.id if actor else None}
    if not insert_new(session, ReportFile, report_id=report.id, **asdict(style), **values):
        return
    # Retention may be removing the same bytes of an older report: then they are put there once it is done.
    session.execute(select(ReportFile.id).where(ReportFile.sha256 == sha256).with_for_update())
    open_store(settings).put_file(name_of(sha256), path)
    who = users.name_of(actor)
    said = style.to_json() | {"sha256": sha256, "size_bytes": size_bytes}
    audit.record(session, who, "report.write", f"report:{report.id}", **said)


def digest_of(path: Path) -> str:
    with path.open("rb") as body:
        return hashlib.file_digest(body, "sha256").hexdigest()


def name_of(sha256: str) -> str:
    """Where a file lies in the store."""
    return f"report_files/{sha256}"


def read_file(settings: Settings, file: ReportFile) -> BinaryIO:
    """The bytes as they were written, their digest checked; the caller closes it.

    Raises ReportError where they are missing or were changed, ReportGone where retention removed them, StoreAwayError.
    """
    check_there(file)
    name, place = name_of(file.sha256), open_store(settings)
    try:
        path = place.local_path(name, file.sha256)
    except FileNotFoundError:
        raise reports.ReportError(
            say("A file of report %(id)s is missing: bring back %(name)s from a backup.", id=file.report_id, name=name)
        ) from None
    if digest_of(path) != file.sha256:
        raise reports.ReportError(
            say("A file of report %(id)s was changed: bring back %(name)s from a backup.", id=file.report_id, name=name)
        )
    return path.open("rb")


def check_there(file: ReportFile) -> None:
    """Raises ReportGone."""
    if file.purged_at:
        raise reports.gone(file, file.purged_at, [name_of(file.sha256)])


def note_download(session: Session, who: str, file: ReportFile, **facts: Any) -> None:
    said = {"file": file.id, "format": file.format, "sha256": file.sha256}
    audit.record(session, who, "report.download", f"report:{file.report_id}", **said, **facts)


def download_name(file: ReportFile) -> str:
    """Without a word of what may not be in the file: `tuskline-report-3-zh-hashed.pdf`."""
    exporter = FORMATS.get(file.format)
    parts = ["tuskline-report", str(file.report_id)]
    if exporter and exporter.speaks:
        parts.append(file.language)
    if file.redaction is not Redaction.NONE:
        parts.append(file.redaction.value)
    if exporter and exporter.shows_pictures and file.pictures is not PictureChoice.BLURRED:
        parts.append("without-pictures" if file.pictures is PictureChoice.NONE else "plain-pictures")
    return "-".join(parts) + (exporter.suffix if exporter else "")
