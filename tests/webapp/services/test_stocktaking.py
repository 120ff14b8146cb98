"""Whatever is not as the rows say is named, and what is purged is no fault."""

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from tests.factories import make_photo
from tests.webapp.services.shelves import Shelves
from webapp.models import FindingState, PhotoRow, Purge
from webapp.services import archives, due, photos, purging, stocktaking
from webapp.settings import Settings


@pytest.fixture
def shelves(session: Session, settings: Settings) -> Shelves:
    return Shelves(session, settings)


def take(shelves: Shelves) -> stocktaking.Stock:
    shelves.session.commit()
    return stocktaking.take(shelves.session, shelves.settings)


def faults(shelves: Shelves) -> list[tuple[str, str]]:
    return [(one.kind.value, one.name) for one in take(shelves).faults]


def test_a_whole_store_has_no_fault_and_what_is_purged_is_told_apart(shelves: Shelves) -> None:
    shelves.policy(unflagged=10)
    old, fresh = shelves.listing(20), shelves.listing(1)
    shelves.photo(old), shelves.photo(fresh), shelves.archive(old), shelves.archive(fresh)
    report = shelves.report(1, shelves.finding(fresh, fresh.appearances[0].photo, FindingState.OPEN, 1))
    shelves.report_file(report), shelves.case(1, findings=[])
    shelves.session.commit()
    purging.purge(shelves.session, shelves.settings)
    stock = take(shelves)
    assert (stock.faults, stock.purged, stock.whole) == ([], 2, 5)


def test_what_is_missing_changed_left_or_unknown_is_named(shelves: Shelves) -> None:
    listing = shelves.listing(1)
    missing, changed, left = (photos.name_of(shelves.photo(listing).sha256) for _ in range(3))
    case = due.name_of_case(shelves.case(1, findings=[]))
    archive = shelves.archive(listing)
    shelves.place.remove(missing)
    shelves.place.remove(archive)
    shelves.place.put(changed, b"another")
    shelves.place.put(case, b"another")
    shelves.place.put("photos/aa/bb/unknown", b"no row")
    shelves.session.query(PhotoRow).filter_by(sha256=left.rpartition("/")[2]).update(
        {"purged_at": listing.last_seen_at}
    )
    assert sorted(faults(shelves)) == sorted(
        [
            ("missing", missing),
            ("missing", archive),
            ("changed", changed),
            ("changed", case),
            ("left", left),
            ("unknown", "photos/aa/bb/unknown"),
        ]
    )


def test_an_archive_that_waits_on_this_machine_is_not_missing(shelves: Shelves) -> None:
    name = shelves.archive(shelves.listing(1))
    shelves.place.remove(name)
    (archives.archives_dir(shelves.settings) / name.partition("/")[2]).write_bytes(b"a record")
    assert faults(shelves) == []


def test_rows_of_purges_that_were_rewritten_are_named(shelves: Shelves) -> None:
    shelves.policy(unflagged=10)
    listing = shelves.listing(20)
    make_photo(shelves.session)
    shelves.photo(listing)
    shelves.session.commit()
    purging.purge(shelves.session, shelves.settings)
    is_sqlite = shelves.session.get_bind().dialect.name == "sqlite"
    off = "DROP TRIGGER purges_no_update" if is_sqlite else "ALTER TABLE purges DISABLE TRIGGER ALL"
    shelves.session.execute(text(off))
    shelves.session.execute(text("UPDATE purges SET reason = 'another'"))
    shelves.session.add(Purge(name="x", sha256="0" * 64, size_bytes=1, reason="none", actor="eve"))
    assert [kind for kind, _ in faults(shelves) if kind == "rewritten"] == ["rewritten", "rewritten"]
