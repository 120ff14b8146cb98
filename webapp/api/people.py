"""People and what they may do, and what the team has chosen for itself."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from webapp.api.access import caller
from webapp.api.me import Country, TokenShape, check_country, tokens_of
from webapp.api.operations import Room
from webapp.api.paging import Page, Strict
from webapp.api.problems import Problem
from webapp.extensions import app_settings, db_session
from webapp.models import Role, User
from webapp.services import oidc, passwords, second_factor, team, tokens, users
from webapp.services.errors import NotFound, Refused
from webapp.services.team import BOUNDS
from webapp.services.tokens import GRANTS, Scope

room = Room("people", "Users, their access, and the team's own choices")

OWN_FACTOR = "Switch your own second factor off in your settings, with password and code."


class UserShape(BaseModel):
    """tokens: how many of theirs count. subject: what the identity provider calls them; empty where it doesn't."""

    id: int
    name: str
    role: Role
    is_active: bool
    created_at: datetime
    signed_in_at: datetime | None
    has_password: bool
    has_second_factor: bool
    subject: str
    tokens: int


Password = Annotated[str, StringConstraints(min_length=passwords.MIN_LENGTH, max_length=1000)]


class NewUserBody(Strict):
    name: str = Field(max_length=80, pattern=r"^[\w.@+-]+$", description="letters, digits and . @ + - _")
    password: Password
    role: Role = Role.REVIEWER


class AccessBody(Strict):
    """is_active: whether they may sign in, and their tokens count."""

    role: Role
    is_active: bool = True


class PasswordBody(Strict):
    password: Password


class IdentityBody(Strict):
    """subject: what the identity provider calls them; empty for nobody."""

    subject: str = Field(max_length=255)


def bounded(name: str) -> int | None:
    least, most = BOUNDS[name]
    made: int | None = Field(None, ge=least, le=most)
    return made


class TeamBody(Strict):
    """What is not sent, or is null, stays. graphic_limit: 0 for none. second_factor_from: empty for nobody."""

    claim_minutes: int | None = bounded("claim_minutes")
    skip_hours: int | None = bounded("skip_hours")
    undo_seconds: int | None = bounded("undo_seconds")
    graphic_limit: int | None = bounded("graphic_limit")
    second_look_percent: int | None = bounded("second_look_percent")
    blind_percent: int | None = bounded("blind_percent")
    country: Country | None = None
    decision_seconds: int | None = bounded("decision_seconds")
    lone_promotion: bool | None = None
    second_factor_from: str | None = Field(None, max_length=16)


class TeamShape(BaseModel):
    """As `TeamBody`; which choice does what stands on the team's page."""

    model_config = ConfigDict(from_attributes=True)

    claim_minutes: int
    skip_hours: int
    undo_seconds: int
    graphic_limit: int
    second_look_percent: int
    blind_percent: int
    country: str
    decision_seconds: int
    lone_promotion: bool
    second_factor_from: str


class ScopeShape(BaseModel):
    name: Scope
    words: str


class RoleShape(BaseModel):
    """scopes: what tokens of such a user may be given. The document says the role of each operation."""

    name: Role
    scopes: list[ScopeShape]


def shape_of(user: User, good_tokens: int) -> UserShape:
    names = ("id", "name", "role", "is_active", "created_at", "signed_in_at")
    return UserShape(
        **{name: getattr(user, name) for name in names},
        has_password=users.has_password(user),
        has_second_factor=second_factor.is_on(user),
        subject=oidc.subject_of(app_settings(), user) if app_settings().oidc_issuer else "",
        tokens=good_tokens,
    )


def saved(user: User) -> UserShape:
    db_session().commit()
    return shape_of(user, tokens.count_good(db_session()).get(user.id, 0))


def find_user(user_id: int) -> User:
    user = db_session().get(User, user_id)
    if user is None:
        raise NotFound(f"There is no user {user_id}.")
    return user


@room.operation("GET", "/users", Scope.ADMIN, Role.ADMIN, answer=Page[UserShape])
def list_users() -> Page[UserShape]:
    """All users by name."""
    counts = tokens.count_good(db_session())
    everybody = users.list_users(db_session())
    return Page[UserShape](items=[shape_of(user, counts.get(user.id, 0)) for user in everybody])


