"""Every model that Tuskline knows, best first. A new model is an entry here and nothing else."""

import difflib
from collections.abc import Mapping
from types import MappingProxyType

from rules.evidence import CONCEPTS
from scanner.zoo.spec import HubSource, ModelSpec, WheelSource

# ILSVRC-2012 indices of classes that are a concept of ours: tusker, Indian and African elephant, tiger. It has no
# pangolin, no ivory object, no skin, tooth, claw or scale: none of its other classes is stretched to stand for one.
IMAGENET_CONCEPTS = {101: "elephant", 385: "elephant", 386: "elephant", 292: "tiger"}

_MODELS = (
    ModelSpec(
        name="resnet50_vd_wildanimals",
        title="PaddleHub wild animals (ResNet50_vd)",
        role="primary",
        network="ResNet50_vd",
        classes=10,
        concepts=dict(enumerate(CONCEPTS)),
        source=HubSource("resnet50_vd_wildanimals", "1.1.0"),
        licence="Apache-2.0",
        caveat="Trained by Baidu and IFAW on pictures that are not public; no precision or recall was published.",
    ),
    ModelSpec(
        name="pplcnetv2_base_imagenet",
        title="PPLCNetV2_base (ImageNet)",
        role="fallback",
        network="PPLCNetV2_base",
        classes=1000,
        concepts=IMAGENET_CONCEPTS,
        source=WheelSource(
            requirement="paddlelabel-ml==1.0.0",
            sha256="d3590ed527f3130536ec8cf2d1223f8cca18a320c9f98a109f2f93d9afd131bd",
            files={
                "model/inference.pdmodel": (
                    "paddlelabel_ml/model/PPLCNetV2/ckpt/inference.pdmodel",
                    "de3f8b450965166a8d331ec6a37d9e1926758fcf4e9da78a69525c203acec35b",
                ),
                "model/inference.pdiparams": (
                    "paddlelabel_ml/model/PPLCNetV2/ckpt/inference.pdiparams",
                    "7dccbd0a9aea1e2d495afd3fef919c82dfd88e8d0bd7f50d94f11e016f61d4db",
                ),
                "label_list.txt": (
                    "paddlelabel_ml/model/PPLCNetV2/labels.txt",
                    "33f41fec9a5036e84369f9bcee23c747cde5f9be1174bf76eb9dfeba690f2953",
                ),
            },
        ),
        licence="Apache-2.0",
        caveat="Sees living elephants and tigers. It has no class for ivory, skins, claws, scales or pangolins.",
    ),
)

CATALOGUE: Mapping[str, ModelSpec] = MappingProxyType({spec.name: spec for spec in _MODELS})
PRIMARY = "resnet50_vd_wildanimals"
DEFAULT = "pplcnetv2_base_imagenet"


class UnknownModelError(Exception):
    """No model of that name; the message lists what there is."""


def find_spec(name: str) -> ModelSpec:
    """The catalogue's entry. Raises UnknownModelError."""
    if name in CATALOGUE:
        return CATALOGUE[name]
    close = difflib.get_close_matches(name, CATALOGUE, n=1)
    hint = f"did you mean {close[0]}?" if close else f"known are: {', '.join(CATALOGUE)}"
    raise UnknownModelError(f"no model {name!r} in the catalogue; {hint}")
