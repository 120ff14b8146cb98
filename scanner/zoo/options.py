"""What the user of an install allows, and whom it tells how far it is."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field

HUB_SERVER = "https://paddlepaddle.org.cn/paddlehub"
DEADLINE_S = 3 * 3600.0

Echo = Callable[[str], None]
# Bytes that are here, and bytes in all where that is known. A new file begins at a lower number than the last ended.
Progress = Callable[[int, int | None], None]


def _hub_server() -> str:
    return os.environ.get("TUSKLINE_HUB_SERVER") or HUB_SERVER


def _onnx() -> bool:
    return os.environ.get("TUSKLINE_ENGINE", "").strip() != "paddle"


def _mirror() -> str | None:
    return os.environ.get("TUSKLINE_WEIGHTS_MIRROR") or None


@dataclass(frozen=True, slots=True)
class InstallOptions:
    """hub_server: address of PaddleHub's server or of a mirror of it ($TUSKLINE_HUB_SERVER).

    mirror: an address that stands in for the host of every published address ($TUSKLINE_WEIGHTS_MIRROR).
    plain_http: fetch over http also what no digest is known of. accept_changed: take an archive whose digest is
    another than the one first seen, and pin the new one. deadline_s: for each file, in seconds, resumed tries included.
    onnx: also make the network for ONNX Runtime where that can be done; not where $TUSKLINE_ENGINE is paddle.
    """

    hub_server: str = field(default_factory=_hub_server)
    mirror: str | None = field(default_factory=_mirror)
    plain_http: bool = False
    accept_changed: bool = False
    deadline_s: float = DEADLINE_S
    onnx: bool = field(default_factory=_onnx)


def say_nothing(_: str) -> None:
    """An Echo for those who want none."""


def show_nothing(_: int, __: int | None) -> None:
    """A Progress for those who want none."""
