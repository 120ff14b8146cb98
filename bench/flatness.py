"""Does a scan's memory grow with the number of pictures? Its processes are weighed while it goes on.

python -m bench.flatness MODELS FOLDER COUNT ENGINE PRECISION    scans and says how far it is: what is weighed
"""

import itertools
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast
from unittest.mock import patch

import numpy as np

from bench.family import DECODE, PARENT, PREDICT, members
from bench.harness import Options
from bench.hub_loop import BATCH, THREADS, open_loop, paddle_network
from bench.pictures import make_pictures, repeat
from bench.results import Part, Table, Target, Value
from bench.speed import Variant, all_variants, open_scanner
from bench.subject import NAME, install_subject
from scanner import predicting
from scanner.predicting import PredictPool
from scanner.zoo.bench import make_crops
from scanner.zoo.precisions import EngineName, Precision
from scanner.zoo.registry import InstalledModel, find_installed

STEP = 50  # pictures between two weighings
FEW, MANY, FULL = 1_000, 4_000, 100_000
WINDOW = 250  # pictures over which weighings are averaged
MOST_GROWTH = 2.0  # per cent
MOST_MIB = 1_000_000_000 / 1024**2
LARGEST_BATCH = 32
HUB_FEW, HUB_MANY = 32, 96
# Those that a scan on a processor may send, and the largest that is measured.
BATCHES = {"32 alone": (32,), "1 to 16": (1, 2, 4, 8, 16), "1 to 32": (1, 2, 4, 8, 16, 32)}
ROLES = (PARENT, DECODE, PREDICT)


@dataclass(frozen=True, slots=True)
class Weight:
    """After so many pictures, MiB of RAM by role, processes of one role summed."""

    pictures: int
    mib: dict[str, float]

    @property
    def total(self) -> float:
        return sum(self.mib.values())


def run(options: Options) -> Part:
    pictures = make_pictures(options.cache, options.photos, (500, 1600))
    model = install_subject(options.cache, pictures[500])
    few, many = (200, 500) if options.quick else (FEW, FULL if options.full else MANY)
    part = Part("memory", "Memory")
    weigh_scan(part, quickest(model) if options.full else Variant(model), pictures[500], few, many)
    weigh_predictors(part, model, options)
    weigh_hub(part, model, pictures[1600])
    return part


def quickest(model: InstalledModel) -> Variant:
    """For very many pictures: what is held on to is held by all precisions alike, which differ in the network alone."""
    by_precision = {one.model.precision: one for one in all_variants(model) if one.decoding == "exact"}
    return by_precision.get("int8") or by_precision.get("bf16") or Variant(model)


def weigh_scan(part: Part, variant: Variant, paths: Sequence[Path], few: int, many: int) -> None:
    weights = list(scan_weights(variant.model, paths[0].parent, many))
    first, last = average(weights, few), average(weights, many)
    table = Table(
        "A scan's processes, MiB",
        ("pictures", *ROLES, "together"),
        note="Resident memory, processes of one role summed; libraries and crops that they share count in each. No "
        f"picture's scores were known before. Averages of the {min(WINDOW, few // 2)} pictures before. The "
        f"network ran in {variant.precision}.",
    )
    for count in sorted({few, *np.linspace(few, many, 4).astype(int).tolist()}):
        weight = average(weights, count)
        table.rows.append({"pictures": count, **weight.mib, "together": weight.total})
    part.tables.append(table)
    growth = 100 * (last.total / first.total - 1)
    slope = slope_of([weight for weight in weights if weight.pictures >= few])
    why = f"{1000 * slope:+.2f} MiB a thousand pictures on a straight line"
    why += "; " + ", ".join(f"{role} {last.mib[role] - first.mib[role]:+.1f} MiB" for role in ROLES)
    what = f"memory of a scan's processes, {few:,} to {many:,} pictures, growth"
    part.targets.append(Target(what, MOST_GROWTH, growth, "at most", "%", why))
    if many < FULL:
        part.notes.append(
            f"Scanned {many:,} pictures; `--full` scans {FULL:,}. A straight line through what was weighed leads from "
            f"{first.total:,.0f} MiB at {few:,} to {first.total + slope * (FULL - few):,.0f} at {FULL:,}."
        )


