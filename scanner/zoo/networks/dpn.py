"""Dual path network 107 (Chen et al., 2017, arXiv:1707.01629)."""

import paddle
from paddle import Tensor, nn

from scanner.zoo.networks.blocks import convolve, convolve_after, pool_features
from scanner.zoo.networks.wiring import Child

# residual channels, channels of the 3x3, dense channels that a block adds, blocks
STAGES = ((256, 200, 20, 4), (512, 400, 64, 8), (1024, 800, 64, 20), (2048, 1600, 128, 3))
STEM = 128
GROUPS = 50


class DualPath(nn.Layer):
    """Channels in two parts: the first `residual` are summed as in ResNet, the rest are joined as in DenseNet."""

    def __init__(self, inside: int, residual: int, width: int, grown: int, stride: int = 1, starts: bool = False):
        super().__init__()
        self.residual = residual
        # The first block of a stage makes both parts anew.
        self.c1x1_w_func = convolve_after(inside, residual + 2 * grown, 1, stride) if starts else nn.Identity()
        self.c1x1_a_func = convolve_after(inside, width)
        self.c3x3_b_func = convolve_after(width, width, 3, stride, groups=GROUPS)
        self.c1x1_c_func = convolve_after(width, residual + grown)

    def forward(self, x: Tensor) -> Tensor:
        added, joined = self._split(self.c1x1_c_func(self.c3x3_b_func(self.c1x1_a_func(x))))
        kept, dense = self._split(self.c1x1_w_func(x))
        return paddle.concat([kept + added, dense, joined], axis=1)

    def _split(self, x: Tensor) -> list[Tensor]:
        return paddle.split(x, [self.residual, x.shape[1] - self.residual], axis=1)


def make_dpn107(classes: int) -> nn.Sequential:
    blocks, channels = _make_blocks()
    return nn.Sequential(
        ("conv1_x_1_func", convolve(3, STEM, 7, stride=2)),
        ("max_pool", nn.MaxPool2D(3, stride=2, padding=1)),
        *blocks,
        ("conv5_x_x_bn", nn.BatchNorm2D(channels)),
        ("relu", nn.ReLU()),
        *pool_features(),
        ("out", nn.Linear(channels, classes)),
    )


def _make_blocks() -> tuple[list[Child], int]:
    """The blocks, numbered through, and the channels that leave them."""
    blocks: list[Child] = []
    inside = STEM
    for stage, (residual, width, grown, count) in enumerate(STAGES):
        for index in range(count):
            stride = 2 if stage and not index else 1
            block = DualPath(inside, residual, width, grown, stride, starts=not index)
            blocks.append((f"dpn{len(blocks) + 1}", block))
            inside = inside + grown if index else residual + 3 * grown
    return blocks, inside
