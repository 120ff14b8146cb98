"""Settings from the environment (`TUSKLINE_*`), with defaults that run everything embedded on loopback."""

import os
import secrets
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, IPvAnyAddress, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from scanner.places import data_home
from scanner.zoo.wishes import Wishes

# As in webapp.models.Role, which costs SQLAlchemy to import.
RoleName = Literal["viewer", "reviewer", "lead", "admin"]
SECRET_FILE = "secret.key"  # noqa: S105  (a name)
SECRET_LETTERS = 64
LOOPBACK = ("127.0.0.1", "::1", "localhost")


class Settings(BaseSettings):
    """One value a field; the environment variable is TUSKLINE_ and the field's name in capitals."""

    # Whatever is wrong with a value, the value itself may be a secret and is told to nobody.
    model_config = SettingsConfigDict(env_prefix="TUSKLINE_", env_ignore_empty=True, hide_input_in_errors=True)

    home: Path = Field(default_factory=data_home, description="folder of all data: database, pictures, models")
    database_url: str | None = Field(
        default=None, repr=False, description="SQLAlchemy URL; SQLite in the home folder unless given"
    )
    broker_url: str | None = Field(
        default=None, repr=False, description="Celery broker URL; a queue in the home folder unless given"
    )
    host: str = Field(default="127.0.0.1", description="address that the web page listens on")
    trusted_proxy: IPvAnyAddress | None = Field(
        default=None,
        description="IP address of the web server with TLS in front of the pages, whose word about callers counts",
    )
    log_format: Literal["text", "json"] = Field(
        default="text", description="how processes write their logs: text for people, json for programs; one line each"
    )
    port: int = Field(default=8000, description="port that the web page listens on")
    shop_port: int = Field(default=8001, description="port of the sample marketplace")
    device: str = Field(
        default="auto",
        pattern=r"^(auto|cpu|gpu:\d+(,fp32|,fp16)?(,tensorrt)?)$",
        description="cpu, gpu:N (also gpu:N,fp32, gpu:N,fp16 and gpu:N,tensorrt) or auto",
    )
    engine: Literal["auto", "paddle", "onnx"] = Field(
        default="auto", description="what runs the networks: paddle, onnx or auto"
    )
    precision: Literal["auto", "fp32", "bf16", "fp16", "int8"] = Field(
        default="auto",
        description="fp32, bf16, fp16, int8, or auto: the fastest that passed its check on the model's card",
    )
    model_memory_mb: int = Field(
        default=2048,
        ge=256,
        description="memory in MB for the networks of one predictor process; the least recently used leaves",
    )
    decoding: Literal["exact", "fast"] = Field(
        default="exact",
        description="exact, or fast: large JPEGs are decoded smaller where each model's card holds a check of that",
    )
    pack: str = Field(default="wildlife", description="rule pack: a name in rules/packs or a folder")
    contact: str = Field(
        default="",
        pattern=r"^[\x20-\x27\x2a-\x7e]*$",
        description="contact address that the crawler sends with every request; plain characters, no brackets",
    )
    allowed_addresses: list[str] = Field(
        default_factory=list, description="host:port pairs on loopback or private networks that a crawl may reach"
    )
    crawl_pace_s: float = Field(
        default=1.0, ge=0, description="least seconds between two requests to a host; a longer Crawl-delay counts"
    )
    crawl_pages: int = Field(
        default=50_000, ge=1, description="answers (pages and pictures) that one crawl fetches at most"
    )
    crawl_megabytes: int = Field(default=20_000, ge=1, description="megabytes that one crawl fetches at most")
    crawl_hours: float = Field(default=12, gt=0, description="hours that one crawl takes at most")
    archive_megabytes: int = Field(
        default=500, ge=1, description="size in MB at which an archive of what was fetched (WARC) is closed"
    )
    store_url: str | None = Field(
        default=None,
        description="where pictures and archives are kept: a folder or s3://bucket/prefix; home unless given",
    )
    inbox: Path | None = Field(
        default=None, description="folder below which sources may read files; inbox in the home folder unless given"
    )
    metrics_token: SecretStr | None = Field(
        default=None,
        description="word that a Prometheus server shows to read /metrics; without it there is no such page",
    )
    lease_s: int = Field(default=60, ge=2, description="seconds after which a silent worker's scan is taken over")
    session_hours: float = Field(default=12, gt=0, description="hours after which a sign-in ends")
    session_idle_minutes: float = Field(
        default=120, gt=0, description="minutes after which a sign-in ends that opened no page"
    )
    public_url: str | None = Field(
        default=None,
        pattern=r"^https?://[^/?#]+$",
        description="where people open the pages, https://tuskline.example say; as they ask for them unless given",
    )
    oidc_issuer: str | None = Field(
        default=None, description="identity provider (OpenID Connect) of the team, its issuer address"
    )
    oidc_client_id: str = Field(default="tuskline", description="what the provider calls this installation")
    oidc_client_secret: SecretStr | None = Field(default=None, description="what the provider gave this installation")
    oidc_scopes: str = Field(
        default="openid profile", pattern=r"\bopenid\b", description="what the provider is asked for; openid is a must"
    )
    oidc_name_claim: str = Field(default="preferred_username", description="claim that holds a person's name")
    oidc_role_claim: str | None = Field(
        default=None, description="claim that holds roles or groups; dots lead into it, realm_access.roles say"
    )
    oidc_roles: dict[str, RoleName] = Field(
        default_factory=dict, description="value of that claim to role; the highest counts, at each sign-in"
    )
    oidc_newcomers: bool = Field(
        default=False, description="whether people of the provider that nobody added become viewers; else refused"
    )
    outbox_url: str | None = Field(
        default=None,
        description="where scheduled reports are put: a folder or s3://bucket/prefix; outbox in home unless given",
    )
    smtp_host: str | None = Field(
        default=None, description="mail server for scheduled reports; without it none is sent"
    )
    smtp_port: int = Field(default=587, ge=1, le=65535, description="port of the mail server")
    smtp_security: Literal["starttls", "tls", "none"] = Field(
        default="starttls", description="how the way to the mail server is kept secret; none is for loopback alone"
    )
    smtp_user: str | None = Field(default=None, description="name at the mail server; without it nobody signs in there")
    smtp_password: SecretStr | None = Field(default=None, description="password at the mail server")
    mail_from: str = Field(default="tuskline@localhost", description="sender of mails")
    mail_megabytes: float = Field(
        default=15, ge=0, description="size up to which reports are attached to a mail; larger ones are linked"
    )
    timestamp_url: str | None = Field(
        default=None,
        repr=False,
        pattern=r"^https?://",
        description="timestamp server (RFC 3161) that confirms when a case file was made; none is asked unless given",
    )
    local_sign_in: bool = Field(
        default=True, description="whether passwords let in; without them the provider alone does"
    )

    @field_validator("oidc_issuer")
    @classmethod
    def check_issuer(cls, issuer: str | None) -> str | None:
        """What comes from it decides who is let in, so that nobody on the way may change it."""
        parts = urlsplit(issuer or "")
        is_safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
        if issuer is not None and not (is_safe and parts.hostname):
            raise ValueError("give an https:// address, as the provider's discovery document names itself")
        return issuer

    @field_validator("local_sign_in")
    @classmethod
    def check_way_in(cls, is_on: bool, info: ValidationInfo) -> bool:
        if not is_on and not info.data.get("oidc_issuer"):
            raise ValueError("without passwords give TUSKLINE_OIDC_ISSUER, else nobody could sign in")
        return is_on

    @field_validator("smtp_security")
    @classmethod
    def check_secrecy(cls, kind: str, info: ValidationInfo) -> str:
        if kind == "none" and info.data.get("smtp_host") not in (None, *LOOPBACK):
            raise ValueError("reports must not travel in the clear: use starttls or tls, or a mail server on loopback")
        return kind

    @property
    def wishes(self) -> Wishes:
        return Wishes(self.engine, self.precision, self.decoding)

    @property
    def outbox(self) -> str:
        return self.outbox_url or str(self.home / "outbox")

    @property
    def inbox_dir(self) -> Path:
        return self.inbox or self.home / "inbox"

    @property
    def models_dir(self) -> Path:
        return self.home / "models"

    @property
    def queue_dir(self) -> Path:
        return self.home / "queue"

    @property
    def looks_dir(self) -> Path:
        return self.home / "looks"

    @property
    def samples_dir(self) -> Path:
        return self.home / "samples"

    @property
    def sqlalchemy_url(self) -> str:
        return self.database_url or f"sqlite:///{self.home / 'tuskline.db'}"

    @cached_property
    def secret_key(self) -> str:
        return kept_secret(self.home / SECRET_FILE)


def kept_secret(path: Path) -> str:
    """The secret in `path`, made on first use (64 hex digits, readable by its owner only).

    Raises ValueError where the file holds less: under a short secret everybody could make cookies.
    """
    if not path.exists():
        make_secret(path)
    secret = path.read_text().strip()
    if len(secret) < SECRET_LETTERS:
        raise ValueError(f"{path} is no secret of {SECRET_LETTERS} letters: bring it back from a backup, or delete it")
    return secret


def make_secret(path: Path) -> None:
    """Aside, then linked: it is there as a whole or not at all, and of two processes the first one's stays."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    aside = path.with_name(f".{secrets.token_hex(8)}.part")
    handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(secrets.token_hex(SECRET_LETTERS // 2))
        file.flush()
        os.fsync(file.fileno())
    try:
        with suppress(FileExistsError):
            path.hardlink_to(aside)
    finally:
        aside.unlink()
