"""Decode and make ready: what PaddleHub's loop does with a picture, what ours does, and what decoding alone costs."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bench.harness import Options, Samples, cpu_ms, cpu_ratios, interleave, median, ratios, wall_ms
from bench.hub_loop import make_tensor
from bench.limits import open_crop
from bench.pictures import SIZES, make_pictures
from bench.results import Part, Table, Target
from scanner.fingerprints import digest_file, hash_pixels, look_hash
from scanner.images import open_picture
from scanner.zoo.precisions import Decoding
from scanner.zoo.preprocessing import Preprocessing, normalise

HOW = Preprocessing()
LEVEL = 1 / 255 / 0.225  # one grey level, in normalised numbers
WANTED = {"ours, exact": 1.5, "ours, fast": 3.4}
MEASURED_AT = 1600
CHUNK = 4  # pictures
DIFFERENT = 16
HUB, ALONE, NAMES = "hub", "decoding alone", "naming (digests and hashes)"


def run(options: Options) -> Part:
    sizes = (500, MEASURED_AT) if options.quick else tuple(SIZES)
    pictures = make_pictures(options.cache, options.photos, sizes, 4 if options.quick else DIFFERENT)
    part = Part("decode", "Decoding, one core")
    for size in sizes:
        samples = compare_ways(pictures[size], options.rounds)
        part.tables.append(tabulate(size, samples))
        part.tables.append(compare(size, pictures[size]))
        if size == MEASURED_AT:
            part.targets += [aim(name, wanted, samples) for name, wanted in WANTED.items()]
    return part


def compare_ways(paths: Sequence[Path], rounds: int) -> dict[str, Samples]:
    """Every way on the same few pictures in turn, then on the next few: a neighbour's burst of work hits all alike."""
    for way in ways().values():
        way(paths[0])  # some import a library at their first picture
    samples: dict[str, Samples] = {name: [] for name in ways()}
    for start in range(0, len(paths), CHUNK):
        chunk = paths[start : start + CHUNK]
        for name, taken in interleave(
            {name: partial(_each, way, chunk) for name, way in ways().items()}, rounds
        ).items():
            samples[name] = [*samples[name], *taken]
    return samples


def our_ways() -> dict[str, Callable[[Path], NDArray[np.float32]]]:
    """Ours without the hashes by which we name a picture, as others have none."""
    return {f"ours, {decoding}": partial(our_way, decoding=decoding) for decoding in get_args(Decoding)}


def ways() -> dict[str, Callable[[Path], object]]:
    """By name, the ways to go with one picture."""
    return {HUB: hub_way, **our_ways(), ALONE: decode_alone, NAMES: name_picture}


def hub_way(path: Path) -> NDArray[np.float32]:
    return make_tensor(Image.open(path))


def our_way(path: Path, decoding: Decoding) -> NDArray[np.float32]:
    numbers: NDArray[np.float32] = normalise(open_crop(path, decoding)[None], HOW)[0]
    return numbers


def decode_alone(path: Path) -> None:
    with Image.open(path) as image:
        image.load()


def name_picture(path: Path) -> tuple[str, str, str | None]:
    """What a scan does with a picture besides: it includes decoding it."""
    image = open_picture(path)
    return digest_file(path), hash_pixels(image), look_hash(image)


def _each(way: Callable[[Path], object], paths: Sequence[Path]) -> int:
    for path in paths:
        way(path)
    return len(paths)


def tabulate(size: int, samples: Mapping[str, Samples]) -> Table:
    table = Table(
        f"{size:,} px",
        ("way", "ms a picture", "computed, ms", "pictures a second", "times the hub", "times the hub, computed"),
        note="One process, one core. Computed: processor time, which neighbours on the machine move less.",
    )
    for name, taken in samples.items():
        table.rows.append(
            {
                "way": name,
                "ms a picture": wall_ms(taken),
                "computed, ms": cpu_ms(taken),
                "pictures a second": 1000 / wall_ms(taken),
                "times the hub": median(ratios(taken, samples[HUB])),
                "times the hub, computed": median(cpu_ratios(taken, samples[HUB])),
            }
        )
    return table


def compare(size: int, paths: Sequence[Path]) -> Table:
    """How far from the hub's numbers ours are, in grey levels."""
    table = Table(
        f"{size:,} px: distance from the hub's numbers", ("way", "most, levels", "mean, levels", "pictures within 1")
    )
    hub = [hub_way(path) for path in paths]
    for name, way in our_ways().items():
        apart = [np.abs(way(path) - theirs) / LEVEL for path, theirs in zip(paths, hub, strict=True)]
        within = sum(one.max() < 1.5 for one in apart)
        table.rows.append(
            {
                "way": name,
                "most, levels": float(max(one.max() for one in apart)),
                "mean, levels": float(np.mean([one.mean() for one in apart])),
                "pictures within 1": f"{within} of {len(paths)}",
            }
        )
    return table


def aim(name: str, wanted: float, samples: Mapping[str, Samples]) -> Target:
    what = f"decode, {name.removeprefix('ours, ')}, {MEASURED_AT:,} px"
    if name not in samples:
        return Target(what, wanted, None, unit="times the hub", why="this version has no such decoding")
    found = ratios(samples[name], samples[HUB])
    return Target(what, wanted, median(found), unit="times the hub", why=_cost(name, samples), rounds=found)


def _cost(name: str, samples: Mapping[str, Samples]) -> str:
    ours, alone = cpu_ms(samples[name]), cpu_ms(samples[ALONE])
    return f"{ours:.1f} ms, of which decoding in full alone takes {alone:.1f}; the hub {cpu_ms(samples[HUB]):.1f}"
