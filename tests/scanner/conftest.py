"""Fixtures of the scanner's tests: modules as PaddleHub lays them out, with random weights."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, nullcontext
from functools import cache
from pathlib import Path

import pytest

from scanner import pipeline, predicting
from scanner.processes import Processes
from scanner.zoo import decoding_checks, probe

MAKER = Path(__file__).parent / "zoo" / "make_module.py"
PRIMARY = "resnet50_vd_wildanimals"

MakeModule = Callable[[str, str], Path]
MakeColours = Callable[[int, int, int, int], Path]
STEEPNESS = 6.0  # log odds of a full colour


@pytest.fixture(scope="session")
def make_module(tmp_path_factory: pytest.TempPathFactory) -> MakeModule:
    """make_module(layout, head): the folder of a ten-label module, made once a session."""
    made: dict[tuple[str, str], Path] = {}

    def make(layout: str, head: str) -> Path:
        if (layout, head) not in made:
            folder = tmp_path_factory.mktemp(f"hub-{layout}-{head}") / PRIMARY
            subprocess.run([sys.executable, str(MAKER), str(folder), layout, head], check=True, capture_output=True)
            made[layout, head] = folder
        return made[layout, head]

    return make


@pytest.fixture(scope="session")
def make_colours(tmp_path_factory: pytest.TempPathFactory) -> MakeColours:
    """make_colours(classes, channel, full, none): a module that reads how much of one colour a picture has."""

    def make(classes: int, channel: int, full: int, none: int) -> Path:
        folder = tmp_path_factory.mktemp(f"colour-{channel}") / "module"
        given = ",".join(map(str, (classes, channel, full, none, STEEPNESS)))
        subprocess.run([sys.executable, str(MAKER), str(folder), "A", f"colour:{given}"], check=True)
        return folder

    return make


@pytest.fixture(scope="session", autouse=True)
def _one_process_for_probes() -> Iterator[None]:
    """It stays: each of some sixty installs would start one, which imports Paddle for more than a second."""
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:

        @cache
        def keep(count: int) -> AbstractContextManager[Processes]:
            return nullcontext(stack.enter_context(Processes(count)))

        patch.setattr(probe, "Processes", keep)
        yield


@pytest.fixture(autouse=True)
def _one_predictor(monkeypatch: pytest.MonkeyPatch) -> None:
    """And one decoder: a process takes half a second to start, and Paddle a second; a test of several asks for them."""
    for module in (predicting, pipeline, decoding_checks):
        monkeypatch.setattr(module, "count_workers", lambda: 1)


@pytest.fixture(autouse=True)
def no_hub_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test sees what a developer's own `hub install` left behind."""
    home = tmp_path / "hub"
    monkeypatch.setenv("HUB_HOME", str(home))
    return home
