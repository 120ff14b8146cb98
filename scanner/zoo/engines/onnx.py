"""ONNX Runtime: the engine for machines without Paddle, for int8, and for cards that Paddle has no build for."""

from typing import Any

from scanner.zoo.engines.devices import Device

CUDA = "CUDAExecutionProvider"


def usable_device(wanted: Device) -> tuple[Device, str | None]:
    """`wanted`, or the CPU and one sentence that says why not."""
    if wanted.gpu is None or CUDA in import_runtime().get_available_providers():
        return wanted, None
    return Device(), f"{wanted.name} was asked for, but this onnxruntime is built for the CPU: the CPU is used"


def import_runtime() -> Any:
    """ONNX Runtime, silent but for errors."""
    import onnxruntime

    onnxruntime.set_default_logger_severity(3)
    return onnxruntime
