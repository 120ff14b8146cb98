"""Measure a case file of many pictures: seconds, peak memory, bytes. All of it is made up, below a folder of its own.

    python bench/case_size.py --findings 1000 --pictures 2 --kilobytes 150

Every picture lies in the store and in an archive, as after a crawl; the bundle is verified at the end.
"""

import argparse
import hashlib
import resource
import secrets
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy.orm import Session

from scanner.fetch import Exchange, Fetched
from webapp.db import open_engine, session_factory
from webapp.exporters import verify_case
from webapp.migrations import upgrade
from webapp.models import Appearance, FindingRow, ListingRow, PhotoRow, Scan, ScanState, ScoreRow, Source
from webapp.services import case_files, photos
from webapp.services.archiving import Archive
from webapp.services.case_files import Asked
from webapp.settings import Settings
from webapp.storage import open_store

CONCEPTS = {"elephant": 0.91, "ivory": 0.03, "tiger": 0.02, "pangolin": 0.01}


def fetched(url: str, body: bytes, kind: str) -> Fetched:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    at = datetime.now(UTC)
    exchange = Exchange(url, f"GET {url} HTTP/1.1\r\n\r\n".encode(), head, body, at, "127.0.0.1", robots="allowed")
    return Fetched(url, url, 200, {"content-type": kind}, body, at, (exchange,))


def fill(session: Session, settings: Settings, count: int, pictures: int, size_bytes: int) -> list[int]:
    source = Source(name="Bench", kind="shop")
    scan = Scan(source=source, state=ScanState.DONE)
    session.add_all([source, scan])
    session.flush()
    ids = []
    with Archive.of_scan(scan, settings) as archive:
        for number in range(count):
            ids.append(add_finding(session, settings, archive, scan, number, pictures, size_bytes))
            if number % 100 == 0:
                session.commit()
    session.commit()
    return ids


def add_finding(
    session: Session, settings: Settings, archive: Archive, scan: Scan, number: int, pictures: int, size_bytes: int
) -> int:
    url = f"http://bench.example/{number}"
    listing = ListingRow(source=scan.source, url=url, title=f"Listing {number}", seller=f"Seller {number % 50}")
    session.add(listing)
    session.flush()
    page = b"<html><body><p>words of a page</p></body></html>" * 100
    archive.keep(session, listing, [fetched(url, page, "text/html")])
    for position in range(pictures):
        body = secrets.token_bytes(size_bytes)
        archive.keep(session, listing, [fetched(f"{url}/{position}.jpg", body, "image/jpeg")])
        sha256 = photos.store(open_store(settings), body)
        photo = PhotoRow(sha256=sha256, size_bytes=len(body), media_type="image/jpeg")
        session.add(photo)
        session.add(Appearance(listing=listing, photo=photo, url=f"{url}/{position}.jpg", position=position))
        said = {"by_concept": CONCEPTS, "top_labels": [["a label", 0.5]] * 5, "counters": {}}
        session.add(ScoreRow(photo=photo, model="bench", model_digest=hashlib.sha256(b"model").hexdigest(), **said))
    session.flush()
    finding = FindingRow(
        appearance_key=f"{listing.id}:{photo.id}", listing=listing, photo=photo, scan=scan, rule="elephant_seen",
        rule_version=1, pack_digest="0" * 64, title="Suspected elephant", concept="elephant", severity="medium",
        threshold=0.5, score=0.91, model="bench", why="", reasons={"kind": "score", "met": True, "facts": {}},
        priority=1.0, source_id=scan.source_id, seller=listing.seller,
    )  # fmt: skip
    session.add(finding)
    session.flush()
    return finding.id


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--findings", type=int, default=1000)
    parser.add_argument("--pictures", type=int, default=2, help="of each listing")
    parser.add_argument("--kilobytes", type=int, default=150, help="of each picture")
    parser.add_argument("--folder", type=Path, help="where it is made; deleted at the end")
    given = parser.parse_args()
    with TemporaryDirectory(prefix="tuskline-bench-", dir=given.folder) as folder:
        settings = Settings(home=Path(folder), database_url=None, store_url=None)
        engine = open_engine(settings.sqlalchemy_url)
        upgrade(engine)
        with session_factory(engine)() as session:
            ids = fill(session, settings, given.findings, given.pictures, given.kilobytes * 1000)
            session.expunge_all()
            before, began = peak_mb(), time.monotonic()
            row = case_files.export(session, settings, Asked.of_findings(ids), None)
            took = time.monotonic() - began
            print(f"{row.findings_count} findings, {row.size_bytes / 1e6:.0f} MB in {took:.1f} s")
            print(f"peak memory {before:.0f} MB before, {peak_mb():.0f} MB after")
            path = open_store(settings).local_path(case_files.name_of(row.sha256))
            began = time.monotonic()
            outcome = verify_case.check(str(path))
            print(
                f"verified in {time.monotonic() - began:.1f} s: {'whole' if outcome.is_whole else outcome.faults[:5]}"
            )
        engine.dispose()
    sys.exit(0 if outcome.is_whole else 1)


if __name__ == "__main__":
    main()
