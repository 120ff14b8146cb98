"""What is on its way to somebody else: sent by one at a time, tried again with growing pauses, given up at last."""

from datetime import timedelta

from sqlalchemy import ColumnElement, or_, update
from sqlalchemy.orm import Session

from webapp.db import now
from webapp.models import DeliveryState, ReportDelivery, WebhookDelivery

Outgoing = WebhookDelivery | ReportDelivery
LONGEST_LEASE_S = 900  # a large file over a slow line
# Seconds until the next try, one a failure; after the last it is given up, about three days later.
PAUSES_S = (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)


def is_due(table: type[Outgoing]) -> tuple[ColumnElement[bool], ...]:
    at = now()
    # One that ends later than any that is given was given before the clock was put back.
    longest = at + timedelta(seconds=2 * LONGEST_LEASE_S)
    free = or_(table.lease_until.is_(None), table.lease_until < at, table.lease_until > longest)
    return table.state == DeliveryState.PENDING, table.due_at <= at, free


def take(session: Session, table: type[Outgoing], row_id: int, lease_s: int) -> bool:
    """Lease it to the caller, where nobody else was faster; commits. A lease that passes lets another send it."""
    until = now() + timedelta(seconds=lease_s)
    taken = update(table).where(table.id == row_id, *is_due(table)).values(lease_until=until).returning(table.id)
    mine = session.scalar(taken, execution_options={"synchronize_session": False})
    session.commit()
    return mine is not None


def note_arrival(row: Outgoing) -> None:
    row.state, row.failure = DeliveryState.DELIVERED, None
    row.attempts += 1
    row.delivered_at, row.lease_until = now(), None


def note_failure(row: Outgoing, reason: str, is_final: bool = False) -> None:
    """Another try later; none after the last, nor where it is final."""
    row.failure, row.lease_until = reason, None
    row.attempts += 1
    if is_final or row.attempts > len(PAUSES_S):
        row.state = DeliveryState.FAILED
        return
    row.due_at = now() + timedelta(seconds=PAUSES_S[row.attempts - 1])


def try_again(row: Outgoing) -> None:
    """From the beginning, and at once."""
    row.state, row.attempts, row.due_at = DeliveryState.PENDING, 0, now()
