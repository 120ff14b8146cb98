import pytest
from argon2 import PasswordHasher
from sqlalchemy.orm import Session

from tests.factories import PASSWORD, make_user
from webapp.models import Role
from webapp.services import audit, passwords, users
from webapp.services.errors import Refused


def test_name_and_password_let_in_and_nothing_else_does(session: Session) -> None:
    user = make_user(session, "ann")
    make_user(session, "ben", is_active=False)
    assert users.authenticate(session, "ann", PASSWORD) is user
    assert users.authenticate(session, "ann", PASSWORD + "!") is None
    assert users.authenticate(session, "ben", PASSWORD) is None
    assert users.authenticate(session, "nobody", PASSWORD) is None


def test_a_hash_of_weaker_parameters_is_renewed_at_sign_in(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    user = make_user(session, "ann")
    monkeypatch.setattr(passwords, "_hasher", PasswordHasher())
    before = user.password_hash
    users.authenticate(session, "ann", PASSWORD)
    assert user.password_hash != before
    assert users.authenticate(session, "ann", PASSWORD) is user


def test_the_first_admin_is_made_once_with_a_password_that_works(session: Session) -> None:
    first = users.ensure_first_admin(session)
    assert first is not None
    name, password = first
    assert len(password) >= passwords.MIN_LENGTH
    admin = users.authenticate(session, name, password)
    assert admin is not None
    assert admin.role is Role.ADMIN
    assert users.ensure_first_admin(session) is None


def test_first_passwords_differ() -> None:
    assert len({passwords.make_password() for _ in range(50)}) == 50


@pytest.mark.parametrize(
    ("name", "password", "sentence"),
    [("ann", PASSWORD, "already"), (" ", PASSWORD, "1 to 80"), ("cat", "short", "12 letters")],
)
def test_names_and_passwords_that_will_not_do_are_refused(
    session: Session, name: str, password: str, sentence: str
) -> None:
    make_user(session, "ann")
    with pytest.raises(Refused, match=sentence):
        users.create_user(session, None, name, password, Role.VIEWER)


def test_every_change_of_a_user_is_in_the_audit_without_the_password(session: Session) -> None:
    admin = make_user(session, "root", role=Role.ADMIN)
    user = users.create_user(session, admin, "cat", PASSWORD, Role.VIEWER)
    users.set_password(session, admin, user, PASSWORD + "2")
    users.change_access(session, admin, user, Role.REVIEWER, is_active=False)
    entries = audit.recent(session, 10)
    assert [entry.action for entry in entries] == ["user.access", "user.password", "user.create"]
    assert {entry.actor for entry in entries} == {"root"}
    assert PASSWORD not in str([entry.facts for entry in entries])


def test_the_last_active_admin_keeps_the_role(session: Session) -> None:
    admin = make_user(session, "root", role=Role.ADMIN)
    make_user(session, "gone", role=Role.ADMIN, is_active=False)
    with pytest.raises(Refused, match="only active admin"):
        users.change_access(session, admin, admin, Role.VIEWER, is_active=True)
    make_user(session, "second", role=Role.ADMIN)
    users.change_access(session, admin, admin, Role.VIEWER, is_active=True)
    assert admin.role is Role.VIEWER


def test_audit_entries_are_paged_by_id(session: Session) -> None:
    entries = [audit.record(session, "ann", "test", f"thing:{number}") for number in range(5)]
    newest = audit.recent(session, 2)
    assert newest == [entries[4], entries[3]]
    assert audit.recent(session, 2, before_id=newest[-1].id) == [entries[2], entries[1]]
