"""Every model that Tuskline knows, best first. A new model is an entry here and nothing else."""

import difflib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from rules.evidence import CONCEPTS
from scanner.zoo.cards import read_card
from scanner.zoo.packages import EFFICIENTNET_LITE, KERAS_RESNET50, PPLCNETV2
from scanner.zoo.preprocessing import Preprocessing
from scanner.zoo.spec import AddressSource, HeadSource, HubSource, ModelSpec, Source

# ILSVRC-2012 indices of classes that are a concept of ours: tusker, Indian and African elephant, tiger. It has no
# pangolin, no ivory object, no skin, tooth, claw or scale: none of its other classes is stretched to stand for one.
IMAGENET_CONCEPTS = {101: "elephant", 385: "elephant", 386: "elephant", 292: "tiger"}

# Classes that people and models take for one of ours; what that says against a concept stands in cascade.yaml.
IMAGENET_COUNTERS = {
    102: "echidna",
    281: "tabby cat",
    282: "tiger cat",
    286: "cougar",
    287: "lynx",
    288: "leopard",
    289: "snow leopard",
    290: "jaguar",
    291: "lion",
    293: "cheetah",
    340: "zebra",
    342: "wild boar",
    343: "warthog",
    344: "hippopotamus",
    363: "armadillo",
}

# Rows of PaddleHub's list of 7,979 animals, by index: most names that hold the character for tiger or elephant are
# geckos, orcas, weevils, parrots or tortoises. The plain words for tiger, elephant and pangolin are not among them.
_ANIMALS = {
    "tiger": (520, 521, 522, 523, 525, 526, 4011, 4652, 4846, 5337, 5441, 6353, 7085, 7460),
    "elephant": (172, 174, 5416),
    "pangolin": (4859, 5063, 6668),
}
_ANIMALS_COUNTERS = {
    "tiger hybrid or sabre-toothed cat": (5741, 6093, 7309),
    "mammoth or other extinct elephant": (173, 5461, 5472, 5762, 6025),
    "rhinoceros": (120, 121, 122, 123, 124, 3454, 7830),
    "hippopotamus": (105,),
    "walrus": (540,),
    "warthog": (4330, 7297),
    "lion": (447,),
    "jaguar": (524,),
    "clouded leopard": (527,),
    "snow leopard": (535,),
    "leopard": (537, 6248, 7612),
    "anteater": (562,),
    "armadillo": (83, 4261, 5478, 5536, 5968),
}

_BUCKET = "https://bj.bcebos.com/paddlehub"
_DYGRAPH = "https://paddlehub.bj.bcebos.com/dygraph/image_classification"
_SEES_ANIMALS = (
    "Sees living elephants and tigers. ImageNet has no class for pangolins, ivory, skins, teeth, claws or scales."
)


def _by_index(named: Mapping[str, tuple[int, ...]]) -> dict[int, str]:
    return {index: name for name, indices in named.items() for index in indices}


def _imagenet(name: str, title: str, *sources: Source, caveat: str = "", **others: Any) -> ModelSpec:
    """A model of the 1,000 classes of ILSVRC-2012, in their standard order."""
    return ModelSpec(
        name=name,
        title=f"{title} (ImageNet)",
        role="fallback",
        classes=1000,
        concepts=IMAGENET_CONCEPTS,
        counters=IMAGENET_COUNTERS,
        sources=sources,
        licence=others.pop("licence", "Apache-2.0"),
        caveat=f"{_SEES_ANIMALS} {caveat}".strip(),
        network=others.pop("network", name),
        labels="imagenet_1k",
        **others,
    )


def _packed(name: str, title: str, version: str = "1.0.0", **others: Any) -> ModelSpec:
    """An ImageNet model that PaddleHub publishes as a module with its program inside (layout B)."""
    address = AddressSource(f"{_BUCKET}/paddlehub-data/{name}.hub_module-{version}.tar.gz")
    return _imagenet(name, title, HubSource(name, version), address, **others)


def _parameters(name: str, title: str, file: str | None = None, **others: Any) -> ModelSpec:
    """An ImageNet model whose parameters alone are published (layout D); its module fetches them when first used."""
    address = AddressSource(f"{_DYGRAPH}/{file or name}.pdparams")
    return _imagenet(name, title, HubSource(name, "1.1.0"), address, **others)


def _efficientnet_lite(number: int, side: int) -> ModelSpec:
    # (x - 127) / 128 for x in 0..255, as mean and standard deviation of x / 255.
    how = Preprocessing(round(side / 0.875), side, mean=(127 / 255,) * 3, std=(128 / 255,) * 3)
    name = f"efficientnet_lite{number}_imagenet"
    return _imagenet(name, f"EfficientNet-Lite{number}", EFFICIENTNET_LITE[number], preprocessing=how)


def _shipped(name: str, title: str, caveat: str, folder: str, *backbones: str) -> ModelSpec:
    """A head that Tuskline ships: what it says is on its own card, written by the training."""
    learnt = read_card(Path(__file__).parent / folder).spec
    return replace(learnt, name=name, title=title, caveat=caveat, sources=(HeadSource(folder, backbones),))


