from dataclasses import replace

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from tests.factories import make_user
from tests.webapp.api.conftest import Program, Write
from webapp.db import now
from webapp.models import ApiToken, AuditEntry, Role, User
from webapp.services import preferences, team, tokens
from webapp.services.tokens import Scope
from webapp.services.users import has_own_password

PASSWORD = "an elephant never forgets"


@pytest.fixture
def viewer(program: Write) -> Program:
    return program(Role.VIEWER)


@pytest.fixture
def admin(program: Write) -> Program:
    return program(Role.ADMIN)


def user_of(session: Session, name: str) -> User:
    session.expire_all()
    return session.query(User).filter_by(name=name).one()


# Oneself


def test_a_program_learns_whose_it_is_and_what_it_may(viewer: Program) -> None:
    me = viewer.get("/me")
    assert (me["name"], me["role"], me["scopes"]) == ("viewer", "viewer", ["read", "account"])
    assert me["preferences"] == {"blur": True, "grey": True, "keys": True, "country": None}
    assert me["token_expires_at"] and not me["has_second_factor"]


def test_ones_own_settings_change_and_what_is_not_sent_stays(viewer: Program, session: Session) -> None:
    answer = viewer.ask("PATCH", "/me", json={"language": "zh", "country": "DE", "theme": "dark"})
    assert answer.status_code == 200, answer.text
    assert viewer.ask("PATCH", "/me", json={"language": None}).json["country"] == "DE"
    user = user_of(session, "viewer")
    assert (user.language, user.country, user.theme) == (None, "DE", "dark")


@pytest.mark.parametrize(
    "body", [{"language": "xx"}, {"country": "EU"}, {"country": "AQ"}, {"country": "de"}, {"theme": "pink"}]
)
def test_settings_that_are_none_are_told(viewer: Program, body: dict[str, str]) -> None:
    answer = viewer.ask("PATCH", "/me", json=body)
    assert answer.status_code == 422
    assert answer.json["errors"][0]["pointer"].startswith(f"/{next(iter(body))}")


def test_how_pages_behave_is_changed(viewer: Program, session: Session) -> None:
    kept = viewer.ask("PATCH", "/me/preferences", json={"blur": False, "country": "CN"})
    assert kept.json == {"blur": False, "grey": True, "keys": True, "country": "CN"}
    assert preferences.of(user_of(session, "viewer")).blur is False
    assert viewer.ask("PATCH", "/me", json={"country": "DE"}).json["preferences"]["country"] is None, "it gives way"
    assert viewer.ask("PATCH", "/me/preferences", json={"country": "AQ"}).status_code == 422, "no law of it is known"


def test_a_token_is_made_shown_once_used_and_revoked(viewer: Program) -> None:
    made = viewer.post("/me/tokens", name="reader", scopes=["read"], days=1)
    assert made.status_code == 201, made.text
    text = made.json["text"]
    other = Program(viewer.client, text)
    assert other.get("/me")["scopes"] == ["read"]
    listed = viewer.get("/me/tokens")["items"]
    assert [one["name"] for one in listed] == ["reader", "a test"]
    assert text not in str(listed) and "token_hash" not in listed[0]
    path = f"/me/tokens/{made.json['id']}"
    assert other.ask("DELETE", path).status_code == 403, "it may read alone"
    assert viewer.ask("DELETE", path).status_code == 204
    assert other.ask("GET", "/me").status_code == 401
    assert not viewer.get("/me/tokens")["items"][0]["is_good"]


def test_no_token_makes_one_that_may_more_or_longer(program: Write, session: Session) -> None:
    narrow = program(Role.ADMIN, [Scope.READ, Scope.ACCOUNT])
    assert narrow.post("/me/tokens", name="more", scopes=["read", "admin"], days=1).status_code == 409
    assert session.query(ApiToken).count() == 1
    own = narrow.get("/me")["token_expires_at"]
    assert narrow.post("/me/tokens", name="for ever", scopes=["read"], days=None).json["expires_at"] == own


def test_tokens_of_others_are_not_ones_own(viewer: Program, session: Session) -> None:
    other = make_user(session, "ann")
    token, _ = tokens.create(session, other, other, "hers", [Scope.READ], None)
    session.commit()
    assert viewer.ask("DELETE", f"/me/tokens/{token.id}").status_code == 404


def test_one_signs_oneself_out_everywhere(viewer: Program, session: Session) -> None:
    before = user_of(session, "viewer").sign_ins_from
    assert viewer.post("/me/sign-ins/end").status_code == 204
    assert user_of(session, "viewer").sign_ins_from == before + 1
    assert viewer.get("/me")["name"] == "viewer", "tokens are no sign-ins"


# Others


def test_a_user_is_added_and_given_another_role(admin: Program, session: Session) -> None:
    made = admin.post("/users", name="mirela", password=PASSWORD, role="reviewer")
    assert made.status_code == 201, made.text
    assert (made.json["role"], made.json["is_active"], made.json["tokens"]) == ("reviewer", True, 0)
    assert has_own_password(user_of(session, "mirela"), PASSWORD)
    assert admin.post("/users", name="mirela", password=PASSWORD).status_code == 409
    assert admin.post("/users", name="two words", password=PASSWORD).status_code == 422
    assert admin.post("/users", name="short", password="short").status_code == 422
    path = f"/users/{made.json['id']}"
    off = admin.ask("PUT", f"{path}/access", json={"role": "lead", "is_active": False})
    assert (off.json["role"], off.json["is_active"]) == ("lead", False)
    assert admin.get(path)["role"] == "lead"
    assert [one["name"] for one in admin.get("/users")["items"]] == ["admin", "mirela"]
    assert "password_hash" not in str(admin.get("/users"))


