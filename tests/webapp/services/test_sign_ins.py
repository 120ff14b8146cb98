"""Sign-ins are what the audit log says of them."""

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from tests.factories import make_user
from webapp.models import User
from webapp.services import sign_ins, users
from webapp.services.errors import NotFound

DAY = timedelta(days=1)


@pytest.fixture
def ann(session: Session) -> User:
    return make_user(session, "ann")


def begin(session: Session, user: User, way: str = "password") -> str:
    word = sign_ins.make_word()
    sign_ins.note(session, user, word, way)
    return word


def marks(session: Session, user: User) -> list[str]:
    return [entry.facts["mark"] for entry in sign_ins.in_force(session, user, DAY)]


def test_one_that_was_ended_counts_no_more_and_the_others_do(session: Session, ann: User) -> None:
    here, there = begin(session, ann), begin(session, ann)
    sign_ins.end(session, ann, ann, sign_ins.mark_of(there))
    assert sign_ins.is_ended(session, ann, there, DAY) and not sign_ins.is_ended(session, ann, here, DAY)
    assert marks(session, ann) == [sign_ins.mark_of(here)]


def test_what_ends_all_leaves_none_but_those_begun_since(session: Session, ann: User) -> None:
    begin(session, ann)
    users.end_sign_ins(session, ann, ann)
    assert marks(session, ann) == []
    word = begin(session, ann, sign_ins.RENEWED)
    assert marks(session, ann) == [sign_ins.mark_of(word)]


def test_nobody_ends_a_sign_in_of_somebody_else(session: Session, ann: User) -> None:
    begin(session, ann)
    [entry] = sign_ins.in_force(session, ann, DAY)
    with pytest.raises(NotFound):
        sign_ins.find(session, make_user(session, "ben"), entry.id, DAY)
    assert sign_ins.find(session, ann, entry.id, DAY) is entry


def test_the_log_holds_no_word_and_every_word_is_another(session: Session, ann: User) -> None:
    words = {begin(session, ann) for _ in range(20)}
    assert len(words) == 20 and min(map(len, words)) >= 43, "256 bits"
    told = str([entry.facts for entry in sign_ins.in_force(session, ann, DAY)])
    assert not any(word in told for word in words)
