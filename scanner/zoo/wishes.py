"""What an installation wishes of the engine and precision of its models: two words of its environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from scanner.zoo.precisions import EngineName, Precision

ENGINES: tuple[EngineName, ...] = get_args(EngineName)
ENGINE, PRECISION = "TUSKLINE_ENGINE", "TUSKLINE_PRECISION"


@dataclass(frozen=True, slots=True)
class Wishes:
    """As TUSKLINE_ENGINE and TUSKLINE_PRECISION say; `auto` leaves it to what is there and what was checked."""

    engine: EngineName | Literal["auto"] = "auto"
    precision: Precision | Literal["auto"] = "auto"

    def __post_init__(self) -> None:
        for name, given, known in (
            (ENGINE, self.engine, ENGINES),
            (PRECISION, self.precision, get_args(Precision)),
        ):
            if given != "auto" and given not in known:
                raise ValueError(f"{name} is {given!r}: give auto, {', '.join(known[:-1])} or {known[-1]}")


def wishes_of(environment: Mapping[str, str] = os.environ) -> Wishes:
    """Raises ValueError where a variable holds another word than it may."""
    engine, precision = (environment.get(name, "").strip() or "auto" for name in (ENGINE, PRECISION))
    return Wishes(engine, precision)  # type: ignore[arg-type]  # what it may not be raises there
