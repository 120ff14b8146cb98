"""One thing that somebody could send us, and what must come of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Ending(StrEnum):
    """What must happen. Either: a right result or one readable failure, whichever a decoder's version prefers."""

    READ = "read"
    REFUSED = "refused"
    EITHER = "either"


class Room(StrEnum):
    """Who is given the file."""

    PICTURES = "pictures"
    PAGES = "pages"
    FEEDS = "feeds"
    TABLES = "tables"
    ARCHIVES = "archives"
    MODELS = "models"
    CASES = "cases"
    TEXTS = "texts"


@dataclass(frozen=True)
class Attack:
    """room, name: its place in the corpus. does: one sentence.

    says: a regular expression that its refusal must hold. size: (width, height) of a picture that is read, in pixels.
    colour: about which its middle must be, RGB. headers: what a server sends with it; status: likewise. is_slow: it may
    take its reader seconds.
    """

    room: Room
    name: str
    does: str
    ending: Ending
    make: Callable[[], bytes]
    says: str = ""
    size: tuple[int, int] | None = None
    colour: tuple[int, int, int] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int = 200
    is_slow: bool = False

    @property
    def path(self) -> str:
        return f"{self.room}/{self.name}"
