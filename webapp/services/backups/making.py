"""Making a backup, while Tuskline goes on: first what lies in the home folder, then the rows as of one moment, then
the files that they name. Files never change once they are there, so all of it belongs together."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from scanner.fingerprints import digest_file
from webapp.db import chunks, now, one_moment, session_factory
from webapp.language import say
from webapp.migrations import newest_revision
from webapp.models import Purge
from webapp.services import archives, audit, chain, signing, software, stocktaking
from webapp.services.backups import snapshots, tables
from webapp.services.backups.snapshots import Dumped, Kept, Manifest
from webapp.services.errors import Refused
from webapp.services.stocktaking import Expected
from webapp.settings import Settings
from webapp.storage import Store, StoreError, open_place, open_store

MADE = "backup.make"
KEYS = ("secret.key", signing.FILE)
PAPERS = (signing.TRUSTED, chain.KEPT_HEAD)

Tell = Callable[[int, int], object]


@dataclass(slots=True)
class Taking:
    """One backup under way. known: files of the store, by name, as the backup before has them.

    is_checked: whether objects that the target has are read, and replaced where they are damaged.
    """

    settings: Settings
    source: Store
    target: Store
    scratch: Path
    known: dict[str, Kept]
    is_checked: bool
    faults: list[str] = field(default_factory=list)

    def keep(self, path: Path) -> tuple[str, int]:
        """Move it into the target: its digest and size in bytes."""
        return snapshots.keep_file(self.target, path, is_checked=self.is_checked)


def make(
    engine: Engine, settings: Settings, place: str, actor: str = audit.SYSTEM, *, with_keys: bool = True,
    is_checked: bool = False, tell: Tell = lambda _done, _total: None,
) -> Manifest:  # fmt: skip
    """Back up into `place` (a folder, or s3://bucket/prefix); what an earlier one brought there stays.

    is_checked: read every file of the store again and every object that is needed, and mend what was damaged there.
    tell: called with the store's files done and those to do. The audit log is sealed first, so that the manifest's
    head vouches for all of it. Raises StoreError and Refused; what was written until then serves the next try.
    """
    source, target = open_store(settings), open_target(settings, place)
    key = signing.signing_key(settings.home)
    with session_factory(engine)() as session:
        chain.seal_all(session, settings.home, key)
    with TemporaryDirectory(dir=settings.home, prefix=".backup-") as scratch:
        known = {} if is_checked else known_files(target, key.public)
        taking = Taking(settings, source, target, Path(scratch), known, is_checked)
        home = list(keep_home(taking, with_keys))
        with one_moment(engine) as session:
            dumped = keep_rows(taking, session)
            listed = Path(scratch, "files")
            count, size = snapshots.write_list(_all(home, keep_files(taking, session, tell)), listed)
            head = chain.head(session)
        manifest = Manifest(
            made_at=now().isoformat(timespec="seconds"),
            version=str(software.made_with()["version"]),
            revision=newest_revision(),
            tables=dumped,
            files=taking.keep(listed)[0],
            files_count=count,
            files_bytes=size,
            with_keys=with_keys,
            head=head.to_json() if head else None,
            faults=still_faults(engine, taking.faults),
        ).sign(key)
        told = Path(scratch, "manifest")
        told.write_bytes(manifest.to_json())
        snapshots.keep_private(target, snapshots.snapshot_name(manifest.name), told)
    with session_factory(engine)() as session:
        audit.record(session, actor, MADE, f"backup:{manifest.name}", files=count, faults=len(manifest.faults))
        session.commit()
    return manifest


def open_target(settings: Settings, place: str) -> Store:
    """Raises Refused for the store itself, and StoreError where nothing can be written."""
    target, source = open_place(settings, place), open_store(settings)
    if repr(target) == repr(source):
        raise Refused(say("Give another place than the store itself: a backup beside what it is of goes with it."))
    target.check()
    return target


def known_files(target: Store, key: str) -> dict[str, Kept]:
    """Of the newest backup of ours that can be read. key: public, of this installation; another has other files."""
    for name in reversed(snapshots.names(target)):
        with suppress(Refused, StoreError):
            manifest = snapshots.find(target, name)
            if manifest.key == key and manifest.is_signed:
                return {one.name: one for one in snapshots.read_list(target, manifest) if one.room == "store"}
    return {}


def _all(*lists: Iterable[Kept]) -> Iterator[Kept]:
    for files in lists:
        yield from files


def keep_home(taking: Taking, with_keys: bool) -> Iterator[Kept]:
    """Keys, what vouches for the audit log, models, and files that sources read."""
    home = taking.settings.home
    wanted = [home / name for name in (*(KEYS if with_keys else ()), *PAPERS)]
    for folder in (taking.settings.models_dir, taking.settings.inbox_dir):
        if folder.is_relative_to(home):
            wanted += [path for path in sorted(folder.rglob("*")) if not is_hidden(path.relative_to(home))]
    for path in wanted:
        if path.is_file():
            with path.open("rb") as file:
                copy = snapshots.take_copy(file, taking.scratch)
            yield Kept("home", path.relative_to(home).as_posix(), *taking.keep(copy))


def is_hidden(path: Path) -> bool:
    """Downloads and installs under way."""
    return any(part.startswith(".") for part in path.parts)


def keep_rows(taking: Taking, session: Session) -> list[Dumped]:
    found = []
    for one in tables.all_tables():
        path = taking.scratch / one.name
        count = tables.dump(session.connection(), one, path)
        found.append(Dumped(one.name, count, taking.keep(path)[0]))
    return found


def keep_files(taking: Taking, session: Session, tell: Tell) -> Iterator[Kept]:
    """What the rows name, but for what was purged; what is not there, or other than they say, becomes a fault."""
    total = stocktaking.count(session)
    for number, one in enumerate(stocktaking.expected(session), 1):
        if not one.is_purged and (kept := keep_expected(taking, one)):
            yield kept
        tell(number, total)


def keep_expected(taking: Taking, one: Expected) -> Kept | None:
    for name in one.names:
        if (known := taking.known.get(name)) and one.sha256 in (None, known.sha256):
            return known
        try:
            return keep_named(taking, name, one.sha256)
        except FileNotFoundError:
            continue
    taking.faults.append(one.names[0])
    return None


def keep_named(taking: Taking, name: str, sha256: str | None) -> Kept | None:
    """Raises FileNotFoundError where neither the store nor, of an archive, this machine has it."""
    copy = copy_of(taking, name)
    if sha256 is not None and digest_file(copy) != sha256:
        taking.faults.append(name)
        return None
    return Kept("store", name, *taking.keep(copy))


def copy_of(taking: Taking, name: str) -> Path:
    try:
        with closing(taking.source.open(name)) as body:
            return snapshots.take_copy(body, taking.scratch)
    except FileNotFoundError:
        folder, _, archive = name.partition("/")
        waiting = archives.archives_dir(taking.settings) / archive
        if archives.name_of(archive) != name or not folder:
            raise
        with waiting.open("rb") as body:  # finished, and not yet moved into the store
            return snapshots.take_copy(body, taking.scratch)


def still_faults(engine: Engine, faults: list[str]) -> list[str]:
    """Those that retention did not remove while we were at it."""
    purged: set[str] = set()
    with session_factory(engine)() as session:
        for names in chunks(faults):
            purged.update(session.scalars(select(Purge.name).where(Purge.name.in_(names))))
    return [name for name in faults if name not in purged]
