from sqlalchemy.orm import Session

from tests.factories import make_user
from tests.webapp.services.conftest import AtOnce
from webapp.models import SavedFilter
from webapp.services import saved_filters


def test_a_filter_that_is_saved_twice_at_once_is_one(session: Session, at_once: AtOnce) -> None:
    user = make_user(session)
    session.commit()

    def save(own: Session) -> object:
        return saved_filters.save(own, own.merge(user, load=False), "tusks", {"concept": "ivory"}, is_shared=True)

    at_once([save] * 4)
    row = session.query(SavedFilter).one()
    assert (row.name, row.arguments, row.is_shared) == ("tusks", {"concept": "ivory"}, True)


def test_saving_under_a_name_again_replaces_what_was_kept(session: Session) -> None:
    user = make_user(session)
    saved_filters.save(session, user, "tusks", {"concept": "ivory"}, is_shared=False)
    again = saved_filters.save(session, user, " tusks ", {"concept": "tiger"}, is_shared=True)
    assert session.query(SavedFilter).one() is again
    assert (again.arguments, again.is_shared) == ({"concept": "tiger"}, True)
