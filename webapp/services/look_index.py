"""The looks of all pictures, for finding near ones at once: files of this machine, made of the database.

The database says what there is: every look has a number there, in the order in which they came. The files are a cache:
each holds the looks of a range of numbers (a volume of scanner.looks) and never changes; deleted or wrong ones are
made anew. The newest looks, which are in no file yet, are held in memory.
"""

import fcntl
import logging
import shutil
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from scanner.looks import Asked, Pictures, Volume, nearest
from webapp.models import PhotoLook, PhotoRow

logger = logging.getLogger(__name__)

TAIL = 16_384  # looks that are compared one by one, 0.1 ms a search, before they become a volume
PAGE = 50_000
# Each volume holds at least so many times what the next one holds: few volumes, and each look is written a few times.
STEP = 4
LARGEST = 4_000_000  # what building takes in memory has a bound: 1.2 GB
CHECKS = 8  # rows of a volume that are compared with the database before it is believed

Row = tuple[int, int, str, str | None]
"""Number, photo id, look, pixel hash."""
Check = tuple[int, int, str]


@dataclass(slots=True)
class LookIndex:
    """folder: of the volumes, shared by the processes of a machine; None keeps all in memory, for a few looks.

    Of one thread. Its numbers have no gaps, and are given under the lock of `likeness.pair` alone.
    """

    folder: Path | None = None
    _volumes: list[Volume] = field(default_factory=list)
    _tail: Pictures = field(default_factory=lambda: Pictures.of([]))
    _newest: tuple[int, int] = (0, 0)  # number and photo id

    @property
    def last(self) -> int:
        """The number of the newest look that is known."""
        return self._newest[0]

    def near(self, photo: PhotoRow, most: int, beside: Pictures | None = None) -> list[tuple[int, int]]:
        """(distance, photo id) of at most `most` that look alike and have other pixels, the nearest first.

        Of those that `follow` came to know, and of `beside`.
        """
        asked = Asked.of(photo.id, photo.look_hash or "", photo.pixel_hash, most)
        return nearest(asked, [*self._volumes, self._tail, *([beside] if beside else [])])

    def follow(self, session: Session) -> None:
        """Come to know what was added since; all anew where the database is not what it was, as after a restore."""
        if not is_there(session, *self._newest):
            self._volumes = []
            self._open(session)
        parts = [self._tail]
        for rows in pages(session, self.last):
            parts.append(pictures_of(rows))
            self._newest = rows[-1][:2]
        if len(parts) > 1:
            self._tail = Pictures.together(parts)

    def settle(self, session: Session, *, is_patient: bool = False) -> None:
        """Between two transactions: make files of what came, where it is much.

        One process of a machine does so at a time; the others go on with what they know, or wait where is_patient.
        """
        session.rollback()
        if self.folder is not None and newest_number(session) - self._last_kept() >= TAIL:
            try:
                self._keep(session, self.folder, is_patient=is_patient)
            except OSError as error:
                logger.warning("the index of looks can't be written, so it is kept in memory: %s", error)
            self._open(session)
        self.follow(session)
        session.rollback()

    def _last_kept(self) -> int:
        return self._volumes[-1].last if self._volumes else 0

    def _keep(self, session: Session, folder: Path, *, is_patient: bool) -> None:
        with only_one(folder, is_patient=is_patient) as is_ours:
            if not is_ours:
                return
            self._open(session)
            while newest_number(session) - self._last_kept() >= TAIL:
                self._volumes.append(volume_of(session, self._last_kept()).save(folder))
                session.rollback()
                self._join(folder)
            sweep(folder, {one.folder for one in self._volumes})

    def _join(self, folder: Path) -> None:
        """Make one of the newest volumes while they are of about one size."""
        while len(self._volumes) > 1 and is_like(*self._volumes[-2:]):
            older, newer = self._volumes[-2:]
            checks = thin([*older.facts["checks"], *newer.facts["checks"]])
            facts = {"first": older.first, "last": newer.last, "newest": newer.facts["newest"], "checks": checks}
            joined = Volume.build(Pictures.together([older.pictures(), newer.pictures()]), **facts)
            self._volumes[-2:] = [joined.save(folder)]

    def _open(self, session: Session) -> None:
        """Take the volumes as they lie there now, and begin the tail behind them."""
        self._volumes = open_chain(session, self.folder, self._volumes) if self.folder else []
        number, photo_id = self._volumes[-1].facts["newest"] if self._volumes else (0, 0)
        self._newest = (number, photo_id)
        self._tail = Pictures.of([])


