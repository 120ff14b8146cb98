import pytest
from sqlalchemy.orm import Session

from tests.factories import make_user
from webapp.forms.team import WORDS
from webapp.models import AuditEntry, Role
from webapp.services import team
from webapp.services.errors import Refused


def test_choices_are_kept_and_each_change_is_in_the_audit_log(session: Session) -> None:
    admin = make_user(session, "root", Role.ADMIN)
    team.choose(session, admin, claim_minutes=20, country="DE", undo_seconds=60)
    assert (team.choices(session).claim_minutes, team.choices(session).country) == (20, "DE")
    changed = [(entry.subject, entry.facts["before"], entry.facts["after"]) for entry in session.query(AuditEntry)]
    assert changed == [("team:claim_minutes", 15, 20), ("team:country", "GB", "DE")]


@pytest.mark.parametrize(
    ("name", "value"), [("claim_minutes", 0), ("blind_percent", 101), ("second_factor_from", "owner")]
)
def test_a_choice_out_of_bounds_is_refused(session: Session, name: str, value: object) -> None:
    with pytest.raises(Refused):
        team.choose(session, None, **{name: value})


def test_every_choice_has_its_words_and_every_number_its_bounds() -> None:
    assert set(WORDS) == set(team.NAMES)
    numbers = {name for name in team.NAMES if type(getattr(team.TeamChoices(), name)) is int}
    assert numbers == set(team.BOUNDS)
