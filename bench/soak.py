"""Web and workers together under load: `python -m bench.soak --minutes 10`, on this machine and loopback alone.

People and programs (bench/people.py, by locust) use the pages and the API while scans run one after the other: the
sample marketplace, and folders of pictures that nobody has seen. In the end everything must be whole.
"""

import argparse
import csv
import json
import os
import random
import secrets
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from sqlalchemy.orm import Session

from bench.__main__ import RESULTS, show_part
from bench.family import PARENT, members
from bench.machine import describe_machine
from bench.pictures import choose_photos
from bench.results import Part, Table, Target, write_part
from scanner.zoo.weights import ensure_default
from tests.faults.wholeness import check_whole
from tests.functional.fleet import Fleet, running_fleet
from tests.servers import PostgresServer, RedisServer, free_port
from webapp.models import AuditEntry, Decision, FindingRow, Role, Scan, ScanState
from webapp.samples.photos import prepare_photos
from webapp.services import rules, scans, sources, tokens, users
from webapp.settings import Settings
from webapp.tasks import app
from webapp.tasks.scans import run_scan

PROCESSES = ("web", "crawler", "scanner", "beat")
LEASE_S = 60  # as installations have it; the fleet of the tests is more hasty
SAMPLE_S = 5.0
WARM_S = 60.0  # models load, caches fill: memory is compared from here on
TREND_S = 100.0  # shorter than that tells nothing of an hour
READY_S = 120.0
REST_S = 600.0  # for what is under way when the load ends
IVORY_EVERY = 10  # one listing of so many says what it is, so that the queue goes on filling
PATCH = (24, 24)
NAMES = {"sqlite": "soak", "servers": "soak_servers"}  # of the results
TITLES = {"sqlite": "SQLite and the queue on disk", "servers": "PostgreSQL and Redis"}
WELL = (ScanState.DONE, ScanState.PARTIAL)  # the sample marketplace has broken pages on purpose


def main(arguments: Sequence[str] | None = None) -> int:
    given = read_arguments(arguments)
    machine, began = describe_machine(), time.perf_counter()
    with set_up(given) as (fleet, folder):
        soak = Soak(fleet, folder, given)
        try:
            part = soak.run()
        except AssertionError:
            print(fleet.last_words(), flush=True)
            raise
    part.machine, part.seconds = machine | {"cores_of_others": "not measured"}, round(time.perf_counter() - began, 1)
    part.options = {"minutes": given.minutes, "users": given.users, "listings": given.listings, "on": given.on}
    print(show_part(part))
    print(f"written to {write_part(part, given.out)}")
    return 0 if all(target.met for target in part.targets) else 1


def read_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10.0, help="how long the load lasts")
    parser.add_argument("--users", type=int, default=8, help="people and programs at once; a quarter are programs")
    parser.add_argument("--listings", type=int, default=300, help="of the sample marketplace")
    parser.add_argument("--pictures", type=int, default=200, help="unseen ones in each folder that is scanned")
    parser.add_argument("--on", choices=("sqlite", "servers"), default="sqlite", help="servers: PostgreSQL and Redis")
    parser.add_argument("--cache", type=Path, default=Path("var/bench"), help="where models and pictures are kept")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder for the JSON and the table")
    return parser.parse_args(arguments)


@contextmanager
def set_up(given: argparse.Namespace) -> Iterator[tuple[Fleet, Path]]:
    """An installation of its own with a shop, web and workers, and a folder for whatever else is needed."""
    ensure_default(given.cache / "models", print)
    prepare_photos(given.cache / "samples")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tuskline-soak-")))
        home = folder / "home"
        home.mkdir()
        for name in ("models", "samples"):
            (home / name).symlink_to((given.cache / name).resolve())
        urls = (None, None)
        if given.on == "servers":
            urls = stack.enter_context(PostgresServer()).url, stack.enter_context(RedisServer()).url
        settings = Settings(home=home, database_url=urls[0], broker_url=urls[1], port=free_port(), host="127.0.0.1")
        settings.inbox_dir.mkdir(parents=True, exist_ok=True)
        fleet = stack.enter_context(running_fleet(settings, None, given.listings))
        fleet.more = {"TUSKLINE_LEASE_S": str(LEASE_S), "TUSKLINE_HOST": "127.0.0.1"}
        fleet.start(*PROCESSES)
        yield fleet, folder


