"""MobileNetV3, large and small (Howard et al., 2019, arXiv:1905.02244)."""

from collections.abc import Iterable
from functools import partial

from paddle import nn

from scanner.zoo.networks.blocks import PLAIN, Activation, convolve, make_convolution, make_dropout
from scanner.zoo.networks.wiring import Excitation, InvertedNames, invert

# kernel, expanded, outside, excites, activation, stride
Block = tuple[int, int, int, bool, Activation, int]
LARGE: tuple[Block, ...] = (
    (3, 16, 16, False, "relu", 1),
    (3, 64, 24, False, "relu", 2),
    (3, 72, 24, False, "relu", 1),
    (5, 72, 40, True, "relu", 2),
    (5, 120, 40, True, "relu", 1),
    (5, 120, 40, True, "relu", 1),
    (3, 240, 80, False, "hardswish", 2),
    (3, 200, 80, False, "hardswish", 1),
    (3, 184, 80, False, "hardswish", 1),
    (3, 184, 80, False, "hardswish", 1),
    (3, 480, 112, True, "hardswish", 1),
    (3, 672, 112, True, "hardswish", 1),
    (5, 672, 160, True, "hardswish", 2),
    (5, 960, 160, True, "hardswish", 1),
    (5, 960, 160, True, "hardswish", 1),
)
SMALL: tuple[Block, ...] = (
    (3, 16, 16, True, "relu", 2),
    (3, 72, 24, False, "relu", 2),
    (3, 88, 24, False, "relu", 1),
    (5, 96, 40, True, "hardswish", 2),
    (5, 240, 40, True, "hardswish", 1),
    (5, 240, 40, True, "hardswish", 1),
    (5, 120, 48, True, "hardswish", 1),
    (5, 144, 48, True, "hardswish", 1),
    (5, 288, 96, True, "hardswish", 2),
    (5, 576, 96, True, "hardswish", 1),
    (5, 576, 96, True, "hardswish", 1),
)
STEM, HEAD = 16, 1280
REDUCTION = 4
SLOPE = 0.2  # of the hard sigmoid: Paddle's old default, where the paper has 1/6
DROPOUT = 0.2
NAMES = InvertedNames("expand_conv", "bottleneck_conv", "linear_conv", excite="mid_se")

_convolve = partial(convolve, names=PLAIN)


def make_mobilenet_v3_large(classes: int) -> nn.Sequential:
    return _make_mobilenet(LARGE, classes)


def make_mobilenet_v3_small(classes: int) -> nn.Sequential:
    return _make_mobilenet(SMALL, classes)


def _make_mobilenet(table: tuple[Block, ...], classes: int) -> nn.Sequential:
    _, widest, inside, *_ = table[-1]
    return nn.Sequential(
        ("conv", _convolve(3, STEM, 3, stride=2, act="hardswish")),
        ("blocks", nn.Sequential(*_make_blocks(table))),
        ("last_second_conv", _convolve(inside, widest, act="hardswish")),
        ("pool", nn.AdaptiveAvgPool2D(1)),
        ("last_conv", make_convolution(widest, HEAD, 1)),
        ("activation", nn.Hardswish()),
        ("flatten", nn.Flatten()),
        ("dropout", make_dropout(DROPOUT)),
        ("fc", nn.Linear(HEAD, classes)),
    )


def _make_blocks(table: Iterable[Block]) -> list[nn.Layer]:
    blocks = []
    inside = STEM
    for kernel, expanded, outside, excites, act, stride in table:
        excitation = _make_excitation(expanded) if excites else None
        widths = (inside, expanded, outside)
        blocks.append(invert(_convolve, NAMES, widths, kernel, stride, act, excitation=excitation))
        inside = outside
    return blocks


def _make_excitation(channels: int) -> Excitation:
    squeezed = channels // REDUCTION
    weigher = [
        ("conv1", make_convolution(channels, squeezed, 1, bias=True)),
        ("relu", nn.ReLU()),
        ("conv2", make_convolution(squeezed, channels, 1, bias=True)),
    ]
    return Excitation(weigher, slope=SLOPE)
