"""The processes: all of them together, and each alone."""

import signal
import sys
from pathlib import Path
from typing import Any

import click

from webapp.cli.opening import open_settings, refuse_other_version

PORT = click.IntRange(1, 65535)
FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command()
@click.option("--once", is_flag=True, help="end after the scan, with its summary")
@click.option("--photos", type=FOLDER, help="pictures to sell instead")
@click.option("--listings", type=click.IntRange(1, 100_000), help="how many listings the sample marketplace has")
@click.option("--port", type=PORT, help="port of the web pages")
@click.option("--shop-port", type=PORT, help="port of the sample marketplace")
def run(once: bool, photos: Path | None, listings: int | None, port: int | None, shop_port: int | None) -> None:
    """Start everything on this machine, scan the sample marketplace, and show the dashboard's address.

    Exit code: 0 when all went well or you stopped it, 1 when the scan or a process failed.
    """
    from webapp.embedded import EmbeddedError, run_embedded

    settings = open_settings()
    settings.port = port or settings.port
    settings.shop_port = shop_port or settings.shop_port
    try:
        sys.exit(run_embedded(settings, once=once, photos=photos, listings=listings))
    except EmbeddedError as error:
        raise click.ClickException(str(error)) from None


@click.command()
def web() -> None:
    """Serve the web pages on TUSKLINE_HOST and TUSKLINE_PORT."""
    import waitress

    from webapp import create_app, logs
    from webapp.warming import warm

    settings = open_settings()
    proxy = settings.trusted_proxy
    logs.set_up(settings)
    refuse_other_version(settings)
    app = create_app(settings)
    warm()
    try:
        waitress.serve(
            app,
            host=settings.host,
            port=settings.port,
            threads=8,
            ident="Tuskline",
            **trust_of(str(proxy) if proxy else None),
        )
    except OSError as error:
        raise click.ClickException(
            f"port {settings.port} can't be used ({error.strerror}); set TUSKLINE_PORT"
        ) from None


def trust_of(proxy: str | None) -> dict[str, Any]:
    """What waitress takes from whom: of the one proxy who calls and how, and of nobody else anything."""
    if proxy is None:
        return {"clear_untrusted_proxy_headers": True}
    headers = {"x-forwarded-for", "x-forwarded-proto"}
    return {"trusted_proxy": proxy, "trusted_proxy_headers": headers, "clear_untrusted_proxy_headers": True}


@click.command()
@click.option(
    "--queues",
    default="crawl,scan,reports",
    show_default=True,
    callback=lambda _context, _option, given: read_queues(given),
    help="what to take work from: crawl fetches, scan scores, reports does the rest",
)
@click.option("--concurrency", type=click.IntRange(1, 64), default=4, show_default=True, help="tasks at a time")
def worker(queues: list[str], concurrency: int) -> None:
    """Work on what is queued.

    Each scan worker keeps one set of models in memory; a second task in the same process does not load them again.
    """
    from webapp.tasks import UPKEEP

    how = ["--pool", "threads", "--concurrency", str(concurrency), "--without-gossip", "--without-mingle"]
    start_celery("worker", "--queues", ",".join([*queues, UPKEEP]), *how)


def read_queues(given: str) -> list[str]:
    from webapp.tasks import QUEUES

    names = [name.strip() for name in given.split(",") if name.strip()]
    unknown = [name for name in names if name not in QUEUES]
    if unknown or not names:
        raise click.BadParameter(f"give one or more of {', '.join(QUEUES)}, with commas between them")
    return names


@click.command()
def beat() -> None:
    """Queue what is due: scans of schedules, and the ticks that take up what a dead worker left."""
    start_celery("beat", "--pidfile", "")


def start_celery(command: str, *arguments: str) -> None:
    from celery.signals import setup_logging

    from webapp import logs
    from webapp.tasks import app

    settings = open_settings()
    logs.set_up(settings)
    refuse_other_version(settings)
    app.use(settings)
    setup_logging.connect(leave_alone)
    app.start([command, *arguments, "--loglevel", "INFO"])


def leave_alone(**_facts: Any) -> None:
    """Celery sets up no logs of its own where somebody listens to its asking."""


@click.command()
@click.option("--photos", type=FOLDER, help="pictures to sell instead")
@click.option("--listings", type=click.IntRange(1, 100_000), help="how many listings there are")
def shop(photos: Path | None, listings: int | None) -> None:
    """Serve the sample marketplace on TUSKLINE_SHOP_PORT of this machine."""
    from webapp.samples.catalogue import COUNT
    from webapp.samples.photos import PhotosError, prepare_photos
    from webapp.samples.shop import create_shop, serve

    settings = open_settings()
    try:
        photo_set = prepare_photos(settings.samples_dir, photos)
    except PhotosError as error:
        raise click.ClickException(str(error)) from None
    if photo_set.notice:
        click.echo(photo_set.notice, err=True)
    prints = None if photos else settings.home / "prints"
    end_on_signal()
    try:
        serve(create_shop(photo_set, listings or COUNT, prints_dir=prints), settings.shop_port)
    except OSError as error:
        advice = "set TUSKLINE_SHOP_PORT to another"
        raise click.ClickException(f"port {settings.shop_port} can't be used ({error.strerror}); {advice}") from None


def end_on_signal() -> None:
    """SIGTERM ends a server as Ctrl-C does, with exit code 0."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
