"""What every command of the scanner begins with: where models are, and how a command ends with a sentence."""

import sys
from pathlib import Path
from typing import NoReturn

import click

from scanner.places import data_home

SOME_FAILED, NOT_STARTED = 1, 2


def models_folder() -> Path:
    return data_home() / "models"


def stop(message: str) -> NoReturn:
    """End with a sentence for people; nothing was done."""
    click.echo(f"Error: {message}", err=True)
    sys.exit(NOT_STARTED)


def tell(line: str) -> None:
    """A line for people, beside the output that programs read."""
    click.echo(line, err=True)
