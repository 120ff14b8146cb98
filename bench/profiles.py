"""Where the time of one piece of work goes, function by function, by Python's own profiler."""

import cProfile
import pstats
import re
import time
from collections.abc import Callable
from pathlib import Path

from bench.results import Table

SHOWN = 9
COLUMNS = ("function", "ms a picture", "share, %")
_BUILT_IN = re.compile(r"<(?:built-in )?(?:method )?'?(?P<name>[^'>]+)'?(?: of '(?P<owner>[^']+)' objects)?>")
_ROOT = Path(__file__).parents[1]

Times = dict[str, float]  # seconds by function, its own alone


def profile(work: Callable[[], int]) -> tuple[int, Times]:
    """What `work` says on how many pictures it worked, and its times."""
    profiler = cProfile.Profile(time.thread_time)  # on the clock, others' work would count for whoever they interrupt
    count: int = profiler.runcall(work)
    times: Times = {}
    for where, (_, _, own_s, _, _) in pstats.Stats(profiler).stats.items():  # type: ignore[attr-defined]
        name = name_function(*where)
        times[name] = times.get(name, 0.0) + own_s
    return count, times


def name_function(file: str, _: int, name: str) -> str:
    """`ImagingCore.resize`, or `scanner/fingerprints.py: hash_pixels`."""
    if file in ("~", ""):
        found = _BUILT_IN.fullmatch(name)
        return ".".join(filter(None, (found["owner"], found["name"]))) if found else name
    path = Path(file)
    short = path.relative_to(_ROOT) if path.is_relative_to(_ROOT / "scanner") else Path(path.parent.name, path.name)
    return f"{short}: {name}"


def profile_table(title: str, count: int, times: Times) -> Table:
    """The functions that took most by themselves, and all others together."""
    table = Table(title, COLUMNS, note="Each function's own time, what it calls left out, while the profiler watched.")
    whole = sum(times.values())
    largest = sorted(times.items(), key=lambda named: -named[1])
    rest = sum(own_s for _, own_s in largest[SHOWN:])
    for name, own_s in [*largest[:SHOWN], ("all others", rest), ("together", whole)]:
        table.rows.append(
            {"function": name, "ms a picture": 1000 * own_s / count, "share, %": 100 * own_s / whole if whole else None}
        )
    return table
