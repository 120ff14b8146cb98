"""EfficientNet-Lite: no excitation, ReLU6, a stem and a head that don't grow (Google, 2020).

Its parameters come from PyTorch files, so the names are ours; `rename_torch` maps theirs onto them.
"""

import re
from collections.abc import Iterable
from functools import partial

from paddle import nn

from scanner.zoo.networks.blocks import PLAIN, convolve, pool_features
from scanner.zoo.networks.scaling import STEM_KERNEL, Block, Scale, plan_blocks
from scanner.zoo.networks.wiring import InvertedNames, invert

EPSILON = 1e-3
NAMES = InvertedNames("expand", "depthwise", "project")

# What the PyTorch files call a layer, outside and inside of the blocks.
_TORCH_LAYERS = {
    "_conv_stem": "stem.conv",
    "_bn0": "stem.bn",
    "_conv_head": "head.conv",
    "_bn1": "head.bn",
    "_fc": "fc",
}
_TORCH_MEMBERS = {
    "_expand_conv": "expand.conv",
    "_bn0": "expand.bn",
    "_depthwise_conv": "depthwise.conv",
    "_bn1": "depthwise.bn",
    "_project_conv": "project.conv",
    "_bn2": "project.bn",
}
_TORCH_STATISTICS = {"running_mean": "_mean", "running_var": "_variance"}
_TORCH_KEY = re.compile(r"(?:_blocks\.(?P<block>\d+)\.)?(?P<layer>\w+)\.(?P<parameter>\w+)")

_convolve = partial(convolve, act="relu6", names=PLAIN, epsilon=EPSILON)


def make_efficientnet_lite0(classes: int) -> nn.Sequential:
    return _make_lite(Scale(width=1.0, depth=1.0, side=224, lite=True), classes)


def make_efficientnet_lite1(classes: int) -> nn.Sequential:
    return _make_lite(Scale(width=1.0, depth=1.1, side=240, lite=True), classes)


def make_efficientnet_lite2(classes: int) -> nn.Sequential:
    return _make_lite(Scale(width=1.1, depth=1.1, side=260, lite=True), classes)


def rename_torch(keys: Iterable[str]) -> dict[str, str]:
    """A PyTorch file's keys -> ours. Its batch counters are left out; weights of two dimensions are to be transposed.

    Raises KeyError for a key that such a file does not have.
    """
    return {key: _rename_key(key) for key in keys if not key.endswith(".num_batches_tracked")}


def _rename_key(key: str) -> str:
    found = _TORCH_KEY.fullmatch(key)
    if found is None:
        raise KeyError(key)
    block, layer, parameter = found["block"], found["layer"], found["parameter"]
    place = _TORCH_LAYERS[layer] if block is None else f"blocks.{block}.{_TORCH_MEMBERS[layer]}"
    return f"{place}.{_TORCH_STATISTICS.get(parameter, parameter)}"


def _make_lite(scale: Scale, classes: int) -> nn.Sequential:
    blocks = list(plan_blocks(scale))
    return nn.Sequential(
        ("stem", _convolve(3, scale.stem, STEM_KERNEL, 2, padding=scale.stem_padding)),
        ("blocks", nn.Sequential(*map(_make_block, blocks))),
        ("head", _convolve(blocks[-1].outside, scale.head)),
        *pool_features(),
        ("fc", nn.Linear(scale.head, classes)),
    )


def _make_block(block: Block) -> nn.Layer:
    return invert(
        _convolve,
        NAMES,
        block.widths,
        block.kernel,
        block.stride,
        "relu6",
        expands=block.expands,
        padding=block.padding,
    )
