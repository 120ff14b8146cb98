"""The way back: into an empty installation, every file checked by its digest, and the audit log by its chain."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Engine

from scanner.fingerprints import digest_file
from webapp.db import session_factory
from webapp.language import say
from webapp.migrations import known_revisions, revision_of, upgrade
from webapp.services import audit, signing, stocktaking, upkeep, verifying
from webapp.services.backups import snapshots, tables
from webapp.services.backups.making import KEYS
from webapp.services.backups.snapshots import Kept, Manifest
from webapp.services.errors import Refused
from webapp.services.stocktaking import Stock
from webapp.services.verifying import Verification
from webapp.settings import Settings
from webapp.storage import FolderStore, Store, open_store, write_whole

RESTORED = "backup.restore"
UNDER_WAY = ".restoring"  # in the home folder: the backup whose rows are being brought

Tell = Callable[[int, int], object]


@dataclass(frozen=True, slots=True)
class Restored:
    """chain: what verifying the audit log said. stock: what comparing the store with the rows said.

    missing: what the backup itself lacked, and so is missing here too.
    """

    manifest: Manifest
    chain: Verification
    stock: Stock

    @property
    def new_faults(self) -> list[stocktaking.Fault]:
        """What is amiss here and was not when the backup was made."""
        return [fault for fault in self.stock.faults if fault.name not in set(self.manifest.faults)]

    @property
    def is_whole(self) -> bool:
        return self.chain.is_whole and not self.new_faults


def restore(
    engine: Engine, settings: Settings, target: Store, manifest: Manifest, tell: Tell = lambda _done, _total: None
) -> Restored:
    """Bring the backup into an installation without rows, and look at all of it. tell: files done, files in all.

    Files come first and rows last, in one transaction: after a crash or a full disk, the same command goes on.
    Raises Refused where the backup was changed, is of a newer version, or there are rows; StoreError.
    """
    check_manifest(manifest)
    settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    under_way = settings.home / UNDER_WAY
    if not (is_begun(under_way, manifest) and filled_tables(engine)):
        check_empty(engine, settings, target, manifest)
        bring(engine, settings, target, manifest, tell)
    upgrade(engine)
    result = look(engine, settings, manifest)
    under_way.unlink(missing_ok=True)
    return result


def is_begun(under_way: Path, manifest: Manifest) -> bool:
    """Whether a restore of this very backup was cut off once it had begun to bring rows."""
    return under_way.is_file() and under_way.read_text() == manifest.signature


def filled_tables(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        return tables.filled_tables(connection)


def bring(engine: Engine, settings: Settings, target: Store, manifest: Manifest, tell: Tell) -> None:
    with TemporaryDirectory(dir=settings.home, prefix=".restore-") as scratch:
        for number, one in enumerate(snapshots.read_list(target, manifest), 1):
            bring_file(settings, target, one, Path(scratch))
            tell(number, manifest.files_count)
        trust(settings.home, manifest)
        write_whole(settings.home / UNDER_WAY, manifest.signature.encode())
        load_rows(engine, target, manifest, Path(scratch))


def check_manifest(manifest: Manifest) -> None:
    if not manifest.is_signed:
        raise Refused(
            say("The backup %(name)s was changed after it was made: its signature does not fit.", name=manifest.name)
        )
    if manifest.revision not in known_revisions():
        raise Refused(
            say("The backup %(name)s is of a newer Tuskline (%(version)s): install that one, or a newer one.",
                name=manifest.name, version=manifest.version)
        )  # fmt: skip


def check_empty(engine: Engine, settings: Settings, target: Store, manifest: Manifest) -> None:
    filled = filled_tables(engine)
    if revision_of(engine) in newer_revisions(manifest.revision):
        filled.append("alembic_version")  # no table may be of a newer version than the rows that come
    if filled:
        raise Refused(
            say("A backup goes into an empty database, and this one has rows (in %(table)s): give another with "
                "TUSKLINE_HOME or TUSKLINE_DATABASE_URL.", table=filled[0])
        )  # fmt: skip
    ours = {one.name: one.sha256 for one in snapshots.read_list(target, manifest) if one.room == "home"}
    for name in KEYS:
        path = settings.home / name
        if path.exists() and not is_of_backup(path, ours.get(name), manifest):
            raise Refused(
                say("%(path)s belongs to another installation: restore into an empty folder, with TUSKLINE_HOME.",
                    path=path)
            )  # fmt: skip


def newer_revisions(revision: str) -> tuple[str, ...]:
    known = known_revisions()
    return known[: known.index(revision)]


def is_of_backup(path: Path, sha256: str | None, manifest: Manifest) -> bool:
    """Whether a key that lies here is the one of the backup, or of the installation whose backup has no keys."""
    if manifest.with_keys:
        return digest_file(path) == sha256
    return path.name != signing.FILE or signing.read_key(path).public == manifest.key


def bring_file(settings: Settings, target: Store, one: Kept, scratch: Path) -> None:
    """Put it where it was, unless it is there already."""
    place = open_store(settings)
    if one.room == "store" and place.has(one.name) and place.size(one.name) == one.size:
        return
    copy = checked_copy(target, one.sha256, scratch)
    if one.room == "store":
        place.put_file(one.name, copy)
    else:
        check_name(settings.home, one.name)
        copy.chmod(0o600 if one.name in KEYS else 0o644)
        FolderStore(settings.home).put_file(one.name, copy)


def check_name(home: Path, name: str) -> None:
    """Raises Refused for a name that leads out of the folder."""
    if not (home / name).resolve().is_relative_to(home.resolve()):
        raise Refused(say("The backup names a file outside the home folder (%(name)s): it is not taken.", name=name))


def checked_copy(target: Store, sha256: str, scratch: Path) -> Path:
    """An object as a file of ours. Raises StoreError where it is gone or is no longer what its name says."""
    name = snapshots.object_name(sha256)
    try:
        with closing(target.open(name)) as body:
            copy = snapshots.take_copy(body, scratch)
    except FileNotFoundError:
        raise snapshots.lost(target, name) from None
    if digest_file(copy) != sha256:
        raise snapshots.changed(target, name)
    return copy


def trust(home: Path, manifest: Manifest) -> None:
    """Without the backup's own key there will be a new one: what the old one signed shall count all the same."""
    if manifest.with_keys or manifest.key in signing.trusted_keys(home):
        return
    with (home / signing.TRUSTED).open("a", encoding="utf-8") as file:
        file.write(f"{manifest.key}\n")


def load_rows(engine: Engine, target: Store, manifest: Manifest, scratch: Path) -> None:
    """All tables or none, in the schema that they come from."""
    upgrade(engine, manifest.revision)
    with engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")  # its driver begins none before a PRAGMA
        with tables.Loading(connection):
            for one in manifest.tables:
                with checked_copy(target, one.sha256, scratch).open("rb") as rows:
                    tables.load(connection, rows)
        connection.commit()


def look(engine: Engine, settings: Settings, manifest: Manifest) -> Restored:
    """Verify everything as it stands now, and note in the audit log that it came from a backup."""
    heads = [manifest.audit_head] if manifest.audit_head else []
    with session_factory(engine)() as session:
        upkeep.catch_up(session)
        result = Restored(
            manifest, verifying.verify_home(session, settings.home, heads), stocktaking.take(session, settings)
        )
        audit.record(session, audit.SYSTEM, RESTORED, f"backup:{manifest.name}", whole=result.is_whole)
        session.commit()
    return result
