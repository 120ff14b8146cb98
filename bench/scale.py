"""Is a store of ten million pictures as quick as one of a hundred thousand?

    python -m bench.scale [--pictures 100000 1000000 10000000] [--backend sqlite postgresql] [--folder FOLDER]

Fills databases in FOLDER, asks the same of each in turn, round after round, and says how much longer the largest takes.
Ten million pictures take 10 to 15 GB and a quarter of an hour on each backend, more on a busy machine. What was filled
is deleted at the end.
"""

import argparse
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.orm import Session

from bench import scale_writing
from bench.__main__ import show_part
from bench.harness import Options
from bench.machine import describe_machine
from bench.results import Part, Table, Target, Value, write_part
from bench.scale_load import ASIDE, load
from bench.scale_questions import BURST, LOOKUPS, Asker, Draw
from tests.servers import PostgresServer, missing_postgres
from tests.webapp.databases import create_database
from webapp.db import open_engine, session_factory
from webapp.services.look_index import LookIndex
from webapp.settings import Settings

BACKENDS = ("sqlite", "postgresql")
QUICK, USUAL, FULL = (2_000, 20_000), (100_000, 1_000_000), (100_000, 1_000_000, 10_000_000)
WHOLE_UP_TO = 1_000_000  # pictures; larger stores do without what no question reads
ROUNDS, ASKED = 5, 8  # rounds over all stores, and how often each question is asked in one of them
GROWTH = 4.0
LOOKUP_MS = 0.6
QUEUE = "queue page: anywhere"
ROWS_WANTED = {"sqlite": 5_000, "postgresql": 12_000}

Say = Callable[[str], None]
Times = dict[str, dict[int, list[float]]]


class LargeServer(PostgresServer):
    """With memory for a large store, and its statistics kept."""

    def command(self) -> list[str]:
        wanted = {"shared_buffers": "1GB", "work_mem": "16MB", "effective_cache_size": "8GB", "max_wal_size": "8GB"}
        return [*super().command(), *(part for name, value in wanted.items() for part in ("-c", f"{name}={value}"))]


@dataclass(slots=True)
class Filled:
    """A store and what it took; bytes of the database, and of the files of the index of looks."""

    settings: Settings
    pictures: int
    load_s: float = 0.0
    index_s: float = 0.0
    store_bytes: int = 0
    index_bytes: int = 0
    left_out: Sequence[str] = ()


def run(options: Options) -> Part:
    """For `python -m bench`: ten million with --full, a million otherwise."""
    sizes = QUICK if options.quick else FULL if options.full else USUAL
    folder = options.cache / "scale"
    backends = [name for name in BACKENDS if name == "sqlite" or missing_postgres() is None]
    return measure(sizes, backends[:1] if options.quick else backends, folder, options.rounds, options.say)


def measure(sizes: Sequence[int], backends: Sequence[str], folder: Path, rounds: int, say: Say) -> Part:
    part = Part("scale", "Scale: the same questions of a small store and of a large one")
    for backend in backends:
        with filled(backend, sizes, folder, say) as stores:
            times = ask_all(stores, rounds, say)
            part.tables += [table_of(backend, times, sizes), table_of_stores(backend, stores)]
            part.targets += targets_of(backend, times, sizes)
        with room(backend, folder) as settings:
            written = scale_writing.measure(settings, rounds)
            part.tables.append(scale_writing.table_of(backend, written))
            part.targets += scale_writing.targets_of(backend, written, ROWS_WANTED[backend])
    return part


@contextmanager
def filled(backend: str, sizes: Sequence[int], folder: Path, say: Say) -> Iterator[list[Filled]]:
    with ExitStack() as stack:
        server = stack.enter_context(server_in(backend, folder))
        stores = []
        for size in sizes:
            say(f"{backend}: filling a store of {size:,} pictures")
            stores.append(fill(stack.enter_context(home(server, folder)), size, say))
        yield stores


@contextmanager
def room(backend: str, folder: Path) -> Iterator[Settings]:
    """An empty database of its own."""
    with server_in(backend, folder) as server, home(server, folder) as settings:
        yield settings


@contextmanager
def server_in(backend: str, folder: Path) -> Iterator[str | None]:
    """The address of a server whose data lie in the folder; none where a file will do."""
    folder.mkdir(parents=True, exist_ok=True)
    if backend == "sqlite":
        yield None
        return
    folder.chmod(0o755)
    before, tempfile.tempdir = tempfile.tempdir, str(folder)
    try:
        server = LargeServer()
    finally:
        tempfile.tempdir = before
    with server:
        yield server.url


@contextmanager
def home(server: str | None, folder: Path) -> Iterator[Settings]:
    place = Path(tempfile.mkdtemp(prefix="store-", dir=folder))
    try:
        yield Settings(home=place, database_url=create_database(server) if server else None, broker_url=None)
    finally:
        shutil.rmtree(place)


