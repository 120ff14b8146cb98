"""Pieces that the families share. Names of parameters are those of the published files, so each maker takes them.

A named chain is Paddle's own Sequential: its state dict carries the names of its members and nothing else.
"""

from collections.abc import Iterable, Sequence
from typing import Literal

import paddle
from paddle import Tensor, nn
from paddle.nn import functional

Kernel = int | tuple[int, int]
Padding = int | Sequence[int] | Literal["same", "valid"]
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
    """padding: "same" is half the kernel on every side, whatever the stride (not TensorFlow's SAME)."""
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


class Residual(nn.Layer):
    """Adds what a body makes of its input to the input, or to its shortcut; then the activation.

    Members of `body` are children under their own names, run in order; `shortcut` is a child too, if there is one.
    """

    def __init__(
        self,
        body: Iterable[tuple[str, nn.Layer]],
        shortcut: tuple[str, nn.Layer] | None = None,
        act: Activation = "relu",
    ) -> None:
        super().__init__()
        self.body_names = add_children(self, body)
        self.shortcut_names = add_children(self, [shortcut] if shortcut else [])
        self.activation = make_activation(act)

    def forward(self, x: Tensor) -> Tensor:
        total: Tensor = run_children(self, self.body_names, x) + run_children(self, self.shortcut_names, x)
        activated: Tensor = self.activation(total)
        return activated


class Branches(nn.Layer):
    """Paths over one input, joined along the channels. A path is names of children in order; shared starts run once."""

    def __init__(self, children: Iterable[tuple[str, nn.Layer]], paths: Iterable[Sequence[str]]) -> None:
        super().__init__()
        add_children(self, children)
        self.paths = [tuple(path) for path in paths]

    def forward(self, x: Tensor) -> Tensor:
        done: dict[tuple[str, ...], Tensor] = {(): x}
        for path in self.paths:
            for end in range(1, len(path) + 1):
                if path[:end] not in done:
                    done[path[:end]] = getattr(self, path[end - 1])(done[path[: end - 1]])
        return paddle.concat([done[path] for path in self.paths], axis=1)


def add_children(parent: nn.Layer, children: Iterable[tuple[str, nn.Layer]]) -> list[str]:
    """Hang each layer on `parent` under its name; the names, in order."""
    names = []
    for name, child in children:
        parent.add_sublayer(name, child)
        names.append(name)
    return names


def run_children(parent: nn.Layer, names: Iterable[str], x: Tensor) -> Tensor:
    """`x` through the named children, one after the other."""
    for name in names:
        x = getattr(parent, name)(x)
    return x


class Excitation(nn.Layer):
    """Squeeze and excitation (Hu et al., 2018, arXiv:1709.01507): channels weighted by what their means say.

    names: of the two 1x1 convolutions. slope, of the hard sigmoid of MobileNetV3; None takes the smooth one.
    """

    def __init__(
        self,
        channels: int,
        squeezed: int,
        *,
        names: Names = ("conv1", "conv2"),
        act: Activation = "relu",
        slope: float | None = None,
    ) -> None:
        super().__init__()
        self.names = add_children(
            self,
            [
                (names[0], make_convolution(channels, squeezed, 1, bias=True)),
                ("activation", make_activation(act)),
                (names[1], make_convolution(squeezed, channels, 1, bias=True)),
            ],
        )
        self.slope = slope

    def forward(self, x: Tensor) -> Tensor:
        means = functional.adaptive_avg_pool2d(x, 1)
        weights = run_children(self, self.names, means)
        if self.slope is None:
            return x * functional.sigmoid(weights)
        return x * functional.hardsigmoid(weights, slope=self.slope)
