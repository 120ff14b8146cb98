"""What is backed up comes back into an empty installation, whole, on either database."""

import errno
import gzip
import json
import shutil
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from tests.factories import add, make_scan, make_user
from tests.webapp.services.shelves import Shelves, days_ago
from webapp.db import open_engine, session_factory
from webapp.migrations import upgrade
from webapp.models import AuditEntry, FindingState, ListingRow, PhotoRow, ReportSchedule, User
from webapp.services import audit, photos, purging, signing, upkeep
from webapp.services.backups import making, restoring, snapshots, tables
from webapp.services.backups.restoring import Restored
from webapp.services.errors import NotFound, Refused
from webapp.settings import Settings
from webapp.storage import FolderStore, StoreError, open_store

Restore = Callable[..., Restored]


@pytest.fixture
def shelves(session: Session, settings: Settings) -> Shelves:
    """One of everything that lies in the store, models and keys, people and an audit log."""
    shelves = Shelves(session, settings)
    user = make_user(session)
    listing = shelves.listing(3, title="象牙 🐘 \x1f", price=Decimal("12.34"), currency="EUR")
    photo = shelves.photo(listing)
    finding = shelves.finding(listing, photo, FindingState.CONFIRMED, 2, user)
    shelves.archive(listing)
    shelves.report(1, finding)
    for number in range(3):
        audit.record(session, user.name, "decision.confirm", f"finding:{number}", share=1 / 3)
    session.commit()
    upkeep.catch_up(session)
    signing.signing_key(settings.home)
    assert settings.secret_key
    (settings.models_dir / "ours").mkdir(parents=True)
    (settings.models_dir / "ours" / "card.json").write_text("{}")
    (settings.models_dir / ".downloads").mkdir()
    (settings.models_dir / ".downloads" / "half").write_text("half of a file")
    return shelves


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "backups"


@pytest.fixture
def other(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "other", database_url=None, broker_url=None)


@pytest.fixture
def other_engine(other: Settings, migrated_file: Path) -> Iterator[Engine]:
    """With tables and no rows, to spare the seconds that making them takes."""
    other.home.mkdir()
    shutil.copy(migrated_file, other.home / "tuskline.db")
    engine = open_engine(other.sqlalchemy_url)
    yield engine
    engine.dispose()


@pytest.fixture
def restore(other: Settings, other_engine: Engine, target: Path) -> Restore:
    def bring(name: str | None = None) -> Restored:
        store = FolderStore(target)
        return restoring.restore(other_engine, other, store, snapshots.find(store, name))

    return bring


def rows_of(engine: Engine, folder: Path) -> dict[str, bytes]:
    """All tables, as they are dumped, but for what looking at them adds to the audit log."""
    folder.mkdir()
    found = {}
    with engine.connect() as connection:
        for one in tables.all_tables():
            tables.dump(connection, one, folder / one.name)
            found[one.name] = gzip.decompress((folder / one.name).read_bytes())
    return found


@pytest.mark.usefixtures("shelves")
def test_everything_comes_back(
    engine: Engine,
    settings: Settings,
    other: Settings,
    other_engine: Engine,
    target: Path,
    restore: Restore,
    tmp_path: Path,
) -> None:
    (other.home / "tuskline.db").unlink()  # here they are made
    before = rows_of(engine, tmp_path / "before")
    made = making.make(engine, settings, str(target))
    assert made.faults == [] and made.with_keys
    result = restore()
    assert result.is_whole and result.stock.faults == [] and result.stock.whole == 3
    after = rows_of(other_engine, tmp_path / "after")
    changed = {"audit_entries", "audit_seals", "sealed_entries"}
    assert {name: after[name] for name in before if name not in changed} == {
        name: before[name] for name in before if name not in changed
    }
    assert after["audit_entries"].startswith(before["audit_entries"])
    for name in ("secret.key", "signing.key", "models/ours/card.json"):
        assert (other.home / name).read_bytes() == (settings.home / name).read_bytes()
    assert (other.home / "signing.key").stat().st_mode & 0o777 == 0o600
    assert not (other.models_dir / ".downloads").exists()


@pytest.mark.usefixtures("shelves")
def test_new_rows_follow_those_that_came_back(
    engine: Engine, settings: Settings, other_engine: Engine, target: Path, restore: Restore
) -> None:
    making.make(engine, settings, str(target))
    restore()
    with session_factory(other_engine)() as session:
        highest = session.scalar(select(func.max(ListingRow.id))) or 0
        listing = Shelves(session, settings).listing(0)
        assert listing.id > highest


def test_a_second_backup_writes_what_is_new_alone(
    shelves: Shelves, session: Session, engine: Engine, settings: Settings, target: Path
) -> None:
    first = making.make(engine, settings, str(target))
    objects = {path: path.stat().st_mtime_ns for path in target.glob("objects/*/*/*")}
    photo = shelves.photo(shelves.listing(1))
    session.commit()
    second = making.make(engine, settings, str(target))
    new = {path for path in target.glob("objects/*/*/*") if path not in objects}
    assert second.files_count == first.files_count + 1
    assert target / snapshots.object_name(photo.sha256) in new
    assert all(path.stat().st_mtime_ns == at for path, at in objects.items())


