"""`tuskline models`: the scanner's commands, and those that may take the pictures that reviewers decided."""

from scanner.cli.models import models
from webapp.cli.decoding import decoding
from webapp.cli.precision import precision
from webapp.cli.training import train

models.add_command(train)
models.add_command(precision)
models.add_command(decoding)

__all__ = ["models"]
