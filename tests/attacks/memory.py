"""What this process holds, in bytes."""

import gc
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

GROWTH_BYTES = 96 * 1024**2


def resident_bytes() -> int:
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


@contextmanager
def no_growth(most_bytes: int = GROWTH_BYTES) -> Iterator[None]:
    """Whatever happens within the block leaves this process no larger than by that."""
    before = resident_bytes()
    yield
    grown = resident_bytes() - before
    assert grown < most_bytes, f"{grown:,} bytes more than before"
