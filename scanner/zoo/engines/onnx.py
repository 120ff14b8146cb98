"""ONNX Runtime: the engine for machines without Paddle, for int8, and for cards that Paddle has no build for.

It lets go of the interpreter lock while it runs, and takes a tenth of a second to import.
"""

import contextlib
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scanner.zoo.engines.base import EngineError
from scanner.zoo.engines.devices import Device
from scanner.zoo.engines.pixels import read_for_pixels
from scanner.zoo.preprocessing import Preprocessing

CUDA, CPU = "CUDAExecutionProvider", "CPUExecutionProvider"
# On a card a batch has one of these sizes: memory is bound and kernels are chosen once for each.
BUCKETS = (1, 8, 32, 64, 128)
IN_FLIGHT = 2  # batches on a card at once: one is copied while the other is computed
Rows = NDArray[np.float32]


class OnnxEngine:
    """An ONNX network ready to run, its outputs float32 whatever is inside.

    threads: on a CPU. how: with it a card gets pixels, where that can be (see scanner.zoo.engines.pixels). Raises
    EngineError where ONNX Runtime can't load or run it, or has no provider for the card.
    """

    def __init__(self, path: Path, device: Device, threads: int = 1, how: Preprocessing | None = None) -> None:
        with _translated("can't be loaded"):
            network = read_for_pixels(path, how) if how is not None and device.gpu is not None else None
            self.takes_pixels = network is not None
            self._session = open_session(network or path, device, threads)
            self._input = self._session.get_inputs()[0]
            self._outputs = [output.name for output in self._session.get_outputs()]
        self._bound = None if device.gpu is None else BoundBatches(self._session, "cuda", device.gpu)

    def run(self, batch: NDArray[Any]) -> list[Rows]:
        """Every output of the network for `batch`; on a card a large one goes in pieces."""
        if self._bound is None:
            return self._run_here(batch)
        pieces = [batch[start : start + BUCKETS[-1]] for start in range(0, len(batch), BUCKETS[-1])]
        found = [run.result() for run in [self._bound.submit(piece) for piece in pieces]]
        return found[0] if len(found) == 1 else [np.concatenate(rows) for rows in zip(*found, strict=True)]

    def submit(self, batch: NDArray[Any]) -> "Future[list[Rows]]":
        """As run, of BUCKETS[-1] pictures at most: on a card two batches may be under way, and a third waits.

        The batch must stay as it is until the future is done. On a CPU it is done when it is given.
        """
        if self._bound is not None:
            return self._bound.submit(batch)
        done: Future[list[Rows]] = Future()
        try:
            done.set_result(self._run_here(batch))
        except EngineError as error:
            done.set_exception(error)
        return done

    def _run_here(self, batch: NDArray[Any]) -> list[Rows]:
        with _translated("can't be run"):
            outputs: list[Rows] = self._session.run(self._outputs, {self._input.name: np.ascontiguousarray(batch)})
            return outputs


def open_session(network: Path | bytes, device: Device, threads: int) -> Any:
    """Raises EngineError where the card is not to be had: ONNX Runtime itself would go on with the CPU."""
    runtime = import_runtime()
    options = runtime.SessionOptions()
    given = network if isinstance(network, bytes) else str(network)
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    if device.gpu is None:
        return runtime.InferenceSession(given, options, providers=[CPU])
    if CUDA not in runtime.get_available_providers():
        raise EngineError(f"ONNX Runtime can't use {device.name}: it is built for the CPU")
    session = runtime.InferenceSession(given, options, providers=[(CUDA, card_options(device.gpu)), CPU])
    if CUDA not in session.get_providers():
        raise EngineError(f"ONNX Runtime can't use {device.name}: its CUDA provider did not start")
    return session


def card_options(gpu: int) -> dict[str, Any]:
    """fp32 is fp32: TF32, which ONNX Runtime has on by default, would move scores by a thousandth.

    Searching for the best algorithm of each convolution took seconds for every size of batch and gained nothing on an
    H100; channels last gained a tenth in fp16 (bench/results/gpu_h100.json).
    """
    return {"device_id": gpu, "use_tf32": 0, "cudnn_conv_algo_search": "HEURISTIC", "prefer_nhwc": 1}


