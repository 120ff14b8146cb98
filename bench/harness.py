"""How things are compared: in interleaved rounds, by the median of what each round says of both."""

import os
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.family import DECODE, PARENT, PREDICT, cpu_by_role

CORES = len(os.sched_getaffinity(0))


@dataclass(frozen=True, slots=True)
class Options:
    """rounds: of every comparison. quick: as little as shows that it works; full: what takes long.

    photos: a folder of the user's own pictures. cache: where made pictures and models are kept for the next time.
    """

    rounds: int = 5
    quick: bool = False
    full: bool = False
    photos: Path | None = None
    cache: Path = Path("var/bench")
    say: Callable[[str], None] = field(default=print, repr=False)


@dataclass(frozen=True, slots=True)
class Sample:
    """One contender in one round. count: of pictures, or of what else it worked on.

    wall_s: on the clock. cpu_s: computed meanwhile by our processes, by their role (see bench.family).
    """

    count: int
    wall_s: float
    cpu_s: Mapping[str, float]

    @property
    def rate(self) -> float:
        return self.count / self.wall_s

    @property
    def wall_ms(self) -> float:
        return 1000 * self.wall_s / self.count

    @property
    def cpu_ms(self) -> float:
        return 1000 * sum(self.cpu_s.values()) / self.count

    @property
    def idle_ms(self) -> float:
        """Core time a picture in which nobody of ours computed."""
        return max(0.0, CORES * self.wall_ms - self.cpu_ms)


Samples = Sequence[Sample]
Work = Callable[[], int | Sample]  # does its work and says on how many, or in another process all that it took


def take(work: Work) -> Sample:
    before, began = cpu_by_role(), time.perf_counter()
    count = work()
    if isinstance(count, Sample):
        return count
    wall_s = time.perf_counter() - began
    after = cpu_by_role()
    return Sample(count, wall_s, {role: max(0.0, after[role] - before[role]) for role in after})


def take_here(work: Callable[[], int]) -> Sample:
    """What work of this process alone took, to the microsecond: children's times are known by the hundredth second."""
    cpu_s, began = time.process_time(), time.perf_counter()
    count = work()
    wall_s = time.perf_counter() - began
    return Sample(count, wall_s, {PARENT: 0.0, DECODE: time.process_time() - cpu_s, PREDICT: 0.0})


def interleave(contenders: Mapping[str, Work], rounds: int) -> dict[str, list[Sample]]:
    """Every contender once a round, each round beginning with another one: what disturbs one disturbs all."""
    names = list(contenders)
    samples: dict[str, list[Sample]] = {name: [] for name in names}
    for number in range(rounds):
        at = number % len(names)
        for name in names[at:] + names[:at]:
            samples[name].append(take(contenders[name]))
    return samples


def ratios(ours: Samples, theirs: Samples) -> list[float]:
    """How many times faster ours was, round by round."""
    return [mine.rate / other.rate for mine, other in zip(ours, theirs, strict=True)]


def cpu_ratios(ours: Samples, theirs: Samples) -> list[float]:
    """How many times less ours computed for a picture, round by round; steadier where others use the machine."""
    return [
        other.cpu_ms / mine.cpu_ms if mine.cpu_ms else float("nan") for mine, other in zip(ours, theirs, strict=True)
    ]


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def rate(samples: Samples) -> float:
    return median([sample.rate for sample in samples])


def wall_ms(samples: Samples) -> float:
    return median([sample.wall_ms for sample in samples])


def cpu_ms(samples: Samples, role: str | None = None) -> float:
    """Computed for a picture, by all or by one role: the median of the rounds."""
    if role is None:
        return median([sample.cpu_ms for sample in samples])
    return median([1000 * sample.cpu_s[role] / sample.count for sample in samples])
