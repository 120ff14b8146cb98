"""Removing what its policy says, in the background."""

import logging

from webapp.services import purging
from webapp.services.errors import Refused
from webapp.storage import StoreError
from webapp.tasks import app
from webapp.tasks.database import task_session
from webapp.tasks.scans import stopping

logger = logging.getLogger(__name__)


@app.task(name="retention.purge")  # type: ignore[untyped-decorator]
def purge() -> None:
    """Once a day, whenever it comes: the database knows when the last one was. What was begun goes on every hour."""
    with task_session() as session:
        try:
            purging.purge_due(session, app.settings, stopping.is_set)
        except (Refused, StoreError) as error:
            logger.warning("the purge goes on later: %s", error)
