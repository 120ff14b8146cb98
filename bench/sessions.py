"""ONNX Runtime on a card or a processor, for machines that need not have Paddle, and a scan that runs on it."""

import contextlib
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

from bench import skeleton
from rules.load import find_pack, load_pack
from scanner import pipeline
from scanner.zoo.cards import Card
from scanner.zoo.cascade import ModelChoice
from scanner.zoo.catalogue import PRIMARY, find_spec
from scanner.zoo.converting import FOLDER, record_file
from scanner.zoo.engines import Device
from scanner.zoo.engines.onnx import import_runtime as load_runtime
from scanner.zoo.engines.pixels import take_pixels
from scanner.zoo.labels import shipped_labels
from scanner.zoo.precisions import Decoding, Precision
from scanner.zoo.predictor import Predictor, load_predictor
from scanner.zoo.preprocessing import Preprocessing
from scanner.zoo.quantising import write_half
from scanner.zoo.registry import InstalledModel

CUDA, CPU = "CUDAExecutionProvider", "CPUExecutionProvider"
PLAIN: Mapping[str, Any] = {"use_tf32": 0, "cudnn_conv_algo_search": "HEURISTIC"}
LABELS = "label_list.txt"
HOW = Preprocessing()


def import_runtime() -> Any:
    """As the product does; torch, where it is installed, brings libraries of its own, which are loaded first."""
    with contextlib.suppress(ImportError):
        import torch  # noqa: F401
    return load_runtime()


def open_session(
    path: Path, provider: str, precision: str, settings: Mapping[str, Any] = PLAIN, *, of_bytes: bool = False
) -> Any:
    """of_bytes: it takes crops as they are, uint8, and normalises them by itself.

    Raises RuntimeError where the provider did not start: ONNX Runtime would go on with the CPU, and say nothing.
    """
    runtime = import_runtime()
    providers = [(CUDA, {key: str(value) for key, value in settings.items()})] if provider == CUDA else []
    options = runtime.SessionOptions()
    session = runtime.InferenceSession(read_network(path, precision, of_bytes), options, providers=[*providers, CPU])
    if provider not in session.get_providers():
        raise RuntimeError("the CUDA provider did not start")
    return session


@cache
def read_network(path: Path, precision: str, of_bytes: bool) -> bytes:
    """Made once: drawing weights and halving them takes seconds."""
    network = skeleton.load_network(path)
    if of_bytes:
        network = take_pixels(network, HOW)
    whole: bytes = (skeleton.to_half(network) if precision == "fp16" else network).SerializeToString()
    return whole


def load_here(model: InstalledModel, device: Device) -> Predictor:
    """How a predictor process gets the model ready: as always, once the CUDA libraries are found."""
    import_runtime()
    return load_predictor(model, device)


@contextmanager
def open_scan(model: InstalledModel, device: str, decoders: int, decoding: Decoding) -> "Iterator[pipeline.Scanner]":
    """The product's scan with so many decoders."""
    choice = ModelChoice((replace(model, decoding=decoding),), primary_absent=False, notice=None)
    with (
        patch.object(pipeline, "count_workers", lambda: decoders),
        pipeline.Scanner(choice, load_pack(find_pack("wildlife")), device, load=load_here) as scanner,
    ):
        yield scanner


def install_network(path: Path, folder: Path, precision: Precision) -> InstalledModel:
    """The network of `path` below `folder`, in that precision, as if it were an installed wild animals model."""
    import onnx

    spec = find_spec(PRIMARY)
    (folder / FOLDER).mkdir(parents=True, exist_ok=True)
    shutil.copyfile(shipped_labels(str(spec.labels)), folder / LABELS)
    whole = folder / FOLDER / "fp32.onnx"
    onnx.save(skeleton.load_network(path), whole)
    if precision == "fp16":
        write_half(whole, folder / FOLDER / "fp16.onnx")
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
        onnx={precision: record_file(folder, Path(FOLDER, f"{precision}.onnx"))},
    )
    return InstalledModel(spec, folder, card, "onnx", precision)