def scan_weights(model: InstalledModel, folder: Path, count: int) -> Iterator[Weight]:
    """Scan in a process of its own, whose memory nothing else was ever in, and weigh it on the way."""
    given = (str(model.folder.parent), str(folder), str(count), model.engine, model.precision)
    program = [sys.executable, "-m", "bench.flatness", *given]
    with subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as child:
        for line in child.stdout or ():
            yield weigh(int(line), child.pid)
    if child.returncode:
        raise SystemExit(f"the scan that was weighed ended with {child.returncode}")


def weigh(pictures: int, pid: int) -> Weight:
    mib = dict.fromkeys(ROLES, 0.0)
    for member in members(pid):
        mib[member.role] += member.rss_mib
    return Weight(pictures, mib)


def average(weights: Sequence[Weight], count: int) -> Weight:
    """Of the last weighings up to `count` pictures: single ones differ by what is just being decoded."""
    near = [weight for weight in weights if count - min(WINDOW, count // 2) < weight.pictures <= count]
    return Weight(count, {role: float(np.mean([weight.mib[role] for weight in near])) for role in ROLES})


def slope_of(weights: Sequence[Weight]) -> float:
    """MiB a picture, of the straight line that fits best."""
    slope, _ = np.polyfit([weight.pictures for weight in weights], [weight.total for weight in weights], 1)
    return float(slope)


def weigh_predictors(part: Part, model: InstalledModel, options: Options) -> None:
    table = Table(
        "One predictor process, MiB",
        ("precision", "engine", "batches", "at most", "at the end"),
        note="oneDNN keeps buffers for every batch size that it ever saw, and a scan's last batches are smaller ones.",
    )
    part.tables.append(table)
    for variant in all_variants(model):
        if variant.decoding != "exact" or (options.quick and not variant.is_quick):
            continue
        for name, sizes in list(BATCHES.items())[: 1 if options.quick else None]:
            most, end = weigh_predictor(variant.model, sizes)
            row: dict[str, Value] = {"precision": variant.precision, "engine": variant.model.engine}
            table.rows.append({**row, "batches": name, "at most": most, "at the end": end})
            if sizes == (LARGEST_BATCH,):
                what = f"predictor process, {variant.precision}, batch {LARGEST_BATCH}"
                why = f"954 MiB is 1 GB; it holds {end:.0f} MiB at the end"
                part.targets.append(Target(what, MOST_MIB, most, "at most", "MiB", why))


def weigh_predictor(model: InstalledModel, sizes: Sequence[int]) -> tuple[float, float]:
    """The most that a process ever took, and what it holds at the end."""
    with patch.object(predicting, "count_workers", lambda: 1), PredictPool((model,), "cpu") as pool:
        pool.open(model.name)
        for size in [*sizes] * 3:
            pool.submit(model.name, make_crops(model, size)).result()
        loaded = [member for member in members() if member.role == PREDICT]
    return max(one.peak_mib for one in loaded), max(one.rss_mib for one in loaded)


def weigh_hub(part: Part, model: InstalledModel, paths: Sequence[Path]) -> None:
    """PaddleHub's loop with its batch option, which keeps all pictures of a call."""
    table = Table("PaddleHub's loop, one call, 1,600 px, MiB", ("pictures", "at most", "a picture more"))
    part.tables.append(table)
    with open_loop(paddle_network, model, THREADS, labels=model.labels(), batch=BATCH) as classify:
        classify(repeat(paths, BATCH))
        before: tuple[int, float] | None = None
        for count in (HUB_FEW, HUB_MANY):
            classify(repeat(paths, count))
            peak = max(member.peak_mib for member in members() if member.role == PREDICT)
            more = (peak - before[1]) / (count - before[0]) if before else None
            table.rows.append({"pictures": count, "at most": peak, "a picture more": more})
            before = (count, peak)


def main() -> None:
    """The scan that is weighed."""
    models_dir, folder, count = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    model = find_installed(models_dir, NAME)
    if model is None:
        raise SystemExit(f"no {NAME} in {models_dir}")
    paths = sorted(folder.glob("*.jpg"))
    engine, precision = cast(EngineName, sys.argv[4]), cast(Precision, sys.argv[5])
    with open_scanner(Variant(replace(model, engine=engine, precision=precision))) as classify:
        # One scan after another would hide what a single one holds on to.
        classify(report(itertools.islice(itertools.cycle(paths), count)))


def report(paths: Iterator[Path]) -> Iterator[Path]:
    for number, path in enumerate(paths, 1):
        if number % STEP == 0:
            print(number, flush=True)
        yield path


if __name__ == "__main__":
    main()
