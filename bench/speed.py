"""Pictures a second from file to finding: ours against PaddleHub's loop, ONNX Runtime and the machine's limits."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import get_args

from bench.family import DECODE, PARENT, PREDICT
from bench.harness import (
    CORES,
    Options,
    Samples,
    cpu_ms,
    cpu_ratios,
    interleave,
    median,
    rate,
    ratios,
    take,
    wall_ms,
)
from bench.hub_loop import BATCH, THREADS, onnx_network, open_loop, paddle_network
from bench.limits import (
    TIMEOUT_S,
    begin_decoder,
    begin_network,
    crop_each,
    decode_each,
    multiply,
    open_alone,
    predict_each,
    profile_network,
)
from bench.pictures import SIZES, make_pictures, repeat
from bench.profiles import profile_table
from bench.results import Part, Table, Target
from bench.subject import GFLOP_A_PICTURE, find_onnx, install_subject
from rules.load import find_pack, load_pack
from scanner.pipeline import Scanner
from scanner.processes import Processes
from scanner.records import Photo
from scanner.zoo.cascade import ModelChoice
from scanner.zoo.formats.portable import lacks_extra
from scanner.zoo.precisions import Decoding, Precision, lacks_precision
from scanner.zoo.registry import InstalledModel
from scanner.zoo.running import ways_of

HUB, HUB_BATCH = "hub loop, one by one", f"hub loop, batch {BATCH}"
HUB_OLD, ONNX = "hub loop, oneDNN off (its day's default)", "the same loop with ONNX Runtime"
# By precision and decoding, then by the longer side in pixels: times the hub's loop one by one. Those of lower
# precisions were set after trials with pictures decoded smaller; below 1,024 pixels that is the same.
WANTED: Mapping[tuple[Precision, Decoding], Mapping[int, float]] = {
    ("fp32", "exact"): {500: 1.15, 1600: 1.4, 3000: 1.7},
    ("bf16", "fast"): {500: 2.2, 1600: 2.5, 3000: 3.2},
    ("int8", "fast"): {500: 3.3, 1600: 4.3, 3000: 4.8},
}
OF_LIMIT = 0.88
PICTURES = (
    64  # a round for the loops; ours and the limits get more, as they are faster and must fill their queues first
)
OURS, OLD = 4, 0.125  # times that many

Classify = Callable[[Iterable[Path]], int]


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to run ours."""

    model: InstalledModel

    @property
    def precision(self) -> str:
        """With the engine, where that is not the usual one."""
        is_usual = self.model.engine == ("onnx" if self.model.precision == "int8" else "paddle")
        return self.model.precision if is_usual else f"{self.model.precision} on {self.model.engine}"

    @property
    def decoding(self) -> str:
        return self.model.decoding

    @property
    def name(self) -> str:
        return f"ours, {self.precision}, {self.decoding}"

    @property
    def network(self) -> str:
        return f"limit: network, {self.precision}"

    @property
    def crop(self) -> str:
        return f"limit: decode and crop, {self.decoding}"

    @property
    def stage(self) -> str:
        return f"limit: decode and name, {self.decoding}"

    @property
    def is_quick(self) -> bool:
        """Whether it belongs to what shows that all works."""
        return (self.precision, self.decoding) in (("fp32", "exact"), ("int8", "fast"))


def all_variants(model: InstalledModel) -> list[Variant]:
    """What can run here: each precision on the engine that has it, pictures opened exactly and fast."""
    return [
        Variant(replace(model, engine=way.engine, precision=way.precision, decoding=decoding))
        for way, decoding in product(ways_of(model, on_card=False), get_args(Decoding))
        if decoding == "exact" or (way.engine, way.precision) != ("onnx", "fp32")  # which differs little from Paddle
    ]


def run(options: Options) -> Part:
    sizes = (500,) if options.quick else tuple(SIZES)
    pictures = make_pictures(options.cache, options.photos, sizes)
    part = Part("speed", f"End to end, {CORES} cores, ResNet50_vd")
    model = install_subject(options.cache, pictures[sizes[0]], part.notes.append)
    onnx = find_onnx(model)
    part.tables.append(multiply_table(options))
    variants = [variant for variant in all_variants(model) if variant.is_quick or not options.quick]
    with ExitStack() as stack:
        contenders = {name: stack.enter_context(opened) for name, opened in open_all(model, onnx, variants).items()}
        for size in sizes:
            options.say(f"  {size:,} px ...")
            samples = compare(contenders, pictures[size], options)
            part.tables += [tabulate(size, samples, variants), account(size, samples, variants)]
            part.targets += aims(size, samples, variants)
    part.tables += [profile_predictor(variant, 2 if options.quick else 6) for variant in by_network(variants)]
    return part


