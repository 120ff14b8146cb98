"""ResNet-50 (He et al., 2015, arXiv:1512.03385), its vd variant (arXiv:1812.01187), and the one of Keras."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from paddle import nn

from scanner.zoo.networks.blocks import PLAIN, Activation, average_first, convolve, pool_features
from scanner.zoo.networks.wiring import Residual

STAGES = ((64, 3), (128, 4), (256, 6), (512, 3))  # of 50 layers: width, blocks
EXPANSION = 4


@dataclass(frozen=True, slots=True)
class Variant:
    """deep: three 3x3 convolutions as the stem, and shortcuts that average before they project (vd).

    early: the stride sits on a block's first 1x1 instead of its 3x3. bias, epsilon: of convolutions, of batch norms.
    """

    deep: bool = False
    early: bool = False
    bias: bool = False
    epsilon: float = 1e-5

    def convolve(
        self, inside: int, outside: int, kernel: int, stride: int = 1, act: Activation = "relu"
    ) -> nn.Sequential:
        """With the names that this family is published under."""
        return convolve(inside, outside, kernel, stride, act=act, names=PLAIN, bias=self.bias, epsilon=self.epsilon)


def make_resnet50(classes: int) -> nn.Sequential:
    return _make_resnet(Variant(), classes)


def make_resnet50_vd(classes: int) -> nn.Sequential:
    return _make_resnet(Variant(deep=True), classes)


def make_resnet50_keras(classes: int) -> nn.Sequential:
    """ResNet50 of Keras 2: convolutions with a bias, the stride first, a batch norm epsilon of 1e-3."""
    return _make_resnet(Variant(early=True, bias=True, epsilon=1e-3), classes)


def _make_resnet(variant: Variant, classes: int) -> nn.Sequential:
    return nn.Sequential(
        ("stem", _make_stem(variant)),
        ("max_pool", nn.MaxPool2D(3, stride=2, padding=1)),
        ("blocks", nn.Sequential(*_make_blocks(variant))),
        *pool_features(),
        ("fc", nn.Linear(STAGES[-1][0] * EXPANSION, classes)),
    )


def _make_stem(variant: Variant) -> nn.Sequential:
    if not variant.deep:
        return nn.Sequential(variant.convolve(3, 64, 7, stride=2))
    return nn.Sequential(variant.convolve(3, 32, 3, stride=2), variant.convolve(32, 32, 3), variant.convolve(32, 64, 3))


def _make_blocks(variant: Variant) -> list[nn.Layer]:
    blocks: list[nn.Layer] = []
    inside = 64
    for stage, (width, count) in enumerate(STAGES):
        for index in range(count):
            blocks.append(_make_block(variant, inside, width, stride=2 if stage and not index else 1))
            inside = width * EXPANSION
    return blocks


def _make_block(variant: Variant, inside: int, width: int, stride: int) -> Residual:
    outside = width * EXPANSION
    first, second = (stride, 1) if variant.early else (1, stride)
    body = [
        ("conv0", variant.convolve(inside, width, 1, first)),
        ("conv1", variant.convolve(width, width, 3, second)),
        ("conv2", variant.convolve(width, outside, 1, act=None)),
    ]
    return Residual(body, None if inside == outside else ("short", _make_shortcut(variant, inside, outside, stride)))


def _make_shortcut(variant: Variant, inside: int, outside: int, stride: int) -> nn.Layer:
    if variant.deep and stride > 1:
        return average_first(variant.convolve(inside, outside, 1, act=None))
    return variant.convolve(inside, outside, 1, stride, act=None)


# Keras counts stages from 2 (the stem is 1) and letters the blocks; bn2a_branch2c is the norm of block a's last 1x1.
_KERAS_KEY = re.compile(
    r"(?P<kind>res|bn)(?P<stage>[2-5])(?P<block>[a-f])_branch(?P<member>1|2a|2b|2c)/(?P<parameter>\w+)"
)
_KERAS_MEMBERS = {"1": "short", "2a": "conv0", "2b": "conv1", "2c": "conv2"}
_KERAS_LAYERS = {"conv1": "stem.0.conv", "bn_conv1": "stem.0.bn", "fc1000": "fc"}
_KERAS_KINDS = {"res": "conv", "bn": "bn"}
_KERAS_PARAMETERS = {
    "kernel": "weight",
    "bias": "bias",
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "_mean",
    "moving_variance": "_variance",
}


def rename_keras(keys: Iterable[str]) -> dict[str, str]:
    """Keys of a Keras file of ResNet50 -> ours, for `resnet50_keras_imagenet`.

    Kernels of four dimensions are to be transposed from (rows, columns, inside, outside); the one of two is not.
    Raises KeyError for a key that such a file does not have.
    """
    return {key: _rename_key(key) for key in keys}


def _rename_key(key: str) -> str:
    found = _KERAS_KEY.fullmatch(key)
    if found is None:
        layer, _, parameter = key.partition("/")
        return f"{_KERAS_LAYERS[layer]}.{_KERAS_PARAMETERS[parameter]}"
    before = sum(count for _, count in STAGES[: int(found["stage"]) - 2])
    place = f"blocks.{before + ord(found['block']) - ord('a')}.{_KERAS_MEMBERS[found['member']]}"
    return f"{place}.{_KERAS_KINDS[found['kind']]}.{_KERAS_PARAMETERS[found['parameter']]}"
