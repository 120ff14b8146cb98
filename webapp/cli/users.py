"""`tuskline users`."""

import click

from webapp.cli.opening import open_session, open_settings
from webapp.models import Role
from webapp.services import users as service


@click.group()
def users() -> None:
    """People who may sign in: viewers read, reviewers decide, admins change rules and users."""


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
        user = service.find_user(session, name)
        if user is None:
            raise click.ClickException(f"there is no user {name}: `tuskline users list` names them all")
        service.set_password(session, None, user, password)
        session.commit()
        click.echo(f"{user.name} has a new password")


@users.command("list")
def list_users() -> None:
    """Name, role, and whether they may sign in."""
    with open_session(open_settings()) as session:
        for user in service.list_users(session):
            click.echo(f"{user.name}\t{user.role.value}\t{'active' if user.is_active else 'may not sign in'}")
