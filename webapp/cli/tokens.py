"""`tuskline tokens`."""

import click

from webapp.cli.opening import open_session, open_settings
from webapp.cli.users import find_or_fail
from webapp.models import ApiToken
from webapp.services import tokens as service
from webapp.services.tokens import Scope


@click.group()
def tokens() -> None:
    """API tokens: what programs show to act as a user."""


@tokens.command()
@click.argument("user")
@click.argument("name")
@click.option(
    "--scope", "scopes", type=click.Choice([scope.value for scope in Scope]), multiple=True, default=["read"],
    show_default=True, help="what the token may do; may be given more than once",
)  # fmt: skip
@click.option("--days", type=int, default=90, show_default=True, help="until it expires; 0 for never")
def add(user: str, name: str, scopes: tuple[str, ...], days: int) -> None:
    """Make a token that acts as USER, named after the program that will show it; it is printed once."""
    with open_session(open_settings()) as session:
        owner = find_or_fail(session, user)
        _, text = service.create(session, None, owner, name, [Scope(scope) for scope in scopes], days or None)
        session.commit()
        click.echo(text)


@tokens.command("list")
@click.argument("user", required=False)
def list_tokens(user: str | None) -> None:
    """Number, user, name, first letters, scopes and state of all tokens, or of those of USER."""
    with open_session(open_settings()) as session:
        owner = find_or_fail(session, user) if user else None
        for token in service.list_tokens(session, owner):
            scopes = ",".join(token.scopes)
            click.echo(f"{token.id}\t{token.user.name}\t{token.name}\t{token.head}\t{scopes}\t{state_of(token)}")


@tokens.command()
@click.argument("number", type=int)
def revoke(number: int) -> None:
    """Make the token of that NUMBER (`tuskline tokens list`) count no more."""
    with open_session(open_settings()) as session:
        token = service.find(session, number)
        service.revoke(session, None, token)
        session.commit()
        click.echo(f"{token.name} of {token.user.name} counts no more")


def state_of(token: ApiToken) -> str:
    if service.is_good(token):
        return f"until {token.expires_at:%Y-%m-%d}" if token.expires_at else "for ever"
    return "revoked" if token.revoked_at else "expired"
