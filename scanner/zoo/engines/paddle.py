"""Paddle Inference: one network, one process, one caller.

`run` holds the interpreter lock for the whole batch (Paddle 3.3.1), so this lives in a process of its own.
"""

import contextlib
import importlib.util
import os
import re
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scanner.zoo.cards import Tuning
from scanner.zoo.engines.base import EngineError
from scanner.zoo.engines.devices import Device
from scanner.zoo.formats.layouts import Layout
from scanner.zoo.precisions import Precision

GPU_POOL_MB = 2048
# Convolutions take nearly all the time. With all operators in bf16, pooling, classifier and softmax among them, one
# label in sixteen turned (wildlife_starter, 570 photographs); with these alone, one in 285, at the same speed.
BF16_OPS = ("conv2d", "depthwise_conv2d", "fused_conv2d")
_SOURCE_LINE = re.compile(r"\s*\(at /\S+:\d+\)$")  # of Paddle's own C++


class PaddleEngine:
    """A network ready to run; tuning: as its card says. Raises EngineError where Paddle can't load or run it."""

    takes_pixels = False

    def __init__(
        self,
        folder: Path,
        layout: Layout,
        device: Device,
        threads: int = 1,
        tuning: Tuning = "full",
        precision: Precision = "fp32",
    ) -> None:
        inference = import_paddle().inference
        config = make_config(inference, folder, layout, device, threads, tuning, precision)
        with _translated("can't be loaded"), _quiet():
            self._predictor = inference.create_predictor(config)
        self._input = self._predictor.get_input_handle(self._predictor.get_input_names()[0])
        self._size: int | None = None  # of the batch before

    def run(self, batch: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """Every output of the network for `batch`, float32 (n, 3, side, side)."""
        with _translated("can't be run"):
            self._take_size(len(batch))
            self._input.copy_from_cpu(np.ascontiguousarray(batch))
            self._predictor.run()
            names = self._predictor.get_output_names()
            return [self._predictor.get_output_handle(name).copy_to_cpu() for name in names]

    def _take_size(self, size: int) -> None:
        """Let the buffers of another size go: Paddle keeps them beside the new ones.

        Batches of 1, 2, 4 ... 32 pictures made a process of ResNet50_vd 3 GB large; so, and with one plan of oneDNN's
        kept and not one for every size, it stays below 1 GB, and batches of one size take as long as before.
        """
        if self._size not in (None, size):
            self._predictor.clear_intermediate_tensor()
        self._size = size


def make_config(
    inference: Any,
    folder: Path,
    layout: Layout,
    device: Device,
    threads: int,
    tuning: Tuning = "full",
    precision: Precision = "fp32",
) -> Any:
    """The settings under which every layout loads on Paddle 3.3.1 (paddle.static's own loader can't read most)."""
    program = folder / layout.program
    if layout.params is None:
        config = inference.Config(str(program.parent))
    else:
        config = inference.Config(str(program), str(folder / layout.params))
    config.disable_glog_info()
    if layout.kind == "E":
        # The .json programs are PIR: they want the new executor, and memory optimisation raises with them.
        config.enable_new_ir(True)
        config.enable_new_executor(True)
    elif tuning != "without optimisation":
        config.enable_memory_optim()
    if tuning == "without optimisation":
        config.switch_ir_optim(False)
    if device.gpu is None:
        config.disable_gpu()
        config.set_cpu_math_library_num_threads(threads)
        if tuning != "full":
            config.disable_onednn()  # Paddle 3.3.1 turns it on by itself
        else:
            config.set_mkldnn_cache_capacity(1)
            if precision == "bf16":
                config.enable_mkldnn_bfloat16()
                config.set_bfloat16_op(set(BF16_OPS))
    else:
        _configure_gpu(inference, config, device, precision)
    return config


def _configure_gpu(inference: Any, config: Any, device: Device, precision: Precision) -> None:
    kind = inference.PrecisionType.Half if precision == "fp16" else inference.PrecisionType.Float32
    config.enable_use_gpu(GPU_POOL_MB, device.gpu, kind)
    if device.tensorrt:
        config.enable_tensorrt_engine(
            workspace_size=1 << 30,
            max_batch_size=64,
            min_subgraph_size=3,
            precision_mode=kind,
            use_static=True,
            use_calib_mode=False,
        )


def usable_device(wanted: Device) -> tuple[Device, str | None]:
    """`wanted`, or the CPU and one sentence that says why not."""
    if wanted.gpu is None:
        return wanted, None
    count: int = import_paddle().device.cuda.device_count()
    if wanted.gpu >= count:
        return Device(), f"{wanted.name} was asked for, but {count} GPUs were found: the CPU is used"
    return wanted, None


def import_paddle() -> Any:
    """Paddle, without its chatter on the user's terminal and without its signal handlers.

    Raises EngineError where it is not installed.
    """
    if importlib.util.find_spec("paddle") is None:
        raise EngineError("PaddlePaddle is not installed here; install it, or run the model on ONNX Runtime")
    os.environ.setdefault("GLOG_minloglevel", "3")
    os.environ.setdefault("FLAGS_call_stack_level", "0")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="No ccache found")  # we compile nothing
        import paddle
        import paddle.inference

    # Its handler answers the ordinary SIGTERM at the end of a process with a page of stack trace.
    paddle.disable_signal_handler()
    return paddle


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Paddle's passes for bf16 write their counts to the terminal from C++; what goes wrong is raised all the same."""
    sys.stdout.flush()
    sys.stderr.flush()
    kept, nowhere = {file: os.dup(file) for file in (1, 2)}, os.open(os.devnull, os.O_WRONLY)
    try:
        for file in kept:
            os.dup2(nowhere, file)
        yield
    finally:
        for file, copy in kept.items():
            os.dup2(copy, file)
            os.close(copy)
        os.close(nowhere)


@contextlib.contextmanager
def _translated(what: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # Paddle raises its own, ValueError, RuntimeError and MemoryError alike
        lines = [line.strip() for line in str(error).splitlines()]
        reason = next((line for line in reversed(lines) if line and not line.startswith("[")), type(error).__name__)
        raise EngineError(f"the network {what} by Paddle: {_SOURCE_LINE.sub('', reason)[:300]}") from error
