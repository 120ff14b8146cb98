"""The token's own user: settings, tokens, sign-ins."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from webapp.api.access import caller, shown_token
from webapp.api.operations import Room
from webapp.api.paging import Page, Strict
from webapp.api.problems import Problem
from webapp.extensions import app_pack_files, db_session
from webapp.language import languages
from webapp.models import ApiToken, Role, User
from webapp.services import preferences, second_factor, tokens, users
from webapp.services.tokens import Scope

room = Room("me", "The token's user: settings, tokens, sign-ins")


def known_language(code: str) -> str:
    if code not in languages():
        raise ValueError(f"Choose one of {', '.join(languages())}.")
    return code


Country = Annotated[str, Field(pattern=r"^[A-Z]{2}$", description="ISO 3166-1; one whose law the rule pack knows")]
Language = Annotated[str, AfterValidator(known_language)]


class PreferencesShape(BaseModel):
    """How pages behave: blur, grey: pictures until one is revealed; keys: whether single letters are shortcuts.

    country: whose law is shown beside a finding, where another was chosen there than in the settings.
    """

    model_config = ConfigDict(from_attributes=True)

    blur: bool
    grey: bool
    keys: bool
    country: str | None


class MeShape(BaseModel):
    """language, theme, country: null is the browser's or the team's choice. scopes: of the token that was shown."""

    id: int
    name: str
    role: Role
    language: str | None
    theme: str | None
    country: str | None
    has_second_factor: bool
    preferences: PreferencesShape
    scopes: list[Scope]
    token_expires_at: datetime | None


class SettingsBody(Strict):
    """What is not sent stays; null is the browser's or the team's choice."""

    language: Language | None = None
    theme: Literal["system", "light", "dark"] | None = None
    country: Country | None = None


class PreferencesBody(Strict):
    """What is not sent stays. country: null where that of the settings is to count again."""

    blur: bool = True
    grey: bool = True
    keys: bool = True
    country: Country | None = None


class TokenShape(BaseModel):
    """head: its first letters. is_good: neither revoked nor expired."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    name: str
    head: str
    scopes: list[Scope]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None
    is_good: bool


class NewTokenShape(TokenShape):
    """text: what a program shows; given this once and kept nowhere."""

    text: str


class TokenBody(Strict):
    """scopes: no more than those of the token that is shown. days: until it expires, at the latest with that one."""

    name: str = Field(max_length=tokens.NAME_LETTERS)
    scopes: list[Scope] = Field(min_length=1, max_length=len(Scope))
    days: int | None = Field(90, ge=1, le=tokens.MAX_DAYS)


@room.operation("GET", "/me", Scope.READ, answer=MeShape)
def get_me() -> MeShape:
    """Who the token's user is, and what it may do."""
    return me_shape()


def me_shape() -> MeShape:
    user, token = caller(), shown_token()
    return MeShape(
        **{name: getattr(user, name) for name in ("id", "name", "role", "language", "theme", "country")},
        has_second_factor=second_factor.is_on(user),
        preferences=PreferencesShape.model_validate(preferences.of(user)),
        scopes=[Scope(scope) for scope in token.scopes],
        token_expires_at=token.expires_at,
    )


@room.operation("PATCH", "/me", Scope.ACCOUNT, body=SettingsBody, answer=MeShape)
def change_me(body: SettingsBody) -> MeShape:
    """Change your language, light and country."""
    values = body.model_dump(exclude_unset=True)
    check_country(values.get("country"))
    for name, value in values.items():
        setattr(caller(), name, value)
    if "country" in values:
        preferences.keep(db_session(), caller(), country=None)  # what was looked at on a page meanwhile gives way
    db_session().commit()
    return me_shape()


@room.operation("PATCH", "/me/preferences", Scope.ACCOUNT, body=PreferencesBody, answer=PreferencesShape)
def change_preferences(body: PreferencesBody) -> PreferencesShape:
    """Change how pages show pictures and take keys."""
    values = body.model_dump(exclude_unset=True)
    check_country(values.get("country"))
    kept = preferences.keep(db_session(), caller(), **values)
    db_session().commit()
    return PreferencesShape.model_validate(kept)


def check_country(code: str | None) -> None:
    """Raises Problem for one of whose law the rule pack does not speak."""
    known = app_pack_files().law.countries
    if code is not None and code not in known:
        raise Problem(
            422, "The rule pack says nothing of this law.", faults={"/country": [f"Choose {', '.join(known)}."]}
        )


def token_shape(token: ApiToken) -> TokenShape:
    names = [name for name in TokenShape.model_fields if name != "is_good"]
    return TokenShape(**{name: getattr(token, name) for name in names}, is_good=tokens.is_good(token))


def tokens_of(user: User) -> Page[TokenShape]:
    return Page[TokenShape](items=[token_shape(token) for token in tokens.list_tokens(db_session(), user)])


@room.operation("GET", "/me/tokens", Scope.READ, answer=Page[TokenShape])
def list_my_tokens() -> Page[TokenShape]:
    """Your tokens, the newest first, also those that count no more."""
    return tokens_of(caller())


@room.operation("POST", "/me/tokens", Scope.ACCOUNT, body=TokenBody, answer=NewTokenShape, status=201)
def create_token(body: TokenBody) -> NewTokenShape:
    """Make a token that may no more than this one and does not outlive it; its text is given this once."""
    made, text = tokens.create_by(db_session(), shown_token(), body.name, body.scopes, body.days)
    db_session().commit()
    return NewTokenShape(**token_shape(made).model_dump(), text=text)


@room.operation("DELETE", "/me/tokens/<int:token_id>", Scope.ACCOUNT)
def revoke_my_token(token_id: int) -> None:
    """Let one of your tokens count no more, this one too."""
    tokens.revoke(db_session(), caller(), tokens.find(db_session(), token_id, caller()))
    db_session().commit()


@room.operation("POST", "/me/sign-ins/end", Scope.ACCOUNT)
def end_my_sign_ins() -> None:
    """Sign yourself out of every browser."""
    users.end_sign_ins(db_session(), caller(), caller())
    db_session().commit()
