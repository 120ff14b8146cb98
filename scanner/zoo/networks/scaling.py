"""How the EfficientNets grow out of one table (Tan and Le, 2019, arXiv:1905.11946): blocks, widths, paddings."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

STEM, HEAD = 32, 1280
STEM_KERNEL = 3
WIDTH_STEP = 8  # channels are rounded to a multiple of it


@dataclass(frozen=True, slots=True)
class Stage:
    """factor: of expansion. stride: of the first block."""

    count: int
    kernel: int
    stride: int
    factor: int
    channels: int


# Of the smallest network, B0; the larger ones scale the widths and the counts.
STAGES = (
    Stage(1, 3, 1, 1, 16),
    Stage(2, 3, 2, 6, 24),
    Stage(2, 5, 2, 6, 40),
    Stage(3, 3, 2, 6, 80),
    Stage(3, 5, 1, 6, 112),
    Stage(4, 5, 2, 6, 192),
    Stage(1, 3, 1, 6, 320),
)


@dataclass(frozen=True, slots=True)
class Scale:
    """side: of the pictures that it was trained on, in pixels; padding follows from it, whatever is fed later.

    lite: the stem, the head, and the counts of the first and the last stage stay as they are in B0.
    """

    width: float
    depth: float
    side: int
    lite: bool = False

    def widen(self, channels: int) -> int:
        """Times the width, rounded to a multiple of 8, but never more than a tenth below."""
        wanted = channels * self.width
        rounded = max(WIDTH_STEP, int(wanted + WIDTH_STEP / 2) // WIDTH_STEP * WIDTH_STEP)
        return rounded + WIDTH_STEP if rounded < 0.9 * wanted else rounded

    def deepen(self, stage: Stage) -> int:
        """How many blocks the stage has."""
        fixed = self.lite and stage in (STAGES[0], STAGES[-1])
        return stage.count if fixed else math.ceil(stage.count * self.depth)

    @property
    def stem(self) -> int:
        return STEM if self.lite else self.widen(STEM)

    @property
    def head(self) -> int:
        return HEAD if self.lite else self.widen(HEAD)

    @property
    def stem_padding(self) -> list[int]:
        return pad_same(self.side, STEM_KERNEL, 2)


@dataclass(frozen=True, slots=True)
class Block:
    """One inverted residual. starts: it is the first of its stage."""

    inside: int
    expanded: int
    outside: int
    kernel: int
    stride: int
    padding: list[int]
    starts: bool

    @property
    def widths(self) -> tuple[int, int, int]:
        return self.inside, self.expanded, self.outside

    @property
    def expands(self) -> bool:
        return self.expanded > self.inside


def plan_blocks(scale: Scale) -> Iterator[Block]:
    """Every block of the network, in order."""
    inside, side = scale.stem, math.ceil(scale.side / 2)
    for stage in STAGES:
        outside = scale.widen(stage.channels)
        for index in range(scale.deepen(stage)):
            stride = 1 if index else stage.stride
            padding = pad_same(side, stage.kernel, stride)
            yield Block(inside, inside * stage.factor, outside, stage.kernel, stride, padding, starts=not index)
            inside, side = outside, math.ceil(side / stride)


def pad_same(side: int, kernel: int, stride: int) -> list[int]:
    """TensorFlow's SAME for a square input of `side`: top, bottom, left, right; the odd one comes last."""
    total = max((math.ceil(side / stride) - 1) * stride + kernel - side, 0)
    return [total // 2, total - total // 2] * 2
