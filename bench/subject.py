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
from scanner.zoo.preprocessing import Preprocessing, crop_pixels, normalise
from scanner.zoo.registry import InstalledModel, find_installed
from scanner.zoo.weights import install

NAME = "resnet50_vd_wildanimals"
SEED = 20_210_500
CALIBRATED_ON = 16  # pictures
GFLOP_A_PICTURE = 8.67  # multiply and add of ResNet50_vd at 224 pixels, as its authors give it
TIMEOUT_S = 900


def install_subject(cache: Path, photos: Sequence[Path]) -> InstalledModel:
    """The model, installed below `cache` by the same way as any other; made once."""
    models_dir = cache / "models"
    found = find_installed(models_dir, NAME)
    return found or _install(models_dir, cache / "made", photos[:CALIBRATED_ON])


def _install(models_dir: Path, made: Path, photos: Sequence[Path]) -> InstalledModel:
    made.mkdir(parents=True, exist_ok=True)
    with Processes(1) as process:
        process.run(make_network, made / f"{NAME}.pdparams", list(photos), timeout_s=TIMEOUT_S).result()
    return install(NAME, models_dir, str(made))


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
    _calibrate(paddle, network, read_crops(photos))
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


def read_crops(photos: Sequence[Path]) -> NDArray[np.float32]:
    how = Preprocessing()
    crops = []
    for path in photos:
        with Image.open(path) as image:
            crops.append(crop_pixels(image.convert("RGB"), how))
    return normalise(np.stack(crops), how)


def find_onnx(model: InstalledModel, cache: Path) -> Path:
    """The same network as ONNX: as it was installed, or else made once below `cache`."""
    if record := getattr(model.card, "onnx", {}).get("fp32"):
        return model.folder / str(record.path)
    path = cache / "made" / f"{NAME}.onnx"
    if not path.is_file():
        with Processes(1) as process:
            process.run(make_onnx, model, path, timeout_s=TIMEOUT_S).result()
    return path


def make_onnx(model: InstalledModel, path: Path) -> None:
    """Runs in a process of its own. Constants are folded and batch norms joined to their convolutions."""
    import paddle2onnx

    from scanner.zoo.engines.onnx import import_runtime

    layout, raw = model.card.network, path.with_suffix(".raw")
    given = (str(model.folder / layout.program), str(model.folder / str(layout.params)), str(raw))
    # Its usual optimiser, Polygraphy, calls pip to install what it lacks.
    paddle2onnx.export(*given, 17, auto_upgrade_opset=False, optimize_tool="none")
    runtime = import_runtime()
    options = runtime.SessionOptions()
    options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(path)
    runtime.InferenceSession(str(raw), options, providers=["CPUExecutionProvider"])
    raw.unlink()
