"""Does a scan's memory grow with the number of pictures? python bench/memory.py [FEW MANY]

Scans FEW and then MANY pictures (100 and 10,000 unless told) with the installed model and prints, for each, the
largest sum over the scan's processes of their proportional set size, and the parent's largest resident size.
"""

import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

DIFFERENT = 200  # pictures on disk; the others are links to them, which a scan can't tell apart


@dataclass
class Peak:
    """MiB: of all processes together, and of the parent alone."""

    together: float = 0.0
    parent: float = 0.0


def make_pictures(folder: Path, count: int) -> None:
    for number in range(count):
        path = folder / f"{number:06}.jpg"
        if number >= DIFFERENT:
            path.symlink_to(folder / f"{number % DIFFERENT:06}.jpg")
            continue
        coarse = np.random.default_rng(number).integers(0, 256, (12, 16, 3), dtype=np.uint8)
        Image.fromarray(coarse).resize((1600, 1200), Image.Resampling.BICUBIC).save(path, quality=85)


def scan(folder: Path) -> tuple[Peak, float]:
    """Peak memory and seconds of one scan."""
    began = time.monotonic()
    program = [str(Path(sys.executable).with_name("tuskline")), "scan", str(folder), "--format", "jsonl"]
    peak = Peak()
    with subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as child:
        watcher = threading.Thread(target=watch, args=(child, peak))
        watcher.start()
        lines = sum(1 for _ in child.stdout or ())
        child.wait()
        watcher.join()
    if lines != len(list(folder.iterdir())):
        raise SystemExit(f"{lines} lines came back for {len(list(folder.iterdir()))} pictures")
    return peak, time.monotonic() - began


def watch(child: "subprocess.Popen[bytes]", peak: Peak) -> None:
    while child.poll() is None:
        peak.together = max(peak.together, sum(read_mib(pid, "smaps_rollup", "Pss:") for pid in family(child.pid)))
        peak.parent = max(peak.parent, read_mib(child.pid, "status", "VmHWM:"))
        time.sleep(0.25)


def family(pid: int) -> list[int]:
    """The process and all that it started."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += [member for child in task.read_text().split() for member in family(int(child))]
        except OSError:
            continue  # it ended while we looked
    return found


def read_mib(pid: int, file: str, field: str) -> float:
    try:
        lines = Path(f"/proc/{pid}/{file}").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith(field)), 0.0)


def main() -> None:
    few, many = (int(count) for count in sys.argv[1:3]) if len(sys.argv) > 2 else (100, 10_000)
    peaks = []
    for count in (few, many):
        with tempfile.TemporaryDirectory() as folder:
            make_pictures(Path(folder), count)
            peak, seconds = scan(Path(folder))
        peaks.append(peak)
        print(f"{count:>7} pictures: {peak.together:6.0f} MiB together, {peak.parent:6.0f} MiB parent, {seconds:.0f} s")
    together, parent = (peaks[1].together / peaks[0].together, peaks[1].parent / peaks[0].parent)
    print(f"ratio of many to few: together {together:.3f}, parent {parent:.3f}")


if __name__ == "__main__":
    main()
