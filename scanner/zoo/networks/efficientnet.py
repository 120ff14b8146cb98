"""EfficientNet (Tan and Le, 2019, arXiv:1905.11946)."""

from paddle import Tensor, nn

from scanner.zoo.networks.blocks import SHORT, Activation, Padding, convolve, make_convolution, pool_features
from scanner.zoo.networks.scaling import STEM_KERNEL, Block, Scale, plan_blocks
from scanner.zoo.networks.wiring import Child, Excitation, InvertedNames, invert

REDUCTION = 4
EPSILON = 1e-3
NAMES = InvertedNames("_ecn", "_dcn", "_pcn", excite="_se")


def make_efficientnet_b7(classes: int) -> nn.Sequential:
    return _make_efficientnet(Scale(width=2.0, depth=3.1, side=600), classes)


def _make_efficientnet(scale: Scale, classes: int) -> nn.Sequential:
    blocks = list(plan_blocks(scale))
    stem = _convolve(3, scale.stem, STEM_KERNEL, 2, act="swish", padding=scale.stem_padding)
    return nn.Sequential(
        ("_ef", nn.Sequential(("_conv_stem", stem), *map(_make_block, range(len(blocks)), blocks))),
        *_convolve(blocks[-1].outside, scale.head, act="swish").named_children(),
        *pool_features(),
        ("_fc", nn.Linear(scale.head, classes)),
    )


def _make_block(index: int, block: Block) -> Child:
    # The published names end in a dot, and tell the first block of a stage from those that follow.
    name = f"_blocks.{index}." if block.starts else f"block.{index}."
    return name, invert(
        _convolve,
        NAMES,
        block.widths,
        block.kernel,
        block.stride,
        "swish",
        excitation=_make_excitation(block.expanded, block.inside // REDUCTION),
        expands=block.expands,
        padding=block.padding,
    )


def _convolve(
    inside: int,
    outside: int,
    kernel: int = 1,
    stride: int = 1,
    *,
    act: Activation = "relu",
    groups: int = 1,
    padding: Padding = "same",
) -> nn.Sequential:
    """As `convolve`, in the published nest of names: _conv._conv._conv beside _conv._bn."""
    trim: nn.Layer = nn.Identity()
    if not isinstance(padding, str) and padding[0] < padding[1]:
        padding, trim = [padding[0] + stride] * 4, Trim()
    plain = convolve(
        inside, outside, kernel, stride, act=act, groups=groups, padding=padding, names=SHORT, epsilon=EPSILON
    )
    members = dict(plain.named_children())
    members["_conv"] = nn.Sequential(("_conv", members["_conv"]), ("trim", trim))
    return nn.Sequential(("_conv", nn.Sequential(*members.items())))


class Trim(nn.Layer):
    """Drops the first row and column: after a convolution that was padded evenly, by its stride too much.

    That is how the published network pads unevenly. Padding the input instead gives the same sums in another order,
    and that rounding shows: 163 layers and 55 sigmoids later, logits of random parameters differ by a third.
    """

    def forward(self, x: Tensor) -> Tensor:
        return x[:, :, 1:, 1:]


def _make_excitation(channels: int, squeezed: int) -> Excitation:
    return Excitation(
        [
            ("_conv1", nn.Sequential(("_conv", make_convolution(channels, squeezed, 1, bias=True)))),
            ("swish", nn.Swish()),
            ("_conv2", nn.Sequential(("_conv", make_convolution(squeezed, channels, 1, bias=True)))),
        ]
    )
