"""What a decision over many findings at once would do, before anybody makes it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from webapp.models import FindingRow, User
from webapp.services import desk, queue
from webapp.services.decisions import WAITING
from webapp.services.desk import Held

LIMIT = queue.BATCH_LIMIT


@dataclass(frozen=True, slots=True)
class Group:
    """How many of the findings share a value; the most frequent come first."""

    name: str | None
    number: int


@dataclass(frozen=True, slots=True)
class Prospect:
    """rows: what would be decided. held: what others have, with who has it; decided: what no longer waits.

    missing: how many of the ids that were asked for are no findings.
    """

    rows: list[FindingRow]
    held: list[tuple[FindingRow, Held]]
    decided: list[FindingRow]
    missing: int

    @property
    def concepts(self) -> list[Group]:
        return groups_of([row.concept for row in self.rows])

    @property
    def sources(self) -> list[Group]:
        return groups_of([row.listing.source.name for row in self.rows])

    @property
    def sellers(self) -> list[Group]:
        return groups_of([row.seller for row in self.rows])

    @property
    def listings(self) -> int:
        return len({row.listing_id for row in self.rows})


def groups_of(names: Sequence[str | None]) -> list[Group]:
    return [Group(name, number) for name, number in Counter(names).most_common()]


def look_ahead(session: Session, user: User, finding_ids: Sequence[int]) -> Prospect:
    """What deciding these would do now. At most 500 are taken; the decision itself looks again."""
    ids = list(dict.fromkeys(finding_ids))[:LIMIT]
    found = queue.some_findings(session, ids)
    holders = desk.held_by_others(session, user, {row.listing_id for row in found})
    waiting = [row for row in found if row.state in WAITING]
    return Prospect(
        rows=[row for row in waiting if row.listing_id not in holders],
        held=[(row, holders[row.listing_id]) for row in waiting if row.listing_id in holders],
        decided=[row for row in found if row.state not in WAITING],
        missing=len(ids) - len(found),
    )
