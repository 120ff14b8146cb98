"""Letting the rules speak of listings whose pictures have all been looked at."""

from collections.abc import Iterable, Sequence

from sqlalchemy.orm import Session

from rules.model import Pack
from webapp.models import Scan
from webapp.services import findings, overview, priority, shadow, webhooks
from webapp.services.judging import load_listings, look, meet


def judge_listings(
    session: Session, scan: Scan, pack: Pack, listing_ids: Iterable[int], order: Sequence[str] = ()
) -> int:
    """Open the findings that these listings meet, on all that is stored of them; how many were opened.

    order: digests of the models in the order in which they speak now; older orders count where a picture was scored
    under them alone. What shadow runs would make of the listings is noted beside; that flags nobody.
    """
    ids = list(listing_ids)
    if not ids:
        return 0
    orders = [list(order), *overview.speaking_orders(session)]
    known = findings.known_findings(session, ids)
    watching = shadow.watch(session, scan, pack)
    rows = load_listings(session, ids)
    histories = priority.histories(session, ((row.source_id, row.seller) for row in rows))
    opened = 0
    for row in rows:
        looked = look(pack.cascade, row, orders)
        met = meet(pack, looked)
        watching.see(row.id, looked, met)
        history = histories.get((row.source_id, row.seller), priority.NO_HISTORY)
        opened += findings.open_met(session, scan, row, pack.digest, met, known.get(row.id, {}), history)
    watching.write(session)
    if opened:
        webhooks.publish(
            session, webhooks.Event.FINDINGS_OPENED, scan_id=scan.id, source_id=scan.source_id, findings=opened
        )
    return opened
