"""Pieces that the families share. Names of parameters are those of the published files, so each maker takes them.

A named chain is Paddle's own Sequential: its state dict carries the names of its members and nothing else.
"""

from typing import Literal

from paddle import nn

Kernel = int | tuple[int, int]
Padding = Literal["same", "valid"] | list[int]
Activation = Literal["relu", "relu6", "swish", "hardswish"] | None
Names = tuple[str, str]

# What the published files call a convolution and its batch norm: three spellings, by the age of the network's code.
PLAIN: Names = ("conv", "bn")
UNDERSCORED: Names = ("_conv", "_batch_norm")
SHORT: Names = ("_conv", "_bn")

_ACTIVATIONS = {"relu": nn.ReLU, "relu6": nn.ReLU6, "swish": nn.Swish, "hardswish": nn.Hardswish}


def make_activation(kind: Activation) -> nn.Layer:
    """None is the identity."""
    return nn.Identity() if kind is None else _ACTIVATIONS[kind]()


def make_convolution(
    inside: int,
    outside: int,
    kernel: Kernel,
    stride: int = 1,
    *,
    groups: int = 1,
    padding: Padding = "same",
    bias: bool = False,
) -> nn.Conv2D:
    """padding: "same" is half the kernel on every side, whatever the stride (not TensorFlow's SAME).

    A list is rows above and below, columns left and right.
    """
    sides = half_kernel(kernel) if padding == "same" else 0 if padding == "valid" else padding
    return nn.Conv2D(
        inside, outside, kernel, stride=stride, padding=sides, groups=groups, bias_attr=None if bias else False
    )


def half_kernel(kernel: Kernel) -> list[int]:
    """Rows and columns to pad so that an odd kernel of stride 1 keeps the size."""
    rows, columns = (kernel, kernel) if isinstance(kernel, int) else kernel
    return [(rows - 1) // 2, (columns - 1) // 2]


def convolve(
    inside: int,
    outside: int,
    kernel: Kernel = 1,
    stride: int = 1,
    *,
    act: Activation = "relu",
    names: Names = UNDERSCORED,
    groups: int = 1,
    padding: Padding = "same",
    bias: bool = False,
    epsilon: float = 1e-5,
) -> nn.Sequential:
    """Convolution, batch norm, activation."""
    convolution = make_convolution(inside, outside, kernel, stride, groups=groups, padding=padding, bias=bias)
    norm = nn.BatchNorm2D(outside, epsilon=epsilon)
    return nn.Sequential((names[0], convolution), (names[1], norm), ("activation", make_activation(act)))


def convolve_after(
    inside: int, outside: int, kernel: Kernel = 1, stride: int = 1, *, groups: int = 1, names: Names = UNDERSCORED
) -> nn.Sequential:
    """Batch norm, ReLU, convolution: the order of networks that keep their sums raw."""
    convolution = make_convolution(inside, outside, kernel, stride, groups=groups)
    return nn.Sequential((names[1], nn.BatchNorm2D(inside)), ("activation", nn.ReLU()), (names[0], convolution))


def average_first(projection: nn.Sequential) -> nn.Sequential:
    """A shortcut that halves by averaging before it projects, so that no value is dropped (arXiv:1812.01187)."""
    return nn.Sequential(("average", nn.AvgPool2D(2, stride=2, ceil_mode=True)), *projection.named_children())


def pool_features(dropout: float = 0) -> list[tuple[str, nn.Layer]]:
    """The mean of every channel, as (n, channels): what a head stands on.

    dropout: the rate of old Paddle networks, which scaled by 1 - rate at inference instead of during training.
    """
    pool = [("pool", nn.AdaptiveAvgPool2D(1)), ("flatten", nn.Flatten())]
    return [*pool, ("dropout", make_dropout(dropout))] if dropout else pool


def make_dropout(rate: float) -> nn.Dropout:
    """Old Paddle's dropout: features are multiplied by 1 - rate at inference."""
    return nn.Dropout(rate, mode="downscale_in_infer")
