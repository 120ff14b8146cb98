"""What our own processes use: this one and all that it started, read from /proc (Linux)."""

import os
import resource
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PARENT, DECODE, PREDICT = "parent", "decode", "predict"
_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
_NETWORK_LIBRARIES = ("/libpaddle", "/onnxruntime_pybind11_state")
_roles: dict[int, str] = {}


@dataclass(frozen=True, slots=True)
class Member:
    """One process. cpu_s: computed so far. rss_mib, peak_mib: memory in RAM now, and at most so far."""

    pid: int
    role: str
    cpu_s: float
    rss_mib: float
    peak_mib: float


def family(pid: int) -> Iterator[int]:
    """The process and all that it started, and those in turn."""
    yield pid
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in _read(task).split():
            yield from family(int(child))


def members(pid: int | None = None) -> list[Member]:
    """Everyone below `pid` (this process unless told) who is alive."""
    root = os.getpid() if pid is None else pid
    found = (_member(one, root) for one in family(root))
    return [member for member in found if member is not None]


def cpu_by_role(pid: int | None = None) -> dict[str, float]:
    """Seconds computed so far by the parent, by processes that hold a network, and by the others (decoders)."""
    sums = {PARENT: 0.0, DECODE: 0.0, PREDICT: 0.0}
    for member in members(pid):
        sums[member.role] += member.cpu_s
    return sums


def used_s() -> float:
    """Core seconds that this process and all that it started have computed, those that ended included."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return sum(member.cpu_s for member in members()) + ended.ru_utime + ended.ru_stime


def _member(pid: int, root: int) -> Member | None:
    # The name of the program stands in brackets and may hold spaces: fields are counted from behind it.
    fields = _read(Path(f"/proc/{pid}/stat")).rpartition(")")[2].split()
    if not fields:
        return None  # it ended while we looked
    cpu_s = time.process_time() if pid == os.getpid() else (int(fields[11]) + int(fields[12])) / _TICKS_A_SECOND
    status = _read(Path(f"/proc/{pid}/status"))
    role = PARENT if pid == root else _role(pid)
    return Member(pid, role, cpu_s, _mib(status, "VmRSS:"), _mib(status, "VmHWM:"))


def _role(pid: int) -> str:
    """A process that has once loaded a network's library is a predictor for good."""
    if _roles.get(pid) != PREDICT:
        maps = _read(Path(f"/proc/{pid}/maps"))
        _roles[pid] = PREDICT if any(name in maps for name in _NETWORK_LIBRARIES) else DECODE
    return _roles[pid]


def _mib(status: str, field: str) -> float:
    return next((int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith(field)), 0.0)


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
