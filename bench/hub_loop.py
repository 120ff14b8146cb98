"""What a user of PaddleHub writes: `for path in paths: module.classification(paths=[path])`, in our own words.

The same steps as its resnet50_vd_wildanimals 1.1.0: all pictures of a call are opened and made into tensors first; each
is resized as a whole and then cut; numbers are normalised in float64; a batch is copied twice; the network's output
goes through a softmax and is sorted in full. The pictures and tensors of a call are kept until it ends.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from scanner.processes import Processes
from scanner.zoo.registry import InstalledModel

SHORT, SIDE = 256, 224
MEAN, STD = np.array([0.485, 0.456, 0.406]).reshape(3, 1, 1), np.array([0.229, 0.224, 0.225]).reshape(3, 1, 1)
THREADS = 2  # what gets the loop the most out of two cores; the module itself leaves it at one
BATCH = 16
TIMEOUT_S = 1800

Labels = Mapping[str, float]


class Network(Protocol):
    def __call__(self, batch: NDArray[np.float32]) -> NDArray[np.float32]: ...


@dataclass
class HubLoop:
    """A network and its labels, used as the module uses them."""

    network: Network
    labels: Sequence[str]

    def classify(self, paths: Sequence[Path], batch: int = 1) -> list[Labels]:
        """All of a call at once, as classification(paths=, batch_size=) does."""
        opened = [Image.open(path) for path in paths]
        tensors = [(image, make_tensor(image)) for image in opened]
        found: list[Labels] = []
        for start in range(0, len(tensors), batch):
            joined = np.array([tensor for _, tensor in tensors[start : start + batch]]).copy()
            found += [name_row(row, self.labels) for row in self.network(joined)]
        return found


def make_tensor(image: Image.Image) -> NDArray[np.float32]:
    """Whole picture resized, centre cut out, (x / 255 - mean) / std in float64, then float32 (3, 224, 224)."""
    width, height = image.size
    share = SHORT / min(width, height)
    small = image.resize((round(width * share), round(height * share)), Image.Resampling.LANCZOS)
    left, top = (small.width - SIDE) / 2, (small.height - SIDE) / 2
    cut = small.crop((left, top, left + SIDE, top + SIDE)).convert("RGB")
    levels = np.array(cut).transpose(2, 0, 1).astype(np.float64) / 255
    normal: NDArray[np.float64] = (levels - MEAN) / STD
    return normal.astype(np.float32)


def name_row(row: NDArray[np.float32], labels: Sequence[str]) -> Labels:
    powers = np.exp(row - row.max())
    shares = powers / powers.sum()
    return {labels[at]: float(shares[at]) for at in np.argsort(shares)[::-1]}


def paddle_network(model: InstalledModel, threads: int, onednn: bool = True) -> Network:
    """Paddle Inference with its defaults. onednn: on unless told in Paddle 3; off in the Paddle of PaddleHub's day."""
    from scanner.zoo.engines.paddle import import_paddle

    inference = import_paddle().inference
    layout = model.card.network
    config = inference.Config(str(model.folder / layout.program), str(model.folder / str(layout.params)))
    config.disable_glog_info()
    config.disable_gpu()
    config.set_cpu_math_library_num_threads(threads)
    if not onednn:
        config.disable_onednn()
    predictor = inference.create_predictor(config)

    def run(batch: NDArray[np.float32]) -> NDArray[np.float32]:
        taken = predictor.get_input_handle(predictor.get_input_names()[0])
        taken.copy_from_cpu(batch)
        predictor.run()
        rows: NDArray[np.float32] = predictor.get_output_handle(predictor.get_output_names()[0]).copy_to_cpu()
        return rows

    return run


def onnx_network(path: Path, threads: int) -> Network:
    """The same loop with ONNX Runtime in Paddle's place."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name

    def run(batch: NDArray[np.float32]) -> NDArray[np.float32]:
        rows: NDArray[np.float32] = session.run(None, {name: batch})[0]
        return rows

    return run


Classify = Callable[[Iterable[Path]], int]


@contextmanager
def open_loop(
    make: Callable[..., Network], *arguments: Any, labels: Sequence[str], batch: int | None = None
) -> Iterator[Classify]:
    """The loop in a process of its own, ready; what is given classifies pictures and says how many.

    batch: hand over all pictures at once with this batch size; None hands them over one by one.
    """
    with Processes(1, _begin, make, arguments, labels) as process:

        def classify(paths: Iterable[Path]) -> int:
            done: int = process.run(_classify, list(paths), batch, timeout_s=TIMEOUT_S).result()
            return done

        yield classify


# What follows runs in the loop's process.
_loop: HubLoop


def _begin(make: Callable[..., Network], arguments: tuple[Any, ...], labels: Sequence[str]) -> None:
    global _loop
    _loop = HubLoop(make(*arguments), labels)


def _classify(paths: Sequence[Path], batch: int | None) -> int:
    if batch is None:
        return sum(len(_loop.classify([path])) for path in paths)
    return len(_loop.classify(paths, batch))
