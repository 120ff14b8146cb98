"""Darknet-53 (Redmon and Farhadi, 2018, arXiv:1804.02767)."""

from functools import partial

from paddle import nn

from scanner.zoo.networks.blocks import SHORT, convolve, pool_features
from scanner.zoo.networks.wiring import Child, Residual

STAGES = (1, 2, 8, 8, 4)  # blocks; each stage starts by halving the sides and doubling the channels
STEM = 32

_convolve = partial(convolve, names=SHORT)


def make_darknet53(classes: int) -> nn.Sequential:
    stages: list[Child] = []
    channels = STEM
    for stage, count in enumerate(STAGES):
        name = f"_downsample_{stage - 1}" if stage else "_conv2"
        stages.append((name, _convolve(channels, channels * 2, 3, stride=2)))
        channels *= 2
        stages += [(f"_basic_block_{stage}{number}", _make_block(channels)) for number in range(1, count + 1)]
    return nn.Sequential(
        ("_conv1", _convolve(3, STEM, 3)), *stages, *pool_features(), ("_out", nn.Linear(channels, classes))
    )


def _make_block(channels: int) -> Residual:
    half = channels // 2
    return Residual([("_conv1", _convolve(channels, half)), ("_conv2", _convolve(half, channels, 3))], act=None)
