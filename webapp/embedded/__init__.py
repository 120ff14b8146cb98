"""Everything on one machine, started and stopped together: what `make run` calls."""

import signal
import time
from pathlib import Path
from typing import Any

import click

from webapp.embedded.children import Children
from webapp.embedded.display import ScanDisplay, print_address, print_summary
from webapp.embedded.errors import EmbeddedError
from webapp.embedded.preparation import Home, prepare, sole_run
from webapp.models import Scan, ScanState
from webapp.services import scans, sources
from webapp.settings import Settings
from webapp.tasks import app
from webapp.tasks.scans import host_name, run_scan, score_pictures

__all__ = ["EmbeddedError", "run_embedded"]

SOURCE = "Sample marketplace"
STEP_S = 0.25
INTERRUPTED = 130  # what a shell says of a program that Ctrl-C ended: the scan was asked for and is not over


def run_embedded(settings: Settings, once: bool, photos: Path | None = None, listings: int | None = None) -> int:
    """Start all processes, scan the sample marketplace, show what was flagged; the exit code.

    Runs until it is interrupted, or (once) until the scan is over. A process that dies is started again; what it left
    is taken up. Raises EmbeddedError with a sentence that says what to do.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        # SIGINT too: a shell that starts us in the background has it ignored.
        signal.signal(number, signal.default_int_handler)
    with sole_run(settings):
        try:
            with prepare(settings, photos) as home, Children(settings, photos, listings) as children:
                return oversee(home, children, source_name(photos), once)
        except KeyboardInterrupt:
            click.echo("\nStopped.")
            return INTERRUPTED if once else 0


def oversee(home: Home, children: Children, source: str, once: bool) -> int:
    scan = begin_scan(home, source)
    children.start()
    children.wait_until_ready()
    with ScanDisplay() as display:
        while not scan.state.is_at_rest:
            time.sleep(STEP_S)
            children.tend()
            requeue_left(home, children)
            scan = read_scan(home, scan.id)
            display.show(scan)
    print_summary(home, scan)
    if once:
        return exit_code(scan)
    print_address(home)
    while True:
        time.sleep(STEP_S)
        children.tend()
        requeue_left(home, children)


def source_name(photos: Path | None) -> str:
    """Another name for other pictures: the listings of two marketplaces must not be taken for each other's."""
    return f"{SOURCE}, pictures of {photos.resolve().name}" if photos else SOURCE


def begin_scan(home: Home, name: str) -> Scan:
    """Queue a scan of the sample marketplace, or go on with the one that was interrupted."""
    options = {"start_url": f"http://127.0.0.1:{home.settings.shop_port}/"}
    with home.sessions() as session:
        source = sources.ensure_source(session, name, "shop", options)
        scan = scans.unfinished(session, source.id) or scans.create(session, source.id, "system")
        session.commit()
    requeue(home, host_name())
    return scan


def requeue_left(home: Home, children: Children) -> None:
    """What processes had that died just now is queued at once, instead of when their leases have passed."""
    for pid in children.take_dead():
        requeue(home, f"{host_name()}:{pid}")


def requeue(home: Home, owner: str) -> None:
    """`owner` lives no more: what it left unfinished may be queued at once."""
    app.use(home.settings)
    with home.sessions() as session:
        ids = scans.requeue_all(session, owner)
        session.commit()
    for scan_id in ids:
        send(run_scan, scan_id)
    send(score_pictures)


def send(task: Any, *arguments: int) -> None:
    task.delay(*arguments)


def read_scan(home: Home, scan_id: int) -> Scan:
    with home.sessions() as session:
        return scans.progress(session, scan_id)


def exit_code(scan: Scan) -> int:
    """A scan that left something out and says why is a success."""
    return 0 if scan.state is ScanState.DONE or (scan.state is ScanState.PARTIAL and scan.note) else 1
