"""Decode and make ready: what PaddleHub's loop does with a picture, what ours does, and what decoding alone costs."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bench.harness import Options, Sample, Samples, cpu_ms, cpu_ratios, interleave, median, ratios, take_here, wall_ms
from bench.hub_loop import make_tensor
from bench.limits import open_crop
from bench.pictures import SIZES, make_pictures
from bench.profiles import profile, profile_table
from bench.results import Part, Table, Target
from scanner.decoding import begin_decoding, decode_photo
from scanner.fingerprints import digest_file, hash_pixels, look_hash
from scanner.images import open_picture
from scanner.processes import Processes
from scanner.zoo.precisions import Decoding
from scanner.zoo.preprocessing import Preprocessing, normalise

HOW = Preprocessing()
LEVEL = 1 / 255 / 0.225  # one grey level, in normalised numbers
WANTED = {"ours, exact": 1.5, "ours, fast": 3.4}
MEASURED_AT = 1600
CHUNK = 4  # pictures
TIMEOUT_S = 600
DIFFERENT = 16

Way = Callable[[Path], object]
Each = Callable[[Sequence[Path]], Sample]
HUB, ALONE, NAMES = "hub", "decoding alone", "naming (digests and hashes)"


def run(options: Options) -> Part:
    sizes = (500, MEASURED_AT) if options.quick else tuple(SIZES)
    pictures = make_pictures(options.cache, options.photos, sizes, 4 if options.quick else DIFFERENT)
    part = Part("decode", "Decoding, one core")
    with open_ways() as opened:
        found = {size: compare_ways(opened, pictures[size], options.rounds) for size in sizes}
    for size, samples in found.items():
        part.tables.append(tabulate(size, samples))
        part.tables.append(compare(size, pictures[size]))
        if size == MEASURED_AT:
            part.tables += [profile_decoding(pictures[size], decoding) for decoding in get_args(Decoding)]
            part.targets += [aim(name, wanted, samples) for name, wanted in WANTED.items()]
    return part


@contextmanager
def open_ways() -> Iterator[dict[str, Each]]:
    """By name, each way in a process of its own; what is given times it over pictures.

    As a decoder process begins it tells the C library to keep memory: that must not make the others faster.
    """
    with ExitStack() as stack:
        found: dict[str, Each] = {}
        for name, way in ways().items():
            begin = begin_decoding if name == NAMES or name.startswith("ours") else None
            found[name] = partial(_ask, stack.enter_context(Processes(1, begin)), way)
        yield found


def _ask(process: Processes, way: Way, paths: Sequence[Path]) -> Sample:
    sample: Sample = process.run(_time, way, list(paths), timeout_s=TIMEOUT_S).result()
    return sample


def _time(way: Way, paths: Sequence[Path]) -> Sample:
    """Runs in the way's process."""
    return take_here(partial(_each, way, paths))


def compare_ways(opened: Mapping[str, Each], paths: Sequence[Path], rounds: int) -> dict[str, Samples]:
    """Every way on the same few pictures in turn, then on the next few: a neighbour's burst of work hits all alike."""
    samples: dict[str, list[Sample]] = {name: [] for name in opened}
    for each in opened.values():
        each(paths[:1])  # some import a library at their first picture
    for start in range(0, len(paths), CHUNK):
        chunk = paths[start : start + CHUNK]
        found = interleave({name: partial(each, chunk) for name, each in opened.items()}, rounds)
        for name, taken in found.items():
            samples[name] += taken
    return dict(samples)


def our_ways() -> dict[str, Callable[[Path], NDArray[np.float32]]]:
    """Ours without the hashes by which we name a picture, as others have none."""
    return {f"ours, {decoding}": partial(our_way, decoding=decoding) for decoding in get_args(Decoding)}


def ways() -> dict[str, Way]:
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


def _each(way: Way, paths: Sequence[Path]) -> int:
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


def profile_decoding(paths: Sequence[Path], decoding: Decoding) -> Table:
    """Of what a decoder process does, naming included."""
    each = partial(decode_photo, wanted=(HOW,), decoding=decoding)
    each(paths[0])  # the first imports what hashing needs
    count, times = profile(partial(_each, each, paths))
    return profile_table(f"{MEASURED_AT:,} px: where a decoder's time goes, {decoding}", count, times)


def aim(name: str, wanted: float, samples: Mapping[str, Samples]) -> Target:
    what = f"decode, {name.removeprefix('ours, ')}, {MEASURED_AT:,} px"
    if name not in samples:
        return Target(what, wanted, None, unit="times the hub", why="this version has no such decoding")
    found = ratios(samples[name], samples[HUB])
    return Target(what, wanted, median(found), unit="times the hub", why=_cost(name, samples), rounds=found)


def _cost(name: str, samples: Mapping[str, Samples]) -> str:
    ours, alone = cpu_ms(samples[name]), cpu_ms(samples[ALONE])
    return f"{ours:.1f} ms, of which decoding in full alone takes {alone:.1f}; the hub {cpu_ms(samples[HUB]):.1f}"
