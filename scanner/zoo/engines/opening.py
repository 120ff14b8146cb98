"""From an installed model, which says its engine and precision, to an engine that runs it."""

from scanner.zoo.engines import onnx, paddle
from scanner.zoo.engines.base import Engine, EngineError
from scanner.zoo.engines.devices import Device
from scanner.zoo.precisions import EngineName
from scanner.zoo.registry import InstalledModel


def open_engine(model: InstalledModel, device: Device, threads: int = 1) -> Engine:
    """The model's network, loaded as model.engine and model.precision say. threads: on a CPU. Raises EngineError."""
    card = model.card
    if model.engine == "paddle":
        return paddle.PaddleEngine(model.folder, card.network, device, threads, card.tuning, model.precision)
    if model.precision not in card.onnx:
        raise EngineError(f"there is no ONNX file in {model.precision}; run `tuskline models convert {model.name}`")
    path = model.folder / card.onnx[model.precision].path
    return onnx.OnnxEngine(path, device, threads, model.spec.preprocessing)


def usable_device(wanted: Device, engine: EngineName = "paddle") -> tuple[Device, str | None]:
    """`wanted`, or the CPU and one sentence that says why not. Imports the engine where a card is wanted."""
    return onnx.usable_device(wanted) if engine == "onnx" else paddle.usable_device(wanted)
