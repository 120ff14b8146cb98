"""The progress bar of every command that counts pictures."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def counting_bar(what: str, count: Callable[[], int] | None = None) -> Iterator[Callable[[int, int | None], None]]:
    """A function of (done, in all or None) that draws on standard error where that is a terminal.

    count: says how many there are in all; asked on a terminal alone, for it may have to read every input.
    """
    if not sys.stderr.isatty():
        yield lambda _done, _total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), refresh_per_second=4) as bar:
        task = bar.add_task(what, total=count() if count else None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
