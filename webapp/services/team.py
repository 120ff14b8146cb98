"""What the team has chosen for itself, on a page and not in the environment: one typed value a name."""

from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from webapp.db import insert_new, now
from webapp.language import say
from webapp.models import Role, TeamSetting, User
from webapp.services import audit, users
from webapp.services.errors import Refused

# The least and the most that each number may be.
BOUNDS = {
    "claim_minutes": (1, 240),
    "skip_hours": (1, 720),
    "undo_seconds": (5, 3600),
    "graphic_limit": (0, 10_000),
    "second_look_percent": (0, 100),
    "blind_percent": (0, 100),
    "decision_seconds": (1, 3600),
}

# What each of these may be; nobody is asked for a second factor who may only read.
OFFERED = {"second_factor_from": ("", *(role.value for role in Role))}


@dataclass(frozen=True, slots=True)
class TeamChoices:
    """claim_minutes: how long an untouched listing stays with the person who opened it. skip_hours: how long a skipped
    finding is left to others. undo_seconds: how long a decision can be taken back. graphic_limit: pictures without blur
    that one person sees in an hour; 0 is no limit. second_look_percent: share of decisions that get a blind second
    look. blind_percent: share of blind items (second looks, recall audit) among what the queue hands out while such
    wait. country: whose law the item page shows, ISO 3166-1 alpha-2. decision_seconds: what one decision is taken to
    cost until enough were measured. lone_promotion: whoever proposed a threshold may also put it into force.
    second_factor_from: the least role that needs a second factor to sign in; empty for none.
    """

    claim_minutes: int = 15
    skip_hours: int = 12
    undo_seconds: int = 60
    graphic_limit: int = 0
    second_look_percent: int = 5
    blind_percent: int = 10
    country: str = "GB"
    decision_seconds: int = 30
    lone_promotion: bool = False
    second_factor_from: str = ""


NAMES = tuple(field.name for field in fields(TeamChoices))


def choices(session: Session) -> TeamChoices:
    """A stored name that is no choice any more is passed over."""
    stored = {row.name: row.value for row in session.scalars(select(TeamSetting)) if row.name in NAMES}
    return TeamChoices(**stored)


def choose(session: Session, user: User | None, **values: Any) -> TeamChoices:
    """Set some of the choices. Raises Refused for a number out of bounds, TypeError for a name that is none."""
    before = choices(session)
    for name, value in values.items():
        if name not in NAMES:
            raise TypeError(f"{name} is no choice of a team")
        check(name, value)
        if value != getattr(before, name):
            keep(session, user, name, getattr(before, name), value)
    return choices(session)


def check(name: str, value: Any) -> None:
    least, most = BOUNDS.get(name, (0, 0))
    if name in BOUNDS and not least <= value <= most:
        raise Refused(say("Choose a number from %(least)s to %(most)s.", least=least, most=most))
    if name in OFFERED and value not in OFFERED[name]:
        raise Refused(say("Choose one of those offered."))


def keep(session: Session, user: User | None, name: str, before: Any, value: Any) -> None:
    said = {"value": value, "user_id": user.id if user else None, "changed_at": now()}
    if not insert_new(session, TeamSetting, name=name, **said):  # two people may make the first choice at once
        session.execute(update(TeamSetting).where(TeamSetting.name == name).values(**said))
    actor = users.name_of(user)
    audit.record(session, actor, "team.choice", f"team:{name}", before=before, after=value)
