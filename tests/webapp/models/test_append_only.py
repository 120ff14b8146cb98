import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from tests.factories import make_finding, make_user
from webapp.models import AuditEntry, Decision, Purge, Verdict


@pytest.mark.parametrize("table", ["audit_entries", "decisions", "purges"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET id = id", "DELETE FROM {}"])
def test_the_database_refuses_to_rewrite_the_past(session: Session, table: str, statement: str) -> None:
    finding, user = make_finding(session), make_user(session)
    session.add(AuditEntry(actor="ann", action="test", subject="nothing"))
    session.add(Decision(finding=finding, user=user, verdict=Verdict.CONFIRM))
    session.add(Purge(name="photos/x", sha256="0" * 64, size_bytes=1, reason="a test", actor="ann"))
    session.commit()
    with pytest.raises(DBAPIError, match=f"{table} is append-only"):
        session.execute(text(statement.format(table)))
    session.rollback()
    assert session.execute(text(f"SELECT count(*) FROM {table}")).scalar_one() == 1  # noqa: S608
