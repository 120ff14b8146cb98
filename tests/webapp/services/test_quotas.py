from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from webapp.models import QuotaUse
from webapp.services.quotas import StoredQuota


def test_a_day_s_calls_are_counted_over_workers_and_never_more_than_granted(engine: Engine, session: Session) -> None:
    with ThreadPoolExecutor(4) as threads:
        granted = list(threads.map(lambda _: StoredQuota(engine).spend("ebay ann-key", 5), range(12)))
    assert sum(granted) == 5
    assert StoredQuota(engine).spend("ebay another-key", 5), "another account has its own"
    rows = session.execute(select(QuotaUse.name, QuotaUse.used)).all()
    assert sorted(used for _, used in rows) == [1, 5]
    assert all(name.startswith("ebay ") and "key" not in name for name, _ in rows), "no key stands in a table"
