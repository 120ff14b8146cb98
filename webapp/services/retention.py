"""How long evidence, reports and case files are kept: for ever, unless an admin says otherwise, kind by kind."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session, joinedload

from webapp.db import insert_new, now
from webapp.language import say, say_later
from webapp.models import Kept, PhotoRow, Purge, RetentionPolicy, User
from webapp.services import archives, audit, photos, users
from webapp.services.errors import Refused

MOST_DAYS = 36_500
# A new period acts after so long, so that a slip is seen and a hold is placed before anything is gone.
GRACE = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Kind:
    """words: what it is; counted: from when its days count; least_days: no policy is shorter."""

    words: str
    counted: str
    least_days: int


KINDS: dict[Kept, Kind] = {
    Kept.UNFLAGGED: Kind(
        say_later("Evidence of listings on which nothing was found"),
        say_later("from when the listing was last seen"),
        7,
    ),
    Kept.DISMISSED: Kind(
        say_later("Evidence of listings on which everything was dismissed or withdrawn"),
        say_later("from the last decision or sighting, whichever is later"),
        30,
    ),
    Kept.CONFIRMED: Kind(
        say_later("Evidence of listings on which something was confirmed"),
        say_later("from the last decision or sighting, whichever is later"),
        365,
    ),
    Kept.REPORTS: Kind(
        say_later("Reports with their files"),
        say_later("from when the report was built; a schedule may say its own"),
        30,
    ),
    Kept.CASES: Kind(say_later("Case files"), say_later("from when the case file was made"), 365),
}
EVIDENCE = (Kept.UNFLAGGED, Kept.DISMISSED, Kept.CONFIRMED)


@dataclass(frozen=True, slots=True)
class Terms:
    """Periods by kind, in days, as they hold at a moment; a kind that is not there is kept for ever."""

    days: Mapping[Kept, int] = field(default_factory=dict)
    at: datetime = field(default_factory=now)

    def cutoff(self, kind: Kept) -> datetime:
        """What is older may go."""
        return self.at - timedelta(days=self.days[kind])

    @property
    def evidence(self) -> list[Kept]:
        """The kinds of evidence that have a period."""
        return [kind for kind in EVIDENCE if kind in self.days]


def policies(session: Session) -> dict[Kept, RetentionPolicy]:
    query = select(RetentionPolicy).options(joinedload(RetentionPolicy.user))
    return {row.kind: row for row in session.scalars(query, execution_options={"populate_existing": True})}


def terms(session: Session, at: datetime | None = None) -> Terms:
    """The periods in force: what was set a day ago or earlier."""
    at = at or now()
    rows = session.scalars(select(RetentionPolicy), execution_options={"populate_existing": True})
    return Terms({row.kind: row.days for row in rows if row.changed_at <= at - GRACE}, at)


def set_terms(session: Session) -> Terms:
    """The periods as they are set, those that do not act yet too."""
    return Terms({kind: row.days for kind, row in policies(session).items()})


def change(session: Session, user: User | None, wanted: Mapping[Kept, int | None]) -> dict[Kept, int | None]:
    """Set the periods of these kinds, None for ever; what that changed. The caller commits.

    Raises Refused for a period that is too short or too long.
    """
    before = policies(session)
    changed = {kind: days for kind, days in wanted.items() if days != getattr(before.get(kind), "days", None)}
    for kind, days in changed.items():
        check(kind, days)
        keep(session, user, before.get(kind), kind, days)
    session.flush()
    return changed


def check(kind: Kept, days: int | None) -> None:
    least = KINDS[kind].least_days
    if days is not None and not least <= days <= MOST_DAYS:
        raise Refused(say("Choose from %(least)s to %(most)s days, or none for ever.", least=least, most=MOST_DAYS))


def keep(session: Session, user: User | None, row: RetentionPolicy | None, kind: Kept, days: int | None) -> None:
    actor = users.name_of(user)
    audit.record(session, actor, "retention.set", f"retention:{kind}", before=row.days if row else None, after=days)
    if days is None:
        session.execute(delete(RetentionPolicy).where(RetentionPolicy.kind == kind))
        return
    said = {"days": days, "user_id": user.id if user else None, "changed_at": now()}
    if row is not None or not insert_new(session, RetentionPolicy, kind=kind, **said):
        session.execute(update(RetentionPolicy).where(RetentionPolicy.kind == kind).values(**said))


def purges(session: Session, limit: int, before_id: int | None = None, sha256: str | None = None) -> list[Purge]:
    """What was removed, the newest first."""
    query = select(Purge).order_by(Purge.id.desc()).limit(limit)
    if before_id is not None:
        query = query.where(Purge.id < before_id)
    return list(session.scalars(query.where(Purge.sha256 == sha256) if sha256 else query))


def newest_purge(session: Session, name: str) -> Purge | None:
    """Of a file in the store, by its name."""
    return session.scalar(select(Purge).where(Purge.name == name).order_by(Purge.id.desc()).limit(1))


def newest_below(session: Session, prefix: str) -> Purge | None:
    """Of the files whose names begin so."""
    below = Purge.name.startswith(prefix, autoescape=True)
    return session.scalar(select(Purge).where(below).order_by(Purge.id.desc()).limit(1))


def purged_photos(session: Session, shown: Sequence[PhotoRow]) -> dict[int, Purge]:
    """By the picture's id, of those that are gone."""
    names = {photos.name_of(one.sha256): one.id for one in shown if one.purged_at}
    return {names[name]: row for name, row in newest_purges(session, names).items()}


def purged_archives(session: Session, shown: Collection[str]) -> dict[str, Purge]:
    """By the archive as captures name it, of those that are gone."""
    names = {archives.name_of(one): one for one in shown}
    return {names[name]: row for name, row in newest_purges(session, names).items()}


def newest_purges(session: Session, names: Collection[str]) -> dict[str, Purge]:
    """By name the newest of each."""
    if not names:
        return {}
    query = select(Purge).where(Purge.name.in_(names)).order_by(Purge.id)
    return {row.name: row for row in session.scalars(query)}
