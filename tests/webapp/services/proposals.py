"""A threshold changed as people change it: proposed by one, put into force by another."""

from sqlalchemy.orm import Session

from tests.factories import make_user
from webapp.models import Role, ThresholdChange, User
from webapp.services import shadow

RULE = "elephant_seen"


def lead_of(session: Session, name: str) -> User:
    return session.query(User).filter_by(name=name).one_or_none() or make_user(session, name, Role.LEAD)


def put_into_force(
    session: Session, pack_name: str, value: float, rule: str = RULE, threshold: str = RULE, reason: str = "a test"
) -> ThresholdChange:
    run = shadow.propose(session, lead_of(session, "ann"), pack_name, rule, {threshold: value}, reason)
    return shadow.promote(session, lead_of(session, "ben"), pack_name, run.id)[-1]
