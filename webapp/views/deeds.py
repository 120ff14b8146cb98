"""Who may do what, read off the pages themselves: each view says which role it asks for."""

import re
from dataclasses import dataclass, field

from flask import current_app
from werkzeug.routing import Rule

from webapp.language import find_text, say
from webapp.models import Role

VERBS = ("GET", "POST")
# What a view is called that shows a room, or one thing of it.
LOOKS = ("index", "show")


@dataclass(frozen=True, slots=True)
class Deed:
    """One kind of request. address: with what varies in angle brackets; changes: whether something may change by it."""

    words: str
    address: str
    changes: bool
    role: Role


@dataclass(slots=True)
class Room:
    name: str
    deeds: list[Deed] = field(default_factory=list)


def list_rooms() -> list[Room]:
    """By blueprint, by name; pages that ask for no role (the sign-in) are left out."""
    rooms: dict[str, Room] = {}
    for rule in sorted(current_app.url_map.iter_rules(), key=lambda rule: (rule.endpoint, rule.rule)):
        role = getattr(current_app.view_functions[rule.endpoint], "required_role", None)
        if role is not None:
            name = rule.endpoint.partition(".")[0]
            rooms.setdefault(name, Room(name)).deeds.extend(deeds_of(rule, role))
    return [rooms[name] for name in sorted(rooms)]


def deeds_of(rule: Rule, role: Role) -> list[Deed]:
    verbs = [verb for verb in VERBS if verb in (rule.methods or ())]
    return [Deed(words_of(rule.endpoint), plain_address(rule), verb == "POST", role) for verb in verbs]


def plain_address(rule: Rule) -> str:
    """Without the kind of what varies: `/users/<user_id>`."""
    return re.sub(r"<[^<>]+:", "<", rule.rule)


def words_of(endpoint: str) -> str:
    """The view's name, as words: `change_access` reads "change access"."""
    name = endpoint.rpartition(".")[2]
    return say("look") if name in LOOKS else find_text(name.replace("_", " "))
