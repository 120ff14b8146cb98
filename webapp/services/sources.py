"""The marketplaces that scans crawl."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import delete as delete_rows
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from scanner.markets.base import Market, MarketError, Option
from scanner.markets.options import options_of
from scanner.markets.registry import find_market, list_kinds
from webapp.echoes import say_again
from webapp.language import say
from webapp.models import ListingRow, Scan, Schedule, Source
from webapp.services import audit
from webapp.services.errors import NotFound, Refused
from webapp.services.source_options import shown_all

logger = logging.getLogger(__name__)

NAME_LETTERS = 120


@dataclass(frozen=True, slots=True)
class Summary:
    """One source at a glance. listings_count: all that were ever seen."""

    source: Source
    last_scan: Scan | None = None
    listings_count: int = 0
    schedules: list[Schedule] = field(default_factory=list)

    @property
    def next_at(self) -> datetime | None:
        return min((one.fires_at for one in self.schedules if one.fires_at), default=None)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of source that can be added; fault: why not, in a sentence, where its plug-in is broken."""

    name: str
    market: Market | None = None
    fault: str | None = None


def ensure_source(session: Session, name: str, kind: str, options: Mapping[str, Any]) -> Source:
    """The source of that name, made or brought up to date."""
    source = find_named(session, name)
    if source is None:
        return create(session, name, kind, options, audit.SYSTEM)
    source.kind, source.options = kind, dict(options)
    return source


def create(session: Session, name: str, kind: str, options: Mapping[str, Any], actor: str) -> Source:
    """Add a source; its options were checked before (source_options). Raises Refused for a name that won't do."""
    source = Source(name=free_name(session, name), kind=kind, options=dict(options))
    session.add(source)
    session.flush()
    audit.record(session, actor, "source.create", f"source:{source.id}", **facts_of(source))
    return source


def change(session: Session, source: Source, name: str, options: Mapping[str, Any], actor: str) -> None:
    """Give another name and other options, which were checked before; scans that run go on with the old ones.

    Raises Refused for a name that won't do.
    """
    before = facts_of(source)
    source.name = free_name(session, name, source)
    source.options = dict(options)
    session.flush()
    audit.record(session, actor, "source.change", f"source:{source.id}", before=before, after=facts_of(source))


def delete(session: Session, source: Source, actor: str) -> None:
    """Forget a source of which nothing was ever scanned, and its schedules. Raises Refused where something was."""
    if not is_unused(session, source):
        raise Refused(
            say(
                "%(name)s has been scanned, and what was found names it: pause its schedules instead.", name=source.name
            )
        )
    session.execute(delete_rows(Schedule).where(Schedule.source_id == source.id))
    audit.record(session, actor, "source.delete", f"source:{source.id}", **facts_of(source))
    session.delete(source)
    session.flush()


def is_unused(session: Session, source: Source) -> bool:
    rows = (select(table.id).where(table.source_id == source.id).limit(1) for table in (Scan, ListingRow))
    return all(session.scalar(query) is None for query in rows)


def facts_of(source: Source) -> dict[str, Any]:
    """For the audit, where a secret never stands."""
    return {"name": source.name, "kind": source.kind, "options": shown_all(market_of(source), source.options)}


def free_name(session: Session, name: str, source: Source | None = None) -> str:
    """The name, tidied, where no other source has it. Raises Refused."""
    name = " ".join(name.split())
    if not 1 <= len(name) <= NAME_LETTERS:
        raise Refused(say("Give a name of 1 to %(name_letters)s letters.", name_letters=NAME_LETTERS))
    namesake = find_named(session, name)
    if namesake is not None and namesake is not source:
        raise Refused(say("There is a source named %(name)s already; choose another name.", name=name))
    return name


def find(session: Session, source_id: int) -> Source:
    """Raises NotFound."""
    source = session.get(Source, source_id)
    if source is None:
        raise NotFound(say("There is no source %(source_id)s.", source_id=source_id))
    return source


def find_named(session: Session, name: str) -> Source | None:
    return session.scalar(select(Source).where(Source.name == name))


def list_sources(session: Session) -> list[Source]:
    return list(session.scalars(select(Source).order_by(Source.name)))


def summaries(session: Session) -> list[Summary]:
    """Every source by name, in a handful of queries however many there are."""
    last_scans = {scan.source_id: scan for scan in newest_each(session)}
    counted = select(ListingRow.source_id, func.count()).group_by(ListingRow.source_id)
    counts = dict(session.execute(counted).all())
    schedules: dict[int, list[Schedule]] = {}
    for schedule in session.scalars(select(Schedule).order_by(Schedule.id)):
        schedules.setdefault(schedule.source_id, []).append(schedule)
    return [
        Summary(source, last_scans.get(source.id), counts.get(source.id, 0), schedules.get(source.id, []))
        for source in list_sources(session)
    ]


def newest_each(session: Session) -> list[Scan]:
    newest = select(func.max(Scan.id)).group_by(Scan.source_id)
    return list(session.scalars(select(Scan).where(Scan.id.in_(newest))))


def recent_scans(session: Session, source_id: int, limit: int) -> list[Scan]:
    """The newest first."""
    return list(session.scalars(select(Scan).where(Scan.source_id == source_id).order_by(Scan.id.desc()).limit(limit)))


def count_listings(session: Session, source_id: int) -> int:
    return session.scalar(select(func.count()).where(ListingRow.source_id == source_id)) or 0


def kinds() -> list[Kind]:
    """What can be added; a plug-in that can't be loaded says so and hides no other."""
    return [load_kind(name) for name in list_kinds()]


def load_kind(name: str) -> Kind:
    try:
        return Kind(name, find_market(name))
    except MarketError as error:
        return Kind(name, fault=say_again(str(error)))
    except Exception as error:  # other people's code: anything can come of loading it
        logger.warning("the market %s could not be loaded", name, exc_info=error)
        return Kind(
            name,
            fault=say("The plug-in for markets of kind %(name)s can't be loaded: %(error)s.", name=name, error=error),
        )


def market_of(source: Source) -> Market | None:
    """None where its plug-in is gone or broken."""
    return load_kind(source.kind).market


def described(source: Source) -> list[tuple[str, str, Option | None]]:
    """(title, value in words, option) of each stored option in the market's order, then what it does not know."""
    market = market_of(source)
    words = shown_all(market, source.options)
    options = options_of(market) if market else ()
    known = [(option.title, words.pop(option.name), option) for option in options if option.name in words]
    return [*known, *((name, value, None) for name, value in words.items())]
