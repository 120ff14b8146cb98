"""`tuskline models precision` and `convert`: what they refuse, and the exit codes that scripts read."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from PIL import Image

from scanner.zoo import precision_checks
from scanner.zoo.catalogue import DEFAULT
from scanner.zoo.precision_checks import Outcome
from tests.scanner.zoo.test_running import FAILED, check_of
from tests.webapp.services.zoo import place_model
from webapp.cli.models import models


@pytest.fixture
def pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of three, beside an installation that has a model."""
    monkeypatch.setenv("TUSKLINE_HOME", str(tmp_path))
    place_model(tmp_path / "models")
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(3):
        Image.new("RGB", (30, 30), (number, 0, 0)).save(folder / f"{number}.png")
    return folder


def run(*arguments: object) -> Result:
    return CliRunner().invoke(models, [str(argument) for argument in arguments])


def test_too_few_pictures_are_refused(pictures: Path) -> None:
    result = run("precision", DEFAULT, "--on", pictures, "--only", "bf16", "--device", "cpu")
    assert result.exit_code == 2 and "3 pictures are too few to tell: give 200 at least" in result.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--only", "fp8"), "--only fp8: give bf16, fp16 or int8"),
        (("--device", "tpu"), "give cpu, gpu:N"),
        (("--on", "absent"), "absent is no folder; give one with pictures, or `reviewed`"),
    ],
)
def test_another_word_is_refused(pictures: Path, arguments: tuple[str, ...], said: str) -> None:
    result = run("precision", DEFAULT, "--on", pictures, *arguments)
    assert result.exit_code == 2 and said in result.output


@pytest.mark.parametrize(("changed", "code"), [({}, 0), (FAILED, 1)])
def test_the_exit_code_says_whether_all_passed(
    pictures: Path, monkeypatch: pytest.MonkeyPatch, changed: dict[str, float], code: int
) -> None:
    outcome = Outcome("bf16", check_of("paddle", "bf16", 1.9, **changed))
    monkeypatch.setattr(precision_checks, "check_precisions", lambda *_: (outcome,))
    result = run("precision", DEFAULT, "--on", pictures)
    assert result.exit_code == code and "bf16 on paddle (cpu)" in result.output


def test_nothing_that_could_be_checked_is_an_error(pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision_checks, "check_precisions", lambda *_: (Outcome("int8", why_not="no VNNI"),))
    result = run("precision", DEFAULT, "--on", pictures)
    assert result.exit_code == 2 and "int8 was not checked: no VNNI" in result.output


@pytest.mark.usefixtures("pictures")
def test_a_conversion_that_fails_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scanner.zoo.formats.portable.NEEDS", ("absent_module",))
    result = run("convert", DEFAULT)
    assert result.exit_code == 2 and "absent_module is not installed" in result.output