@dataclass(slots=True)
class Memory:
    """MiB of one process and the processes that it started, by seconds since the load began."""

    own: list[tuple[float, float]] = field(default_factory=list)
    children: list[tuple[float, float]] = field(default_factory=list)


@dataclass(slots=True)
class Soak:
    """One run. options: as read_arguments gives them."""

    fleet: Fleet
    folder: Path
    options: argparse.Namespace
    memory: dict[str, Memory] = field(default_factory=lambda: defaultdict(Memory))
    begun: list[int] = field(default_factory=list)

    def run(self) -> Part:
        self.add_people()
        self.wait_until_ready()
        self.finish(self.begin_scan("shop"))  # so that there is something to decide when people come
        load = self.start_load()
        try:
            began = self.keep_busy(load)
        finally:
            stop(load)
        loaded_s = time.monotonic() - began
        for scan_id in self.begun:
            self.finish(scan_id)
        return self.told(loaded_s)

    def add_people(self) -> None:
        password = secrets.token_urlsafe(24)
        people = [f"soak{number}" for number in range(1, self.options.users + 1)]
        with self.session() as session:
            made = [users.create_user(session, None, name, password, Role.REVIEWER) for name in people]
            # As every installation has it a moment after its first start; else a tick judges beside the first scan.
            rules.apply_pack(session, rules.current_pack(session, self.fleet.settings.pack))
            texts = [tokens.create(session, None, user, "soak", [tokens.Scope.READ], 1)[1] for user in made]
            session.commit()
        given = {"password": password, "people": people, "tokens": texts}
        self.given.write_text(json.dumps(given), encoding="utf-8")

    @property
    def given(self) -> Path:
        return self.folder / "people.json"

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.fleet.settings.port}"

    def session(self) -> Session:
        return Session(self.fleet.engine, expire_on_commit=False)

    def wait_until_ready(self) -> None:
        until = time.monotonic() + READY_S
        while time.monotonic() < until:
            try:
                with urllib.request.urlopen(f"{self.address}/health/ready", timeout=5):  # noqa: S310  # our own pages
                    return
            except OSError:
                time.sleep(0.5)
        raise AssertionError(f"the pages were not ready within {READY_S:.0f} s")

    def start_load(self) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "locust", "--headless", "--only-summary", "--csv", str(self.folder / "load")]
        command += ["-f", str(Path(__file__).with_name("people.py")), "--host", self.address, "--stop-timeout", "30"]
        command += ["-u", str(self.options.users), "-r", "2", "-t", f"{self.options.minutes * 60:.0f}s"]
        with (self.folder / "locust.log").open("wb") as log:
            environment = os.environ | {"TUSKLINE_SOAK": str(self.given)}
            return subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def keep_busy(self, load: "subprocess.Popen[bytes]") -> float:
        """Begin the next scan whenever the last is over, and note memory, until the load ends; when that began."""
        began, turn, scan_id = time.monotonic(), 0, None
        while load.poll() is None:
            self.note_memory(time.monotonic() - began)
            if scan_id is None or self.is_over(scan_id):
                turn += 1
                scan_id = self.begin_scan("shop" if turn % 3 == 0 else f"folder-{turn}")
            time.sleep(SAMPLE_S)
        self.note_memory(time.monotonic() - began)
        return began

    def begin_scan(self, name: str) -> int:
        """A scan of the shop, or of a folder of that name whose pictures are made now."""
        if name == "shop":
            scan_id = self.fleet.begin_scan()
        else:
            make_folder(self.options.cache, self.fleet.settings.inbox_dir / name, self.options.pictures)
            with self.session() as session:
                source = sources.ensure_source(session, name, "folder", {"path": name})
                scan_id = scans.create(session, source.id, "a soak").id
                session.commit()
            app.use(self.fleet.settings)
            task: Any = run_scan
            task.delay(scan_id)
        self.begun.append(scan_id)
        return scan_id

    def is_over(self, scan_id: int) -> bool:
        scan = self.fleet.scan(scan_id)
        return scan is not None and scan.state.is_over

    def finish(self, scan_id: int) -> None:
        self.fleet.wait(scan_id, lambda scan: scan.state.is_over, REST_S)

    def note_memory(self, at: float) -> None:
        for name in PROCESSES:
            process = self.fleet.running[name]
            if process.poll() is not None:
                raise AssertionError(f"{name} ended by itself with {process.returncode}")
            found = members(process.pid)
            self.memory[name].own.append((at, sum(one.rss_mib for one in found if one.role == PARENT)))
            self.memory[name].children.append((at, sum(one.rss_mib for one in found if one.role != PARENT)))

    def told(self, loaded_s: float) -> Part:
        stats = list(csv.DictReader((self.folder / "load_stats.csv").open(encoding="utf-8")))
        if not stats or stats[-1]["Name"] != "Aggregated":
            raise AssertionError((self.folder / "locust.log").read_text(encoding="utf-8")[-2000:])
        part = Part(NAMES[self.options.on], f"Web and workers together under load, on {TITLES[self.options.on]}")
        part.tables = [requests_table(stats), self.errors_table(), self.memory_table(), self.scans_table()]
        faults = self.faults()
        asked, failed = int(stats[-1]["Request Count"]), int(stats[-1]["Failure Count"])
        part.notes = [
            f"{asked:,} requests in {loaded_s:.0f} s by {self.options.users} people and programs: "
            f"{asked / loaded_s:.1f} a second, {failed:,} failed.",
            *self.done(),
            *(
                faults
                or ["In the end all was whole: every scan over, nothing lost or twice, the audit chain verified."]
            ),
        ]
        part.targets = [
            Target("requests that failed", 0, failed, "at most"),
            Target("faults found in the end", 0, len(faults), "at most"),
        ]
        return part

    def errors_table(self) -> Table:
        table = Table("Errors by kind", ["request", "error", "times"])
        for row in csv.DictReader((self.folder / "load_failures.csv").open(encoding="utf-8")):
            name = f"{row['Method']} {row['Name']}"
            table.rows.append({"request": name, "error": row["Error"], "times": int(row["Occurrences"])})
        if not table.rows:
            table.note = "None."
        return table

    def memory_table(self) -> Table:
        columns = ["process", "at start", "after warming up", "at the end", "most", "growth an hour"]
        note = "MiB in RAM; a process that started others has two rows. Growth: the slope from warming up to the end."
        table = Table("Memory", columns, note=note)
        for name, memory in self.memory.items():
            table.rows.append({"process": name, **memory_row(memory.own)})
            if any(mib for _, mib in memory.children):
                # They end and begin anew with the work, so that a slope of theirs would be that of the work.
                row = memory_row(memory.children) | {"growth an hour": None}
                table.rows.append({"process": f"{name}: decoders and predictors", **row})
        return table

    def scans_table(self) -> Table:
        columns = ["source", "scans", "pictures seen", "newly scored", "failed", "findings", "seconds in the mean"]
        table = Table("Scans", columns)
        by_kind: dict[str, list[Scan]] = defaultdict(list)
        with self.session() as session:
            for scan_id in self.begun:
                scan = session.get_one(Scan, scan_id)
                by_kind[scan.source.kind].append(scan)
        for kind, done in by_kind.items():
            seconds = [(scan.finished_at - scan.queued_at).total_seconds() for scan in done if scan.finished_at]
            sums = {
                "pictures seen": sum(scan.photos_seen for scan in done),
                "newly scored": sum(scan.photos_scored for scan in done),
                "failed": sum(scan.photos_failed for scan in done),
                "findings": sum(scan.findings_opened for scan in done),
            }
            mean_s = sum(seconds) / len(seconds) if seconds else None
            table.rows.append({"source": kind, "scans": len(done), **sums, "seconds in the mean": mean_s})
        return table

    def done(self) -> list[str]:
        with self.session() as session:
            count = {table.__tablename__: session.query(table).count() for table in (FindingRow, Decision, AuditEntry)}
        deaths = ", ".join(f"{name} {times} times" for name, times in self.fleet.deaths.items()) or "nobody"
        return [
            f"{count['findings']:,} findings, {count['decisions']:,} decisions, "
            f"{count['audit_entries']:,} audit entries.",
            f"Died meanwhile: {deaths}.",
        ]

    def faults(self) -> list[str]:
        """What is not whole, in sentences."""
        ended = Counter((scan.state, scan.note) for scan_id in self.begun if (scan := self.fleet.scan(scan_id)))
        odd = [f"{times} scans ended as {state}: {note}" for (state, note), times in ended.items() if state not in WELL]
        with self.session() as session:
            try:
                check_whole(session, self.fleet.settings)
            except AssertionError as error:
                return [*odd, *str(error).splitlines()]
        return odd


