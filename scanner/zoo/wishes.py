"""What an installation wishes of how its models run: engine, precision and decoding, words of its environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from scanner.zoo.precisions import Decoding, EngineName, Precision

ENGINES: tuple[EngineName, ...] = get_args(EngineName)
ENGINE, PRECISION, DECODING = "TUSKLINE_ENGINE", "TUSKLINE_PRECISION", "TUSKLINE_DECODING"


@dataclass(frozen=True, slots=True)
class Wishes:
    """As TUSKLINE_ENGINE, TUSKLINE_PRECISION and TUSKLINE_DECODING say.

    `auto` leaves it to what is there and what was checked.
    """

    engine: EngineName | Literal["auto"] = "auto"
    precision: Precision | Literal["auto"] = "auto"
    decoding: Decoding = "exact"

    def __post_init__(self) -> None:
        for name, given, known in (
            (ENGINE, self.engine, ENGINES),
            (PRECISION, self.precision, get_args(Precision)),
        ):
            if given != "auto" and given not in known:
                raise ValueError(f"{name} is {given!r}: give auto, {', '.join(known[:-1])} or {known[-1]}")
        if self.decoding not in get_args(Decoding):
            raise ValueError(f"{DECODING} is {self.decoding!r}: give {' or '.join(get_args(Decoding))}")


def wishes_of(environment: Mapping[str, str] = os.environ) -> Wishes:
    """Raises ValueError where a variable holds another word than it may."""
    engine, precision = (environment.get(name, "").strip() or "auto" for name in (ENGINE, PRECISION))
    decoding = environment.get(DECODING, "").strip() or "exact"
    return Wishes(engine, precision, decoding)  # type: ignore[arg-type]  # what it may not be raises there
