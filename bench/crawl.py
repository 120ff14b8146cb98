"""How fast a whole scan is: the sample marketplace through real workers, on both set-ups.

`python bench/crawl.py --listings 3000` runs, one after the other, SQLite with the queue on disk, and PostgreSQL with
Redis (where both are installed); a second scan of the unchanged shop follows each. Ratios alone mean something: the
machine's other work slows all of it.
"""

import argparse
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from scanner.zoo.weights import ensure_default
from tests.functional.fleet import Fleet, running_fleet
from tests.servers import PostgresServer, RedisServer
from webapp.models import Scan
from webapp.samples.photos import prepare_photos
from webapp.settings import Settings

BROKER_FOLDER, SERVERS = "SQLite, queue on disk", "PostgreSQL, Redis"
PATIENCE_S = 3600.0
COLUMNS = ("seconds", "crawling", "listings", "pictures", "scored", "requests")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--listings", type=int, default=3000)
    parser.add_argument("--home", type=Path, help="weights and sample pictures are kept here")
    given = parser.parse_args()
    kept = given.home or Path(tempfile.mkdtemp(prefix="tuskline-bench-"))
    ensure_default(kept / "models", print)
    prepare_photos(kept / "samples")
    print(f"{'set-up':24} {'scan':7} " + " ".join(f"{name:>9}" for name in COLUMNS))
    for name in (BROKER_FOLDER, SERVERS):
        with set_up(name, kept, given.listings) as fleet:
            for turn in ("first", "second"):
                show(name, turn, fleet.wait(fleet.begin_scan(), lambda scan: scan.state.is_over, PATIENCE_S))


@contextmanager
def set_up(name: str, kept: Path, listings: int) -> Iterator[Fleet]:
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tuskline-bench-home-")))
        shutil.copytree(kept / "models", home / "models")
        shutil.copytree(kept / "samples", home / "samples")
        urls = (None, None)
        if name == SERVERS:
            urls = stack.enter_context(PostgresServer()).url, stack.enter_context(RedisServer()).url
        settings = Settings(home=home, database_url=urls[0], broker_url=urls[1])
        fleet = stack.enter_context(running_fleet(settings, None, listings))
        fleet.start("crawler", "scanner", "beat")
        yield fleet


def show(name: str, turn: str, scan: Scan) -> None:
    if not (scan.started_at and scan.finished_at and scan.crawled_at):
        raise SystemExit(f"the scan ended as {scan.state}: {scan.note}")
    whole_s = (scan.finished_at - scan.started_at).total_seconds()
    crawl_s = (scan.crawled_at - scan.started_at).total_seconds()
    counts = (scan.listings_seen, scan.photos_seen, scan.photos_scored, scan.fetched_pages)
    numbers = " ".join([f"{whole_s:9.1f} {crawl_s:9.1f}", *(f"{count:9}" for count in counts)])
    print(f"{name:24} {turn:7} {numbers}  {scan.state} {scan.note or ''}", flush=True)


if __name__ == "__main__":
    main()