def stop(load: "subprocess.Popen[bytes]") -> None:
    if load.poll() is None:
        load.terminate()
    load.wait(60)


def requests_table(stats: Sequence[Mapping[str, str]]) -> Table:
    columns = ["request", "times", "failed", "a second", "median", "95 %", "99 %", "longest"]
    table = Table("Requests", columns, note="Milliseconds until the whole answer was there.")
    for row in stats:
        name = f"{row['Type']} {row['Name']}".strip() if row["Name"] != "Aggregated" else "all"
        values = {
            "times": int(row["Request Count"]),
            "failed": int(row["Failure Count"]),
            "a second": float(row["Requests/s"]),
            "median": number_of(row["50%"]),
            "95 %": number_of(row["95%"]),
            "99 %": number_of(row["99%"]),
            "longest": number_of(row["100%"]),
        }
        table.rows.append({"request": name, **values})
    return table


def number_of(text: str) -> float | None:
    return float(text) if text and text != "N/A" else None


def memory_row(samples: Sequence[tuple[float, float]]) -> dict[str, float | None]:
    warm = [(at, mib) for at, mib in samples if at >= WARM_S]
    return {
        "at start": samples[0][1],
        "after warming up": warm[0][1] if warm else None,
        "at the end": samples[-1][1],
        "most": max(mib for _, mib in samples),
        "growth an hour": slope(warm) * 3600 if warm and warm[-1][0] - warm[0][0] >= TREND_S else None,
    }


def slope(samples: Sequence[tuple[float, float]]) -> float:
    """MiB a second, by least squares."""
    at, mib = np.array(samples).T
    return float(np.polyfit(at, mib, 1)[0])


def make_folder(cache: Path, folder: Path, count: int) -> None:
    """`count` pictures of other pixels than any before: photographs with a patch of noise in a corner."""
    folder.mkdir(parents=True)
    photos = choose_photos(cache, None, count)
    for number in range(count):
        with Image.open(photos[number % len(photos)]) as photo:
            picture = photo.convert("RGBA").convert("RGB")
        noise = np.random.default_rng().integers(0, 256, (*PATCH, 3), dtype=np.uint8)
        picture.paste(Image.fromarray(noise), (0, 0))
        what = "genuine ivory figure" if number % IVORY_EVERY == 0 else random.choice(["vase", "figure", "bowl"])  # noqa: S311
        picture.save(folder / f"{what} {number}.jpg", "JPEG", quality=88)


if __name__ == "__main__":
    sys.exit(main())
