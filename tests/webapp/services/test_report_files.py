import io
import json
from collections.abc import Callable
from typing import Any, BinaryIO

import pytest
from PIL import Image
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.factories import make_finding, make_listing, make_photo, make_scores, make_user
from tests.webapp.services.conftest import AtOnce
from tests.webapp.services.test_reports import build
from webapp.db import now
from webapp.exporters import FORMATS, Exporter
from webapp.exporters.content import Choices, Content, Means
from webapp.language import say, spoken
from webapp.models import AuditEntry, FindingRow, PictureChoice, Purge, Redaction, Report, ReportFile
from webapp.services import photos, report_files, reports
from webapp.services.errors import NotFound, Refused
from webapp.services.report_files import Style, find_file, read_file, write_file
from webapp.settings import Settings
from webapp.storage import open_store

EDGE_PX = 200


def write_album(content: Content, choices: Choices, means: Means, target: BinaryIO) -> None:
    """A format that shows pictures, speaks, and takes its time."""
    for number, finding in enumerate(content.findings()):
        body = means.picture(finding["photo"]["sha256"], EDGE_PX)
        target.write(body or b"-")
        means.tell(number + 1)
    target.write(f"|{choices.pictures} {choices.redaction} {spoken()} {choices.sha256}".encode())
    means.notices.append(say("Reports"))


ALBUM = Exporter("album", "Album", "application/x-album", ".album", write_album, False, True, True)


@pytest.fixture(autouse=True)
def album(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FORMATS, "album", ALBUM)


@pytest.fixture
def pictured(session: Session, settings: Settings) -> Report:
    """A report of one finding, whose picture is left black and right white."""
    image = Image.new("RGB", (400, 300), "black")
    image.paste("white", (200, 0, 400, 300))
    written = io.BytesIO()
    image.save(written, "PNG")
    body = written.getvalue()
    photos.store(open_store(settings), body)
    listing = make_listing(session, title="=1+1")
    photo = make_photo(session, listing, body)
    make_scores(session, photo)
    make_finding(session, listing, photo, found_at=now())
    report = build(session, settings, now().replace(year=2020), now().replace(year=2099))
    session.commit()
    return report


def bytes_of(settings: Settings, file: ReportFile) -> bytes:
    with read_file(settings, file) as body:
        return body.read()


def test_a_file_is_written_once_and_is_the_same_ever_after(
    session: Session, settings: Settings, pictured: Report
) -> None:
    ann = make_user(session, "ann")
    file = write_file(session, settings, pictured, Style("json"), ann)
    session.commit()
    body = bytes_of(settings, file)
    assert json.loads(body)["findings"][0]["listing"]["title"] == "=1+1"
    assert (file.size_bytes, file.user_id, file.notices) == (len(body), ann.id, [])
    again = write_file(session, settings, pictured, Style("json"), None)
    assert (again.id, bytes_of(settings, again)) == (file.id, body)
    entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "report.write")).one()
    assert (entry.actor, entry.facts["sha256"], entry.facts["format"]) == ("ann", file.sha256, "json")


def test_what_makes_no_difference_to_a_format_makes_no_second_file(
    session: Session, settings: Settings, pictured: Report
) -> None:
    first = write_file(session, settings, pictured, Style("json", "en"))
    assert find_file(session, pictured, Style("json", "zh", pictures=PictureChoice.PLAIN)) is first
    styles = [Style("album", language, pictures=choice) for language in ("en", "zh") for choice in PictureChoice]
    assert len({write_file(session, settings, pictured, style).id for style in styles}) == len(styles)


def test_a_file_speaks_its_language_and_notes_what_it_could_not_show(
    session: Session, settings: Settings, pictured: Report
) -> None:
    told: list[tuple[int, int]] = []
    file = write_file(session, settings, pictured, Style("album", "zh"), tell=lambda *figures: told.append(figures))
    assert bytes_of(settings, file).endswith(f"|blurred none zh {pictured.sha256}".encode())
    assert told == [(1, 1)] and len(file.notices) == 1 and file.notices != ["Reports"]
    assert spoken() == "en"


