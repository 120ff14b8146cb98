"""Filters of the queue that people keep under a name, for themselves or for the team."""

import math
from collections.abc import Mapping
from datetime import date
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, joinedload

from webapp.db import insert_new
from webapp.language import say
from webapp.models import FindingState, Role, SavedFilter, User
from webapp.services import preferences
from webapp.services.errors import NotFound, Refused
from webapp.services.narrowing import QueueFilters

NAME_LETTERS = 80
MOST = 50


def filters_of(arguments: Mapping[str, Any], state: str | None = None) -> QueueFilters:
    """What arguments of the queue's address ask for. state: of the findings, where they name none; None is any.

    Raises Refused for a value that can't be read: to leave it out would let more through than was asked for.
    """
    try:
        return QueueFilters(
            state=FindingState(arguments["state"]).value if "state" in arguments else state,
            concept=arguments.get("concept"),
            severity=arguments.get("severity"),
            source_id=int(arguments["source"]) if "source" in arguments else None,
            rule=arguments.get("rule"),
            seller=arguments.get("seller"),
            language=arguments.get("language"),
            score_from=read_score(arguments["score_from"]) if "score_from" in arguments else None,
            score_to=read_score(arguments["score_to"]) if "score_to" in arguments else None,
            found_from=read_day(arguments["found_from"]) if "found_from" in arguments else None,
            found_to=read_day(arguments["found_to"]) if "found_to" in arguments else None,
            text=arguments.get("q"),
        )
    except ValueError:
        raise Refused(say("A value of this filter can't be read: choose it on the queue's page again.")) from None


def read_score(written: str) -> float:
    """Raises ValueError for what is no number in [0, 1]."""
    score = float(written) if len(written) <= 20 else math.nan
    if not 0 <= score <= 1:
        raise ValueError(written)
    return score


def read_day(written: str) -> date:
    """A day as a browser sends it, 2026-11-26. Raises ValueError."""
    if len(written) != 10:
        raise ValueError(written)
    return date.fromisoformat(written)


def find_named(session: Session, name: str) -> SavedFilter:
    """The team's filter of that name. Raises NotFound, and Refused where several people share one of that name."""
    query = select(SavedFilter).where(SavedFilter.name == name, SavedFilter.is_shared).limit(2)
    rows = session.scalars(query).all()
    if not rows:
        raise NotFound(say("The team shares no filter of the name %(name)s.", name=name))
    if len(rows) > 1:
        raise Refused(say("Several people share a filter of the name %(name)s: rename one of them.", name=name))
    return rows[0]


def seen_by(session: Session, user: User) -> list[SavedFilter]:
    """A person's own and those that others share, by name."""
    theirs = or_(SavedFilter.user_id == user.id, SavedFilter.is_shared)
    query = select(SavedFilter).where(theirs).options(joinedload(SavedFilter.user))
    return list(session.scalars(query.order_by(SavedFilter.name, SavedFilter.id)))


def find(session: Session, user: User, filter_id: int) -> SavedFilter:
    """Raises NotFound for what is not there, and for what is another's and not shared."""
    row = session.get(SavedFilter, filter_id)
    if row is None or (row.user_id != user.id and not row.is_shared):
        raise NotFound(say("There is no filter %(number)s.", number=filter_id))
    return row


def save(session: Session, user: User, name: str, arguments: Mapping[str, str], is_shared: bool) -> SavedFilter:
    """Keep the arguments under the name; one's own filter of that name is replaced. Raises Refused."""
    name = checked_name(name)
    check_sharing(user, is_shared)
    own = select(SavedFilter).where(SavedFilter.user_id == user.id)
    named = own.where(SavedFilter.name == name)
    row = session.scalar(named)
    if row is None:
        if len(session.scalars(own).all()) >= MOST:
            raise Refused(say("You keep 50 filters: delete one that you no longer use."))
        insert_new(session, SavedFilter, user_id=user.id, name=name)  # the button may be pressed twice
        row = session.scalars(named).one()
    row.arguments, row.is_shared = dict(arguments), is_shared
    session.flush()
    return row


def rename(session: Session, user: User, filter_id: int, name: str, is_shared: bool) -> SavedFilter:
    """Give one's own filter another name, share it or stop that. Raises NotFound and Refused."""
    row = find(session, user, filter_id)
    if row.user_id != user.id:
        raise Refused(say("This filter is %(name)s's: save it under a name of your own.", name=row.user.name))
    name = checked_name(name)
    taken = select(SavedFilter.id).where(
        SavedFilter.user_id == user.id, SavedFilter.name == name, SavedFilter.id != row.id
    )
    if session.scalar(taken) is not None:
        raise Refused(say("You have a filter of this name already: give another."))
    if is_shared and not row.is_shared:
        check_sharing(user, is_shared)
    row.name, row.is_shared = name, is_shared
    session.flush()
    return row


def delete(session: Session, user: User, filter_id: int) -> str:
    """Delete one's own, or as a lead a shared one; its name. Raises NotFound and Refused."""
    row = find(session, user, filter_id)
    if row.user_id != user.id and not user.role.covers(Role.LEAD):
        raise Refused(say("Only %(name)s or a lead may delete this filter: ask one of them.", name=row.user.name))
    session.delete(row)
    session.flush()
    return row.name


def choose_default(session: Session, user: User, filter_id: int | None) -> None:
    """What the person's queue shows when nothing else is asked for; None is all that is open. Raises NotFound."""
    preferences.keep(session, user, queue_filter=find(session, user, filter_id).id if filter_id else None)


def default_of(session: Session, user: User) -> SavedFilter | None:
    """None also where it was deleted, or is not shared any more."""
    chosen = preferences.of(user).queue_filter
    row = session.get(SavedFilter, chosen) if chosen else None
    return row if row is not None and (row.user_id == user.id or row.is_shared) else None


def checked_name(name: str) -> str:
    name = " ".join(name.split())
    if not 0 < len(name) <= NAME_LETTERS:
        raise Refused(say("Give the filter a name of 1 to 80 letters."))
    return name


def check_sharing(user: User, is_shared: bool) -> None:
    if is_shared and not user.role.covers(Role.REVIEWER):
        raise Refused(say("Viewers keep filters for themselves: ask a reviewer to share one."))
