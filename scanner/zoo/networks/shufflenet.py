"""ShuffleNetV2 of width 1.0 (Ma et al., 2018, arXiv:1807.11164)."""

import paddle
from paddle import Tensor, nn
from paddle.nn import functional

from scanner.zoo.networks.blocks import convolve, pool_features
from scanner.zoo.networks.wiring import Branches, Child, Children, add_children, run_children

STAGES = ((116, 4), (232, 8), (464, 4))  # channels, units
STEM, HEAD = 24, 1024
GROUPS = 2


class HalvingUnit(Branches):
    """Two branches of stride 2 over the whole input, then shuffled."""

    def forward(self, x: Tensor) -> Tensor:
        return functional.channel_shuffle(super().forward(x), GROUPS)


class SplitUnit(nn.Layer):
    """Half of the channels pass untouched beside the other half's body, then all are shuffled."""

    def __init__(self, body: Children) -> None:
        super().__init__()
        self.body_names = add_children(self, body)

    def forward(self, x: Tensor) -> Tensor:
        kept, changed = paddle.split(x, GROUPS, axis=1)
        joined = paddle.concat([kept, run_children(self, self.body_names, changed)], axis=1)
        return functional.channel_shuffle(joined, GROUPS)


def make_shufflenet_v2(classes: int) -> nn.Sequential:
    return nn.Sequential(
        ("_conv1", convolve(3, STEM, 3, stride=2)),
        ("max_pool", nn.MaxPool2D(3, stride=2, padding=1)),
        *_make_units(),
        ("_last_conv", convolve(STAGES[-1][0], HEAD)),
        *pool_features(),
        ("_fc", nn.Linear(HEAD, classes)),
    )


def _make_units() -> list[Child]:
    units: list[Child] = []
    inside = STEM
    for stage, (channels, count) in enumerate(STAGES, 2):
        units.append((f"{stage}_1", _make_halving_unit(inside, channels // 2)))
        units += [(f"{stage}_{number}", _make_split_unit(channels // 2)) for number in range(2, count + 1)]
        inside = channels
    return units


def _make_halving_unit(inside: int, half: int) -> HalvingUnit:
    children = [
        ("_conv_dw_1", convolve(inside, inside, 3, stride=2, groups=inside, act=None)),
        ("_conv_linear_1", convolve(inside, half)),
        ("_conv_pw_2", convolve(inside, half)),
        ("_conv_dw_2", convolve(half, half, 3, stride=2, groups=half, act=None)),
        ("_conv_linear_2", convolve(half, half)),
    ]
    return HalvingUnit(children, [("_conv_dw_1", "_conv_linear_1"), ("_conv_pw_2", "_conv_dw_2", "_conv_linear_2")])


def _make_split_unit(half: int) -> SplitUnit:
    return SplitUnit(
        [
            ("_conv_pw", convolve(half, half)),
            ("_conv_dw", convolve(half, half, 3, groups=half, act=None)),
            ("_conv_linear", convolve(half, half)),
        ]
    )
