"""Sources that ask no server are crawled as all others: a folder, a table, an archive in the inbox."""

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from scanner.fetch import Fetched
from scanner.warc import ArchiveWriter
from tests.factories import make_source
from tests.scanner.markets.hostile_shop import page, product
from tests.scanner.warc.pages import AT, exchange
from webapp.models import ScanPhoto, ScanState
from webapp.services import crawling, scans
from webapp.settings import Settings

SITE = "https://shop.example"


@pytest.fixture
def inbox(settings: Settings) -> Path:
    settings.inbox_dir.mkdir(parents=True)
    return settings.inbox_dir


def lay_folder(inbox: Path) -> str:
    (inbox / "pictures").mkdir()
    (inbox / "pictures" / "figure.jpg").write_bytes(b"a picture")
    return "pictures"


def lay_table(inbox: Path) -> str:
    (inbox / "figure.jpg").write_bytes(b"a picture")
    (inbox / "table.csv").write_text("url,title,image_url\nhttps://shop.example/1,Figure,figure.jpg\n")
    return "table.csv"


def lay_archive(inbox: Path) -> str:
    with ArchiveWriter(inbox, "test") as writer:
        for path, body, kind in (
            ("/1.jpg", b"a picture", "image/jpeg"),
            ("/1", page("One", data=product("One", image=["/1.jpg"])), "text/html; charset=utf-8"),
        ):
            sent = exchange(SITE + path, body, "200 OK", Content_Type=kind, Content_Length=str(len(body)))
            writer.add(Fetched(SITE + path, SITE + path, 200, {}, body, AT, (sent,)))
    writer.finished[0].rename(inbox / "a.warc.gz")
    return "a.warc.gz"


@pytest.mark.parametrize(("kind", "lay"), [("folder", lay_folder), ("csv", lay_table), ("warc", lay_archive)])
def test_a_source_in_the_inbox_is_crawled_twice(
    session: Session, settings: Settings, inbox: Path, kind: str, lay: Callable[[Path], str]
) -> None:
    source = make_source(session, kind=kind, path=lay(inbox))
    for _ in range(2):
        scan = scans.create(session, source.id, "ann")
        session.commit()
        crawling.run(session, scan.id, settings, "a worker")
        told = scans.progress(session, scan.id)
        assert (told.crawl_error, told.state, told.photos_seen, told.photos_failed) == (None, ScanState.SCORING, 1, 0)
        photo = session.scalars(select(ScanPhoto).where(ScanPhoto.scan_id == scan.id)).one()
        assert photo.photo is not None and photo.photo.size_bytes == len(b"a picture")
        scans.cancel(session, scan.id, "ann")
        session.commit()
