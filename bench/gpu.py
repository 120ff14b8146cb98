"""A card: its own limit, the network by batch size, copies, decoders that feed it, and the whole way.

python -m bench.gpu --model model.onnx --photos FOLDER --out gpu.json     also without Paddle, on a machine of its own
python -m bench.gpu --make model.onnx                                     the network for it, without its large weights

It needs onnxruntime-gpu; torch, where it is installed, gives the card's own limit and overlaps copies.
"""

import argparse
import atexit
import itertools
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np

from bench import skeleton
from bench.feeding import DECODERS, FULL_BATCH, crops_for, decode_for, feed_bare, scale_decoders
from bench.harness import CORES, Options, take
from bench.machine import describe_machine, name_gpu
from bench.pictures import SIZES, make_pictures, repeat
from bench.results import Part, Table, Value, show_part, show_rows, write_part
from bench.sessions import CPU, CUDA, HOW, PLAIN, import_runtime, install_network, load_here, open_scan, open_session
from scanner.decoding import DecodePool
from scanner.pipeline import Scanner
from scanner.records import Photo
from scanner.zoo.engines import open_engine, parse_device
from scanner.zoo.precisions import Decoding
from scanner.zoo.preprocessing import normalise
from scanner.zoo.registry import InstalledModel

TABLES = ("card", "network", "copies", "decoders", "feeding")
BATCHES = (1, 8, 32, 64, 128, 256)
BEST_BATCH = 128
MATRIX_SIDE = 8192
ROW_S = 0.7  # of timing, after warming up
LIMIT_S = 300.0  # of everything
BOUNDS = ("decoding alone", "network alone", "bound by", "of the bound")
GFLOP_A_PICTURE = 8.67  # see bench.subject, which can't be imported without Paddle's tools

Row = Mapping[str, Value]


