"""The network that is measured: ResNet50_vd of ten classes, as PaddleHub's wild animals model, with random weights.

It takes as long as the trained one. The batch norms are calibrated on pictures, so that numbers keep a trained
network's size on their way: half precision neither overflows nor drowns, and quantising finds a range.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from scanner.processes import Processes
from scanner.zoo.formats.portable import lacks_extra
from scanner.zoo.options import Echo, say_nothing
from scanner.zoo.precision_checks import Sample, make_onnx
from scanner.zoo.precisions import lacks_precision
from scanner.zoo.predictor import ModelError
from scanner.zoo.preprocessing import Preprocessing, crop_pixels, normalise
from scanner.zoo.registry import InstalledModel, find_installed
from scanner.zoo.weights import install

NAME = "resnet50_vd_wildanimals"
SEED = 20_210_500
CALIBRATED_ON = 16  # pictures
GFLOP_A_PICTURE = 8.67  # multiply and add of ResNet50_vd at 224 pixels, as its authors give it
TIMEOUT_S = 900
HOW = Preprocessing()


def install_subject(cache: Path, photos: Sequence[Path], tell: Echo = say_nothing) -> InstalledModel:
    """The model, installed below `cache` by the same way as any other, with its ONNX networks; made once.

    tell: is told where int8 could not be made.
    """
    models_dir = cache / "models"
    model = find_installed(models_dir, NAME) or _install(models_dir, cache / "made", photos[:CALIBRATED_ON])
    if not lacks_extra() and not lacks_precision("int8", "cpu") and "int8" not in model.card.onnx:
        try:
            return _quantise(model, cache / "made", photos)
        except ModelError as error:
            tell(f"int8 is left out: {error}.")
    return model


def _quantise(model: InstalledModel, made: Path, photos: Sequence[Path]) -> InstalledModel:
    """As the check of a precision does it; the check itself would refuse a network that was never trained."""
    path = made / "crops.npy"
    np.save(path, np.stack([read_crop(photo) for photo in photos]))
    return make_onnx(model, "int8", Sample(path, 2 * len(photos)), say_nothing)


def _install(models_dir: Path, made: Path, photos: Sequence[Path]) -> InstalledModel:
    made.mkdir(parents=True, exist_ok=True)
    with Processes(1) as process:
        process.run(make_network, made / f"{NAME}.pdparams", list(photos), timeout_s=TIMEOUT_S).result()
    return install(NAME, models_dir, str(made))


def find_onnx(model: InstalledModel) -> Path | None:
    """The same network as ONNX; None where the extra for it is not installed."""
    record = model.card.onnx.get("fp32")
    return None if record is None else model.folder / record.path


# What follows runs in a process of its own: Paddle takes the memory of the process with it.
def make_network(path: Path, photos: Sequence[Path]) -> None:
    """Write the parameters of the network, random from SEED, its batch norms calibrated on `photos`."""
    from scanner.zoo.engines.paddle import import_paddle
    from scanner.zoo.networks import build_network

    paddle = import_paddle()
    network = build_network(NAME)
    for number, (_, parameter) in enumerate(sorted(network.state_dict().items())):
        if parameter.ndim >= 2:
            parameter.set_value(random_weights(number, tuple(parameter.shape)))
    _calibrate(paddle, network, normalise(np.stack([read_crop(path) for path in photos]), HOW))
    paddle.save(network.state_dict(), str(path))


def random_weights(number: int, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """He's normal weights; of RandomState, because numpy promises that its numbers never change."""
    inside = int(np.prod(shape[1:])) if len(shape) == 4 else shape[0]
    normal = np.random.RandomState(SEED + number).standard_normal(shape)
    weights: NDArray[np.float32] = (normal * np.sqrt(2.0 / inside)).astype(np.float32)
    return weights


def _calibrate(paddle: Any, network: Any, pictures: NDArray[np.float32]) -> None:
    """Let every batch norm take the mean and variance of what reaches it."""
    for layer in network.sublayers():
        if isinstance(layer, paddle.nn.BatchNorm2D):
            layer._momentum = 0.0  # what is kept is then this one batch's alone
    network.train()
    with paddle.no_grad():
        network(paddle.to_tensor(pictures))
    network.eval()


def read_crop(path: Path) -> NDArray[np.uint8]:
    with Image.open(path) as image:
        return crop_pixels(image.convert("RGB"), HOW)