def by_network(variants: Sequence[Variant]) -> list[Variant]:
    """One of those that run the same network in the same way."""
    return list({variant.network: variant for variant in variants}.values())


def profile_predictor(variant: Variant, batches: int) -> Table:
    with Processes(1) as process:
        count, times = process.run(profile_network, variant.model, batches, timeout_s=TIMEOUT_S).result()
    return profile_table(f"Where a predictor's time goes, {variant.precision}", count, times)


def open_all(
    model: InstalledModel, onnx: Path | None, variants: Sequence[Variant]
) -> dict[str, AbstractContextManager[Classify]]:
    """By name, what is to be compared, each ready in processes of its own."""
    labels = model.labels()
    found: dict[str, AbstractContextManager[Classify]] = {
        HUB: open_loop(paddle_network, model, THREADS, labels=labels),
        HUB_BATCH: open_loop(paddle_network, model, THREADS, labels=labels, batch=BATCH),
        HUB_OLD: open_loop(paddle_network, model, THREADS, False, labels=labels),
    }
    if onnx is not None:
        found[ONNX] = open_loop(onnx_network, onnx, THREADS, labels=labels)
    for variant in variants:
        found[variant.name] = open_scanner(variant)
    for variant in variants:
        decoding = variant.model.decoding
        found.setdefault(variant.crop, open_alone(crop_each, begin_decoder, decoding))
        found.setdefault(variant.stage, open_alone(decode_each, begin_decoder, decoding))
        found.setdefault(variant.network, open_alone(predict_each, begin_network, variant.model))
    return found


@contextmanager
def open_scanner(variant: Variant) -> Iterator[Classify]:
    """The scan of the product itself, with the rules and all."""
    choice = ModelChoice((variant.model,), primary_absent=False, notice=None)
    with Scanner(choice, load_pack(find_pack("wildlife")), "cpu") as scanner:

        def classify(paths: Iterable[Path]) -> int:
            count = 0
            for scanned in scanner.scan(Photo(str(path), path) for path in paths):  # kept by nobody, as in a scan
                if scanned.failure:
                    raise SystemExit(f"{scanned.photo.location} failed: {scanned.failure}")
                count += 1
            return count

        yield classify


def compare(contenders: Mapping[str, Classify], paths: Sequence[Path], options: Options) -> Mapping[str, Samples]:
    base = 16 if options.quick else PICTURES
    work = {name: partial(classify, repeat(paths, _count(name, base))) for name, classify in contenders.items()}
    for name, classify in contenders.items():
        # Networks plan for each batch size when they first see it, and each of our predictors loads its own.
        classify(repeat(paths, 4 if name == HUB_OLD else 2 * BATCH * CORES if name.startswith("ours") else BATCH))
    return interleave(work, options.rounds)


def _count(name: str, base: int) -> int:
    if name == HUB_OLD:
        return max(4, round(base * OLD))
    return base * OURS if name.startswith("ours") else base


def tabulate(size: int, samples: Mapping[str, Samples], variants: Sequence[Variant]) -> Table:
    table = Table(
        f"{size:,} px",
        (
            "way",
            "pictures a second",
            "ms a picture",
            "computed, ms",
            "times the hub",
            "times the hub, computed",
            "of the limit",
            "of the limit, computed",
        ),
        note="Times the hub: its loop, one by one, in that round. Of the limit: cores / (decode and crop + network),"
        " either alone on one core. Computed: processor time of all processes together.",
    )
    by_name = {variant.name: variant for variant in variants}
    for name, taken in samples.items():
        variant = by_name.get(name)
        table.rows.append(
            {
                "way": name,
                "pictures a second": rate(taken),
                "ms a picture": wall_ms(taken),
                "computed, ms": cpu_ms(taken),
                "times the hub": median(ratios(taken, samples[HUB])),
                "times the hub, computed": median(cpu_ratios(taken, samples[HUB])),
                "of the limit": median(shares_of_limit(variant, samples)) if variant else None,
                "of the limit, computed": share_computed(variant, samples) if variant else None,
            }
        )
    return table