class BoundBatches:
    """Runs of a session through memory of the device that is bound once for each size and lane.

    device: as ONNX Runtime names it, "cuda" or (in tests) "cpu". A batch between two sizes is filled up with its last
    picture.
    """

    def __init__(self, session: Any, device: str, number: int = 0) -> None:
        self._session = session
        self._place = (device, number)
        self._threads = ThreadPoolExecutor(IN_FLIGHT, "onnx-lane")
        self._lanes: SimpleQueue[dict[int, _Binding]] = SimpleQueue()
        for _ in range(IN_FLIGHT):
            self._lanes.put({})

    def submit(self, batch: NDArray[Any]) -> "Future[list[Rows]]":
        """Of BUCKETS[-1] pictures at most."""
        return self._threads.submit(self._run, batch)

    def _run(self, batch: NDArray[Any]) -> list[Rows]:
        size = bucket_of(len(batch))
        lane = self._lanes.get()
        try:
            with _translated("can't be run"):
                if size not in lane:
                    lane[size] = _Binding(self._session, size, self._place)
                return [rows[: len(batch)] for rows in lane[size].run(fill_up(batch, size))]
        finally:
            self._lanes.put(lane)


class _Binding:
    """Input and outputs of one batch size in the device's memory."""

    def __init__(self, session: Any, size: int, place: tuple[str, int]) -> None:
        runtime = import_runtime()
        make = runtime.OrtValue.ortvalue_from_shape_and_type
        self._session, self._binding = session, session.io_binding()
        given = session.get_inputs()[0]
        kind = np.uint8 if given.type == "tensor(uint8)" else np.float32
        self._input = make([size, *given.shape[1:]], kind, *place)
        self._binding.bind_ortvalue_input(given.name, self._input)
        self._outputs = []
        for output in session.get_outputs():
            if all(isinstance(side, int) for side in output.shape[1:]):
                value = make([size, *output.shape[1:]], np.float32, *place)
                self._binding.bind_ortvalue_output(output.name, value)
            else:  # ONNX Runtime sees its shape only when it runs, and takes memory of the host for it each time
                self._binding.bind_output(output.name)
                value = None
            self._outputs.append(value)

    def run(self, batch: NDArray[Any]) -> list[Rows]:
        self._input.update_inplace(batch)
        self._session.run_with_iobinding(self._binding)
        self._binding.synchronize_outputs()
        given = self._binding.get_outputs()
        # Copies, as the memory is written anew by the lane's next batch.
        return [np.array((given[n] if value is None else value).numpy()) for n, value in enumerate(self._outputs)]


def bucket_of(count: int) -> int:
    """The smallest size that `count` pictures fit into, BUCKETS[-1] at most."""
    return next((size for size in BUCKETS if size >= count), BUCKETS[-1])


def fill_up(piece: NDArray[Any], size: int) -> NDArray[Any]:
    missing = size - len(piece)
    return np.ascontiguousarray(np.concatenate([piece, np.repeat(piece[-1:], missing, axis=0)]) if missing else piece)


def usable_device(wanted: Device) -> tuple[Device, str | None]:
    """`wanted`, or the CPU and one sentence that says why not."""
    if wanted.gpu is None or CUDA in import_runtime().get_available_providers():
        return wanted, None
    return Device(), f"{wanted.name} was asked for, but this onnxruntime is built for the CPU: the CPU is used"


def import_runtime() -> Any:
    """ONNX Runtime, silent but for errors, with the CUDA libraries of NVIDIA's own wheels wherever those are installed.

    Raises EngineError where it is not installed.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise EngineError(
            f"ONNX Runtime can't be imported ({error}); install it with `pip install tuskline[onnx]`"
        ) from None
    onnxruntime.set_default_logger_severity(3)
    if CUDA in onnxruntime.get_available_providers() and hasattr(onnxruntime, "preload_dlls"):
        for folder in filter(None, sys.path):
            if (Path(folder) / "nvidia").is_dir():  # ONNX Runtime looks beside itself alone, unless told
                onnxruntime.preload_dlls(directory=folder)
    return onnxruntime


@contextlib.contextmanager
def _translated(what: str) -> Iterator[None]:
    try:
        yield
    except EngineError:
        raise
    except Exception as error:  # its own classes, which share no base
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        reason = lines[0] if lines else type(error).__name__
        raise EngineError(f"the network {what} by ONNX Runtime: {reason[:300]}") from error
