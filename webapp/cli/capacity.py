"""`tuskline capacity`: what machines and crawls can do in a day, as measured."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from webapp.cli.opening import open_session, open_settings

if TYPE_CHECKING:
    from webapp.services.capacity import Capacity, CrawlRate, Need, Rig, WhatIf

MOST = 10**12
NO_RIG = "machines: none was measured; scan a source with pictures, or run `tuskline models bench` for predictors alone"
NO_CRAWL = "crawls: none was measured; scan a source"


@click.command()
@click.option("--pictures", type=click.IntRange(1, MOST), help="what if so many pictures came a day")
@click.option("--listings", type=click.IntRange(1, MOST), help="what if so many listings came a day")
@click.option("--source", "source_id", type=int, help="with one of these: from this source alone, by its number")
def capacity(pictures: int | None, listings: int | None, source_id: int | None) -> None:
    """Tell what machines and crawls can do in a day, as scans of the last 30 days measured it.

    With --pictures or --listings it tells how many such machines that asks for, how long a scan takes, and whether the
    crawl bounds first. What was not measured has no figure.
    """
    from webapp.services import capacity as service

    if pictures is not None and listings is not None:
        raise click.UsageError("give --pictures or --listings, not both")
    wanted = service.Wanted(pictures, listings, source_id)
    settings = open_settings()
    with open_session(settings) as session:
        measured = service.measure(session, settings)
        answer = service.what_if(measured, wanted) if wanted.is_asked else None
    for line in tell(measured):
        click.echo(line)
    if answer is not None:
        for line in tell_answer(answer):
            click.echo(line)
    elif wanted.is_asked:
        raise click.ClickException(
            "nobody knows yet how many pictures a listing shows: scan a source, or ask for --pictures"
        )


def tell(measured: "Capacity") -> Iterator[str]:
    yield from (tell_rig(rig) for rig in measured.rigs)
    if not measured.rigs:
        yield NO_RIG
    yield from (tell_crawl(crawl) for crawl in measured.crawls)
    if not measured.crawls:
        yield NO_CRAWL


def tell_rig(rig: "Rig") -> str:
    """`box (cpu, paddle, fp32): 1,200,000 pictures a day ...`."""
    where = f"{rig.setup.machine} ({rig.setup.words})"
    rests = f"{rig.pictures:,} pictures of {rig.scans:,} scans, {rig.age_days} days old"
    if rig.a_day is None:
        return f"{where}: not measured end to end ({rests})"
    stages = f"decoding {figure(rig.decode_rate)}, predicting {figure(rig.predict_rate)}, end to end {figure(rig.rate)}"
    return f"{where}: {rig.a_day:,} pictures a day, bound by {rig.limit}; a second: {stages} ({rests})"


def tell_crawl(crawl: "CrawlRate") -> str:
    rests = f"{crawl.fetching.pictures:,} pictures of {crawl.scans:,} scans"
    brings = "no picture" if crawl.a_day is None else f"{crawl.a_day:,} pictures a day"
    pace = f"; at most {crawl.at_most:.2f} requests a second and host" if crawl.at_most else ""
    measured = f", {figure(crawl.pages_rate)} as measured" if crawl.pages_rate else ""
    return f"source {crawl.source_id} ({crawl.name}): brings {brings}{pace}{measured} ({rests})"


def tell_answer(answer: "WhatIf") -> Iterator[str]:
    yield f"for {answer.pictures:,} pictures a day:"
    yield f"  {answer.words}"
    yield from (f"  {tell_need(need)}" for need in answer.needs)


def tell_need(need: "Need") -> str:
    from webapp.wording import short_span

    machines = f"{need.machines:,} like {need.rig.setup.machine} ({need.rig.setup.words})"
    return f"{machines}; a scan of that many takes {short_span(need.scan_s)}, bound by {need.limit}"


def figure(rate: float | None) -> str:
    return "not measured" if rate is None else f"{rate:,.2f}"