def test_pictures_are_blurred_plain_or_left_out_as_chosen(
    session: Session, settings: Settings, pictured: Report
) -> None:
    plain, blurred = (
        image_of(settings, write_file(session, settings, pictured, Style("album", pictures=choice)))
        for choice in (PictureChoice.PLAIN, PictureChoice.BLURRED)
    )
    assert plain.size == blurred.size == (EDGE_PX, 150)
    beside = (EDGE_PX // 2 - 6, 75)
    assert max(plain.getpixel(beside)) < 40, "as sharp as the picture"
    assert max(blurred.getpixel(beside)) > 60, "no edge is left"
    nothing = write_file(session, settings, pictured, Style("album", pictures=PictureChoice.NONE))
    assert bytes_of(settings, nothing).startswith(b"-|none") and nothing.notices == ["Reports"]


def image_of(settings: Settings, file: ReportFile) -> Any:
    return Image.open(io.BytesIO(bytes_of(settings, file).partition(b"|")[0])).convert("RGB")


@pytest.mark.usefixtures("pictured")
def test_what_a_file_says_of_people_is_as_chosen(session: Session, settings: Settings) -> None:
    session.query(FindingRow).one().listing.seller = "Ann of the Hills"
    named = build(session, settings, now().replace(year=2020), now().replace(year=2099))
    said = {
        level: bytes_of(settings, write_file(session, settings, named, Style("json", redaction=level)))
        for level in Redaction
    }
    assert [b"Ann of the Hills" in said[level] for level in Redaction] == [True, False, False]
    style = Style("album", redaction=Redaction.MINIMAL, pictures=PictureChoice.PLAIN)
    assert report_files.settle(style).pictures is PictureChoice.NONE


def test_pictures_that_are_gone_are_counted_in_a_notice(session: Session, settings: Settings, pictured: Report) -> None:
    for name in list(open_store(settings).list("photos")):
        open_store(settings).remove(name)
    file = write_file(session, settings, pictured, Style("album"))
    assert file.notices[1].startswith("The picture of 1 finding is not shown")


def test_two_who_write_the_same_at_once_give_one_row(
    session: Session, settings: Settings, pictured: Report, at_once: AtOnce
) -> None:
    def write(own: Session) -> str:
        return write_file(own, settings, own.get_one(Report, pictured.id), Style("album")).sha256

    first, second = at_once([write, write])
    assert first == second
    file = session.query(ReportFile).one()
    assert file.sha256 == first and bytes_of(settings, file)
    assert len(session.scalars(select(AuditEntry).where(AuditEntry.action == "report.write")).all()) == 1


def test_nothing_is_kept_of_a_file_whose_writing_ends_early(
    session: Session, settings: Settings, pictured: Report
) -> None:
    with pytest.raises(KeyboardInterrupt):
        write_file(session, settings, pictured, Style("album"), tell=interrupt)
    assert session.query(ReportFile).count() == 0
    assert list(open_store(settings).list("report_files")) == []


def interrupt(_done: int, _total: int) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("damage", "says"), [(lambda path: path.write_bytes(b"x"), "was changed"), (lambda path: path.unlink(), "missing")]
)
def test_a_changed_or_missing_file_is_reported(
    session: Session, settings: Settings, pictured: Report, damage: Callable[[Any], object], says: str
) -> None:
    file = write_file(session, settings, pictured, Style("json"))
    damage(open_store(settings).local_path(report_files.name_of(file.sha256)))
    with pytest.raises(reports.ReportError, match=says):
        read_file(settings, file)


def test_what_retention_removed_says_when_and_why(session: Session, settings: Settings, pictured: Report) -> None:
    file = write_file(session, settings, pictured, Style("json"))
    file.purged_at = pictured.purged_at = now()
    for name in (report_files.name_of(file.sha256), reports.name_of(pictured.sha256)):
        session.add(Purge(name=name, sha256="0" * 64, size_bytes=1, reason="Kept for 30 days.", actor="system"))
    session.flush()
    for read in (
        lambda: read_file(settings, file),
        lambda: reports.read(settings, pictured),
        lambda: write_file(session, settings, pictured, Style("json")),
        lambda: write_file(session, settings, pictured, Style("csv")),
    ):
        with pytest.raises(reports.ReportGone, match=rf"removed on {now():%Y-%m-%d}: Kept for 30 days\."):
            read()


@pytest.mark.parametrize("style", [Style("exe"), Style("json", "tlh")])
def test_styles_that_can_not_be_are_refused(
    session: Session, settings: Settings, pictured: Report, style: Style
) -> None:
    with pytest.raises(Refused):
        write_file(session, settings, pictured, style)


def test_a_file_is_found_under_its_own_report_alone(session: Session, settings: Settings, pictured: Report) -> None:
    file = write_file(session, settings, pictured, Style("json"))
    assert report_files.find(session, pictured.id, file.id) is file
    with pytest.raises(NotFound):
        report_files.find(session, pictured.id + 1, file.id)


def test_names_of_downloads_tell_styles_apart(session: Session, settings: Settings, pictured: Report) -> None:
    styles = [Style("json"), Style("album", "zh"), Style("album", pictures=PictureChoice.NONE)]
    names = [report_files.download_name(write_file(session, settings, pictured, style)) for style in styles]
    number = pictured.id
    assert names == [
        f"tuskline-report-{number}.json",
        f"tuskline-report-{number}-zh.album",
        f"tuskline-report-{number}-en-without-pictures.album",
    ]


def test_large_reports_and_slow_formats_are_not_written_while_a_page_waits(pictured: Report) -> None:
    assert report_files.is_quick(pictured, Style("json")) and not report_files.is_quick(pictured, Style("album"))
    assert not report_files.is_quick(Report(findings_count=100_000), Style("json"))


def test_a_style_comes_back_from_json() -> None:
    style = Style("album", "zh", Redaction.HASHED, PictureChoice.PLAIN)
    assert Style.from_json(json.loads(json.dumps(style.to_json()))) == style
