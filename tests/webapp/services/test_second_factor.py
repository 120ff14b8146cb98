from datetime import UTC, datetime

import pyotp
import pytest
from sqlalchemy.orm import Session

from tests.factories import make_user
from webapp.models import AuditEntry, RecoveryCode, Role, User
from webapp.services import second_factor, team
from webapp.services.errors import Refused

KEY = "ab" * 32
AT = datetime(2026, 11, 23, 12, 0, 10, tzinfo=UTC)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[datetime]:
    """Its one entry is the time."""
    held = [AT]
    monkeypatch.setattr(second_factor, "now", lambda: held[0])
    return held


def code_at(secret: str, at: datetime, steps: int = 0) -> str:
    return pyotp.TOTP(secret).at(at, counter_offset=steps)


def switch_on(session: Session, user: User) -> tuple[str, list[str]]:
    """The secret and the recovery codes; the code of the step before is spent."""
    secret = second_factor.begin(session, KEY, user)
    return secret, second_factor.switch_on(session, KEY, user, code_at(secret, AT, -1))


@pytest.mark.parametrize(
    ("seconds", "code"), [(59, "287082"), (1111111109, "081804"), (1234567890, "005924"), (20000000000, "353130")]
)
def test_codes_are_those_of_the_standard(seconds: int, code: str) -> None:
    """RFC 6238, appendix B: the last six digits of its SHA-1 values."""
    secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    assert second_factor.step_of(secret, code, datetime.fromtimestamp(seconds, UTC)) == seconds // 30


@pytest.mark.usefixtures("clock")
def test_it_is_in_force_once_a_code_confirmed_it(session: Session) -> None:
    user = make_user(session, "ann")
    secret = second_factor.begin(session, KEY, user)
    assert second_factor.begin(session, KEY, user) == secret
    with pytest.raises(Refused, match="app shows now"):
        second_factor.switch_on(session, KEY, user, "000000")
    assert not second_factor.is_on(user)
    assert len(second_factor.switch_on(session, KEY, user, code_at(secret, AT))) == 10
    assert second_factor.is_on(user)
    assert user.totp_secret is not None and secret not in user.totp_secret
    with pytest.raises(Refused, match="on already"):
        second_factor.begin(session, KEY, user)


def test_a_code_counts_once_and_so_do_those_before_it(session: Session, clock: list[datetime]) -> None:
    user = make_user(session, "ann")
    secret, _ = switch_on(session, user)
    assert not second_factor.take_code(session, KEY, user, code_at(secret, AT, -1))
    assert second_factor.take_code(session, KEY, user, code_at(secret, AT, 1))
    assert not second_factor.take_code(session, KEY, user, code_at(secret, AT, 1))
    assert not second_factor.take_code(session, KEY, user, code_at(secret, AT))
    clock[0] = datetime(2026, 11, 23, 12, 1, 10, tzinfo=UTC)
    assert second_factor.take_code(session, KEY, user, code_at(secret, clock[0]))


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize("steps", [-2, 2])
def test_a_code_of_another_time_does_not_count(session: Session, steps: int) -> None:
    user = make_user(session, "ann")
    secret, _ = switch_on(session, user)
    assert not second_factor.take_code(session, KEY, user, code_at(secret, AT, steps))


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize("code", ["", "12345", "1234567", "١٢٣٤٥٦", "abcdef"])
def test_what_is_no_code_does_not_count(session: Session, code: str) -> None:
    user = make_user(session, "ann")
    switch_on(session, user)
    assert not second_factor.take_any(session, KEY, user, code)


@pytest.mark.usefixtures("clock")
def test_a_recovery_code_counts_once_however_it_is_written(session: Session) -> None:
    user, other = make_user(session, "ann"), make_user(session, "ben")
    _, codes = switch_on(session, user)
    assert len(set(codes)) == 10
    assert not second_factor.take_recovery_code(session, other, codes[0])
    assert second_factor.take_recovery_code(session, user, codes[0].upper().replace("-", " "))
    assert not second_factor.take_recovery_code(session, user, codes[0])
    assert second_factor.codes_left(session, user) == 9
    assert not any(code in row.code_hash for row in session.query(RecoveryCode) for code in codes)


@pytest.mark.usefixtures("clock")
def test_new_recovery_codes_void_the_older_ones(session: Session) -> None:
    user = make_user(session, "ann")
    secret, codes = switch_on(session, user)
    with pytest.raises(Refused):
        second_factor.renew_codes(session, KEY, user, "000000")
    renewed = second_factor.renew_codes(session, KEY, user, code_at(secret, AT))
    assert not second_factor.take_recovery_code(session, user, codes[0])
    assert second_factor.take_recovery_code(session, user, renewed[0])


@pytest.mark.usefixtures("clock")
def test_switched_off_nothing_of_it_is_left_but_the_trail(session: Session) -> None:
    user, admin = make_user(session, "ann"), make_user(session, "root", Role.ADMIN)
    secret, codes = switch_on(session, user)
    second_factor.switch_off(session, admin, user)
    assert (user.totp_secret, second_factor.is_on(user), session.query(RecoveryCode).count()) == (None, False, 0)
    assert not second_factor.take_any(session, KEY, user, code_at(secret, AT, 1))
    assert not second_factor.take_any(session, KEY, user, codes[0])
    trail = [(entry.actor, entry.action) for entry in session.query(AuditEntry).order_by(AuditEntry.id)]
    assert trail == [("ann", "second_factor.on"), ("root", "second_factor.off")]


def test_a_secret_under_another_key_is_said_to_be_lost(session: Session) -> None:
    user = make_user(session, "ann")
    second_factor.begin(session, KEY, user)
    with pytest.raises(Refused, match="made under another"):
        second_factor.take_code(session, "cd" * 32, user, "123456")


def test_the_team_asks_it_of_a_role_and_those_above(session: Session) -> None:
    people = [make_user(session, role.value, role) for role in Role]
    assert not any(second_factor.is_required(session, user) for user in people)
    team.choose(session, people[-1], second_factor_from="lead")
    assert [second_factor.is_required(session, user) for user in people] == [False, False, True, True]
