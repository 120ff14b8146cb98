"""What a hostile picture may make its decoder do; each runs in a decoder's process."""

import os
import resource
from pathlib import Path

import numpy as np

from scanner.crops import CropTable
from scanner.decoding import limit_process
from scanner.zoo.preprocessing import Preprocessing

_table: CropTable


def compute_forever() -> None:
    while True:
        pass


def take_memory() -> int:
    return len(bytearray(4 * 1024**3))


def write_file(path: Path) -> None:
    path.write_bytes(b"x" * 100)


def open_files(count: int) -> list[int]:
    return [os.open(os.devnull, os.O_RDONLY) for _ in range(count)]


def die() -> None:
    os.abort()


def limits() -> dict[str, int]:
    named = {"memory": resource.RLIMIT_AS, "core": resource.RLIMIT_CORE, "file": resource.RLIMIT_FSIZE}
    named |= {"files": resource.RLIMIT_NOFILE, "cpu": resource.RLIMIT_CPU}
    return {name: resource.getrlimit(kind)[0] for name, kind in named.items()}


def cpu_left_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return resource.getrlimit(resource.RLIMIT_CPU)[0] - used.ru_utime - used.ru_stime


def compute_for(seconds: float) -> None:
    import time

    until = time.process_time() + seconds
    while time.process_time() < until:
        pass


def share(table: CropTable) -> None:
    global _table
    _table = table
    limit_process()  # it may write no file, and this is none


def look_at(place: int, how: Preprocessing) -> int:
    return int(_table.crop(place, how).max())


def write_crop(place: int, how: Preprocessing, level: int) -> None:
    _table.put(place, how, np.full((how.crop, how.crop, 3), level, np.uint8))
