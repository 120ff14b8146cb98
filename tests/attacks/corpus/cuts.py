"""Pictures that end where a block ends, or in the midst of one; and pictures with one block gone or doubled."""

from collections.abc import Iterator
from functools import partial
from itertools import pairwise

from tests.attacks.corpus.attack import Attack, Ending, Room
from tests.attacks.corpus.formats import FORMATS, SIDE, boundaries, whole

SAYS = r"^(broken picture: .+|not a picture \(.+|the file is empty)"


def _cut(suffix: str, at: int) -> bytes:
    return whole(suffix)[:at]


def _without(suffix: str, start: int, end: int) -> bytes:
    return whole(suffix)[:start] + whole(suffix)[end:]


def _doubled(suffix: str, start: int, end: int) -> bytes:
    return whole(suffix)[:end] + whole(suffix)[start:]


def _cuts() -> Iterator[Attack]:
    for suffix in FORMATS:
        places = boundaries(whole(suffix), suffix)
        for number, at in enumerate(places):
            name, does = f"cut-{number:02}.{suffix}", f"ends after {at} bytes"
            yield Attack(Room.PICTURES, name, does, Ending.EITHER, partial(_cut, suffix, at), SAYS, SIDE)
        for number, (start, end) in enumerate(pairwise(places)):
            for word, make in (("gone", _without), ("doubled", _doubled)):
                name, does = f"{word}-{number:02}.{suffix}", f"has bytes {start} to {end} {word}"
                yield Attack(
                    Room.PICTURES,
                    name,
                    does,
                    Ending.EITHER,
                    partial(make, suffix, start, end),
                    SAYS,
                    SIDE,
                    is_slow=True,
                )


ATTACKS = tuple(_cuts())
