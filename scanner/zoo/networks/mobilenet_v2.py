"""MobileNetV2 (Sandler et al., 2018, arXiv:1801.04381)."""

from functools import partial

from paddle import nn

from scanner.zoo.networks.blocks import convolve, pool_features
from scanner.zoo.networks.wiring import Child, InvertedNames, invert

# factor of expansion, channels, blocks, stride of the first
STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
STEM, HEAD = 32, 1280
NAMES = InvertedNames("_expand_conv", "_bottleneck_conv", "_linear_conv")

_convolve = partial(convolve, act="relu6")


def make_mobilenet_v2(classes: int) -> nn.Sequential:
    stages: list[Child] = []
    inside = STEM
    for number, (factor, outside, count, stride) in enumerate(STAGES, 2):
        stages.append((f"conv{number}", _make_stage(f"conv{number}", inside, outside, factor, count, stride)))
        inside = outside
    return nn.Sequential(
        ("conv1", _convolve(3, STEM, 3, stride=2)),
        *stages,
        (f"conv{len(STAGES) + 2}", _convolve(inside, HEAD)),
        *pool_features(),
        ("out", nn.Linear(HEAD, classes)),
    )


def _make_stage(name: str, inside: int, outside: int, factor: int, count: int, stride: int) -> nn.Sequential:
    blocks: list[Child] = []
    for number in range(1, count + 1):
        # The published files count a stage's blocks from the second on, and carry the first under a word.
        block_name = f"{name}_{number}" if blocks else "_first_block"
        widths = (inside, inside * factor, outside)
        blocks.append((block_name, invert(_convolve, NAMES, widths, 3, 1 if blocks else stride, "relu6")))
        inside = outside
    return nn.Sequential(*blocks)
