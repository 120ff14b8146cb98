"""The clock of a machine that jumps: what its processes read as the time is so many seconds off as a file says.

Put in where the product and its queue read the time; what nobody can set, the monotonic clock, is left alone.
"""

import os
import time
from datetime import datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

from tests.faults.importing import on_import

FILE = "TUSKLINE_TEST_CLOCK"


class Shifted(datetime):
    @classmethod
    def now(cls, tz: Any = None) -> datetime:
        return datetime.now(tz) + timedelta(seconds=ahead_s())


def install() -> None:
    """Nothing happens where no file is named."""
    if FILE not in os.environ:
        return
    read, read_ns = time.time, time.time_ns
    time.time = lambda: read() + ahead_s()
    time.time_ns = lambda: read_ns() + int(ahead_s() * 10**9)
    on_import("webapp.db", shift_product)
    on_import("celery.app.base", shift_queue)
    on_import("celery.worker.request", shift_expiry)


def ahead_s() -> float:
    return float(Path(os.environ[FILE]).read_text())


def put(file: Path, ahead: timedelta) -> None:
    """Put the clock so far ahead of the true time, or back."""
    aside = file.with_suffix(".aside")
    aside.write_text(str(ahead.total_seconds()))
    aside.rename(file)


def shift_product(module: ModuleType) -> None:
    true = module.now
    module.now = lambda: true() + timedelta(seconds=ahead_s())


def shift_queue(module: ModuleType) -> None:
    true = module.Celery.now
    module.Celery.now = lambda app: true(app) + timedelta(seconds=ahead_s())


def shift_expiry(module: ModuleType) -> None:
    """Where a worker asks whether a message is too old."""
    assert module.datetime is datetime
    module.datetime = Shifted
