"""Pieces that the families share. Names of parameters are those of the published files, so each maker takes them.

A named chain is Paddle's own Sequential: its state dict carries the names of its members and nothing else.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import paddle
from paddle import Tensor, nn
from paddle.base.framework import in_dynamic_or_pir_mode
from paddle.base.layer_helper import LayerHelper
from paddle.nn import functional

Kernel = int | tuple[int, int]
Padding = Literal["same", "valid"] | list[int]
Activation = Literal["relu", "relu6", "swish", "hardswish"] | None
Names = tuple[str, str]
Child = tuple[str, nn.Layer]
Children = Iterable[Child]
Path = tuple[str, ...]

# What the published files call a convolution and its batch norm: three spellings, by the age of the network's code.
PLAIN: Names = ("conv", "bn")
UNDERSCORED: Names = ("_conv", "_batch_norm")
SHORT: Names = ("_conv", "_bn")

_ACTIVATIONS = {"relu": nn.ReLU, "relu6": nn.ReLU6, "swish": nn.Swish, "hardswish": nn.Hardswish}


class Convolver(Protocol):
    """A family's convolution with batch norm and activation: `convolve` with the family's habits filled in."""

    def __call__(
        self,
        inside: int,
        outside: int,
        kernel: int,
        stride: int = 1,
        *,
        act: Activation = "relu",
        groups: int = 1,
        padding: Padding = "same",
    ) -> nn.Layer: ...


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


def pool_features(dropout: float = 0) -> list[Child]:
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
        body: Children,
        shortcut: Child | None = None,
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
    """Paths over one input, joined along the channels; a path names children of this layer in order."""

    def __init__(self, children: Children, paths: Iterable[Path]) -> None:
        super().__init__()
        add_children(self, children)
        self.paths = [tuple(path) for path in paths]

    def forward(self, x: Tensor) -> Tensor:
        return join_paths(self, self.paths, x)


def join_paths(parent: nn.Layer, paths: Sequence[Path], x: Tensor) -> Tensor:
    """What the paths through children of `parent` make of `x`, joined along the channels; shared starts run once."""
    done: dict[Path, Tensor] = {(): x}
    for path in paths:
        for end in range(1, len(path) + 1):
            if path[:end] not in done:
                done[path[:end]] = getattr(parent, path[end - 1])(done[path[: end - 1]])
    return paddle.concat([done[path] for path in paths], axis=1)


def add_children(parent: nn.Layer, children: Children) -> list[str]:
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

    weigher: from the means, (n, channels, 1, 1), to the weights before the sigmoid, of the same shape.
    slope: of a hard sigmoid; None takes the smooth one.
    """

    def __init__(self, weigher: Children, slope: float | None = None) -> None:
        super().__init__()
        self.weigher_names = add_children(self, weigher)
        self.slope = slope

    def forward(self, x: Tensor) -> Tensor:
        weights = run_children(self, self.weigher_names, functional.adaptive_avg_pool2d(x, 1))
        if self.slope is None:
            return x * apply_sigmoid(weights)
        return x * functional.hardsigmoid(weights, slope=self.slope)


def apply_sigmoid(x: Tensor) -> Tensor:
    """The sigmoid, also where a legacy program is built: there Paddle 3.3.1's own function refuses its variables."""
    if in_dynamic_or_pir_mode():
        return functional.sigmoid(x)
    gated: Tensor = LayerHelper("sigmoid", act="sigmoid").append_activation(x)
    return gated


@dataclass(frozen=True, slots=True)
class InvertedNames:
    """What a family's published files call the four members of its inverted residual."""

    expand: str
    depthwise: str
    project: str
    excite: str = "excite"


def invert(
    convolve: Convolver,
    names: InvertedNames,
    widths: tuple[int, int, int],
    kernel: int,
    stride: int,
    act: Activation,
    *,
    excitation: nn.Layer | None = None,
    expands: bool = True,
    padding: Padding = "same",
) -> nn.Layer:
    """An inverted residual (arXiv:1801.04381): expand, filter each channel, weigh the channels, project.

    widths: inside, expanded, outside. expands: False leaves out the first 1x1. padding: of the filter.
    """
    inside, expanded, outside = widths
    body: list[Child] = [(names.expand, convolve(inside, expanded, 1, act=act))] if expands else []
    filtered = convolve(expanded, expanded, kernel, stride, groups=expanded, act=act, padding=padding)
    body.append((names.depthwise, filtered))
    if excitation is not None:
        body.append((names.excite, excitation))
    body.append((names.project, convolve(expanded, outside, 1, act=None)))
    return Residual(body, act=None) if stride == 1 and inside == outside else nn.Sequential(*body)
