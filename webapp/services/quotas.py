"""Calls that an API grants a day, counted in the database: over scans, workers and restarts."""

from hashlib import sha256

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
        key = {"name": account_of(name), "day": f"{now():%Y-%m-%d}"}
        with Session(self._engine) as session:
            insert_new(session, QuotaUse, **key, used=0)
            left = update(QuotaUse).filter_by(**key).where(QuotaUse.used < most_a_day)
            taken = session.scalar(left.values(used=QuotaUse.used + 1).returning(QuotaUse.id))
            session.commit()
        return taken is not None


def account_of(name: str) -> str:
    """The API's name and a digest of who asks: a name may hold the key itself, which belongs into no table."""
    kind = name.split()[0] if name.split() else "api"
    return f"{kind[:40]} {sha256(name.encode()).hexdigest()[:16]}"
