from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from tests.factories import make_photo, make_user
from webapp.db import now
from webapp.models import AuditEntry, Reveal
from webapp.services import graphic, preferences, team
from webapp.services.graphic import LimitReached


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    def forward(minutes: float) -> None:
        monkeypatch.setattr(graphic, "now", lambda: now() + timedelta(minutes=minutes))

    return forward


def test_a_picture_counts_once_an_hour(session: Session, clock: Callable[[float], None]) -> None:
    user, photo = make_user(session), make_photo(session)
    graphic.reveal(session, user, photo)
    graphic.reveal(session, user, photo)
    assert graphic.allowance(session, user).seen == 1
    assert session.query(AuditEntry).one().action == "photo.reveal"
    clock(61)
    assert graphic.allowance(session, user).seen == 0
    graphic.reveal(session, user, photo)
    assert session.query(Reveal).count() == 2


def test_without_a_limit_there_is_room(session: Session) -> None:
    user = make_user(session)
    for _ in range(5):
        graphic.reveal(session, user, make_photo(session))
    assert not graphic.allowance(session, user).is_used_up


def test_the_limit_is_kept_and_said_kindly(session: Session, clock: Callable[[float], None]) -> None:
    team.choose(session, None, graphic_limit=2)
    user, others = make_user(session), make_user(session)
    first, second, third = (make_photo(session) for _ in range(3))
    graphic.reveal(session, user, first)
    graphic.reveal(session, user, second)
    with pytest.raises(LimitReached, match=r"You have seen 2 pictures .* until \d\d:\d\d UTC"):
        graphic.reveal(session, user, third)
    graphic.reveal(session, user, first)  # what was seen may be seen again
    graphic.reveal(session, others, third)
    assert session.query(Reveal).filter_by(user_id=user.id).count() == 2
    clock(61)
    graphic.reveal(session, user, third)


def test_a_lower_limit_waits_until_enough_have_passed(session: Session) -> None:
    user = make_user(session)
    for _ in range(4):
        graphic.reveal(session, user, make_photo(session))
    rows = session.query(Reveal).order_by(Reveal.id).all()
    for number, row in enumerate(rows):
        row.at = now() - timedelta(minutes=50 - 10 * number)
    session.flush()
    team.choose(session, None, graphic_limit=2)
    left = graphic.allowance(session, user)
    assert left.free_at == rows[2].at + timedelta(hours=1), "when two are left, there is room for one"


def test_pictures_are_blurred_and_grey_until_a_person_says_otherwise(session: Session) -> None:
    user = make_user(session)
    assert (preferences.of(user).blur, preferences.of(user).grey) == (True, True)
    preferences.keep(session, user, blur=False)
    session.commit()
    session.refresh(user)
    assert (preferences.of(user).blur, preferences.of(user).grey) == (False, True)


def test_what_others_keep_beside_it_stays_and_nonsense_is_passed_over(session: Session) -> None:
    user = make_user(session, preferences={"queue": "wide", "blur": "perhaps"})
    assert preferences.of(user).blur is True
    preferences.keep(session, user, grey=False)
    assert user.preferences == {"queue": "wide", "blur": "perhaps", "grey": False}
    with pytest.raises(TypeError):
        preferences.keep(session, user, blur="no")
    with pytest.raises(TypeError):
        preferences.keep(session, user, colour=True)


@pytest.mark.parametrize(
    ("chosen", "own", "shown"), [(None, None, "GB"), (None, "JP", "JP"), ("US", "JP", "US"), ("US", None, "US")]
)
def test_whose_law_is_shown(session: Session, chosen: str | None, own: str | None, shown: str) -> None:
    user = make_user(session, country=own)
    if chosen:
        preferences.keep(session, user, country=chosen)
    assert preferences.country_of(user, "GB") == shown