def test_files_that_are_missing_or_changed_are_named(
    shelves: Shelves, session: Session, engine: Engine, settings: Settings, target: Path, restore: Restore
) -> None:
    listing = shelves.listing(1)
    missing, changed = shelves.photo(listing), shelves.photo(listing)
    session.commit()
    shelves.place.remove(photos.name_of(missing.sha256))
    FolderStore(settings.home).path_of(photos.name_of(changed.sha256)).write_bytes(b"other bytes")
    made = making.make(engine, settings, str(target))
    assert sorted(made.faults) == sorted(photos.name_of(one.sha256) for one in (missing, changed))
    result = restore()
    assert result.is_whole, "it is as it was, with the same two faults"
    assert len(result.stock.faults) == 2


@pytest.mark.usefixtures("shelves")
def test_older_backups_go_with_what_they_alone_need(
    engine: Engine, settings: Settings, target: Path, restore: Restore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, made = FolderStore(target), []
    for second in range(3):
        at = days_ago(1).replace(second=second)
        monkeypatch.setattr(making, "now", lambda at=at: at)
        made.append(making.make(engine, settings, str(target)))
    assert snapshots.names(store) == [one.name for one in made]
    assert snapshots.prune(store, 1) == 2
    assert snapshots.names(store) == [made[-1].name]
    needed = set(snapshots.digests_of(store, made[-1]))
    assert {path.name for path in target.glob("objects/*/*/*")} == needed
    assert restore().is_whole


@pytest.mark.usefixtures("shelves")
def test_keys_may_stay_elsewhere_and_the_log_verifies_all_the_same(
    engine: Engine, settings: Settings, other: Settings, target: Path, restore: Restore
) -> None:
    making.make(engine, settings, str(target), with_keys=False)
    assert not any(b"PRIVATE KEY" in path.read_bytes() for path in target.rglob("*") if path.is_file())
    assert restore().is_whole
    assert not (other.home / "secret.key").exists()


@pytest.mark.usefixtures("shelves")
def test_a_changed_backup_is_refused(engine: Engine, settings: Settings, target: Path, restore: Restore) -> None:
    made = making.make(engine, settings, str(target))
    path = target / snapshots.snapshot_name(made.name)
    said = json.loads(path.read_text())
    path.write_text(json.dumps({**said, "tables": said["tables"][:-1]}))
    with pytest.raises(Refused, match="was changed after it was made"):
        restore()
    path.write_text("{}")
    with pytest.raises(Refused, match="can't be read"):
        restore()
    with pytest.raises(NotFound):
        restore("2020-01-01T000000Z")


@pytest.mark.usefixtures("shelves")
def test_a_changed_object_is_refused_and_the_next_try_goes_on(
    engine: Engine, settings: Settings, other_engine: Engine, target: Path, restore: Restore
) -> None:
    made = making.make(engine, settings, str(target))
    digest = next(one.sha256 for one in made.tables if one.name == "findings")
    path = target / snapshots.object_name(digest)
    body = path.read_bytes()
    path.write_bytes(body[:-1] + b"?")
    with pytest.raises(StoreError, match="is not what its name says"):
        restore()
    with other_engine.connect() as connection:
        assert tables.filled_tables(connection) == []
    path.write_bytes(body)
    assert restore().is_whole


def test_a_damaged_object_is_replaced_where_the_backup_is_checked(
    shelves: Shelves, session: Session, engine: Engine, settings: Settings, target: Path, restore: Restore
) -> None:
    photo = shelves.photo(shelves.listing(1))
    session.commit()
    making.make(engine, settings, str(target))
    path = target / snapshots.object_name(photo.sha256)
    body = path.read_bytes()
    path.write_bytes(b"?" * len(body))
    making.make(engine, settings, str(target))
    assert path.read_bytes() != body, "as large as it was, it is not looked at"
    making.make(engine, settings, str(target), is_checked=True)
    assert path.read_bytes() == body
    path.unlink()
    making.make(engine, settings, str(target), is_checked=True)
    assert restore().is_whole


@pytest.mark.usefixtures("shelves")
def test_a_restore_that_was_cut_off_behind_its_rows_goes_on(
    engine: Engine,
    settings: Settings,
    other_engine: Engine,
    target: Path,
    restore: Restore,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(making, "now", lambda: days_ago(2))
    first = making.make(engine, settings, str(target))
    monkeypatch.setattr(making, "now", lambda: days_ago(1))
    making.make(engine, settings, str(target))
    with monkeypatch.context() as patch:
        patch.setattr(restoring, "look", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            restore()
    with other_engine.connect() as connection:
        assert tables.filled_tables(connection)
    with pytest.raises(Refused, match="empty database"):
        restore(first.name)
    assert restore().is_whole
    with pytest.raises(Refused, match="empty database"):
        restore()


@pytest.mark.usefixtures("shelves")
def test_it_goes_into_an_empty_installation_alone(
    engine: Engine, settings: Settings, other: Settings, other_engine: Engine, target: Path, restore: Restore
) -> None:
    making.make(engine, settings, str(target))
    signing.signing_key(other.home)
    with pytest.raises(Refused, match="belongs to another installation"):
        restore()
    (other.home / "signing.key").unlink()
    upgrade(other_engine)
    with session_factory(other_engine)() as session:
        make_scan(session)
        session.commit()
    with pytest.raises(Refused, match="empty database"):
        restore()


def test_a_backup_beside_the_store_itself_is_refused(engine: Engine, settings: Settings) -> None:
    with pytest.raises(Refused, match="Give another place"):
        making.make(engine, settings, str(settings.home))


@pytest.mark.usefixtures("shelves")
def test_a_backup_of_a_newer_version_says_so(
    engine: Engine, settings: Settings, target: Path, restore: Restore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(making, "newest_revision", lambda: "9999")
    making.make(engine, settings, str(target))
    with pytest.raises(Refused, match="newer Tuskline"):
        restore()


def test_what_was_purged_meanwhile_is_no_fault(
    shelves: Shelves, session: Session, engine: Engine, settings: Settings
) -> None:
    shelves.policy(unflagged=10)
    photo = shelves.photo(shelves.listing(20))
    session.commit()
    purging.purge(session, settings)
    name = photos.name_of(photo.sha256)
    assert making.still_faults(engine, [name, "photos/other"]) == ["photos/other"]


def test_a_row_that_says_where_to_is_kept_in_the_home_folder(other: Settings) -> None:
    with pytest.raises(Refused, match="outside the home folder"):
        restoring.check_name(other.home, "../../.ssh/authorized_keys")


@pytest.mark.usefixtures("shelves")
def test_nobody_else_can_read_its_files(
    engine: Engine, settings: Settings, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_moved = False

    def replace(path: Path, to: Path) -> Path:
        nonlocal is_moved
        if path.parent != to.parent:  # as between two file systems
            raise OSError(errno.EXDEV, "elsewhere")
        is_moved = True
        return rename(path, to)

    rename = Path.rename
    monkeypatch.setattr(Path, "replace", replace)
    making.make(engine, settings, str(target))
    assert is_moved
    assert {path.stat().st_mode & 0o777 for path in target.rglob("*") if path.is_file()} == {0o600}


@pytest.mark.usefixtures("shelves")
def test_a_changed_list_of_files_is_refused_and_does_not_stop_the_next_backup(
    engine: Engine, settings: Settings, target: Path, restore: Restore, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = making.make(engine, settings, str(target))
    path = target / snapshots.object_name(made.files)
    lines = gzip.decompress(path.read_bytes()).splitlines(keepends=True)
    body = path.read_bytes()
    path.write_bytes(gzip.compress(b"".join(lines[1:])))
    with pytest.raises(StoreError, match="is not what its name says"):
        restore()
    path.write_bytes(body[: len(body) // 2])
    monkeypatch.setattr(making, "now", lambda: days_ago(-1))
    assert making.make(engine, settings, str(target)).faults == []
    assert restore().is_whole


@pytest.mark.usefixtures("shelves")
def test_of_another_installation_nothing_is_taken_as_known(engine: Engine, settings: Settings, target: Path) -> None:
    making.make(engine, settings, str(target))
    store, key = FolderStore(target), signing.signing_key(settings.home).public
    assert making.known_files(store, key)
    assert making.known_files(store, "0" * 64) == {}


@pytest.mark.usefixtures("shelves")
def test_keys_that_were_kept_elsewhere_may_be_put_there_first(
    engine: Engine, settings: Settings, other: Settings, target: Path, restore: Restore
) -> None:
    made = making.make(engine, settings, str(target), with_keys=False)
    for name in making.KEYS:
        shutil.copy(settings.home / name, other.home / name)
    assert restore().is_whole
    assert signing.signing_key(other.home).public == made.key


@pytest.mark.usefixtures("shelves")
def test_tables_of_a_newer_version_take_no_older_rows(
    engine: Engine, settings: Settings, target: Path, restore: Restore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(making, "newest_revision", lambda: "0001")
    making.make(engine, settings, str(target))
    with pytest.raises(Refused, match="empty database"):
        restore()


def test_nulls_of_json_and_of_sql_stay_what_they_are(
    session: Session, engine: Engine, settings: Settings, other_engine: Engine, target: Path, restore: Restore
) -> None:
    photo = add(session, PhotoRow(sha256="1" * 64, size_bytes=1))
    user = make_user(session)
    scan = make_scan(session)
    scan.shape = {"a": None, "größe": [1.5, 1e300, 0.1], "n": 2**60}
    session.commit()
    making.make(engine, settings, str(target))
    restore()
    with session_factory(other_engine)() as other_session:
        assert other_session.get_one(type(scan), scan.id).shape == scan.shape
        assert other_session.get_one(User, user.id).created_at == user.created_at
        assert other_session.get_one(PhotoRow, photo.id).purged_at is None
        assert other_session.scalar(select(func.count(AuditEntry.id)).where(AuditEntry.action == "backup.make")) == 0
        assert other_session.scalar(select(func.count(ReportSchedule.id))) == 0
        assert open_store(settings) is not None