@dataclass
class Run:
    """One run of all rows: where they go, as they come, and how much time is left."""

    model: Path
    pictures: Mapping[int, list[Path]]
    provider: str
    quick: bool
    part: Part
    keep: Callable[[Part], object]
    limit_s: float = LIMIT_S
    began: float = field(default_factory=time.monotonic)
    peak_tflops: float | None = None

    @cached_property
    def installed(self) -> InstalledModel:
        """The network as an installed model, fp16 on a card."""
        folder = Path(tempfile.mkdtemp(prefix="tuskline-bench-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        return install_network(self.model, folder, "fp16" if self.provider == CUDA else "fp32")

    @property
    def device(self) -> str:
        return "gpu:0" if self.provider == CUDA else "cpu"

    @property
    def left_s(self) -> float:
        return self.limit_s - (time.monotonic() - self.began)

    def fill(self, table: Table, rows: Iterator[Row]) -> None:
        """Add a table and its rows, each written at once; what fails or comes too late is a sentence."""
        self.part.tables.append(table)
        try:
            for row in rows:
                table.rows.append(row)
                self.show(table)
                if self.left_s <= 0:
                    self.part.notes.append(f"{table.title}: the rest was left out, as {self.limit_s:.0f} s were over.")
                    break
        except Exception as error:  # one table that fails must not cost the others
            self.part.notes.append(f"{table.title}: stopped, {type(error).__name__}: {str(error)[:300]}")
        self.part.seconds = round(time.monotonic() - self.began, 1)
        self.keep(self.part)

    def show(self, table: Table) -> None:
        if len(table.rows) == 1:
            print(f"\n{table.title}\n{' | '.join(table.columns)}", flush=True)
        print(" | ".join(show_rows(table.columns, table.rows[-1:])[2].strip("| ").split("|")), flush=True)
        self.part.seconds = round(time.monotonic() - self.began, 1)
        self.keep(self.part)


def run(options: Options) -> Part:
    """The part of `python -m bench`: one line where there is no card."""
    part = Part("gpu", "A card")
    if name_gpu() is None:
        part.notes.append("no GPU: this machine has none, or its driver shows none.")
        return part
    from bench.subject import find_onnx, install_subject
    from scanner.zoo.formats.portable import lacks_extra

    pictures = make_pictures(options.cache, options.photos, tuple(SIZES))
    model = find_onnx(install_subject(options.cache, pictures[500]))
    if model is None:
        part.notes.append(str(lacks_extra()))
        return part
    measure(Run(model, pictures, CUDA, options.quick, part, keep=lambda _: None))
    return part


def measure(run: Run, only: Sequence[str] = TABLES) -> None:
    """The tables that are wanted, the shortest first."""
    counts = (1, 2) if run.quick else tuple(count for count in DECODERS if count <= CORES)
    seconds = 0.5 if run.quick else 1.0
    tables: dict[str, Callable[[], tuple[Table, Iterator[Row]]]] = {
        "card": lambda: (Table("The card's own limit", ("what", "rate", "unit")), card_rows(run)),
        "network": lambda: (network_table(), network_rows(run)),
        "copies": lambda: (copy_table(), copy_rows(run)),
        "decoders": lambda: scale_decoders(run.pictures, list(run.pictures), counts, seconds),
        "feeding": lambda: (feeding_table(), feeding_rows(run, counts, 3 * seconds)),
    }
    for name, table in tables.items():
        if name in only:
            run.fill(*table())


# The card's own limit.
def card_rows(run: Run) -> Iterator[Row]:
    """By torch, where it is."""
    try:
        import torch
    except ImportError:
        run.part.notes.append("The card's own limit was not measured: torch is not installed.")
        return
    if not torch.cuda.is_available():
        run.part.notes.append("The card's own limit was not measured: torch sees no card.")
        return
    for name, kind in (("fp16", torch.float16), ("fp32 (TF32 off)", torch.float32)):
        tflops = multiply(torch, kind)
        if name == "fp16":
            run.peak_tflops = tflops
        yield {"what": f"matrix product, {name}, {MATRIX_SIDE} a side", "rate": tflops, "unit": "TFLOP/s"}
    for name, pinned in (("pinned", True), ("pageable", False)):
        yield {"what": f"copy to the card, {name} memory", "rate": copy_rate(torch, pinned), "unit": "GB/s"}


def multiply(torch: Any, kind: Any) -> float:
    torch.backends.cuda.matmul.allow_tf32 = False
    left, right = (torch.randn(MATRIX_SIDE, MATRIX_SIDE, device="cuda", dtype=kind) for _ in range(2))
    rate = time_calls(lambda: torch.matmul(left, right), torch.cuda.synchronize)
    return float(2 * MATRIX_SIDE**3 * rate / 1e12)


def copy_rate(torch: Any, pinned: bool) -> float:
    here = torch.randint(0, 255, (256 * 1024**2,), dtype=torch.uint8)
    here = here.pin_memory() if pinned else here
    there = torch.empty_like(here, device="cuda")
    rate = time_calls(lambda: there.copy_(here, non_blocking=True), torch.cuda.synchronize)
    return float(rate * here.numel() / 1e9)


def time_calls(call: Callable[[], object], wait: Callable[[], object] = lambda: None, seconds: float = ROW_S) -> float:
    """Calls a second, after some that don't count: those plan, and say how many must follow each other unwatched."""
    call()
    wait()
    began = time.perf_counter()
    call()
    wait()
    # A card's queue must not run dry because we look at the clock.
    together = max(1, min(16, round(0.05 / (time.perf_counter() - began))))
    began, calls = time.perf_counter(), 0
    while time.perf_counter() - began < seconds or not calls:
        for _ in range(together):
            call()
        calls += together
        wait()
    return calls / (time.perf_counter() - began)


# The network alone.
def network_table() -> Table:
    return Table(
        "The network alone, by batch size",
        ("precision", "batch", "settings", "pictures a second", "ms a batch", "TFLOP/s", "of the matrix product"),
        note=f"ONNX Runtime; input and output stay in the card's memory. At {GFLOP_A_PICTURE} GFLOP a picture.",
    )


def network_rows(run: Run) -> Iterator[Row]:
    batches = (1, 8) if run.quick else BATCHES
    ways: list[tuple[str, str, Mapping[str, Any], Sequence[int]]] = [("fp16", "plain", PLAIN, batches)]
    if run.provider == CUDA:
        tuned = {**PLAIN, "cudnn_conv_algo_search": "EXHAUSTIVE"}
        ways += [
            ("fp16", "channels last", {**PLAIN, "prefer_nhwc": 1}, (32, BEST_BATCH)),
            ("fp16", "channels last, exhaustive search", {**tuned, "prefer_nhwc": 1}, (BEST_BATCH,)),
            ("fp16", "exhaustive search", tuned, (BEST_BATCH,)),
            ("fp16", "CUDA graph", {**PLAIN, "enable_cuda_graph": 1}, (1, 8)),
            ("fp32", "TF32", {**PLAIN, "use_tf32": 1}, (BEST_BATCH,)),
        ]
    ways += [("fp32", "plain", PLAIN, batches)]
    for precision, name, settings, sizes in ways:
        try:
            session = open_session(run.model, run.provider, precision, settings)
            for size in sizes:
                yield network_row(run, session, precision, name, size)
        except Exception as error:  # a setting that this build lacks
            run.part.notes.append(f"{precision}, {name}: {type(error).__name__}: {str(error)[:200]}")


def network_row(run: Run, session: Any, precision: str, name: str, size: int) -> Row:
    rate = size * time_calls(bound_call(run, session, size))
    tflops = rate * GFLOP_A_PICTURE / 1000
    return {
        "precision": precision,
        "batch": size,
        "settings": name,
        "pictures a second": rate,
        "ms a batch": 1000 * size / rate,
        "TFLOP/s": tflops,
        "of the matrix product": tflops / run.peak_tflops if run.peak_tflops and precision == "fp16" else None,
    }


def bound_call(run: Run, session: Any, size: int) -> Callable[[], object]:
    """A run over noise that lies on the device already."""
    runtime = import_runtime()
    place = ("cuda", 0) if run.provider == CUDA else ("cpu", 0)
    random = np.random.default_rng(0)
    given = session.get_inputs()[0]
    pictures = random.integers(0, 256, (size, HOW.crop, HOW.crop, 3), dtype=np.uint8)
    numbers = pictures if given.type == "tensor(uint8)" else normalise(pictures, HOW)
    binding = session.io_binding()
    binding.bind_ortvalue_input(given.name, runtime.OrtValue.ortvalue_from_numpy(numbers, *place))
    binding.bind_output(session.get_outputs()[0].name, *place)

    def call() -> None:
        session.run_with_iobinding(binding)
        binding.synchronize_outputs()

    return call


# Copies.
def copy_table() -> Table:
    return Table(
        "From pictures in our memory to scores in our memory",
        ("way", "batch", "pictures a second", "ms a batch"),
        note="fp16. Float pictures are 602 kB each, bytes 151 kB; whoever takes bytes normalises on the card. Two at"
        " once: two threads, each with a batch of its own, so that one is copied while the other is computed.",
    )


def copy_rows(run: Run) -> Iterator[Row]:
    size = 8 if run.quick else BEST_BATCH
    crops = np.random.default_rng(0).integers(0, 256, (size, HOW.crop, HOW.crop, 3), dtype=np.uint8)
    yield copy_row("normalising alone, one core", size, time_calls(lambda: normalise(crops, HOW)))
    sides: dict[str, tuple[bool, Any]] = {"floats": (False, normalise(crops, HOW)), "bytes": (True, crops)}
    for name, (of_bytes, given) in sides.items():
        session = open_session(run.model, run.provider, "fp16", of_bytes=of_bytes)
        yield copy_row(f"{name}, one after another", size, time_calls(plain_call(session, given)))
        yield copy_row(f"{name}, two at once", size, time_two([plain_call(session, given.copy()) for _ in range(2)]))
    plain = open_session(run.model, run.provider, "fp16")
    key = plain.get_inputs()[0].name
    both = time_calls(lambda: plain.run(None, {key: normalise(crops, HOW)}))
    yield copy_row("normalised here, then floats, one after another", size, both)
    yield from product_rows(run, size, crops)
    yield from torch_rows(run, size)


def product_rows(run: Run, size: int, crops: Any) -> Iterator[Row]:
    """The product's own engine and predictor."""
    device = parse_device(run.device)
    predictor, engine = load_here(run.installed, device), open_engine(run.installed, device)
    given, name = (crops, "bytes") if engine.takes_pixels else (normalise(crops, HOW), "floats")
    yield copy_row(f"the product's engine, {name}", size, time_calls(partial(engine.run, given)))
    yield copy_row(f"the product's engine, {name}, two at once", size, time_two([partial(engine.run, given)] * 2))
    yield copy_row("the product's predictor, from bytes", size, time_calls(partial(predictor.predict, crops)))
    yield copy_row("the product's predictor, with names for scores", size, time_calls(partial(predictor.score, crops)))


def copy_row(way: str, size: int, rate: float) -> Row:
    return {"way": way, "batch": size, "pictures a second": size * rate, "ms a batch": 1000 / rate}


def plain_call(session: Any, given: Any) -> Callable[[], object]:
    """A run from our memory, and its outputs back in it."""
    return partial(session.run, None, {session.get_inputs()[0].name: given})


def time_two(calls: Sequence[Callable[[], object]]) -> float:
    """Calls a second of all together, each in a thread of its own."""
    with ThreadPoolExecutor(len(calls)) as threads:
        return sum(threads.map(time_calls, calls))


def torch_rows(run: Run, size: int) -> Iterator[Row]:
    """Bytes in pinned memory, copied by a stream of their own while the batch before is computed."""
    try:
        import torch
    except ImportError:
        return
    if not torch.cuda.is_available():
        return
    session = open_session(run.model, run.provider, "fp16", of_bytes=True)
    lanes = itertools.cycle([TorchLane(torch, session, size) for _ in range(2)])

    def step() -> None:
        lane = next(lanes)
        lane.copy()
        lane.compute()

    yield copy_row("bytes, pinned, copied by torch", size, time_calls(step, torch.cuda.synchronize))
    first, second = (TorchLane(torch, session, size) for _ in range(2))
    pair = [first, second]

    def overlapped() -> None:
        pair[1].copy()  # the next one travels ...
        pair[0].compute()  # ... while this one is computed
        pair.reverse()

    yield copy_row("bytes, pinned, copy beside the run", size, time_calls(overlapped, torch.cuda.synchronize))


class TorchLane:
    """One batch: pinned memory here, memory on the card, and a stream that copies between them."""

    def __init__(self, torch: Any, session: Any, size: int) -> None:
        self._session = session
        self._here = torch.randint(0, 255, (size, HOW.crop, HOW.crop, 3), dtype=torch.uint8).pin_memory()
        self._there = self._here.cuda()
        self._stream, self._torch = torch.cuda.Stream(), torch
        self._binding = session.io_binding()
        given = session.get_inputs()[0].name
        shape, address = tuple(self._there.shape), self._there.data_ptr()
        self._binding.bind_input(given, "cuda", 0, np.uint8, shape, address)
        self._binding.bind_output(session.get_outputs()[0].name, "cpu")

    def copy(self) -> None:
        with self._torch.cuda.stream(self._stream):
            self._there.copy_(self._here, non_blocking=True)

    def compute(self) -> None:
        self._stream.synchronize()
        self._session.run_with_iobinding(self._binding)
        self._binding.copy_outputs_to_cpu()


# The whole way.
def feeding_table() -> Table:
    return Table(
        "From files to findings, by decoders",
        ("way", "decoders", "px", "decoding", "pictures a second", *BOUNDS, "decoders busy", "predictors busy"),
        note="A bare loop: batches of bytes, two under way, no rules; what a scan could reach here. A scan: that of the"
        " product; busy: share of the time that decoders and predictors worked. Alone: the same decoders with nobody"
        f" behind them, and the network with two batches of {FULL_BATCH} under way; the slower is the bound.",
    )


def feeding_rows(run: Run, counts: Sequence[int], seconds: float) -> Iterator[Row]:
    """By decoders at one size, then all sizes with all of them; the network as bytes."""
    most, middle = counts[-1], min(1600, *run.pictures)
    plan: list[tuple[int, Decoding, list[int]]] = [(count, "exact", [middle]) for count in counts[:-1]]
    plan += [(most, "exact", list(run.pictures)), (most, "fast", list(run.pictures))]
    batch = 8 if run.quick else FULL_BATCH
    session = open_session(run.model, run.provider, "fp16", of_bytes=True)
    crops = np.zeros((batch, HOW.crop, HOW.crop, 3), np.uint8)
    network = batch * time_two([plain_call(session, crops.copy()) for _ in range(2)])
    for count, decoding, sizes in reversed(plan):  # what matters most comes first
        alone: dict[int, float] = {}
        with DecodePool(count, (HOW,), decoding) as pool:
            for size in sizes:
                decode_for(pool, run.pictures[size], count, seconds / 4)
                alone[size] = take(partial(decode_for, pool, run.pictures[size], count, seconds / 2)).rate
                rate = feed_for(session, pool, run.pictures[size], count, seconds, batch)
                yield {"way": "bare loop", **feeding_row(count, size, decoding, rate, alone[size], network)}
        yield from scan_rows(run, count, decoding, alone, network, seconds)


def feeding_row(count: int, size: int, decoding: str, rate: float, alone: float, network: float) -> Row:
    values: list[Value] = [alone, network, "decoding" if alone < network else "network", rate / min(alone, network)]
    bounds = dict(zip(BOUNDS, values, strict=True))
    return {"decoders": count, "px": size, "decoding": decoding, "pictures a second": rate, **bounds}


def feed_for(session: Any, pool: DecodePool, paths: Sequence[Path], count: int, seconds: float, batch: int) -> float:
    name = session.get_inputs()[0].name
    stream = crops_for(pool, paths, count, seconds)
    return take(partial(feed_bare, stream, lambda crops: session.run(None, {name: crops}), batch)).rate


def scan_rows(
    run: Run, count: int, decoding: Decoding, alone: Mapping[int, float], network: float, seconds: float
) -> Iterator[Row]:
    """The product's scan over as many pictures as the decoders give in that time."""
    with open_scan(run.installed, run.device, count, decoding) as scan:
        warm = 8 if run.quick else 512
        scan_all(scan, repeat(run.pictures[next(iter(alone))], warm))
        for size, rate in alone.items():
            before = scan.stages
            paths = repeat(run.pictures[size], max(warm, round(rate * seconds)))
            sample = take(partial(scan_all, scan, paths))
            times = scan.stages.since(before)
            yield {
                "way": "scan",
                **feeding_row(count, size, decoding, sample.rate, rate, network),
                "bound by": str(times.limit),
                "decoders busy": times.decode.share(times.decode.busy_s),
                "predictors busy": times.predict.share(times.predict.busy_s),
            }


def scan_all(scan: Scanner, paths: Sequence[Path]) -> int:
    """Raises RuntimeError for a picture that failed."""
    count = 0
    for found in scan.scan(Photo(str(path), path) for path in paths):
        if found.failure:
            raise RuntimeError(found.failure)
        count += 1
    return count


def main(arguments: Sequence[str] | None = None) -> int:
    given = read_arguments(arguments)
    if given.make:
        return make_model(given.make, given.cache, given.photos)
    if not (given.model and given.photos):
        sys.exit("give --model and --photos, or --make")
    pictures = make_pictures(given.cache, given.photos, (500,) if given.quick else tuple(SIZES))
    machine = {**describe_machine(), "cores_of_others": None}
    part = Part("gpu", f"A card: {machine['gpu'] or given.provider}", machine=machine, options={"quick": given.quick})
    out = given.out or Path("gpu.json")
    provider = {"cuda": CUDA, "cpu": CPU}[given.provider]
    keep = partial(write_part, folder=out.parent, name=out.stem)
    run = Run(given.model, pictures, provider, given.quick, part, keep, given.limit)
    measure(run, given.only)
    print("\n".join(["", *show_part(part.to_json())]), flush=True)
    return 0


def read_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.gpu", description=__doc__)
    parser.add_argument("--make", type=Path, metavar="FILE", help="write the network for a machine without Paddle")
    parser.add_argument("--model", type=Path, help="the network, whole or as --make writes it")
    parser.add_argument("--photos", type=Path, help="a folder of photographs to make the pictures of")
    parser.add_argument("--out", type=Path, help="a JSON file; the table is written beside it")
    parser.add_argument("--provider", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--quick", action="store_true", help="as little as shows that it works")
    parser.add_argument("--only", nargs="+", choices=TABLES, default=TABLES, help="these tables alone")
    parser.add_argument("--limit", type=float, default=LIMIT_S, help="seconds after which no more rows are begun")
    parser.add_argument("--cache", type=Path, default=Path("var/bench"), help="where made pictures are kept")
    return parser.parse_args(arguments)


def make_model(path: Path, cache: Path, photos: Path | None) -> int:
    import onnx

    from bench.subject import find_onnx, install_subject
    from scanner.zoo.formats.portable import lacks_extra

    pictures = make_pictures(cache, photos, (500,))
    network = find_onnx(install_subject(cache, pictures[500]))
    if network is None:
        sys.exit(lacks_extra())
    onnx.save(skeleton.strip_weights(onnx.load(network)), path)
    print(f"{path}: {path.stat().st_size / 1000:,.0f} kB; its large weights are drawn where it is used")
    return 0


if __name__ == "__main__":
    sys.exit(main())
