"""What pages remember of a person, with its type and its default; kept in User.preferences."""

from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy.orm import Session

from webapp.models import User


@dataclass(frozen=True, slots=True)
class Preferences:
    """blur, grey: how pictures are shown until one is revealed. keys: whether single letters are shortcuts.

    country: whose law the item page shows (ISO 3166-1 alpha-2), where another was chosen there than in the settings.
    queue_filter: id of the saved filter that the queue begins with.
    """

    blur: bool = True
    grey: bool = True
    keys: bool = True
    country: str | None = None
    queue_filter: int | None = None


TYPES: dict[str, tuple[type, ...]] = {
    "blur": (bool,),
    "grey": (bool,),
    "keys": (bool,),
    "country": (str, type(None)),
    "queue_filter": (int, type(None)),
}
NAMES = tuple(field.name for field in fields(Preferences))


def of(user: User) -> Preferences:
    """What is stored under another name, or is of another type, is passed over."""
    stored = user.preferences or {}
    return Preferences(**{name: stored[name] for name in NAMES if name in stored and fits(name, stored[name])})


def fits(name: str, value: Any) -> bool:
    return isinstance(value, TYPES[name])


def keep(session: Session, user: User, **values: Any) -> Preferences:
    """Set some of them, in the caller's transaction. Raises TypeError for a name or a type that is none."""
    for name, value in values.items():
        if name not in NAMES or not fits(name, value):
            raise TypeError(f"{name} can't be {value!r}")
    user.preferences = {**(user.preferences or {}), **values}  # a new value: a change inside would go unnoticed
    session.flush()
    return of(user)


def country_of(user: User, team_country: str) -> str:
    """Whose law to show: chosen on the page, else in the person's settings, else by the team."""
    return of(user).country or user.country or team_country
