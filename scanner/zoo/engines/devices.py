"""Where a network runs: the words for it, and which engine can use a card, known without importing either engine."""

import importlib.metadata
from dataclasses import dataclass
from pathlib import Path

from scanner.zoo.precisions import EngineName, Precision

# By engine the distributions that are built for an NVIDIA card. Paddle's also run on a CPU, and so do ONNX Runtime's.
BUILDS: dict[EngineName, str] = {"paddle": "paddlepaddle-gpu", "onnx": "onnxruntime-gpu"}
PLAIN: dict[EngineName, str] = {"paddle": "paddlepaddle", "onnx": "onnxruntime"}
CARD = Path("/dev/nvidia0")


@dataclass(frozen=True, slots=True)
class Device:
    """`gpu` is the card's number, None for the CPU. precision: asked for with the card. tensorrt: Paddle builds it."""

    gpu: int | None = None
    precision: Precision | None = None
    tensorrt: bool = False

    @property
    def name(self) -> str:
        return "cpu" if self.gpu is None else f"gpu:{self.gpu}"


def parse_device(device: str) -> Device:
    """`cpu`, `gpu:N`, or `auto`: the first NVIDIA card where its driver shows one that an engine can use, else the CPU.

    After a card's number, `,fp32` or `,fp16` asks for that precision and `,tensorrt` for TensorRT. Raises ValueError.
    """
    if device == "auto":
        return Device(0) if CARD.exists() and any(map(is_built, BUILDS)) else Device()
    if device == "cpu":
        return Device()
    card, *options = device.split(",")
    kind, _, number = card.partition(":")
    if kind == "gpu" and number.isdecimal() and set(options) <= {"fp32", "fp16", "tensorrt"} and len(options) < 3:
        precision: Precision | None = "fp32" if "fp32" in options else "fp16" if "fp16" in options else None
        return Device(int(number), precision, tensorrt="tensorrt" in options)
    raise ValueError(f"device {device!r}: give cpu, gpu:N (gpu:0, or gpu:0,tensorrt, or gpu:0,fp32) or auto")


def explain_device(device: str) -> str:
    """Which device that comes to here, and why, in a sentence without a full stop. Raises ValueError."""
    used = parse_device(device)
    built = next((engine for engine in BUILDS if is_built(engine)), None)
    if used.gpu is not None and built is not None:
        other = "" if built == "paddle" else ", as the paddlepaddle here is built for the CPU"
        return f"{used.name} by {BUILDS[built]}{other}"
    if missing := missing_build(used):
        return missing
    if device != "auto":
        return f"{used.name}, as was asked for"
    if not CARD.exists():
        return "cpu, as no driver shows an NVIDIA card"
    return "cpu, as neither paddlepaddle nor onnxruntime is built for the card here: see docs/models.md"


def is_built(engine: EngineName) -> bool:
    """Whether the engine that is installed here is one for NVIDIA cards."""
    return is_installed(BUILDS[engine])


def is_there(engine: EngineName) -> bool:
    """Whether the engine is installed, for whatever device."""
    return is_installed(PLAIN[engine]) or is_built(engine)


def is_installed(distribution: str) -> bool:
    try:
        importlib.metadata.distribution(distribution)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def missing_build(wanted: Device) -> str | None:
    """Why this installation can't use a card, known without importing an engine, so that processes can be counted."""
    if wanted.gpu is None or any(map(is_built, BUILDS)):
        return None
    return (
        f"{wanted.name} was asked for, but neither paddlepaddle nor onnxruntime is built for a card here: "
        "the CPU is used"
    )
