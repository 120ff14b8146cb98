"""Files of PyTorch and Keras fit our networks once their names are ours and their kernels are turned.

foreign/NAME.json holds the names and shapes that the published files carry.
"""

import json
from pathlib import Path

import pytest

from scanner.zoo import build_network
from scanner.zoo.engines.paddle import import_paddle

FOREIGN = Path(__file__).parent / "foreign"
LITES = ["efficientnet_lite0_imagenet", "efficientnet_lite1_imagenet", "efficientnet_lite2_imagenet"]


def read_foreign(name: str) -> dict[str, list[int]]:
    shapes: dict[str, list[int]] = json.loads((FOREIGN / f"{name}.json").read_text(encoding="utf-8"))
    return shapes


def shapes_of(name: str) -> dict[str, list[int]]:
    with import_paddle().LazyGuard():
        return {key: list(value.shape) for key, value in build_network(name).state_dict().items()}


@pytest.mark.parametrize("name", LITES)
def test_a_pytorch_file_of_efficientnet_lite_fits(name: str) -> None:
    import_paddle()
    from scanner.zoo.networks.efficientnet_lite import rename_torch

    theirs = read_foreign(name)
    renamed = rename_torch(theirs)
    turned = {ours: theirs[key][::-1] if len(theirs[key]) == 2 else theirs[key] for key, ours in renamed.items()}
    assert turned == shapes_of(name)
    assert not [key for key in theirs if key not in renamed and not key.endswith("num_batches_tracked")]


def test_a_keras_file_of_resnet50_fits() -> None:
    import_paddle()
    from scanner.zoo.networks.resnet import rename_keras

    theirs = read_foreign("resnet50_keras_imagenet")
    renamed = rename_keras(theirs)
    assert {ours: turn_kernel(theirs[key]) for key, ours in renamed.items()} == shapes_of("resnet50_keras_imagenet")


def turn_kernel(shape: list[int]) -> list[int]:
    """(rows, columns, inside, outside) to (outside, inside, rows, columns)."""
    return [shape[3], shape[2], shape[0], shape[1]] if len(shape) == 4 else shape


@pytest.mark.parametrize("key", ["_blocks.0._swish.weight", "_conv_tail.weight", "weight"])
def test_a_name_of_another_pytorch_network_is_refused(key: str) -> None:
    import_paddle()
    from scanner.zoo.networks.efficientnet_lite import rename_torch

    with pytest.raises(KeyError):
        rename_torch([key])


@pytest.mark.parametrize("key", ["res2a_branch3/kernel", "conv2/kernel", "fc1000/scale"])
def test_a_name_of_another_keras_network_is_refused(key: str) -> None:
    import_paddle()
    from scanner.zoo.networks.resnet import rename_keras

    with pytest.raises(KeyError):
        rename_keras([key])