_MODELS = (
    ModelSpec(
        name="resnet50_vd_wildanimals",
        title="PaddleHub wild animals (ResNet50_vd)",
        role="primary",
        classes=10,
        concepts=dict(enumerate(CONCEPTS)),
        sources=(
            HubSource("resnet50_vd_wildanimals", "1.1.0"),
            AddressSource(f"{_BUCKET}/model/cv/resnet50_vd_wildanimals.tar.gz"),
        ),
        licence="Apache-2.0",
        caveat="Trained by Baidu and IFAW on pictures that are not public; no precision or recall was published.",
        network="resnet50_vd_wildanimals",
        labels="resnet50_vd_wildanimals",
    ),
    _shipped(
        "wildlife_starter",
        "Tuskline's starter (a head on PPLCNetV2_base)",
        "Sees living elephants, tigers and pangolins, and finds one piece of worked ivory in five. It takes armadillos "
        "for pangolins. It has no class for tusks, skins, teeth, claws or scales: there were too few pictures of them.",
        "starter",
        "pplcnetv2_base_imagenet",
    ),
    _imagenet(
        "pplcnetv2_base_imagenet",
        "PPLCNetV2_base",
        PPLCNETV2,
        network=None,
    ),
    _efficientnet_lite(0, 224),
    _efficientnet_lite(1, 240),
    _efficientnet_lite(2, 260),
    _imagenet(
        "resnet50_keras_imagenet",
        "ResNet50 of Keras",
        KERAS_RESNET50,
        licence="MIT",
        # x - mean for x in 0..255, as it was trained; that it wants blue first is folded into its first convolution.
        preprocessing=Preprocessing(mean=(123.68 / 255, 116.779 / 255, 103.939 / 255), std=(1 / 255,) * 3),
    ),
    ModelSpec(
        name="resnet50_vd_animals",
        title="PaddleHub animals (ResNet50_vd)",
        role="fallback",
        classes=7979,
        concepts=_by_index(_ANIMALS),
        counters=_by_index(_ANIMALS_COUNTERS),
        sources=(
            HubSource("resnet50_vd_animals", "1.0.1"),
            AddressSource(f"{_BUCKET}/model/cv/resnet50_vd_animals.tar.gz"),
        ),
        licence="Apache-2.0",
        caveat="Sees living animals by species. It has no class for ivory, skins, teeth, claws or scales.",
        network="resnet50_vd_animals",
        labels="resnet50_vd_animals",
    ),
    ModelSpec(
        name="resnet50_vd_dishes",
        title="PaddleHub dishes (ResNet50_vd)",
        role="fallback",
        classes=8416,
        concepts={},
        counters=dict.fromkeys(range(1, 8416), "dish"),
        sources=(
            HubSource("resnet50_vd_dishes", "1.1.0"),
            AddressSource(f"{_BUCKET}/model/cv/resnet50_vd_dishes.tar.gz"),
        ),
        licence="Apache-2.0",
        caveat="Sees food alone: it can speak against a finding (a dish), never for one.",
        network="resnet50_vd_dishes",
        labels="resnet50_vd_dishes",
    ),
    _packed("se_resnext50_32x4d_imagenet", "SE_ResNeXt50_32x4d"),
    _packed("resnet_v2_50_imagenet", "ResNet50", "1.0.1"),
    _packed("dpn107_imagenet", "DPN107"),
    _packed("densenet161_imagenet", "DenseNet161"),
    _packed("inception_v4_imagenet", "InceptionV4", caveat="Made for 299 pixels; PaddleHub feeds it 224."),
    _packed("vgg19_imagenet", "VGG19"),
    _packed("alexnet_imagenet", "AlexNet"),
    _imagenet(
        "efficientnetb7_imagenet",
        "EfficientNetB7",
        HubSource("efficientnetb7_imagenet", "1.2.0"),
        AddressSource(f"{_BUCKET}/model/image/classification/efficientnetb7_imagenet_infer_model.tar.gz"),
        caveat="Made for 600 pixels; PaddleHub feeds it 224.",
    ),
    _imagenet(
        "darknet53_imagenet",
        "DarkNet53",
        HubSource("darknet53_imagenet", "1.1.0"),
        AddressSource("https://paddlehub.bj.bcebos.com/model/cv/darknet53_model.tar.gz"),
    ),
    _parameters("resnext152_vd_64x4d_imagenet", "ResNeXt152_vd_64x4d"),
    _parameters("resnext152_64x4d_imagenet", "ResNeXt152_64x4d"),
    _parameters("xception71_imagenet", "Xception71", caveat="Made for 299 pixels; PaddleHub feeds it 224."),
    _parameters(
        "inceptionv4_imagenet",
        "InceptionV4",
        network="inception_v4_imagenet",
        caveat="Made for 299 pixels; PaddleHub feeds it 224. The same network as inception_v4_imagenet.",
    ),
    _parameters("googlenet_imagenet", "GoogLeNet"),
    _parameters("mobilenet_v2_imagenet", "MobileNetV2"),
    _parameters("shufflenet_v2_imagenet", "ShuffleNetV2_x1_0"),
    _parameters("mobilenet_v3_large_imagenet_ssld", "MobileNetV3_large_x1_0", "mobilenet_v3_large_ssld"),
    _parameters("mobilenet_v3_small_imagenet_ssld", "MobileNetV3_small_x1_0", "mobilenet_v3_small_ssld"),
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
