"""What every command of the scanner begins with: where models are, and how a command ends with a sentence."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from scanner.places import data_home

if TYPE_CHECKING:
    from scanner.zoo.registry import InstalledModel

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


def find_installed_models() -> "list[InstalledModel]":
    """All that are installed; of one whose card can't be read a warning tells."""
    from scanner.zoo.registry import installed_models

    return list(installed_models(models_folder()))


def find_model(name: str) -> "InstalledModel":
    """The installed model; ends the command where there is none of that name, or its card can't be read."""
    from scanner.zoo.cards import CardError
    from scanner.zoo.catalogue import UnknownModelError, find_spec
    from scanner.zoo.registry import find_installed

    try:
        model = find_installed(models_folder(), name)
    except CardError as error:
        stop(str(error))
    if model is None:
        try:
            find_spec(name)
        except UnknownModelError as error:
            stop(str(error))
        stop(f"{name} is not installed: run `tuskline models install {name}`")
    return model
