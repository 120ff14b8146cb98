"""`tuskline users`."""

import click
from sqlalchemy.orm import Session

from webapp.cli.opening import open_session, open_settings
from webapp.models import Role, User
from webapp.services import links, second_factor
from webapp.services import users as service


@click.group()
def users() -> None:
    """People who may sign in: viewers read, reviewers decide, leads change rules, admins see to the rest."""


@users.command()
@click.argument("name")
@click.option("--role", type=click.Choice([role.value for role in Role]), default="reviewer", show_default=True)
@click.password_option(help="at least 12 letters; asked for unless given")
def add(name: str, role: str, password: str) -> None:
    """Add a user."""
    with open_session(open_settings()) as session:
        user = service.create_user(session, None, name, password, Role(role))
        session.commit()
        click.echo(f"{user.name} may sign in as {user.role.value}")


@users.command("password")
@click.argument("name")
@click.password_option(help="at least 12 letters; asked for unless given")
def set_password(name: str, password: str) -> None:
    """Set a user's password; every older sign-in of theirs ends."""
    with open_session(open_settings()) as session:
        user = find_or_fail(session, name)
        service.set_password(session, None, user, password)
        session.commit()
        click.echo(f"{user.name} has a new password")


@users.command("unfactor")
@click.argument("name")
def reset_factor(name: str) -> None:
    """Switch off the second factor of somebody who lost device and codes."""
    with open_session(open_settings()) as session:
        user = find_or_fail(session, name)
        was_on = second_factor.is_on(user)
        second_factor.switch_off(session, None, user)
        session.commit()
        click.echo(f"{user.name} signs in without a second factor" if was_on else f"{user.name} had none")


@users.command("link")
@click.argument("name")
def make_link(name: str) -> None:
    """Print an address by which somebody signs in once, within ten minutes, when no other way is left."""
    settings = open_settings()
    with open_session(settings) as session:
        user = find_or_fail(session, name)
        if not user.is_active:
            raise click.ClickException(f"{name} may not sign in: an admin switches the account on under Users")
        sealed = links.make(session, settings.secret_key, user)
        session.commit()
        click.echo(f"{settings.public_url or f'http://{settings.host}:{settings.port}'}/sign-in/link/{sealed}")


@users.command("list")
def list_users() -> None:
    """Name, role, and whether they may sign in."""
    with open_session(open_settings()) as session:
        for user in service.list_users(session):
            click.echo(f"{user.name}\t{user.role.value}\t{'active' if user.is_active else 'may not sign in'}")


def find_or_fail(session: Session, name: str) -> User:
    user = service.find_user(session, name)
    if user is None:
        raise click.ClickException(f"there is no user {name}: `tuskline users list` names them all")
    return user
