from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from tests.factories import make_user
from webapp.db import now
from webapp.services import attempts, links

KEY = "ab" * 32


@pytest.mark.parametrize("step", attempts.LIMITS)
def test_an_account_is_barred_after_so_many_and_free_again_after_the_window(
    session: Session, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    user, other = make_user(session, "ann"), make_user(session, "ben")
    for _ in range(attempts.LIMITS[step]):
        assert not attempts.is_barred(session, user, step, is_known=False)
        attempts.note_failure(session, user, step, is_known=False)
    assert attempts.is_barred(session, user, step, is_known=False)
    assert not attempts.is_barred(session, other, step, is_known=False)
    later = now() + attempts.WINDOW + timedelta(seconds=1)
    monkeypatch.setattr(attempts, "now", lambda: later)
    assert not attempts.is_barred(session, user, step, is_known=False)


def test_strangers_do_not_keep_the_owner_out_of_a_browser_of_before(session: Session) -> None:
    user = make_user(session, "ann")
    for _ in range(attempts.LIMITS[attempts.CODE]):
        attempts.note_failure(session, user, attempts.CODE, is_known=False)
    assert not attempts.is_barred(session, user, attempts.CODE, is_known=True)
    for _ in range(attempts.LIMITS[attempts.CODE]):
        attempts.note_failure(session, user, attempts.CODE, is_known=True)
    assert attempts.is_barred(session, user, attempts.CODE, is_known=True)


def test_a_link_lets_in_once(session: Session) -> None:
    user = make_user(session, "ann")
    link = links.make(session, KEY, user)
    assert links.take(session, KEY, link) is user
    assert user.sign_ins_from == 1
    assert links.take(session, KEY, link) is None


def test_a_link_that_is_late_forged_or_of_somebody_off_lets_nobody_in(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    user, off = make_user(session, "ann"), make_user(session, "ben", is_active=False)
    link = links.make(session, KEY, user)
    assert links.take(session, "cd" * 32, link) is None
    assert links.take(session, KEY, "made-up") is None
    assert links.take(session, KEY, links.make(session, KEY, off)) is None
    later = now() + links.LIFETIME + timedelta(seconds=1)
    monkeypatch.setattr(links, "now", lambda: later)
    assert links.take(session, KEY, link) is None
