"""Settings from the environment (`TUSKLINE_*`), with defaults that run everything embedded on loopback."""

import os
import secrets
from functools import cached_property
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from scanner.places import data_home


class Settings(BaseSettings):
    """One value a field; the environment variable is TUSKLINE_ and the field's name in capitals."""

    model_config = SettingsConfigDict(env_prefix="TUSKLINE_")

    home: Path = Field(default_factory=data_home, description="folder of all data: database, pictures, models")
    database_url: str | None = Field(default=None, description="SQLAlchemy URL; SQLite in the home folder unless given")
    broker_url: str | None = Field(
        default=None, description="Celery broker URL; a queue in the home folder unless given"
    )
    host: str = Field(default="127.0.0.1", description="address that the web page listens on")
    port: int = Field(default=8000, description="port that the web page listens on")
    shop_port: int = Field(default=8001, description="port of the sample marketplace")
    device: str = Field(
        default="auto",
        pattern=r"^(auto|cpu|gpu:\d+(,fp32|,tensorrt)*)$",
        description="cpu, gpu:N (also gpu:N,fp32 and gpu:N,tensorrt) or auto",
    )
    model_memory_mb: int = Field(
        default=2048,
        ge=256,
        description="memory in MB for the networks of one predictor process; the least recently used leaves",
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
    lease_s: int = Field(default=60, description="seconds after which a silent worker's scan is taken over")
    session_hours: float = Field(default=12, description="hours after which a sign-in ends")

    @property
    def photos_dir(self) -> Path:
        return self.home / "photos"

    @property
    def models_dir(self) -> Path:
        return self.home / "models"

    @property
    def queue_dir(self) -> Path:
        return self.home / "queue"

    @property
    def reports_dir(self) -> Path:
        return self.home / "reports"

    @property
    def samples_dir(self) -> Path:
        return self.home / "samples"

    @property
    def sqlalchemy_url(self) -> str:
        return self.database_url or f"sqlite:///{self.home / 'tuskline.db'}"

    @cached_property
    def secret_key(self) -> str:
        return kept_secret(self.home / "secret.key")


def kept_secret(path: Path) -> str:
    """The secret in `path`, made on first use (64 hex digits, readable by its owner only)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    with os.fdopen(handle, "w") as file:
        file.write(secrets.token_hex(32))
    return path.read_text().strip()