def shares_of_limit(variant: Variant, samples: Mapping[str, Samples]) -> list[float]:
    """What part of cores / (decode + network) ours reached, round by round."""
    parts = zip(samples[variant.name], samples[variant.crop], samples[variant.network], strict=True)
    return [ours.rate * (crop.wall_ms + network.wall_ms) / 1000 / CORES for ours, crop, network in parts]


def share_computed(variant: Variant, samples: Mapping[str, Samples]) -> float:
    """What part of all that was computed for a picture went into decoding, cropping and the network."""
    return (cpu_ms(samples[variant.crop]) + cpu_ms(samples[variant.network])) / cpu_ms(samples[variant.name])


def account(size: int, samples: Mapping[str, Samples], variants: Sequence[Variant]) -> Table:
    """Where the core time of a picture goes in a scan."""
    table = Table(
        f"{size:,} px: where the time goes",
        (
            "way",
            "core time",
            "decoders",
            "predictors",
            "parent",
            "idle",
            "decode alone",
            "naming alone",
            "network alone",
        ),
        note="ms of core time a picture: of all cores, computed by decoders, predictors and the parent, and idle; then "
        "what the same work takes alone on one core.",
    )
    for variant in variants:
        crop, stage = cpu_ms(samples[variant.crop]), cpu_ms(samples[variant.stage])
        taken = samples[variant.name]
        table.rows.append(
            {
                "way": variant.name,
                "core time": CORES * wall_ms(taken),
                "decoders": cpu_ms(taken, DECODE),
                "predictors": cpu_ms(taken, PREDICT),
                "parent": cpu_ms(taken, PARENT),
                "idle": median([sample.idle_ms for sample in taken]),
                "decode alone": crop,
                "naming alone": stage - crop,
                "network alone": cpu_ms(samples[variant.network]),
            }
        )
    return table


def aims(size: int, samples: Mapping[str, Samples], variants: Sequence[Variant]) -> list[Target]:
    targets = []
    by_kind: dict[tuple[str, str], Variant] = {(variant.precision, variant.decoding): variant for variant in variants}
    for kind, wanted in WANTED.items():
        if size in wanted:
            what = f"end to end, {', '.join(kind)}, {size:,} px"
            variant = by_kind.get(kind)
            if variant is None:
                targets.append(Target(what, wanted[size], None, unit="times the hub", why=why_absent(kind[0])))
                continue
            found, shares = ratios(samples[variant.name], samples[HUB]), shares_of_limit(variant, samples)
            why = cost(variant, samples)
            targets.append(Target(what, wanted[size], median(found), unit="times the hub", why=why, rounds=found))
            targets.append(Target(f"{what}, of the limit", OF_LIMIT, median(shares), why=why, rounds=shares))
    return targets


def why_absent(precision: Precision) -> str:
    return lacks_precision(precision, "cpu") or lacks_extra() or "left out by --quick, or it could not be made"


def cost(variant: Variant, samples: Mapping[str, Samples]) -> str:
    taken = samples[variant.name]
    shares = ((role, cpu_ms(taken, role)) for role in (DECODE, PREDICT, PARENT))
    idle = median([sample.idle_ms for sample in taken])
    return ", ".join(f"{name} {ms:.1f}" for name, ms in (*shares, ("idle", idle))) + " ms of core time a picture"


def multiply_table(options: Options) -> Table:
    """What the cores multiply at most, and how many pictures that were if nothing else had to be done."""
    table = Table(
        "Matrix product (float32, numpy)",
        ("threads", "GFLOP a second", "pictures a second"),
        note=f"Pictures a second: at {GFLOP_A_PICTURE} GFLOP each, if a network were this product and nothing else.",
    )
    for threads in sorted({1, CORES}):
        multiply(threads, 1)
        found = rate([take(partial(multiply, threads)) for _ in range(options.rounds)])
        table.rows.append({"threads": threads, "GFLOP a second": found, "pictures a second": found / GFLOP_A_PICTURE})
    return table
