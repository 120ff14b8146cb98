"""Every parser of outside data has a fuzz target; a little of each runs here, and minutes of each in `make attacks`."""

import importlib.util
import os
import pkgutil
import random
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as how
from hypothesis import strategies as st

import scanner.fetch
import scanner.markets
import scanner.warc
import scanner.zoo.fetching
import scanner.zoo.formats
from tests.attacks.fuzz.target import Target
from tests.attacks.fuzz.targets import TARGETS, WITHOUT
from tests.attacks.memory import no_growth

ROOT = Path(__file__).resolve().parents[2]
ROOMS = (scanner.fetch, scanner.markets, scanner.warc, scanner.zoo.formats, scanner.zoo.fetching)
# Seconds for each target in `make attacks`.
SECONDS = int(os.environ.get("TUSKLINE_FUZZ_SECONDS", "20"))
QUICK, LONG = 10, 2000
COSTLY = {"workbooks", "cron", "packs", "model-archives"}  # milliseconds an input


def bend(seed: bytes, words: tuple[bytes, ...], number: int) -> bytes:
    """The seed with a few pieces changed, gone, doubled or put in."""
    dice, made = random.Random(number), bytearray(seed)  # noqa: S311
    for _ in range(dice.choice((1, 1, 2, 5))):
        start = dice.randrange(len(made) + 1)
        end = min(len(made), start + dice.randrange(1, 40))
        match dice.randrange(5):
            case 0:
                made[start : start + 1] = dice.randbytes(1)
            case 1:
                del made[start:end]
            case 2:
                made[start:start] = made[start:end] * dice.choice((1, 2, 50))
            case 3:
                made[start:start] = dice.choice(words) if words else dice.randbytes(4)
            case _:
                del made[start:]
    return bytes(made)


def inputs_of(target: Target) -> st.SearchStrategy[bytes]:
    bent = st.builds(bend, st.sampled_from(target.seeds()), st.just(target.words), st.integers(0, 2**32))
    return target.inputs() | bent if target.inputs else bent


def feed_many(target: Target, count: int) -> None:
    @how(max_examples=count, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(inputs_of(target))
    def each(data: bytes) -> None:
        target.feed(data)

    each()


def bend_many(target: Target, count: int) -> None:
    """Without hypothesis, which takes 200 MB for its own books, and gives them back to Python alone."""
    seeds = target.seeds()
    for number in range(count):
        target.feed(bend(seeds[number % len(seeds)], target.words, number))


@pytest.mark.parametrize("name", TARGETS)
def test_seeds_and_what_is_made_of_them_break_nothing(name: str) -> None:
    target = TARGETS[name]
    for seed in target.seeds():
        target.feed(seed)
    feed_many(target, QUICK // 3 if name in COSTLY else QUICK)


@pytest.mark.full
@pytest.mark.parametrize("name", TARGETS)
def test_much_that_is_made_of_them_breaks_nothing(name: str) -> None:
    target, count = TARGETS[name], LONG // 4 if name in COSTLY else LONG
    with no_growth():
        bend_many(target, count // 2)
    feed_many(target, count)


@pytest.mark.full
@pytest.mark.parametrize("name", TARGETS)
def test_a_fuzzer_led_by_the_code_that_it_reaches_finds_nothing(name: str, tmp_path: Path) -> None:
    if importlib.util.find_spec("atheris") is None:
        pytest.skip("atheris is not installed: make attacks installs it")
    words = [sys.executable, "-m", "tests.attacks.fuzz", name, "--seconds", str(SECONDS), "--folder", str(tmp_path)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, timeout=SECONDS + 300)
    said = (done.stdout + done.stderr).decode(errors="replace")
    assert done.returncode == 0, said[-6000:]


def modules_of_rooms() -> set[str]:
    found = [one for room in ROOMS for one in pkgutil.walk_packages(room.__path__, f"{room.__name__}.")]
    return {one.name for one in found}


def test_every_module_that_could_read_outside_data_has_a_target_or_a_reason() -> None:
    covered = {name for target in TARGETS.values() for name in target.modules}
    known = modules_of_rooms()
    assert known - covered - set(WITHOUT) == set(), "give it a target, or say why it needs none"
    assert not covered & set(WITHOUT)
    assert set(WITHOUT) <= known, "there is no such module any more"
    assert all(importlib.util.find_spec(name) for name in covered)
