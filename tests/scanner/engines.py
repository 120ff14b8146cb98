"""Engines for predictor processes that need no Paddle: they read one colour, and fail as a card does.

A predictor process imports this module for the `load_...` that it is given: there, every card is to be had.
"""

import multiprocessing
import os
import signal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scanner import predicting
from scanner.zoo.engines import Device, EngineError
from scanner.zoo.predictor import Predictor
from scanner.zoo.registry import InstalledModel

FAILS_AT = 2  # batches
ROOM_FOR = 4  # pictures
ILLEGAL = "the network can't be run by Paddle: (External) CUDA error(700), an illegal memory access was encountered"
NO_ROOM = "the network can't be run by Paddle: Out of memory error on GPU 0. Cannot allocate 1.2GB memory on GPU 0"


def every_device(wanted: Device, engine: str = "paddle") -> tuple[Device, None]:
    """The card is one for Paddle alone."""
    return (wanted if engine == "paddle" else Device()), None


if multiprocessing.current_process().name != "MainProcess":
    predicting.usable_device = every_device  # type: ignore[assignment]


class RedEngine:
    """Ten probabilities of which the second tells how red the picture is on average, 0 to 1 for levels 0 to 255."""

    takes_pixels = False

    def __init__(self, device: Device) -> None:
        self.on_card = device.gpu is not None
        self.batches = 0

    def run(self, batch: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        self.batches += 1
        self.check(len(batch))
        red = batch[:, 0].mean(axis=(1, 2)) * 0.229 + 0.485
        rows = np.zeros((len(batch), 10), np.float32)
        rows[:, 1] = np.clip(red, 0.0, 1.0)
        rows[:, 0] = 1.0 - rows[:, 1]
        return [rows]

    def check(self, _: int) -> None:
        """Fail as a card does, at a batch of so many pictures."""


class LostEngine(RedEngine):
    def check(self, _: int) -> None:
        if self.on_card and self.batches >= FAILS_AT:
            raise EngineError(ILLEGAL)


class DyingEngine(RedEngine):
    """At every batch: a process that takes a dead one's place counts anew, and would score what killed that one."""

    def check(self, _: int) -> None:
        if self.on_card:
            os.kill(os.getpid(), signal.SIGKILL)


class NarrowEngine(RedEngine):
    def check(self, count: int) -> None:
        if self.on_card and count > ROOM_FOR:
            raise EngineError(NO_ROOM)


class RefusingEngine(RedEngine):
    """Fails at its first batches."""

    def __init__(self, device: Device, fails: int) -> None:
        super().__init__(device)
        self.fails = fails

    def check(self, _: int) -> None:
        if self.batches <= self.fails:
            raise EngineError("no kernel image")


def load_red(model: InstalledModel, device: Device) -> Any:
    return Predictor(model, RedEngine(device))


def load_lost(model: InstalledModel, device: Device) -> Any:
    return Predictor(model, LostEngine(device))


def load_dying(model: InstalledModel, device: Device) -> Any:
    return Predictor(model, DyingEngine(device))


def load_narrow(model: InstalledModel, device: Device) -> Any:
    return Predictor(model, NarrowEngine(device))


def load_nowhere(model: InstalledModel, device: Device) -> Any:
    if device.gpu is not None:
        raise predicting.ModelError(f"{model.name}: the network can't be loaded by Paddle: no kernel image")
    return load_red(model, device)


def load_refusing(model: InstalledModel, device: Device) -> Any:
    """The one that is named "second" fails once, any other for ever."""
    return Predictor(model, RefusingEngine(device, 1 if model.name == "second" else 1000))


def load_checked(model: InstalledModel, device: Device) -> Any:
    if faults := model.changed_files():
        raise predicting.ModelError(f"{model.name}: {faults[0]}")
    return load_red(model, device)
