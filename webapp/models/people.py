"""Who may sign in, and as what."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, Enum, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.db import Base, now


class Role(StrEnum):
    """Each role may do what the one before it may.

    Viewers read, reviewers decide, leads settle disputes and change rules, admins see to users and the system.
    """

    VIEWER = "viewer"
    REVIEWER = "reviewer"
    LEAD = "lead"
    ADMIN = "admin"

    def covers(self, other: "Role") -> bool:
        roles = list(Role)
        return roles.index(self) >= roles.index(other)


class User(Base):
    """Someone who may sign in.

    password_hash: argon2, or `!` where only the identity provider knows the person (oidc_subject: `issuer|subject`).
    sign_ins_from: counted up to end every sign-in of before. language, theme, country: None is the browser's or the
    team's choice. preferences: what pages remember of a person (services.preferences). totp_secret: sealed
    (services.sealing), in force once totp_since is set; totp_step: the last 30-second step that was used.
    """

    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(80), unique=True)
    password_hash: Mapped[str] = mapped_column(String(200))
    role: Mapped[Role] = mapped_column(Enum(Role, native_enum=False, length=16, values_callable=list))
    is_active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime] = mapped_column(default=now)
    signed_in_at: Mapped[datetime | None]
    sign_ins_from: Mapped[int] = mapped_column(default=0)
    language: Mapped[str | None] = mapped_column(String(16))
    theme: Mapped[str | None] = mapped_column(String(8))
    country: Mapped[str | None] = mapped_column(String(2))
    preferences: Mapped[dict[str, Any]] = mapped_column(default=dict)
    totp_secret: Mapped[str | None] = mapped_column(String(300))
    totp_since: Mapped[datetime | None]
    totp_step: Mapped[int | None]
    oidc_subject: Mapped[str | None] = mapped_column(String(500), unique=True)


class RecoveryCode(Base):
    """A one-time way in for someone who lost the device with their codes; code_hash: SHA-256 (hex)."""

    __tablename__ = "recovery_codes"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    code_hash: Mapped[str] = mapped_column(String(64))
    used_at: Mapped[datetime | None]


class ApiToken(Base):
    """What a program shows to act as its user, within `scopes` and the user's role.

    token_hash: SHA-256 (hex) of the token, which is shown once and kept nowhere; head: its first letters, to tell
    tokens apart.
    """

    __tablename__ = "api_tokens"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    name: Mapped[str] = mapped_column(String(80))
    head: Mapped[str] = mapped_column(String(16))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    scopes: Mapped[list[Any]] = mapped_column(default=list)
    created_at: Mapped[datetime] = mapped_column(default=now)
    expires_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]

    user: Mapped[User] = relationship()


class SavedFilter(Base):
    """Filters of the queue under a name; arguments: as in the page's address. is_shared: the whole team sees it."""

    __tablename__ = "saved_filters"
    __table_args__ = (UniqueConstraint("user_id", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    name: Mapped[str] = mapped_column(String(80))
    arguments: Mapped[dict[str, Any]] = mapped_column(default=dict)
    is_shared: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(default=now)

    user: Mapped[User] = relationship()


class TeamSetting(Base):
    """A choice that the team made on a page (services.team); a missing row is the default."""

    __tablename__ = "team_settings"

    name: Mapped[str] = mapped_column(String(60), primary_key=True)
    value: Mapped[Any] = mapped_column(JSON)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    changed_at: Mapped[datetime] = mapped_column(default=now)


class Reveal(Base):
    """A picture that a person saw without blur, for the hourly limit; the audit log has who looked at what."""

    __tablename__ = "reveals"
    __table_args__ = (Index("ix_reveals_user_id_at", "user_id", "at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    photo_id: Mapped[int] = mapped_column(ForeignKey("photos.id"))
    at: Mapped[datetime] = mapped_column(default=now)
