"""Handing work to the queue."""

import logging
from typing import Any

from kombu.exceptions import OperationalError

logger = logging.getLogger(__name__)


def enqueue(task: Any, *arguments: int | str) -> bool:
    """Send `task` after the commit that makes it true; False where the broker does not answer.

    The database is the truth and the reconcile tick sends again what was lost, so that no page fails on this.
    """
    try:
        task.delay(*arguments)
    except (OperationalError, OSError) as error:
        logger.warning("%s not queued: %s", task.name, error)
        return False
    return True
