"""Xception-71 (Chollet, 2016, arXiv:1610.02357, made deeper as in arXiv:1802.02611)."""

from paddle import nn

from scanner.zoo.networks.blocks import convolve, make_convolution, pool_features
from scanner.zoo.networks.wiring import Child, Residual

ENTRY = ((128, 2), (256, 1), (256, 2), (728, 1), (728, 2))  # channels, stride
MIDDLE_BLOCKS, MIDDLE_DEPTH, MIDDLE = 16, 3, 728
EXIT = (1024, 1536, 2048)


def make_xception71(classes: int) -> nn.Sequential:
    return nn.Sequential(
        ("_entry_flow", _make_entry()),
        ("_middle_flow", nn.Sequential(*[(f"_conv_{index}", _make_middle()) for index in range(MIDDLE_BLOCKS)])),
        ("_exit_flow", _make_exit(classes)),
    )


def _make_entry() -> nn.Sequential:
    blocks: list[Child] = [("_conv1", convolve(3, 32, 3, stride=2)), ("_conv2", convolve(32, 64, 3))]
    inside = 64
    for index, (channels, stride) in enumerate(ENTRY):
        # The stem's last step is a ReLU already, so the first block doesn't start with one.
        block = _make_shrinking(("_conv1", "_conv2"), (inside, channels, channels), stride, relu_first=index > 0)
        blocks.append((f"_conv_{index}", block))
        inside = channels
    return nn.Sequential(*blocks)


def _make_middle() -> Residual:
    body: list[Child] = []
    for index in range(MIDDLE_DEPTH):
        body += [(f"relu{index}", nn.ReLU()), (f"_conv_{index}", _separate(MIDDLE, MIDDLE))]
    return Residual(body, act=None)


def _make_exit(classes: int) -> nn.Sequential:
    first, second, third = EXIT
    return nn.Sequential(
        ("_conv_0", _make_shrinking(("_conv_1", "_conv_2"), (MIDDLE, MIDDLE, first), stride=2)),
        ("_conv_1", _separate(first, second)),
        ("relu1", nn.ReLU()),
        ("_conv_2", _separate(second, third)),
        ("relu2", nn.ReLU()),
        *pool_features(),
        ("_out", nn.Linear(third, classes)),
    )


def _make_shrinking(
    names: tuple[str, str], widths: tuple[int, int, int], stride: int, relu_first: bool = True
) -> Residual:
    """Two separable convolutions and a pool, beside a bare projection."""
    inside, between, outside = widths
    body: list[Child] = [("relu1", nn.ReLU())] if relu_first else []
    body += [
        (names[0], _separate(inside, between)),
        ("relu2", nn.ReLU()),
        (names[1], _separate(between, outside)),
        ("pool", nn.MaxPool2D(3, stride=stride, padding=1)),
    ]
    return Residual(body, ("_short", make_convolution(inside, outside, 1, stride)), act=None)


def _separate(inside: int, outside: int) -> nn.Sequential:
    """A separable convolution as it is published: the 1x1 comes first, each half with a batch norm of its own."""
    return nn.Sequential(
        ("_pointwise_conv", convolve(inside, outside, act=None)),
        ("_depthwise_conv", convolve(outside, outside, 3, groups=outside, act=None)),
    )
