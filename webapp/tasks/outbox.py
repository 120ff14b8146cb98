"""Queueing what a transaction makes true, once it is committed."""

from typing import Any

from sqlalchemy import event
from sqlalchemy.orm import Session

PENDING = "tuskline.pending"


def enqueue(session: Session, task: Any, *arguments: int) -> None:
    """Send `task` when `session` commits, and never when it rolls back.

    The pending calls lie on the session: a listener of one commit would survive a rollback, and send with the next.
    """
    session.info.setdefault(PENDING, []).append((task, arguments))


@event.listens_for(Session, "after_commit")
def send_pending(session: Session) -> None:
    for task, arguments in session.info.pop(PENDING, []):
        task.delay(*arguments)


@event.listens_for(Session, "after_rollback")
def forget_pending(session: Session) -> None:
    session.info.pop(PENDING, None)
