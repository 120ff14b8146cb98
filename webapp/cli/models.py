"""`tuskline models`: the scanner's commands, and the one that learns from the dashboard's decisions."""

from scanner.cli.models import models
from webapp.cli.training import train

models.add_command(train)

__all__ = ["models"]