def fill(settings: Settings, pictures: int, say: Say) -> Filled:
    store = Filled(settings, pictures, left_out=ASIDE if pictures > WHOLE_UP_TO else ())
    engine = open_engine(settings.sqlalchemy_url)
    began = time.perf_counter()
    load(engine, pictures, aside=store.left_out, tell=say)
    store.load_s = time.perf_counter() - began
    with session_factory(engine)() as session:
        began = time.perf_counter()
        LookIndex(settings.looks_dir).settle(session, is_patient=True)
        store.index_s = time.perf_counter() - began
        store.store_bytes = size_of(session, settings)
    store.index_bytes = sum(path.stat().st_size for path in settings.looks_dir.rglob("*") if path.is_file())
    engine.dispose()
    say(f"  {store.store_bytes / 1e9:.2f} GB, and {store.index_bytes / 1e9:.2f} GB of index in {store.index_s:.0f} s")
    return store


def size_of(session: Session, settings: Settings) -> int:
    if settings.database_url:
        return int(session.scalar(text("SELECT pg_database_size(current_database())")) or 0)
    return sum(path.stat().st_size for path in settings.home.glob("tuskline.db*"))


def ask_all(stores: Sequence[Filled], rounds: int, say: Say) -> Times:
    """Milliseconds by question and size; what disturbs one size in a round disturbs the others."""
    askers = {store.pictures: Asker(store.settings, store.pictures) for store in stores}
    drawn = {size: asker.questions() for size, asker in askers.items()}
    times: Times = {name: {size: [] for size in askers} for name in drawn[stores[0].pictures]}
    for number in range(rounds + 1):
        say(f"  round {number} of {rounds}")
        for name, by_size in times.items():
            for size, taken in by_size.items():
                parts = BURST if name.startswith(LOOKUPS) else 1
                new = [clock(drawn[size][name]) / parts for _ in range(ASKED if number else 1)]
                taken += new if number else []  # the first round warms what is warm on a server that runs
    for asker in askers.values():
        asker.close()
    return times


def clock(draw: Draw) -> float:
    work = draw()
    began = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - began)


def table_of(backend: str, times: Times, sizes: Sequence[int]) -> Table:
    columns = ["question", *(f"{size:,}" for size in sizes), "95 % within", "largest / smallest"]
    rows: list[dict[str, Value]] = []
    for name, by_size in times.items():
        medians = {f"{size:,}": statistics.median(by_size[size]) for size in sizes}
        slow = sorted(by_size[sizes[-1]])[int(0.95 * len(by_size[sizes[-1]]))]
        rows.append({"question": name, **medians, columns[-2]: slow, columns[-1]: growth(by_size, sizes)})
    note = "Milliseconds by pictures in the store, medians; the 95 % are those of the largest store."
    return Table(f"{backend}: one question", columns, rows, note)


def growth(by_size: Mapping[int, Sequence[float]], sizes: Sequence[int]) -> float:
    return statistics.median(by_size[sizes[-1]]) / statistics.median(by_size[sizes[0]])


def table_of_stores(backend: str, stores: Sequence[Filled]) -> Table:
    columns = ["pictures", "filled in s", "GB", "index of looks made in s", "its MB", "left out"]
    rows: list[dict[str, Value]] = [
        dict(
            zip(
                columns,
                (
                    one.pictures,
                    one.load_s,
                    one.store_bytes / 1e9,
                    one.index_s,
                    one.index_bytes / 1e6,
                    ", ".join(one.left_out),
                ),
                strict=True,
            )
        )
        for one in stores
    ]
    return Table(f"{backend}: the stores", columns, rows)


def targets_of(backend: str, times: Times, sizes: Sequence[int]) -> list[Target]:
    few, many = f"{sizes[0]:,}", f"{sizes[-1]:,}"
    why = "" if sizes[-1] >= FULL[-1] else f"of {many} pictures; ten million with --full"
    grown = Target(
        f"{backend}: queue page of {many} / of {few}", GROWTH, growth(times[QUEUE], sizes), "at most", why=why
    )
    lookups = [
        Target(f"{backend}: {name}", LOOKUP_MS, statistics.median(times[name][sizes[-1]]), "at most", "ms", why)
        for name in times
        if name.startswith(LOOKUPS)
    ]
    return [grown, *lookups]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.scale", description=__doc__)
    parser.add_argument("--pictures", type=int, nargs="+", default=list(USUAL))
    parser.add_argument("--backend", nargs="+", choices=BACKENDS, default=list(BACKENDS))
    parser.add_argument("--folder", type=Path, default=Path("var/bench/scale"))
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--out", type=Path, help="folder for scale.json and the table")
    given = parser.parse_args()
    options = Options(rounds=given.rounds, say=lambda line: print(line, flush=True))
    machine = describe_machine()
    began = time.perf_counter()
    part = measure(sorted(given.pictures), given.backend, given.folder, given.rounds, options.say)
    part.machine, part.seconds = {**machine, "cores_of_others": None}, round(time.perf_counter() - began, 1)
    options.say(show_part(part))
    if given.out:
        options.say(f"written to {write_part(part, given.out)}")


if __name__ == "__main__":
    main()
