"""People, storage and clock: the web pages, the database, the queue and the command line."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from webapp.settings import Settings


def create_app(settings: "Settings | None" = None) -> "Flask":
    """The web pages over `settings` (from the environment unless given).

    Flask is imported here and not above: `tuskline --help` and the worker import this package too.
    """
    from webapp.application import build_app
    from webapp.settings import Settings

    return build_app(settings or Settings())
