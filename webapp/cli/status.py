"""`tuskline status`: who works, what waits, and what is missing."""

import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

import click

from webapp.cli.opening import open_session, open_settings
from webapp.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from webapp.models import WorkerProcess
    from webapp.services import figures

WEB = "web"
PATIENCE_S = 5.0

Answer = tuple[bool, str, str]


@click.command()
@click.option("--kind", type=click.Choice(["worker", "beat", WEB]), help="only whether one of these lives")
@click.option("--host", help="with --kind: on this machine [default: the one that asks]")
@click.option("--queue", "queues", multiple=True, help="with --kind worker: it serves this queue; may be repeated")
def status(kind: str | None, host: str | None, queues: tuple[str, ...]) -> None:
    """Tell who works, what waits and when schedules fired last; exit code 1 where something needed is missing.

    With --kind it answers the health check of a container: is there a worker, a beat or a web page on this machine?
    """
    settings = open_settings()
    answers = [ask_web(settings, host)] if kind == WEB else []
    if kind != WEB:
        with open_session(settings) as session:
            answers = list(ask_kind(session, kind, host, queues) if kind else ask_all(session))
    for good, name, words in answers:
        click.echo(f"{'ok  ' if good else 'FAIL'}  {name}: {words}")
    sys.exit(0 if all(good for good, _, _ in answers) else 1)


def ask_web(settings: Settings, host: str | None) -> Answer:
    name = host or (settings.host if settings.host not in ("0.0.0.0", "::") else "127.0.0.1")  # noqa: S104  # asked for
    address = f"http://{f'[{name}]' if ':' in name else name}:{settings.port}/health/ready"
    try:
        with urllib.request.urlopen(address, timeout=PATIENCE_S):  # our own pages
            return True, WEB, f"{address} is ready"
    except urllib.error.HTTPError as error:
        words = error.read(1000).decode(errors="replace").strip()
        error.close()
        return False, WEB, f"{address} says {words}"
    except OSError as error:
        return False, WEB, f"{address} does not answer ({getattr(error, 'reason', error)})"


def ask_kind(session: "Session", kind: str, host: str | None, queues: tuple[str, ...]) -> Iterator[Answer]:
    from webapp.services import processes

    where = host or processes.host_name()
    here = [one for one in processes.recent(session) if (one.kind, one.host) == (kind, where)]
    fit = [one for one in here if set(queues) <= set(one.queues)]
    yield from (tell_process(one) for one in fit if processes.is_alive(one))
    if not any(processes.is_alive(one) for one in fit):
        what = f" that serves {', '.join(queues)}" if queues else ""
        yield False, kind, f"no {kind}{what} lives on {where}"


def ask_all(session: "Session") -> Iterator[Answer]:
    from webapp.services import processes

    known = processes.recent(session)
    living = [one for one in known if processes.is_alive(one)]
    # A silent one is told and is no failure by itself: what it did may be done by another meanwhile.
    yield from (tell_process(one) for one in known)
    if not any(one.kind == processes.BEAT for one in living):
        yield False, "beat", "none lives: nothing that is due is begun; start `tuskline beat`"
    unserved = processes.unserved(living)
    for queue in unserved:
        # Every worker serves upkeep: there is no asking for it.
        how = "tuskline worker" if queue == processes.UPKEEP else f"tuskline worker --queues {queue}"
        yield False, "queues", f"nobody serves {queue}; start `{how}`"
    if not unserved:
        yield True, "queues", "each has a worker"
    yield from ask_work(session)


def ask_work(session: "Session") -> Iterator[Answer]:
    from webapp.services import figures, stages

    waiting = figures.count_waiting(session)
    since = f", the oldest for {span(waiting.oldest_s)}" if waiting.pictures else ""
    yield True, "pictures", f"{waiting.pictures:,} pending{since}"
    scans = figures.count_scans(session).by_state
    yield True, "scans", ", ".join(f"{count:,} {state}" for state, count in sorted(scans.items())) or "none yet"
    if told := stages.of_latest(session):
        yield True, "limit", f"of scan {told[0]}: {told[1]}"
    yield tell_ticks(figures.read_ticks(session))


def tell_ticks(ticks: "figures.Ticks") -> Answer:
    last = f"the last fired {ago(ticks.last_fired_at)}" if ticks.last_fired_at else "none has fired yet"
    if ticks.late:
        return False, "schedules", f"{last}; {ticks.late:,} should have fired and did not: is there a beat?"
    more = f", the next is due {due(ticks.next_fires_at)}" if ticks.next_fires_at else ""
    return True, "schedules", last + more


def tell_process(process: "WorkerProcess") -> Answer:
    from webapp.services import processes

    serves = f"serves {', '.join(process.queues)}; " if process.queues else ""
    silent = "" if processes.is_alive(process) else " (silent)"
    words = f"{process.name}: {serves}began {ago(process.started_at)}, seen {ago(process.seen_at)}{silent}"
    return True, process.kind, words


def ago(at: datetime) -> str:
    return f"{span((datetime.now(at.tzinfo) - at).total_seconds())} ago"


def due(at: datetime) -> str:
    seconds = (at - datetime.now(at.tzinfo)).total_seconds()
    return f"in {span(seconds)}" if seconds > 0 else "now"


def span(seconds: float) -> str:
    """Seconds below two minutes, then minutes, hours, days."""
    for size, unit in ((86_400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"
