"""The guide names every setting and every command, and none that there is not."""

import re
from pathlib import Path

import click
import pytest

from webapp.cli import main
from webapp.settings import Settings

GUIDE = (Path(__file__).resolve().parents[2] / "docs" / "guide.md").read_text(encoding="utf-8")
MODELS = (Path(__file__).resolve().parents[2] / "docs" / "models.md").read_text(encoding="utf-8")
ELSEWHERE = {"TUSKLINE_HUB_SERVER", "TUSKLINE_WEIGHTS_MIRROR"}  # read by the command that uses them


def test_the_guide_names_every_setting_and_no_other() -> None:
    settings = {f"TUSKLINE_{name.upper()}" for name in Settings.model_fields}
    assert set(re.findall(r"^\| `(TUSKLINE_\w+)`", GUIDE, re.MULTILINE)) == settings | ELSEWHERE


def documented() -> dict[str, set[str]]:
    """Command -> its subcommands as the guide's table has them."""
    rows = re.findall(r"^\| `tuskline ([\w-]+)((?: [\w-]+)?(?:\\\|[\w-]+)*)", GUIDE, re.MULTILINE)
    return {name: set(re.findall(r"[a-z-]+", rest)) for name, rest in rows}


def test_the_guide_names_every_command_and_no_other() -> None:
    context = click.Context(main)
    assert set(documented()) == set(main.list_commands(context))


@pytest.mark.parametrize(
    "name", ["sources", "schedules", "models", "photos", "rules", "users", "tokens", "db", "report-schedules"]
)
def test_the_guide_names_every_subcommand(name: str) -> None:
    group = main.get_command(click.Context(main), name)
    assert isinstance(group, click.Group)
    assert documented()[name] == set(group.list_commands(click.Context(group)))


def test_every_command_explains_itself() -> None:
    context = click.Context(main)
    commands = [main.get_command(context, name) for name in main.list_commands(context)]
    assert all(command and command.get_short_help_str() for command in commands)
