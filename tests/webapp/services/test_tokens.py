from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from tests.factories import make_user
from webapp.db import now
from webapp.models import ApiToken, AuditEntry, Role
from webapp.services import tokens
from webapp.services.errors import NotFound, Refused
from webapp.services.tokens import Scope


def test_a_token_is_its_user_within_its_scopes(session: Session) -> None:
    user = make_user(session, "ann", Role.REVIEWER)
    made, text = tokens.create(session, user, user, " exporter ", [Scope.SCAN, Scope.READ], 30)
    found = tokens.authenticate(session, text)
    assert found is made
    assert (found.user, found.name, found.scopes) == (user, "exporter", ["read", "scan"])
    assert [tokens.allows(found, scope) for scope in Scope] == [True, False, False, True, False, False]


def test_the_text_is_long_starts_as_it_should_and_is_kept_nowhere(session: Session) -> None:
    user = make_user(session, "ann")
    made, text = tokens.create(session, user, user, "exporter", [Scope.READ], None)
    assert text.startswith("tusk_") and len(text) >= 48
    assert text.startswith(made.head) and len(made.head) == 12
    kept = f"{made.token_hash} {[entry.facts for entry in session.query(AuditEntry)]}"
    assert text not in kept and text[12:] not in kept
    assert tokens.create(session, user, user, "another", [Scope.READ], None)[1] != text


@pytest.mark.parametrize("text", ["", "tusk_", "tusk_" + "a" * 43, "é"])
def test_what_is_no_token_is_nobody(session: Session, text: str) -> None:
    user = make_user(session, "ann")
    tokens.create(session, user, user, "exporter", [Scope.READ], None)
    assert tokens.authenticate(session, text) is None


def test_neither_hash_nor_head_is_a_token(session: Session) -> None:
    user = make_user(session, "ann")
    made, _ = tokens.create(session, user, user, "exporter", [Scope.READ], None)
    assert tokens.authenticate(session, made.token_hash) is None
    assert tokens.authenticate(session, made.head) is None


def test_revoked_expired_or_of_somebody_off_it_counts_no_more(session: Session) -> None:
    user = make_user(session, "ann")
    made = [tokens.create(session, user, user, f"token {number}", [Scope.READ], 1) for number in range(3)]
    tokens.revoke(session, user, made[0][0])
    made[1][0].expires_at = now() - timedelta(seconds=1)
    session.flush()
    counts = [tokens.authenticate(session, text) is not None for _, text in made]
    assert counts == [False, False, True]
    assert tokens.count_good(session) == {user.id: 1}
    user.is_active = False
    session.flush()
    assert tokens.authenticate(session, made[2][1]) is None


def test_a_lower_role_takes_the_scopes_above_it_away(session: Session) -> None:
    user = make_user(session, "ann", Role.ADMIN)
    made, _ = tokens.create(session, user, user, "all", list(Scope), None)
    user.role = Role.REVIEWER
    assert [tokens.allows(made, scope) for scope in Scope] == [True, True, True, True, False, False]


@pytest.mark.parametrize("role", list(Role))
def test_a_token_may_do_no_more_than_its_user(session: Session, role: Role) -> None:
    user = make_user(session, "ann", role)
    offered = tokens.offered_to(role)
    tokens.create(session, user, user, "right", offered, None)
    for scope in set(Scope) - set(offered):
        with pytest.raises(Refused, match="may not"):
            tokens.create(session, user, user, "wrong", [scope], None)


@pytest.mark.parametrize(
    ("name", "scopes", "days", "sentence"),
    [
        ("", [Scope.READ], None, "name"),
        ("x" * 81, [Scope.READ], None, "name"),
        ("exporter", [], None, "at least one"),
        ("exporter", [Scope.READ], 0, "days"),
        ("exporter", [Scope.READ], 99999, "days"),
    ],
)
def test_tokens_that_will_not_do_are_refused(
    session: Session, name: str, scopes: list[Scope], days: int | None, sentence: str
) -> None:
    user = make_user(session, "ann")
    with pytest.raises(Refused, match=sentence):
        tokens.create(session, user, user, name, scopes, days)


def test_a_token_makes_others_that_may_no_more_and_not_for_longer(session: Session) -> None:
    user = make_user(session, "ann", Role.REVIEWER)
    parent, _ = tokens.create(session, user, user, "maker", [Scope.READ, Scope.ACCOUNT], 30)
    made, text = tokens.create_by(session, parent, "reader", [Scope.READ], 29)
    assert tokens.authenticate(session, text) is made
    assert session.query(AuditEntry).order_by(AuditEntry.id.desc()).first().facts["parent"] == parent.head
    for days in (31, None):
        assert tokens.create_by(session, parent, "longer", [Scope.READ], days)[0].expires_at == parent.expires_at
    with pytest.raises(Refused, match="own scopes"):
        tokens.create_by(session, parent, "wrong", [Scope.REVIEW], 1)


def test_a_token_that_never_expires_makes_others_of_any_length(session: Session) -> None:
    user = make_user(session, "ann")
    parent, _ = tokens.create(session, user, user, "maker", [Scope.ACCOUNT], None)
    assert tokens.create_by(session, parent, "one", [Scope.ACCOUNT], None)[0].expires_at is None


def test_the_last_use_is_written_once_a_minute(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    user = make_user(session, "ann")
    made, text = tokens.create(session, user, user, "exporter", [Scope.READ], None)
    start = now()
    seen = []
    for seconds in (0, 30, 59, 61):
        monkeypatch.setattr(tokens, "now", lambda moment=start + timedelta(seconds=seconds): moment)
        tokens.authenticate(session, text)
        session.refresh(made)
        seen.append(made.last_used_at - start)
    assert seen == [timedelta(0)] * 3 + [timedelta(seconds=61)]


def test_tokens_of_others_are_not_found(session: Session) -> None:
    ann, ben = make_user(session, "ann"), make_user(session, "ben")
    made, _ = tokens.create(session, ann, ann, "exporter", [Scope.READ], None)
    assert tokens.find(session, made.id, ann) is made
    with pytest.raises(NotFound):
        tokens.find(session, made.id, ben)
    assert tokens.list_tokens(session, ben) == []
    assert tokens.list_tokens(session) == [made]


def test_making_and_revoking_are_in_the_audit_log_once(session: Session) -> None:
    user, admin = make_user(session, "ann"), make_user(session, "root", Role.ADMIN)
    made, _ = tokens.create(session, user, user, "exporter", [Scope.READ], None)
    tokens.revoke(session, admin, made)
    tokens.revoke(session, admin, made)
    trail = [(entry.actor, entry.action, entry.facts["owner"]) for entry in session.query(AuditEntry)]
    assert trail == [("ann", "token.create", "ann"), ("root", "token.revoke", "ann")]
    assert session.query(ApiToken).count() == 1