def test_the_last_admin_stays_admin(admin: Program, session: Session) -> None:
    own = user_of(session, "admin").id
    answer = admin.ask("PUT", f"/users/{own}/access", json={"role": "viewer"})
    assert answer.status_code == 409 and "only active admin" in answer.json["detail"]
    assert admin.ask("PUT", "/users/999999/access", json={"role": "viewer"}).status_code == 404


def test_a_password_is_set_and_sign_ins_are_ended(admin: Program, session: Session) -> None:
    user = make_user(session, "mirela")
    session.commit()
    assert admin.ask("PUT", f"/users/{user.id}/password", json={"password": PASSWORD}).status_code == 204
    assert has_own_password(user_of(session, "mirela"), PASSWORD)
    assert admin.post(f"/users/{user.id}/sign-ins/end").status_code == 204
    actions = [entry.action for entry in session.query(AuditEntry).filter_by(subject=f"user:{user.id}")]
    assert actions == ["user.password", "sign_out.everywhere"]


def test_a_lost_second_factor_is_switched_off_but_never_ones_own(admin: Program, session: Session) -> None:
    user = make_user(session, "mirela", totp_secret="sealed", totp_since=now())
    session.commit()
    assert admin.get(f"/users/{user.id}")["has_second_factor"]
    assert admin.post(f"/users/{user.id}/second-factor/off").status_code == 204
    assert user_of(session, "mirela").totp_since is None
    own = user_of(session, "admin").id
    assert admin.post(f"/users/{own}/second-factor/off").status_code == 409


def test_tokens_of_a_user_are_listed_and_revoked(admin: Program, session: Session) -> None:
    user = make_user(session, "mirela")
    token, text = tokens.create(session, user, user, "hers", [Scope.READ], None)
    session.commit()
    assert admin.get(f"/users/{user.id}")["tokens"] == 1
    assert [one["name"] for one in admin.get(f"/users/{user.id}/tokens")["items"]] == ["hers"]
    assert admin.ask("DELETE", f"/users/{user.id}/tokens/{token.id}").status_code == 204
    assert Program(admin.client, text).ask("GET", "/me").status_code == 401
    own = user_of(session, "admin").id
    assert admin.ask("DELETE", f"/users/{own}/tokens/{token.id}").status_code == 404, "it is another's"


def test_who_somebody_is_at_the_identity_provider(admin: Program, app: Flask, session: Session) -> None:
    user = make_user(session, "mirela")
    session.commit()
    path = f"/users/{user.id}/identity"
    assert admin.ask("PUT", path, json={"subject": "123"}).status_code == 404, "there is none"
    state = app.extensions["tuskline"]
    there = state.settings.model_copy(update={"oidc_issuer": "https://provider.example"})
    app.extensions["tuskline"] = replace(state, settings=there)
    assert admin.ask("PUT", path, json={"subject": "123"}).json["subject"] == "123"
    assert user_of(session, "mirela").oidc_subject == "https://provider.example|123"
    other = make_user(session, "ann")
    session.commit()
    assert admin.ask("PUT", f"/users/{other.id}/identity", json={"subject": "123"}).status_code == 409


# The team


def test_the_team_chooses_and_what_is_not_sent_stays(program: Write, admin: Program, session: Session) -> None:
    changed = admin.ask("PATCH", "/team", json={"graphic_limit": 40, "lone_promotion": True, "country": "FR"})
    assert changed.status_code == 200, changed.text
    told = program(Role.LEAD).get("/team")
    assert (told["graphic_limit"], told["lone_promotion"], told["country"], told["claim_minutes"]) == (
        40,
        True,
        "FR",
        15,
    )
    session.expire_all()
    assert team.choices(session).graphic_limit == 40
    assert admin.ask("PATCH", "/team", json={"claim_minutes": 0}).status_code == 422
    assert admin.ask("PATCH", "/team", json={"country": "AQ"}).status_code == 422
    assert admin.ask("PATCH", "/team", json={"second_factor_from": "owner"}).status_code == 409
    assert admin.ask("PATCH", "/team", json={"second_factor_from": ""}).status_code == 200


def test_the_api_knows_every_choice_of_the_team(admin: Program) -> None:
    assert set(admin.get("/team")) == set(team.NAMES)
    document = admin.client.get("/api/v1/openapi.json").json
    assert set(document["components"]["schemas"]["TeamBody"]["properties"]) == set(team.NAMES)


def test_roles_say_what_their_tokens_may(viewer: Program) -> None:
    roles = {one["name"]: [scope["name"] for scope in one["scopes"]] for one in viewer.get("/roles")["items"]}
    assert list(roles) == ["viewer", "reviewer", "lead", "admin"]
    assert roles["viewer"] == ["read", "account"]
    assert roles["admin"] == list(Scope)
