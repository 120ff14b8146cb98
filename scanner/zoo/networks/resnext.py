"""ResNeXt (Xie et al., 2016, arXiv:1611.05431), its vd variant, and the one with squeeze and excitation."""

from dataclasses import dataclass

from paddle import nn

from scanner.zoo.networks.blocks import average_first, convolve, pool_features
from scanner.zoo.networks.wiring import Child, Excitation, Residual

BLOCKS_50 = (3, 4, 6, 3)
BLOCKS_152 = (3, 8, 36, 3)
OUTSIDE = 256  # channels after the first stage; each further stage doubles them
REDUCTION = 16


@dataclass(frozen=True, slots=True)
class Variant:
    """groups of the 3x3, and width: their channels together in the first stage.

    deep: three 3x3 convolutions as the stem, and shortcuts that average before they project (vd).
    """

    blocks: tuple[int, ...]
    groups: int
    width: int
    deep: bool = False
    excites: bool = False


def make_resnext152_64x4d(classes: int) -> nn.Sequential:
    return _make_resnext(Variant(BLOCKS_152, groups=64, width=256), classes)


def make_resnext152_vd_64x4d(classes: int) -> nn.Sequential:
    return _make_resnext(Variant(BLOCKS_152, groups=64, width=256, deep=True), classes)


def make_se_resnext50_32x4d(classes: int) -> nn.Sequential:
    return _make_resnext(Variant(BLOCKS_50, groups=32, width=128, excites=True), classes)


def _make_resnext(variant: Variant, classes: int) -> nn.Sequential:
    outside = OUTSIDE << len(variant.blocks) - 1
    return nn.Sequential(
        *_make_stem(variant),
        ("max_pool", nn.MaxPool2D(3, stride=2, padding=1)),
        *_make_blocks(variant),
        *pool_features(),
        ("out", nn.Linear(outside, classes)),
    )


def _make_stem(variant: Variant) -> list[Child]:
    if not variant.deep:
        return [("conv", convolve(3, 64, 7, stride=2))]
    return [
        ("conv1_1", convolve(3, 32, 3, stride=2)),
        ("conv1_2", convolve(32, 32, 3)),
        ("conv1_3", convolve(32, 64, 3)),
    ]


def _make_blocks(variant: Variant) -> list[Child]:
    blocks: list[Child] = []
    inside = 64
    for stage, count in enumerate(variant.blocks):
        for index in range(count):
            stride = 2 if stage and not index else 1
            blocks.append((f"bb_{stage}_{index}", _make_block(variant, stage, inside, stride)))
            inside = OUTSIDE << stage
    return blocks


def _make_block(variant: Variant, stage: int, inside: int, stride: int) -> Residual:
    width, outside = variant.width << stage, OUTSIDE << stage
    body: list[Child] = [
        ("conv0", convolve(inside, width)),
        ("conv1", convolve(width, width, 3, stride, groups=variant.groups)),
        ("conv2", convolve(width, outside, act=None)),
    ]
    if variant.excites:
        body.append(("scale", _make_excitation(outside)))
    return Residual(body, None if inside == outside else ("short", _make_shortcut(variant, inside, outside, stride)))


def _make_shortcut(variant: Variant, inside: int, outside: int, stride: int) -> nn.Sequential:
    if variant.deep and stride > 1:
        return average_first(convolve(inside, outside, act=None))
    return convolve(inside, outside, 1, stride, act=None)


def _make_excitation(channels: int) -> Excitation:
    """The published weights are those of fully connected layers, not of 1x1 convolutions."""
    squeezed = channels // REDUCTION
    return Excitation(
        [
            ("flatten", nn.Flatten()),
            ("squeeze", nn.Linear(channels, squeezed)),
            ("relu", nn.ReLU()),
            ("excitation", nn.Linear(squeezed, channels)),
            ("unflatten", nn.Unflatten(1, [channels, 1, 1])),
        ]
    )
