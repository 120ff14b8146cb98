"""What runs a network. Paddle takes seconds to import: that happens where an engine is opened, and nowhere else."""

from scanner.zoo.engines.base import Engine, EngineError
from scanner.zoo.engines.devices import Device, missing_build, parse_device
from scanner.zoo.engines.opening import open_engine, usable_device

__all__ = [
    "Device",
    "Engine",
    "EngineError",
    "missing_build",
    "open_engine",
    "parse_device",
    "usable_device",
]
