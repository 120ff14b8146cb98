"""Networks in PaddlePaddle alone, under the parameter names of the published files: one module a family.

Importing this costs nothing; Paddle is imported when a network is built.
"""

import difflib
import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from scanner.zoo.engines.paddle import import_paddle

if TYPE_CHECKING:
    from paddle.nn import Layer

IMAGENET_CLASSES = 1000


@dataclass(frozen=True, slots=True)
class Network:
    """Where a network is made: `make_<maker>(classes)` of scanner.zoo.networks.<family>, with its usual width.

    optional: prefixes of parameters that published files may leave out; the first output does not depend on them.
    """

    family: str
    maker: str
    classes: int = IMAGENET_CLASSES
    optional: tuple[str, ...] = ()


_INCEPTION_V4 = Network("inception", "inception_v4")

NETWORKS: Mapping[str, Network] = MappingProxyType(
    {
        "resnet50_vd_wildanimals": Network("resnet", "resnet50_vd", 10),
        "resnet50_vd_animals": Network("resnet", "resnet50_vd", 7979),
        "resnet50_vd_dishes": Network("resnet", "resnet50_vd", 8416),
        "alexnet_imagenet": Network("alexnet", "alexnet"),
        "vgg19_imagenet": Network("vgg", "vgg19"),
        "googlenet_imagenet": Network(
            "googlenet", "googlenet", optional=("_conv_o1.", "_fc_o1.", "_out1.", "_conv_o2.", "_fc_o2.", "_out2.")
        ),
        "resnet_v2_50_imagenet": Network("resnet", "resnet50"),
        "inception_v4_imagenet": _INCEPTION_V4,
        "inceptionv4_imagenet": _INCEPTION_V4,
        "mobilenet_v2_imagenet": Network("mobilenet_v2", "mobilenet_v2"),
        "se_resnext50_32x4d_imagenet": Network("resnext", "se_resnext50_32x4d"),
        "shufflenet_v2_imagenet": Network("shufflenet", "shufflenet_v2"),
        "efficientnetb7_imagenet": Network("efficientnet", "efficientnet_b7"),
        "xception71_imagenet": Network("xception", "xception71"),
        "dpn107_imagenet": Network("dpn", "dpn107"),
        "darknet53_imagenet": Network("darknet", "darknet53"),
        "densenet161_imagenet": Network("densenet", "densenet161"),
        "resnext152_64x4d_imagenet": Network("resnext", "resnext152_64x4d"),
        "resnext152_vd_64x4d_imagenet": Network("resnext", "resnext152_vd_64x4d"),
        "mobilenet_v3_large_imagenet_ssld": Network("mobilenet_v3", "mobilenet_v3_large"),
        "mobilenet_v3_small_imagenet_ssld": Network("mobilenet_v3", "mobilenet_v3_small"),
        "efficientnet_lite0_imagenet": Network("efficientnet_lite", "efficientnet_lite0"),
        "efficientnet_lite1_imagenet": Network("efficientnet_lite", "efficientnet_lite1"),
        "efficientnet_lite2_imagenet": Network("efficientnet_lite", "efficientnet_lite2"),
        "resnet50_keras_imagenet": Network("resnet", "resnet50_keras"),
    }
)


class UnknownNetworkError(Exception):
    """No network of that name; the message lists what there is."""


def build_network(name: str, classes: int | None = None) -> "Layer":
    """The network, in eval mode, with random parameters under the names of the published file.

    It takes float32 (n, 3, height, width) and gives logits (n, classes); googlenet gives three such outputs, the main
    one first. classes: width of the head, the published one unless told. Works in Paddle's dynamic and static mode.
    Raises UnknownNetworkError for a name that is not in NETWORKS, ValueError for less than one class.
    """
    network = find_network(name)
    if classes is not None and classes < 1:
        raise ValueError(f"a network needs at least one class, not {classes}")
    import_paddle()  # quietly, before the family does
    family = importlib.import_module(f"{__name__}.{network.family}")
    layer: Layer = getattr(family, f"make_{network.maker}")(classes or network.classes)
    layer.eval()
    return layer


def find_network(name: str) -> Network:
    """The entry of NETWORKS. Raises UnknownNetworkError."""
    if name in NETWORKS:
        return NETWORKS[name]
    close = difflib.get_close_matches(name, NETWORKS, n=1)
    hint = f"did you mean {close[0]}? " if close else ""
    raise UnknownNetworkError(f"no network is called {name!r}; {hint}known are: {', '.join(NETWORKS)}")


def may_be_absent(name: str, parameter: str) -> bool:
    """Whether the published file of the network may leave `parameter` out. Raises UnknownNetworkError."""
    return parameter.startswith(find_network(name).optional)
