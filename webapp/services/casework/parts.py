"""What the parts of a case file share: what is gathered, where it goes, and what turned out to be wrong or gone."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from webapp.exporters.bundle import Packing
from webapp.language import say
from webapp.models import Purge
from webapp.settings import Settings
from webapp.storage import Store

# note: what is being done, as a sentence without its full stop; done, total: of what is counted meanwhile, or None.
Tell = Callable[[str, int, int | None], None]


@dataclass(frozen=True, slots=True)
class CaseFacts:
    """What is known of a case before its evidence is gathered. selection: as in CaseFile; finding_ids: in order."""

    id: int
    title: str
    made_at: datetime
    made_by: str
    role: str | None
    language: str
    selection: Mapping[str, Any]
    finding_ids: Sequence[int]


@dataclass
class Gathering:
    """faults: what is not as it was recorded; gone: what is not there any more; notices: sentences for people.

    session: reads the database as it stood at one moment. folder: on this machine, for this alone.
    """

    session: Session
    settings: Settings
    place: Store
    packing: Packing
    case: CaseFacts
    folder: Path
    tell: Tell
    stack: ExitStack
    faults: list[dict[str, Any]] = field(default_factory=list)
    gone: list[dict[str, Any]] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)

    def spool(self, name: str) -> "Spool":
        """A file of its own in the folder, closed with the others."""
        return self.stack.enter_context(Spool(self.folder / name))

    def fault(self, what: str, why: str, **facts: Any) -> str:
        self.faults.append({"what": what, "why": why, **facts})
        return why

    def miss(self, what: str, why: str, **facts: Any) -> str:
        self.gone.append({"what": what, "why": why, **facts})
        return why

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session of its own in the same transaction, whose rows are let go with it."""
        with Session(self.session.connection()) as session:
            yield session


class Spool:
    """JSON values that wait on the disk until all of them are known."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("w", encoding="utf-8", errors="surrogatepass")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, row: Mapping[str, Any]) -> None:
        self._file.write(json.dumps(row) + "\n")

    def rows(self) -> Iterator[dict[str, Any]]:
        """From the first on; nothing is added any more."""
        self._file.close()
        with self._path.open(encoding="utf-8", errors="surrogatepass") as file:
            yield from map(json.loads, file)


def why_gone(session: Session, name: str, sha256: str | None = None) -> str:
    """Why a file of the store is not there, as retention noted it; otherwise that nobody knows."""
    same = Purge.name == name
    found = select(Purge).where(or_(same, Purge.sha256 == sha256) if sha256 else same)
    purge = session.scalar(found.order_by(Purge.id.desc()).limit(1))
    if purge is None:
        return say("It is missing from the store, and nothing says why.")
    day = purge.purged_at.date().isoformat()
    return say("It was removed on %(day)s by %(who)s: %(why)s", day=day, who=purge.actor, why=purge.reason)


def too_large() -> str:
    return say("This is more than one case file holds (4 GiB, 65,000 files): choose fewer findings.")
