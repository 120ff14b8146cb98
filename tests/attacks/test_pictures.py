"""Every hostile picture through a decoder's process: a right result, or one sentence on why there is none."""

import re
from collections.abc import Callable, Iterable
from concurrent.futures import wait
from pathlib import Path

import numpy as np
import pytest

from scanner.decoding import DecodedPhoto, DecodePool, make_thumbnail, outcome
from scanner.images import PictureError
from scanner.zoo.preprocessing import Preprocessing
from tests.attacks.corpus import PICTURES, Attack, Ending
from tests.attacks.memory import no_growth

PATIENCE_S = 600  # for all of them: a pool that hangs fails, however slow the machine
FAULT_LETTERS = 300
QUICK = [attack for attack in PICTURES if not attack.is_slow]
SLOW = [attack for attack in PICTURES if attack.is_slow]


@pytest.fixture
def lay_out(tmp_path: Path) -> Callable[[Attack], Path]:
    def lay(attack: Attack) -> Path:
        path = tmp_path / attack.name
        path.write_bytes(attack.make())
        return path

    return lay


def decode(attacks: Iterable[Attack], lay_out: Callable[[Attack], Path]) -> list[tuple[Attack, DecodedPhoto]]:
    with DecodePool(1, (Preprocessing(),)) as pool:
        futures = [(attack, pool.submit(lay_out(attack))) for attack in attacks]
        done = wait([future for _, future in futures], PATIENCE_S)
        assert not done.not_done, "the pool hangs"
        return [(attack, outcome(future)) for attack, future in futures]


def faults_of(attack: Attack, photo: DecodedPhoto) -> str:
    """What is wrong with what came of it; empty where it is as it must be."""
    if photo.failure is not None:
        return refusal_faults(attack, photo.failure)
    if attack.ending is Ending.REFUSED:
        return "it was read"
    if attack.size and (photo.width_px, photo.height_px) != attack.size:
        return f"it is {photo.width_px} x {photo.height_px}"
    middle = photo.crops[0][1][112, 112].astype(int)
    if attack.colour and np.abs(middle - attack.colour).max() > 12:
        return f"its middle is {middle.tolist()}"
    return ""


def refusal_faults(attack: Attack, failure: str) -> str:
    if attack.ending is Ending.READ:
        return f"it was not read: {failure}"
    if not failure.isprintable() or len(failure) > FAULT_LETTERS:
        return f"nobody can read this: {failure!r}"
    return "" if re.search(attack.says, failure) else f"it says {failure!r}"


def check(attacks: list[Attack], lay_out: Callable[[Attack], Path]) -> None:
    with no_growth():
        told = {attack.name: faults_of(attack, photo) for attack, photo in decode(attacks, lay_out)}
    assert {name: fault for name, fault in told.items() if fault} == {}


def test_each_picture_is_one_failure_or_a_right_result(lay_out: Callable[[Attack], Path]) -> None:
    check(QUICK, lay_out)


@pytest.mark.full
def test_so_is_each_that_takes_its_decoder_seconds(lay_out: Callable[[Attack], Path]) -> None:
    check(SLOW, lay_out)


@pytest.mark.full
def test_a_thumbnail_is_made_of_each_or_refused_in_a_sentence(lay_out: Callable[[Attack], Path]) -> None:
    told = {}
    with no_growth():
        for attack in QUICK:
            try:
                assert make_thumbnail(lay_out(attack), 100).startswith(b"\xff\xd8"), attack.name
            except PictureError as error:
                told[attack.name] = refusal_faults(attack, str(error))
    assert {name: fault for name, fault in told.items() if fault} == {}
