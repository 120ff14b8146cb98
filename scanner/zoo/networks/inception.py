"""Inception-v4 (Szegedy et al., 2016, arXiv:1602.07261)."""

from collections.abc import Iterable
from dataclasses import dataclass

from paddle import Tensor, nn

from scanner.zoo.networks.blocks import Kernel, convolve, pool_features
from scanner.zoo.networks.wiring import Branches, Child, add_children, join_paths, run_children


@dataclass(frozen=True, slots=True)
class Step:
    """One convolution of a path. halves: stride 2, and no padding. padded: False takes the edge off."""

    name: str
    outside: int
    kernel: Kernel = 1
    halves: bool = False
    padded: bool = True


ROW, COLUMN = (1, 7), (7, 1)
SHORT_ROW, SHORT_COLUMN = (1, 3), (3, 1)
POOL = "pool"  # the first step of some paths; what it is depends on the block

# What a block's paths are, in the order in which their outputs are joined; None stands for a pool.
Paths = tuple[tuple[Step | None, ...], ...]

STEM = (Step("_conv_1", 32, 3, halves=True), Step("_conv_2", 32, 3, padded=False), Step("_conv_3", 64, 3))
STEM_JOINS: tuple[Paths, ...] = (
    ((None,), (Step("_conv2", 96, 3, halves=True),)),
    (
        (Step("_conv1_1", 64), Step("_conv1_2", 96, 3, padded=False)),
        (
            Step("_conv2_1", 64),
            Step("_conv2_2", 64, COLUMN),
            Step("_conv2_3", 64, ROW),
            Step("_conv2_4", 96, 3, padded=False),
        ),
    ),
    ((Step("_conv3", 192, 3, halves=True),), (None,)),
)
STEM_WIDTHS = (64, 160, 192)  # channels that enter each join
BLOCK_A: Paths = (
    (None, Step("_conv1", 96)),
    (Step("_conv2", 96),),
    (Step("_conv3_1", 64), Step("_conv3_2", 96, 3)),
    (Step("_conv4_1", 64), Step("_conv4_2", 96, 3), Step("_conv4_3", 96, 3)),
)
REDUCTION_A: Paths = (
    (None,),
    (Step("_conv2", 384, 3, halves=True),),
    (Step("_conv3_1", 192), Step("_conv3_2", 224, 3), Step("_conv3_3", 256, 3, halves=True)),
)
BLOCK_B: Paths = (
    (None, Step("_conv1", 128)),
    (Step("_conv2", 384),),
    (Step("_conv3_1", 192), Step("_conv3_2", 224, ROW), Step("_conv3_3", 256, COLUMN)),
    (
        Step("_conv4_1", 192),
        Step("_conv4_2", 192, ROW),
        Step("_conv4_3", 224, COLUMN),
        Step("_conv4_4", 224, ROW),
        Step("_conv4_5", 256, COLUMN),
    ),
)
REDUCTION_B: Paths = (
    (None,),
    (Step("_conv2_1", 192), Step("_conv2_2", 192, 3, halves=True)),
    (
        Step("_conv3_1", 256),
        Step("_conv3_2", 256, ROW),
        Step("_conv3_3", 320, COLUMN),
        Step("_conv3_4", 320, 3, halves=True),
    ),
)
_FORK_3 = (Step("_conv3_0", 384),)
_FORK_4 = (Step("_conv4_0", 384), Step("_conv4_00", 448, SHORT_ROW), Step("_conv4_000", 512, SHORT_COLUMN))
BLOCK_C: Paths = (
    (None, Step("_conv1", 256)),
    (Step("_conv2", 256),),
    (*_FORK_3, Step("_conv3_1", 256, SHORT_ROW)),
    (*_FORK_3, Step("_conv3_2", 256, SHORT_COLUMN)),
    (*_FORK_4, Step("_conv4_1", 256, SHORT_ROW)),
    (*_FORK_4, Step("_conv4_2", 256, SHORT_COLUMN)),
)
WIDTH_A, WIDTH_B, WIDTH_C = 384, 1024, 1536
DROPOUT = 0.2


class Stem(nn.Layer):
    """Three convolutions, then three joins; the published names of all of them lie on one level."""

    def __init__(self) -> None:
        super().__init__()
        self.first_names = add_children(self, _make_steps(3, STEM))
        for inside, paths in zip(STEM_WIDTHS, STEM_JOINS, strict=True):
            add_children(self, _make_children(inside, paths))
        self.pool = _make_halving_pool()

    def forward(self, x: Tensor) -> Tensor:
        x = run_children(self, self.first_names, x)
        for paths in STEM_JOINS:
            x = join_paths(self, _name_paths(paths), x)
        return x


def make_inception_v4(classes: int) -> nn.Sequential:
    return nn.Sequential(
        ("_inception_stem", Stem()),
        *[(f"_inceptionA_{number}", _make_block(WIDTH_A, BLOCK_A)) for number in range(1, 5)],
        ("_reductionA", _make_block(WIDTH_A, REDUCTION_A, halves=True)),
        *[(f"_inceptionB_{number}", _make_block(WIDTH_B, BLOCK_B)) for number in range(1, 8)],
        ("_reductionB", _make_block(WIDTH_B, REDUCTION_B, halves=True)),
        *[(f"_inceptionC_{number}", _make_block(WIDTH_C, BLOCK_C)) for number in range(1, 4)],
        *pool_features(DROPOUT),
        ("out", nn.Linear(WIDTH_C, classes)),
    )


def _make_block(inside: int, paths: Paths, halves: bool = False) -> Branches:
    pool = _make_halving_pool() if halves else nn.AvgPool2D(3, stride=1, padding=1)
    return Branches([(POOL, pool), *_make_children(inside, paths)], _name_paths(paths))


def _make_halving_pool() -> nn.MaxPool2D:
    return nn.MaxPool2D(3, stride=2)


def _name_paths(paths: Paths) -> list[tuple[str, ...]]:
    return [tuple(step.name if step else POOL for step in path) for path in paths]


def _make_children(inside: int, paths: Paths) -> list[Child]:
    """Every convolution of the paths, once."""
    children: dict[str, nn.Layer] = {}
    for path in paths:
        children |= dict(_make_steps(inside, [step for step in path if step], made=children))
    return list(children.items())


def _make_steps(inside: int, steps: Iterable[Step], made: Iterable[str] = ()) -> list[Child]:
    """The convolutions of one path, but those that are made already."""
    children: list[Child] = []
    for step in steps:
        if step.name not in made:
            children.append((step.name, _make_step(inside, step)))
        inside = step.outside
    return children


def _make_step(inside: int, step: Step) -> nn.Sequential:
    padded = step.padded and not step.halves
    stride = 2 if step.halves else 1
    return convolve(inside, step.outside, step.kernel, stride, padding="same" if padded else "valid")
