"""What a crawl fetched for a listing lies in an archive, and the database says where."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from scanner.fetch import Fetcher, LogEntry
from scanner.warc import read_archive, read_record
from tests.factories import make_listing, make_scan
from tests.scanner.fetch.site import Site, answer, running_site
from webapp.db import now
from webapp.models import Capture
from webapp.services import archives, archiving, crawl_logs
from webapp.services.archiving import Archive
from webapp.settings import Settings
from webapp.storage import Store, open_store


@pytest.fixture
def place(settings: Settings) -> Store:
    return open_store(settings)


@pytest.fixture
def site() -> Iterator[Site]:
    with running_site() as site:
        site.answers["/1"] = answer(200, b"<h1>Carved figure</h1>", Content_Type="text/html")
        yield site


@contextmanager
def fetching(site: Site) -> Iterator[Fetcher]:
    with Fetcher("crawl@example.org", [site.origin], keep_exchanges=True) as fetcher:
        yield fetcher


def test_an_answer_can_be_found_again_from_its_listing(
    session: Session, settings: Settings, place: Store, site: Site
) -> None:
    scan = make_scan(session)
    row = make_listing(session, scan.source)
    with fetching(site) as fetcher, Archive.of_scan(scan, settings) as archive:
        archive.keep(session, row, [fetcher.get(site.url("/1"))])
    session.commit()
    [capture] = archiving.captures_of(session, row.id)
    assert (capture.scan_id, capture.url) == (scan.id, site.url("/1"))
    with archives.open_archive(place, capture.archive) as file:
        found = read_record(file, capture.record_id)
    assert (found.status, found.body) == (200, b"<h1>Carved figure</h1>")


def test_an_answer_that_offers_many_listings_is_archived_once(
    session: Session, settings: Settings, place: Store, site: Site
) -> None:
    scan = make_scan(session)
    rows = [make_listing(session, scan.source) for _ in range(3)]
    with fetching(site) as fetcher, Archive.of_scan(scan, settings) as archive:
        answer_of_all = fetcher.get(site.url("/1"))
        for row in rows:
            archive.keep(session, row, [answer_of_all])
    session.commit()
    [record_id] = {archiving.captures_of(session, row.id)[0].record_id for row in rows}
    [name] = place.list("archives")
    with archives.open_archive(place, name.removeprefix("archives/")) as file:
        assert [one.url for one in read_archive(file)] == [site.url("/1")]
    assert record_id


def test_a_full_archive_moves_into_the_store_while_the_crawl_goes_on(
    session: Session, settings: Settings, place: Store, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archiving, "MEGABYTE", 1)  # every answer is one too many
    scan = make_scan(session)
    row = make_listing(session, scan.source)
    with fetching(site) as fetcher, Archive.of_scan(scan, settings) as archive:
        for _ in range(3):
            archive.keep(session, row, [fetcher.get(site.url("/1"))])
        archive.publish()
        assert len(list(place.list("archives"))) == 1 + 1
    assert len(list(place.list("archives"))) == 3
    session.commit()
    named = set(session.scalars(select(Capture.archive)))
    assert {f"archives/{name}" for name in named} == set(place.list("archives"))


def test_what_a_killed_worker_left_is_in_the_store_after_the_next_crawl(
    session: Session, settings: Settings, place: Store, site: Site
) -> None:
    scan = make_scan(session)
    session.commit()
    script = (
        "import sys, time\n"
        "from datetime import datetime, UTC\n"
        "from types import SimpleNamespace\n"
        "from scanner.fetch import Fetcher, LogEntry\n"
        "from webapp.services import archiving\n"
        "from webapp.services.archiving import Archive\n"
        "from webapp.settings import Settings\n"
        "archiving.insert_rows = lambda session, table, rows: print(rows[0]['archive'], flush=True)\n"
        "url = sys.argv[2]\n"
        "scan = SimpleNamespace(id=7, source=SimpleNamespace(name='a', kind='shop'))\n"
        "settings = Settings(home=sys.argv[1], database_url=None, broker_url=None)\n"
        "with Fetcher('', [sys.argv[3]], keep_exchanges=True) as fetcher, Archive.of_scan(scan, settings) as archive:\n"
        "    archive.log(LogEntry(datetime.now(UTC), url, 'allowed', 200, 1, 0.0, 0.0, ''))\n"
        "    archive.keep(None, SimpleNamespace(id=1, url=url), [fetcher.get(url)])\n"
        "    time.sleep(60)\n"
    )
    command = [sys.executable, "-c", script, str(settings.home), site.url("/1"), site.origin]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path.cwd())
    assert child.stdout is not None
    name = child.stdout.readline().strip()
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    assert list(place.list("archives")) == []
    with Archive.of_scan(scan, settings) as archive:
        archive.publish()
    assert list(place.list("archives")) == [f"archives/{name}"]
    [line] = b"".join(crawl_logs.read_logs(place, archives.archives_dir(settings), 7)).splitlines()
    assert json.loads(line)["url"] == site.url("/1")


def test_every_request_is_a_line_of_the_scan_s_log(session: Session, settings: Settings, place: Store) -> None:
    scan = make_scan(session)
    spool = archives.archives_dir(settings)
    with Archive.of_scan(scan, settings) as archive:
        archive.log(LogEntry(now(), "http://a.example/", "forbidden", None, 0, 0.5, 0.1, "It is forbidden."))
        [live] = b"".join(crawl_logs.read_logs(place, spool, scan.id)).splitlines()
    [kept] = b"".join(crawl_logs.read_logs(place, spool, scan.id)).splitlines()
    assert live == kept
    assert json.loads(kept)["robots"] == "forbidden"
    assert list(Path(spool, crawl_logs.FOLDER).iterdir()) == []
    assert b"".join(crawl_logs.read_logs(place, spool, scan.id + 1)) == b""
