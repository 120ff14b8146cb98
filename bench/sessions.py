"""ONNX Runtime on a card or a processor, for machines that need not have Paddle, and a scan that runs on it."""

import contextlib
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

from bench import skeleton
from rules.load import find_pack, load_pack
from scanner import pipeline
from scanner.zoo.cards import Card
from scanner.zoo.cascade import ModelChoice
from scanner.zoo.catalogue import PRIMARY, find_spec
from scanner.zoo.engines import Device
from scanner.zoo.labels import shipped_labels
from scanner.zoo.precisions import Decoding
from scanner.zoo.predictor import Predictor
from scanner.zoo.preprocessing import Preprocessing
from scanner.zoo.registry import InstalledModel

CUDA, CPU = "CUDAExecutionProvider", "CPUExecutionProvider"
PLAIN: Mapping[str, Any] = {"use_tf32": 0, "cudnn_conv_algo_search": "HEURISTIC"}
LABELS = "label_list.txt"
HOW = Preprocessing()


def import_runtime() -> Any:
    """With the CUDA libraries that torch's wheels bring, wherever those lie."""
    with contextlib.suppress(ImportError):
        import torch  # noqa: F401 - it loads its own libraries, which ONNX Runtime then finds loaded
    import onnxruntime

    onnxruntime.set_default_logger_severity(3)
    if hasattr(onnxruntime, "preload_dlls") and CUDA in onnxruntime.get_available_providers():
        for entry in sys.path:
            if (Path(entry) / "nvidia").is_dir():  # it looks beside itself alone, unless told
                onnxruntime.preload_dlls(directory=entry)
    return onnxruntime


def open_session(
    path: Path, provider: str, precision: str, settings: Mapping[str, Any] = PLAIN, *, of_bytes: bool = False
) -> Any:
    """of_bytes: it takes crops as they are, uint8, and normalises them by itself.

    Raises RuntimeError where the provider did not start: ONNX Runtime would go on with the CPU, and say nothing.
    """
    runtime = import_runtime()
    network = skeleton.load_network(path)
    if of_bytes:
        network = skeleton.take_bytes(network, HOW.mean, HOW.std)
    if precision == "fp16":
        network = skeleton.to_half(network)
    providers = [(CUDA, {key: str(value) for key, value in settings.items()})] if provider == CUDA else []
    options = runtime.SessionOptions()
    session = runtime.InferenceSession(network.SerializeToString(), options, providers=[*providers, CPU])
    if provider not in session.get_providers():
        raise RuntimeError("the CUDA provider did not start")
    return session


class SessionEngine:
    """A session as the product's engines are."""

    def __init__(self, session: Any) -> None:
        self._session, self._input = session, session.get_inputs()[0].name

    def run(self, batch: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        rows: list[NDArray[np.float32]] = self._session.run(None, {self._input: batch})
        return rows


@dataclass(frozen=True, slots=True)
class Loader:
    """How a predictor process gets the network ready: it is handed to that process."""

    path: Path
    provider: str
    precision: str = "fp16"

    def __call__(self, model: InstalledModel, device: Device) -> Predictor:  # noqa: ARG002 - the provider is the device
        return Predictor(model, SessionEngine(open_session(self.path, self.provider, self.precision)))


@contextmanager
def open_scan(loader: Loader, folder: Path, decoders: int, decoding: Decoding) -> "Iterator[pipeline.Scanner]":
    """The product's scan with so many decoders, on the card where the provider is one; `folder`: for its labels."""
    model = make_model(folder, decoding)
    choice = ModelChoice((model,), primary_absent=False, notice=None)
    device = "gpu:0" if loader.provider == CUDA else "cpu"
    with (
        patch.object(pipeline, "count_workers", lambda: decoders),
        pipeline.Scanner(choice, load_pack(find_pack("wildlife")), device, load=loader) as scanner,
    ):
        yield scanner


def make_model(folder: Path, decoding: Decoding) -> InstalledModel:
    """The wild animals model as if it were installed, for a loader that does not look at its files."""
    spec = find_spec(PRIMARY)
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(shipped_labels(str(spec.labels)), folder / LABELS)
    card = Card(
        spec=spec,
        source="random weights",
        installed_at="",
        source_layout="A",
        layout="A",
        program="",
        params=None,
        labels_file=LABELS,
        output_index=0,
        output_kind="logits",
        files=[],
    )
    return InstalledModel(spec, folder, card, "onnx", "fp16", decoding)
