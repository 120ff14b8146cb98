"""What has to be there before the processes start."""

import fcntl
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click
from sqlalchemy.orm import Session, sessionmaker

from scanner.zoo.cards import CardError
from scanner.zoo.weights import InstallError, ensure_default
from webapp.db import open_engine, session_factory
from webapp.embedded.errors import EmbeddedError
from webapp.migrations import upgrade
from webapp.samples.photos import PhotosError, prepare_photos
from webapp.services import upkeep, users
from webapp.settings import Settings


@dataclass(frozen=True, slots=True)
class Home:
    """first_login: (name, password) of the admin that was just made; None on later runs, which do not know it."""

    settings: Settings
    sessions: sessionmaker[Session]
    first_login: tuple[str, str] | None


@contextmanager
def sole_run(settings: Settings) -> Iterator[None]:
    """Two of us on one home would take each other's work for a dead worker's. Raises EmbeddedError."""
    settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (settings.home / "run.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise EmbeddedError(
                f"Tuskline runs on {settings.home} already: stop it first, or set TUSKLINE_HOME to another folder"
            ) from None
        yield


@contextmanager
def prepare(settings: Settings, photos: Path | None) -> Iterator[Home]:
    """Ports, secret, database, first admin, weights and sample pictures; each step is skipped where it was done."""
    for port, option in ((settings.port, "--port"), (settings.shop_port, "--shop-port")):
        check_port(port, option)
    _ = settings.secret_key
    engine = open_engine(settings.sqlalchemy_url)
    try:
        upgrade(engine)
        sessions = session_factory(engine)
        with sessions() as session:
            upkeep.catch_up(session)
        first_login = ensure_login(sessions)
        ensure_weights(settings)
        ensure_photos(settings, photos)
        yield Home(settings, sessions, first_login)
    finally:
        engine.dispose()


def check_port(port: int, option: str) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise EmbeddedError(
                f"port {port} can't be used ({error.strerror}): stop what listens there, or give another with {option}"
            ) from None


def ensure_login(sessions: sessionmaker[Session]) -> tuple[str, str] | None:
    with sessions() as session:
        first_login = users.ensure_first_admin(session)
        session.commit()
    if first_login:
        # At once, and again at the end: whoever interrupts the first scan must not lose it.
        click.echo("First login: {}  password: {}".format(*first_login))
    return first_login


def ensure_weights(settings: Settings) -> None:
    try:
        ensure_default(settings.models_dir, click.echo)
    except (InstallError, CardError) as error:
        raise EmbeddedError(str(error)) from None


def ensure_photos(settings: Settings, own: Path | None) -> None:
    try:
        photo_set = prepare_photos(settings.samples_dir, own)
    except PhotosError as error:
        raise EmbeddedError(str(error)) from None
    if photo_set.notice:
        click.echo(photo_set.notice)
    click.echo(f"{len(photo_set.pictures)} sample pictures. {photo_set.credit}")