@room.operation("POST", "/users", Scope.ADMIN, Role.ADMIN, body=NewUserBody, answer=UserShape, status=201)
def create_user(body: NewUserBody) -> UserShape:
    """Add a user."""
    return saved(users.create_user(db_session(), caller(), body.name, body.password, body.role))


@room.operation("GET", "/users/<int:user_id>", Scope.ADMIN, Role.ADMIN, answer=UserShape)
def get_user(user_id: int) -> UserShape:
    """One user."""
    return shape_of(find_user(user_id), tokens.count_good(db_session()).get(user_id, 0))


@room.operation("PUT", "/users/<int:user_id>/access", Scope.ADMIN, Role.ADMIN, body=AccessBody, answer=UserShape)
def change_access(user_id: int, body: AccessBody) -> UserShape:
    """Give a user another role, or let them sign in or not."""
    user = find_user(user_id)
    users.change_access(db_session(), caller(), user, body.role, body.is_active)
    return saved(user)


@room.operation("PUT", "/users/<int:user_id>/password", Scope.ADMIN, Role.ADMIN, body=PasswordBody)
def set_password(user_id: int, body: PasswordBody) -> None:
    """Give a user another password, which signs them out everywhere."""
    users.set_password(db_session(), caller(), find_user(user_id), body.password)
    db_session().commit()


@room.operation("POST", "/users/<int:user_id>/sign-ins/end", Scope.ADMIN, Role.ADMIN)
def end_sign_ins(user_id: int) -> None:
    """Sign a user out of every browser."""
    users.end_sign_ins(db_session(), caller(), find_user(user_id))
    db_session().commit()


@room.operation("POST", "/users/<int:user_id>/second-factor/off", Scope.ADMIN, Role.ADMIN)
def reset_second_factor(user_id: int) -> None:
    """Switch off the second factor of somebody who lost the device."""
    user = find_user(user_id)
    if user.id == caller().id:
        raise Refused(OWN_FACTOR)
    second_factor.switch_off(db_session(), caller(), user)
    db_session().commit()


@room.operation("PUT", "/users/<int:user_id>/identity", Scope.ADMIN, Role.ADMIN, body=IdentityBody, answer=UserShape)
def change_identity(user_id: int, body: IdentityBody) -> UserShape:
    """Say who somebody is at the identity provider."""
    user, settings = find_user(user_id), app_settings()
    if not settings.oidc_issuer:
        raise Problem(404, "No identity provider is set up.")
    oidc.link(db_session(), settings, caller(), user, body.subject)
    return saved(user)


@room.operation("GET", "/users/<int:user_id>/tokens", Scope.ADMIN, Role.ADMIN, answer=Page[TokenShape])
def list_tokens(user_id: int) -> Page[TokenShape]:
    """A user's tokens, the newest first."""
    return tokens_of(find_user(user_id))


@room.operation("DELETE", "/users/<int:user_id>/tokens/<int:token_id>", Scope.ADMIN, Role.ADMIN)
def revoke_token(user_id: int, token_id: int) -> None:
    """Let a user's token count no more."""
    tokens.revoke(db_session(), caller(), tokens.find(db_session(), token_id, find_user(user_id)))
    db_session().commit()


@room.operation("GET", "/team", Scope.READ, Role.LEAD, answer=TeamShape)
def get_team() -> TeamShape:
    """What the team has chosen for itself."""
    return TeamShape.model_validate(team.choices(db_session()))


@room.operation("PATCH", "/team", Scope.ADMIN, Role.ADMIN, body=TeamBody, answer=TeamShape)
def change_team(body: TeamBody) -> TeamShape:
    """Change some of the team's choices."""
    values = body.model_dump(exclude_none=True)
    check_country(values.get("country"))
    kept = team.choose(db_session(), caller(), **values)
    db_session().commit()
    return TeamShape.model_validate(kept)


@room.operation("GET", "/roles", Scope.READ, answer=Page[RoleShape])
def list_roles() -> Page[RoleShape]:
    """The roles, each with what its tokens may be given."""
    return Page[RoleShape](items=[RoleShape(name=role, scopes=scopes_of(role)) for role in Role])


def scopes_of(role: Role) -> list[ScopeShape]:
    return [ScopeShape(name=scope, words=str(GRANTS[scope].words)) for scope in tokens.offered_to(role)]
