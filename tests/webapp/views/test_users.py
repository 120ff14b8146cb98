import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.factories import PASSWORD, make_user
from tests.webapp.views.conftest import post, token_of
from webapp.models import Role, User

NEW = {"name": "mirela", "role": "reviewer", "password": "a long enough sentence"}


def test_a_new_user_may_sign_in(admin: FlaskClient, client: FlaskClient) -> None:
    assert post(admin, "/users", **NEW).status_code == 302
    assert post(client, "/sign-in", name="mirela", password=NEW["password"]).location == "/"


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("password", "short", "at least 12"),
        ("name", "", "Enter a name."),
        ("name", "two words", "Use letters"),
        ("name", "admin", "already"),
        ("role", "owner", "Not a valid choice"),
    ],
)
def test_a_faulty_new_user_is_refused_and_the_name_stays(
    admin: FlaskClient, session: Session, field: str, value: str, says: str
) -> None:
    answer = post(admin, "/users", **{**NEW, field: value})
    assert answer.status_code == 422
    assert says in answer.text
    assert NEW["password"] not in answer.text
    if field != "name":
        assert 'value="mirela"' in answer.text
    assert session.query(User).count() == 1


def test_a_role_is_changed_and_a_sign_in_switched_off(admin: FlaskClient, session: Session) -> None:
    user = make_user(session, "mirela")
    session.commit()
    post(admin, f"/users/{user.id}/access", role="viewer")
    session.expire_all()
    assert (user.role, user.is_active) == (Role.VIEWER, False)


def test_the_last_admin_stays_admin(admin: FlaskClient, session: Session) -> None:
    user = session.query(User).one()
    answer = post(admin, f"/users/{user.id}/access", role="viewer", is_active="y")
    assert answer.status_code == 422
    assert "only active admin" in answer.text
    session.expire_all()
    assert user.role is Role.ADMIN


def test_a_reset_password_is_the_one_that_counts(admin: FlaskClient, client: FlaskClient, session: Session) -> None:
    user = make_user(session, "mirela")
    session.commit()
    post(admin, f"/users/{user.id}/password", password="another long sentence")
    token = token_of(client)
    old = client.post("/sign-in", data={"csrf_token": token, "name": "mirela", "password": PASSWORD})
    new = client.post("/sign-in", data={"csrf_token": token, "name": "mirela", "password": "another long sentence"})
    assert (old.status_code, new.status_code) == (401, 302)


def test_an_admin_who_sets_the_own_password_stays_signed_in(admin: FlaskClient, session: Session) -> None:
    user = session.query(User).one()
    post(admin, f"/users/{user.id}/password", password="another long sentence")
    assert admin.get("/users").status_code == 200


def test_nobody_of_that_number_is_a_404(admin: FlaskClient) -> None:
    assert admin.get("/users/999").status_code == 404
