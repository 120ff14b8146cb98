"""A bar on the terminal for what is being downloaded."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from scanner.zoo.options import Progress, show_nothing


@contextmanager
def download_bar() -> Iterator[Progress]:
    """A Progress that draws on standard error; where that is no terminal, one that shows nothing.

    The bar appears with the first bytes, so that a source without a download shows none.
    """
    if not sys.stderr.isatty():
        yield show_nothing
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("downloading"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=Console(stderr=True), refresh_per_second=4, transient=True) as bar:
        task = bar.add_task("download", total=None, visible=False)
        yield lambda done, total: bar.update(task, completed=done, total=total, visible=True)
