"""Findings with evidence of their own for tests of case files: pictures in the store, real archives, decisions."""

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.orm import Session

from scanner.fetch import Fetcher
from tests.factories import (
    make_finding,
    make_listing,
    make_scan,
    make_scores,
    make_source,
    make_user,
    place_photo,
)
from tests.scanner.fetch.site import Site, answer
from tests.webapp.services.scene import write_pack
from webapp.models import FindingRow, ListingRow, ListingVersion, PhotoRow, Role, Scan, Source, User, Verdict
from webapp.services import audit, decisions, photos, rules
from webapp.services.archiving import Archive
from webapp.services.decisions import Choice
from webapp.settings import Settings
from webapp.storage import open_store

SELLER = "Old & Rare"
PAGE = "<html><head><script>var x</script></head><body><h1>{title}</h1><p>象牙 Ngà voi งาช้าง</p></body></html>"


@dataclass
class Evidence:
    """Two listings of one seller, each with two pictures of which the first is flagged, archived as they were met."""

    session: Session
    settings: Settings
    site: Site
    source: Source
    scan: Scan
    reviewer: User
    findings: list[FindingRow]
    pictures: list[PhotoRow]

    @property
    def ids(self) -> list[int]:
        return [row.id for row in self.findings]


def make_evidence(session: Session, settings: Settings, site: Site, folder: Path, count: int = 2) -> Evidence:
    settings.pack = str(write_pack(folder / "pack"))
    digest = rules.current_pack(session, settings.pack).digest
    source = make_source(session, "Shop")
    scan = make_scan(session, source, pack_digest=digest)
    reviewer = make_user(session, "rhea", Role.REVIEWER)
    made = Evidence(session, settings, site, source, scan, reviewer, [], [])
    with (
        Fetcher("crawl@example.org", [site.origin], keep_exchanges=True) as fetcher,
        Archive.of_scan(scan, settings) as archive,
    ):
        for number in range(1, count + 1):
            add_listing(made, fetcher, archive, number, digest)
    audit.note_view(session, "vera", f"finding:{made.ids[0]}")
    decisions.decide(session, reviewer, made.ids[0], Choice(Verdict.CONFIRM, "tusks in plain sight", seconds=12.5))
    session.commit()
    return made


def add_listing(made: Evidence, fetcher: Fetcher, archive: Archive, number: int, digest: str) -> None:
    session, site = made.session, made.site
    title = f"Carved figure {number}"
    site.answers[f"/{number}"] = answer(200, PAGE.format(title=title).encode(), Content_Type="text/html; charset=utf-8")
    row = make_listing(
        session, made.source, url=site.url(f"/{number}"), title=title, seller=SELLER, seller_url=site.url("/seller")
    )
    session.add(
        ListingVersion(listing_id=row.id, scan_id=made.scan.id, content_sha256="c" * 64, fields={"title": title})
    )
    shown = [add_picture(made, fetcher, archive, row, f"/{number}{letter}.jpg") for letter in "ab"]
    archive.keep(session, row, [fetcher.get(row.url)])
    finding = make_finding(session, row, shown[0], made.scan, rule="elephant_seen", pack_digest=digest)
    made.findings.append(finding)


def add_picture(made: Evidence, fetcher: Fetcher, archive: Archive, row: ListingRow, path: str) -> PhotoRow:
    body = b"\xff\xd8\xff" + path.encode() * 50
    made.site.answers[path] = answer(200, body, Content_Type="image/jpeg")
    archive.keep(made.session, row, [fetcher.get(made.site.url(path))])
    sha256 = photos.store(open_store(made.settings), body)
    photo = PhotoRow(sha256=sha256, size_bytes=len(body), media_type="image/jpeg", look_hash="0f" * 32)
    made.session.add(photo)
    made.session.flush()
    place_photo(made.session, row, photo)
    make_scores(made.session, photo, elephant=0.91)
    made.pictures.append(photo)
    return photo
