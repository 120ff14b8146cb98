"""Calls that an API grants a day, counted in the database: over scans, workers and restarts."""

from sqlalchemy import Engine, update
from sqlalchemy.orm import Session

from webapp.db import insert_new, now
from webapp.models import QuotaUse


class StoredQuota:
    """See scanner.markets.quota.Quota; each call is committed at once, so that two workers share one allowance."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def spend(self, name: str, most_a_day: int) -> bool:
        """Take one call of today (UTC); False where none is left."""
        key = {"name": name, "day": f"{now():%Y-%m-%d}"}
        with Session(self._engine) as session:
            insert_new(session, QuotaUse, **key, used=0)
            left = update(QuotaUse).filter_by(**key).where(QuotaUse.used < most_a_day)
            taken = session.scalar(left.values(used=QuotaUse.used + 1).returning(QuotaUse.id))
            session.commit()
        return taken is not None