def is_like(older: Volume, newer: Volume) -> bool:
    return len(older) < STEP * len(newer) and len(older) + len(newer) <= LARGEST


def volume_of(session: Session, after: int) -> Volume:
    """Of the looks behind that number, as many as there are, at most LARGEST; not saved yet."""
    parts: list[Pictures] = []
    checks: list[Check] = []
    newest = (after, 0)
    for rows in pages(session, after):
        parts.append(pictures_of(rows))
        checks += [row[:3] for row in rows[:: max(1, len(rows) // CHECKS)]]
        newest = rows[-1][:2]
        if sum(len(part) for part in parts) + PAGE > LARGEST:
            break
    return Volume.build(Pictures.together(parts), first=after + 1, last=newest[0], newest=newest, checks=thin(checks))


def thin(checks: Sequence[Check]) -> Sequence[Check]:
    return checks[:: max(1, len(checks) // CHECKS)]


def pictures_of(rows: Sequence[Row]) -> Pictures:
    return Pictures.of([(photo, look, pixels) for _, photo, look, pixels in rows])


def pages(session: Session, after: int) -> Iterator[Sequence[Row]]:
    """The looks behind that number, in order; each page is there."""
    of_looks = select(PhotoLook.number, PhotoRow.id, PhotoRow.look_hash, PhotoRow.pixel_hash).join(PhotoLook.photo)
    while True:
        page = of_looks.where(PhotoLook.number > after).order_by(PhotoLook.number).limit(PAGE)
        rows = [(number, photo, look or "", pixels) for number, photo, look, pixels in session.execute(page)]
        if not rows:
            return
        yield rows
        after = rows[-1][0]


def newest_number(session: Session) -> int:
    return session.scalar(select(func.max(PhotoLook.number))) or 0


def is_there(session: Session, number: int, photo_id: int) -> bool:
    """Whether the look of that number still is that picture's; there is none with the number 0."""
    if number == 0:
        return True
    return session.scalar(select(PhotoLook.photo_id).where(PhotoLook.number == number)) == photo_id


def is_true(session: Session, volume: Volume) -> bool:
    """Whether the database says the same as the volume, as far as some rows tell."""
    checks = {number: (photo_id, look) for number, photo_id, look in volume.facts["checks"]}
    said = select(PhotoLook.number, PhotoRow.id, PhotoRow.look_hash).join(PhotoLook.photo)
    rows = session.execute(said.where(PhotoLook.number.in_(checks)))
    is_whole = is_there(session, *volume.facts["newest"])
    return is_whole and checks == {number: (photo_id, look) for number, photo_id, look in rows}


def open_chain(session: Session, folder: Path, known: Collection[Volume] = ()) -> list[Volume]:
    """The volumes that hold the looks from the first on without a gap. known: those that are open already."""
    by_folder = {one.folder: one for one in known}
    chain: list[Volume] = []
    wrong: set[Path] = set()
    while (path := next_path(folder, chain[-1].last if chain else 0, wrong)) is not None:
        volume = by_folder.get(path) or open_true(session, path)
        if volume is None:
            wrong.add(path)
        else:
            chain.append(volume)
    return chain


def next_path(folder: Path, last: int, wrong: Collection[Path]) -> Path | None:
    """The volume that follows that number and reaches farthest."""
    following = (path for path in folder.glob(f"{last + 1:012}-*") if path not in wrong)
    return max(following, key=lambda path: path.name, default=None)


def open_true(session: Session, path: Path) -> Volume | None:
    try:
        volume = Volume.open(path)
        return volume if is_true(session, volume) else None
    except (OSError, ValueError, KeyError) as error:
        logger.warning("a part of the index of looks is passed over: %s", error)
        return None


def sweep(folder: Path, kept: Collection[Path | None]) -> None:
    """Delete what was joined, is wrong, or was left by a killed maker; who has it open may read on."""
    for path in folder.iterdir():
        if path.is_dir() and path not in kept:
            shutil.rmtree(path, ignore_errors=True)


@contextmanager
def only_one(folder: Path, *, is_patient: bool) -> Iterator[bool]:
    """Whether this process is the one that makes volumes now; the lock goes with the process, however it ends."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if is_patient else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
            return
        yield True
