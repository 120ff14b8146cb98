"""Dying at a named step: a process that has these hooks kills itself, as the kernel would, where a step is armed.

Nothing of it is in the product. The hooks are laid around functions while their modules are imported, so that this
module must be imported before any of theirs; what the folder TUSKLINE_TEST_DEATHS holds says who dies: a file named
after a step holds a number, and whoever comes to the step for that time takes the file away and dies.
"""

import functools
import os
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from tests.faults.importing import on_import

FOLDER = "TUSKLINE_TEST_DEATHS"
BEFORE, AFTER = "before", "after"


@dataclass(frozen=True)
class Step:
    """place: `module:function` or `module:Class.function`; moment: before or after it. process: of the fleet's.

    alone: no deed of tests.faults.deeds comes here, only a process of the fleet does. count: the how-manieth time.
    yields: only a call that gives something counts. caller: only calls from that module count.
    """

    name: str
    process: str
    place: str
    moment: str = AFTER
    alone: bool = False
    count: int = 1
    yields: bool = False
    caller: str = ""

    @property
    def module(self) -> str:
        return self.place.partition(":")[0]


# The way of one picture, in its order. A `before` step whose function follows a commit is: committed, and nothing told.
STEPS = (
    Step("due: the tick is not sent", "beat", "celery.beat:Scheduler.apply_entry", BEFORE, alone=True),
    Step("due: in the transaction", "scanner", "webapp.services.firing:add_scan", yields=True),
    Step("due: committed, not queued", "scanner", "webapp.services.firing:fire_due", yields=True),
    Step("crawl: claimed", "crawler", "webapp.services.crawling:attempt", BEFORE),
    Step("crawl: a page was fetched", "crawler", "scanner.fetch.fetcher:Fetcher.get", alone=True, count=3),
    Step("crawl: a picture was stored", "crawler", "webapp.services.photos:store", count=2),
    Step("crawl: listings written, not committed", "crawler", "webapp.services.memory:CrawlMemory.write"),
    Step("crawl: listings committed", "crawler", "webapp.services.archiving:Archive.publish", BEFORE),
    Step("crawl: over, not given back", "crawler", "webapp.services.crawling:finish", BEFORE),
    Step("score: pictures claimed", "scanner", "webapp.services.claims:claim", yields=True),
    Step("score: a picture was decoded", "scanner", "scanner.decoding:outcome", alone=True, count=2),
    Step("score: a picture was scored", "scanner", "webapp.services.scoring:Shift._take", BEFORE, count=2),
    Step("score: a finding was opened", "scanner", "webapp.services.findings:insert_finding", yields=True),
    Step("score: outcomes written, not committed", "scanner", "webapp.services.outcomes:_write_scan"),
    Step(
        "score: outcomes committed, scan not settled",
        "scanner",
        "webapp.services.scans:settle",
        BEFORE,
        caller="webapp.services.outcomes",
    ),
    Step("decide: in the transaction", "web", "webapp.services.decisions:decide"),
    Step("decide: committed, not answered", "web", "flask.app:Flask.process_response", BEFORE, alone=True),
    Step("seal: in the transaction", "scanner", "webapp.services.chain:seal_batch", yields=True),
    Step("seal: committed, head not kept", "scanner", "webapp.services.chain:keep_head", BEFORE),
    Step("webhook: taken", "scanner", "webapp.services.webhooks:take_due", yields=True),
    Step("webhook: sent, not written down", "scanner", "webapp.services.webhooks:note_arrival", BEFORE),
    Step("report: frozen, not committed", "scanner", "webapp.services.reports:build"),
    Step("report: frozen and committed", "scanner", "webapp.services.report_jobs:freeze"),
    Step("report: a file in the store, not committed", "scanner", "webapp.services.report_files:keep"),
    Step("report: files written, not handed over", "scanner", "webapp.services.deliveries:plan", BEFORE),
    Step("report: delivered, not written down", "scanner", "webapp.services.outbox:deliver"),
)

# Processes that workers start, and that the kernel may choose when memory is short.
HELPERS = (
    Step("a decoder is killed", "decoder", "scanner.decoding:decode_photo", BEFORE, alone=True, count=2),
    Step("a predictor is killed", "predictor", "scanner.predicting:_score", BEFORE, alone=True),
)


def arm(folder: Path, step: Step) -> None:
    """Let the next process die that comes to the step."""
    folder.mkdir(parents=True, exist_ok=True)
    aside = folder / f".{step.name}"
    aside.write_text(str(step.count))
    aside.rename(folder / step.name)


def is_armed(folder: Path, step: Step) -> bool:
    return (folder / step.name).exists()


def install() -> None:
    """Lay the hooks around the steps of every module that is imported from now on."""
    for name in {step.module for step in (*STEPS, *HELPERS)}:
        on_import(name, lay_all)


def lay_all(module: ModuleType) -> None:
    for step in (*STEPS, *HELPERS):
        if step.module == module.__name__:
            lay(module, step)


def lay(module: ModuleType, step: Step) -> None:
    """Raises AttributeError for a function that there is no more: a step that nobody comes to proves nothing."""
    *owners, name = step.place.partition(":")[2].split(".")
    owner: Any = functools.reduce(getattr, owners, module)
    setattr(owner, name, around(getattr(owner, name), step))


def around(function: Callable[..., Any], step: Step) -> Callable[..., Any]:
    @functools.wraps(function)
    def hooked(*arguments: Any, **named: Any) -> Any:
        is_ours = not step.caller or sys._getframe(1).f_globals["__name__"] == step.caller
        if step.moment == BEFORE and is_ours:
            die_where_armed(step)
        result = function(*arguments, **named)
        if step.moment == AFTER and is_ours and (result or not step.yields):
            die_where_armed(step)
        return result

    return hooked


_times: Counter[tuple[str, int]] = Counter()
_one_at_a_time = threading.Lock()


def die_where_armed(step: Step) -> None:
    file = Path(os.environ.get(FOLDER, "/nowhere"), step.name)
    with _one_at_a_time:
        try:
            wanted, armed_at = int(file.read_text()), file.stat().st_mtime_ns
        except FileNotFoundError:
            return
        _times[step.name, armed_at] += 1
        if _times[step.name, armed_at] >= wanted and is_first(file):
            os.kill(os.getpid(), signal.SIGKILL)


def is_first(file: Path) -> bool:
    """Of several processes that come to the step at once, one dies."""
    try:
        file.unlink()
    except FileNotFoundError:
        return False
    return True
