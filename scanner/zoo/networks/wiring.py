"""How layers are joined: sums, branches, channels that weigh themselves. Children keep the names they are given."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import paddle
from paddle import Tensor, nn
from paddle.base.framework import in_dynamic_or_pir_mode
from paddle.base.layer_helper import LayerHelper
from paddle.nn import functional

from scanner.zoo.networks.blocks import Activation, Padding, make_activation

Child = tuple[str, nn.Layer]
Children = Iterable[Child]
Path = tuple[str, ...]


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
