"""What people decided, counted seller by seller: what one seller offers is alike, so figures need to know."""

from collections import defaultdict
from collections.abc import Callable
from typing import Any

from sqlalchemy import Select, String, case, cast, func, literal, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from webapp.models import DECIDED, FindingRow, FindingState

# A listing without a seller stands for itself.
SELLER = case(
    (FindingRow.seller.is_(None), literal("listing ") + cast(FindingRow.listing_id, String)),
    else_=literal("seller ") + cast(FindingRow.source_id, String) + literal(" ") + FindingRow.seller,
)

Narrow = Callable[[Select[Any]], Select[Any]]


def count_by_seller(
    session: Session, narrow: Narrow, *keys: InstrumentedAttribute[Any]
) -> dict[tuple[Any, ...], list[tuple[int, int]]]:
    """(confirmed, dismissed) of each seller's decided findings, by the values of `keys`; narrow: which of them."""
    confirmed = func.sum(case((FindingRow.state == FindingState.CONFIRMED, 1), else_=0))
    decided = select(*keys, confirmed, func.count()).where(FindingRow.state.in_(DECIDED))
    found: defaultdict[tuple[Any, ...], list[tuple[int, int]]] = defaultdict(list)
    for row in session.execute(narrow(decided).group_by(*keys, SELLER).order_by(*keys)):
        values: tuple[Any, ...] = tuple(row)
        right, total = values[-2:]
        found[values[:-2]].append((int(right), int(total - right)))
    return found
