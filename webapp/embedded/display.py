"""What the terminal shows of a scan: the numbers that the page shows too."""

import os
import shutil
import sys
from typing import Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Column, Table

from scanner.zoo.cascade import choose_models
from webapp.embedded.preparation import Home
from webapp.models import FindingRow, Scan, ScanState
from webapp.services import overview, queue
from webapp.services.queue import QueueFilters
from webapp.services.rules import current_pack

SHOWN = 20
console = Console()


class ScanDisplay:
    """A progress bar; where the output is no terminal, a line now and then. A context manager."""

    def __init__(self) -> None:
        columns = (TextColumn("Scanning"), BarColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
        self._progress = Progress(*columns, console=console, disable=not console.is_terminal)
        self._task = self._progress.add_task("waiting for the worker", total=None)
        self._last_tenth = -1

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def show(self, scan: Scan) -> None:
        words = describe(scan)
        self._progress.update(self._task, completed=scan.listings_seen, total=scan.listings_expected, description=words)
        tenth = 10 * scan.listings_seen // max(scan.listings_expected or 0, 1)
        if not console.is_terminal and tenth != self._last_tenth:
            self._last_tenth = tenth
            console.print(f"Scanning: {words}")


def describe(scan: Scan) -> str:
    if scan.state is ScanState.QUEUED:
        return "waiting for the worker"
    of = f" of {scan.listings_expected}" if scan.listings_expected else ""
    seen = f"{scan.listings_seen}{of} listings, {scan.photos_seen} pictures ({scan.photos_scored} newly scored"
    return f"{seen}, {scan.photos_failed} failed), {scan.findings_opened} new findings"


def print_summary(home: Home, scan: Scan) -> None:
    """How the scan ended, what waits in the queue, and which model spoke."""
    console.print(f"Scan {scan.id} is {scan.state.value}: {describe(scan)}.")
    if scan.note:
        console.print(escape(scan.note))
    with home.sessions() as session:
        page = queue.queue_page(session, QueueFilters(source_id=scan.source_id), limit=SHOWN)
        by_concept = overview.open_by_concept(session)
    if page.rows:
        console.print(table_of(page.rows))
        more = f"; the first {SHOWN} are shown" if page.total > SHOWN else ""
        concepts = ", ".join(f"{concept.replace('_', ' ')} {count}" for concept, count in by_concept.items())
        console.print(f"{page.total} suspected findings wait for a person{more}. By concept: {concepts}.")
    else:
        console.print("No finding waits for a person.")
    for model in scan.models:
        asked = f", pictures scored: {model['photos']}" if "photos" in model else ""
        console.print(f"Model: {model['name']}{asked}; {escape(model['source'])}, {model['digest'][:12]}")
    if notice := notice_of(home, scan):
        console.print(notice)
    console.print("A score is a suspicion, never a proof: a person decides.")


def notice_of(home: Home, scan: Scan) -> str | None:
    if not scan.primary_absent:
        return None
    with home.sessions() as session:
        cascade = current_pack(session, home.settings.pack).cascade
    return choose_models(home.settings.models_dir, cascade).notice


def table_of(rows: list[FindingRow]) -> Table:
    fixed = (Column(name, no_wrap=True) for name in ("rule", "score", "least"))
    table = Table(*fixed, Column("listing", no_wrap=True, ratio=1), title="Suspected findings", expand=True)
    for row in rows:
        cells = [row.rule, digits(row.score), "" if row.threshold is None else digits(row.threshold)]
        table.add_row(*cells, escape(row.listing.title))
    return table


def digits(score: float | None) -> str:
    return "words" if score is None else f"{score:.3f}"


def print_address(home: Home) -> None:
    console.print(f"\nThe dashboard: http://127.0.0.1:{home.settings.port}/", soft_wrap=True)
    if home.first_login:
        name, password = home.first_login
        console.print(f"First login: {name}  password: {password}  (shown now only)")
    else:
        console.print(f"Forgotten the password? `{command()} users password admin` sets another.")
    console.print("Ctrl-C stops everything.")


def command() -> str:
    """How this program was called: in a checkout it is not on the PATH."""
    return "tuskline" if shutil.which("tuskline") else os.path.relpath(sys.argv[0])
