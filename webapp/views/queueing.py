"""Handing work to the queue."""

from typing import Any

from flask import current_app
from kombu.exceptions import OperationalError


def enqueue(task: Any, *arguments: int | str) -> bool:
    """Send `task` after the commit that makes it true; False where the broker does not answer.

    The database is the truth and the reconcile tick sends again what was lost, so that a page never fails on this.
    """
    try:
        task.delay(*arguments)
    except (OperationalError, OSError) as error:
        current_app.logger.warning("%s not queued: %s", task.name, error)
        return False
    return True
