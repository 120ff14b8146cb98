"""Guessing is slowed by what the audit log says of failed sign-ins: every process counts the same ones.

Strangers' browsers and those in which the person signed in before are counted apart, so that nobody who merely knows a
name can keep its owner out.
"""

from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.db import now
from webapp.models import AuditEntry, User
from webapp.services import audit

WINDOW = timedelta(minutes=15)
PASSWORD = "sign_in.wrong_password"  # noqa: S105  (the name of a deed)
CODE = "sign_in.wrong_code"
# How many of each an account may get wrong within the window, whatever the number of addresses they come from.
LIMITS = {PASSWORD: 40, CODE: 5}


def note_failure(session: Session, user: User, step: str, is_known: bool) -> None:
    """step: PASSWORD or CODE; is_known: the browser is one of those in which the person signed in before."""
    audit.record(session, user.name, step, f"user:{user.id}", known_browser=is_known)


def is_barred(session: Session, user: User, step: str, is_known: bool) -> bool:
    """Whether no more may be tried for now. At most the window's failures are read: a few dozen rows."""
    entries = select(AuditEntry.facts).where(
        AuditEntry.action == step, AuditEntry.subject == f"user:{user.id}", AuditEntry.at > now() - WINDOW
    )
    return sum(facts.get("known_browser") is is_known for facts in session.scalars(entries)) >= LIMITS[step]
