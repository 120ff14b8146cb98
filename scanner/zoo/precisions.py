"""How a model can be run: the words for its engine, the precision of its numbers, and how its pictures are opened."""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

EngineName = Literal["paddle", "onnx"]
Precision = Literal["fp32", "bf16", "fp16", "int8"]
Decoding = Literal["exact", "fast"]
DeviceKind = Literal["cpu", "gpu"]

# A lower precision passes where it keeps the top label of so many pictures, and where at 99 of 100 pictures no
# concept's probability moves further than this: what a rule then flags is what it flagged before, but for a hair.
LEAST_KEPT = 0.99
MOST_MOVED = 0.05
# With so many, one picture is half a point of the label's share: with 100 a single turned label would decide.
FEWEST_PICTURES = 200


def has_kept(pictures: int, kept: float, moved_p99: float) -> bool:
    """Whether so many pictures showed that scores stay what they were."""
    return pictures >= FEWEST_PICTURES and kept >= LEAST_KEPT and moved_p99 <= MOST_MOVED


@dataclass(frozen=True, slots=True)
class PrecisionCheck:
    """How one lower precision compared with fp32 on real pictures that it had not been tuned with.

    kept: share of the pictures whose top label stayed. moved_p99 and moved_most: how far the probability of a concept
    or look-alike moved, of each picture the one that moved most; on 99 of 100 pictures, and at the most.
    speed: pictures a second, as a multiple of fp32's on the same engine's machine. network: SHA-256 of the ONNX file
    that was compared, empty where the engine makes the precision by itself. on: what it ran on.
    """

    engine: EngineName
    precision: Precision
    on: DeviceKind
    pictures: int
    kept: float
    moved_p99: float
    moved_most: float
    speed: float
    checked_at: str
    machine: str
    network: str = ""

    @property
    def has_passed(self) -> bool:
        return has_kept(self.pictures, self.kept, self.moved_p99)

    @property
    def words(self) -> str:
        """One sentence without a full stop."""
        verdict = "passed" if self.has_passed else "did not pass"
        return (
            f"{self.precision} on {self.engine} ({self.on}) {verdict} on {self.pictures:,} pictures: top label kept on "
            f"{self.kept:.2%}, a concept's probability moved by at most {self.moved_p99:.3f} on 99 of 100 "
            f"(most {self.moved_most:.3f}), {self.speed:.2f} times as fast as fp32"
        )


@dataclass(frozen=True, slots=True)
class DecodingCheck:
    """How scores of photographs that were decoded smaller compared with those of the same ones whole.

    pictures: those alone that were decoded smaller. kept, moved_p99 and moved_most as in PrecisionCheck. speed: of
    decoding and naming a picture, as a multiple of exact decoding's.
    """

    pictures: int
    kept: float
    moved_p99: float
    moved_most: float
    speed: float
    checked_at: str
    machine: str

    @property
    def has_passed(self) -> bool:
        return has_kept(self.pictures, self.kept, self.moved_p99)

    @property
    def words(self) -> str:
        """One sentence without a full stop."""
        verdict = "passed" if self.has_passed else "did not pass"
        return (
            f"fast decoding {verdict} on {self.pictures:,} pictures: top label kept on {self.kept:.2%}, a concept's "
            f"probability moved by at most {self.moved_p99:.3f} on 99 of 100 (most {self.moved_most:.3f}), "
            f"{self.speed:.2f} times as fast to decode"
        )


def in_any_order(pictures: Sequence[Path]) -> list[Path]:
    """The same order each time, which no folder's is: the first of them are of all folders."""
    return random.Random(0).sample(pictures, len(pictures))  # noqa: S311 - no secret


def p99_of(moves: Sequence[float]) -> float:
    """What 99 of 100 values, of which there is one at least, don't exceed."""
    return sorted(moves)[math.ceil(0.99 * len(moves)) - 1]


@cache
def processor_flags() -> frozenset[str]:
    """What Linux says that the processor can do; empty where it says nothing."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return frozenset()
    flags = (line.partition(":")[2] for line in lines if line.startswith(("flags", "Features")))
    return frozenset(next(flags, "").split())


def lacks_precision(precision: Precision, on: DeviceKind) -> str | None:
    """Why this machine can't gain from the precision, in a sentence; None where it can.

    Without VNNI, int8 products saturate: another processor would score otherwise than the one of the check.
    """
    if precision == "fp32":
        return None
    if on == "gpu" and precision != "fp16":
        return f"{precision} is for processors, not for cards"
    if on == "gpu":
        return None
    if precision == "fp16":
        return "fp16 is for cards, not for processors"
    wanted = {"bf16": {"avx512_bf16", "amx_bf16"}, "int8": {"avx512_vnni", "avx_vnni", "amx_int8"}}[precision]
    if wanted & processor_flags():
        return None
    return f"this processor has no {' or '.join(sorted(wanted))}, which {precision} takes"
