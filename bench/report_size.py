"""Is a report of 10,000 findings with pictures in bounds? python bench/report_size.py [FEW MANY]

Builds reports of FEW and of MANY findings (1,000 and 10,000 unless told), each with a picture of its own, and writes
each in every format, pictures blurred; prints seconds, the size of the file, and the largest sum over all processes of
their proportional set size, at both sizes and as a ratio. Building and each format run in a process of their own.
"""

import hashlib
import io
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
from memory import family, read_mib  # the benchmark beside this one
from PIL import Image
from sqlalchemy import insert

from webapp.db import now, one_moment, open_engine, session_factory
from webapp.exporters import FORMATS
from webapp.migrations import upgrade
from webapp.models import Appearance, FindingRow, FindingState, ListingRow, PhotoRow, Scan, ScanState, ScoreRow, Source
from webapp.services import photos, report_files, reports
from webapp.services.freezing import Wanted
from webapp.services.report_files import Style
from webapp.settings import Settings

BATCH = 1_000
SOURCES, SELLERS = 5, 300
CONCEPTS = ("ivory", "elephant", "tiger_skin", "pangolin_scale")
STATES = (FindingState.OPEN, FindingState.CONFIRMED, FindingState.DISMISSED)
MODEL, DIGEST = "a_model", "d" * 64
REASONS: dict[str, Any] = {"kind": "score", "met": True, "facts": {"concept": "ivory", "score": 0.9}, "children": []}
BUILD = "building"


@dataclass
class Cost:
    """peak_mib: of all processes together; size_bytes: of what came of it."""

    seconds: float = 0.0
    peak_mib: float = 0.0
    size_bytes: int = 0


def settings_of(home: Path) -> Settings:
    return Settings(home=home, database_url=None, broker_url=None)


def picture(number: int) -> bytes:
    """A small JPEG like no other."""
    coarse = np.random.default_rng(number).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    body = io.BytesIO()
    Image.fromarray(coarse).resize((320, 240), Image.Resampling.BICUBIC).save(body, "JPEG", quality=75)
    return body.getvalue()


def fill(settings: Settings, count: int) -> None:
    """A listing, a picture, its score and a finding for each number from 1 on."""
    engine = open_engine(settings.sqlalchemy_url)
    upgrade(engine)
    with session_factory(engine)() as session:
        session.add_all(Source(name=f"Source {number}", kind="shop") for number in range(SOURCES))
        session.flush()
        spoke = [{"name": MODEL, "digest": DIGEST, "role": "fallback", "source": "a benchmark"}]
        session.add(Scan(source_id=1, state=ScanState.DONE, finished_at=now(), models=spoke))
        session.commit()
    for start in range(1, count + 1, BATCH):
        rows = [rows_of(settings, number) for number in range(start, min(start + BATCH, count + 1))]
        with engine.begin() as connection:
            for table, made in zip(
                (ListingRow, PhotoRow, Appearance, ScoreRow, FindingRow), zip(*rows, strict=True), strict=True
            ):
                connection.execute(insert(table), list(made))
    engine.dispose()


def rows_of(settings: Settings, number: int) -> tuple[dict[str, Any], ...]:
    body = picture(number)
    sha256 = hashlib.sha256(body).hexdigest()
    path = settings.home / photos.name_of(sha256)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body)
    url, seller, source_id = f"http://shop.example/{number}", f"seller {number % SELLERS}", number % SOURCES + 1
    concept, state, at = CONCEPTS[number % 4], STATES[number % 3], now() - timedelta(days=number % 28)
    where = {"source_id": source_id, "seller": seller}
    listing = {"id": number, "url": url, "title": f"Carved figure {number} 象牙", "description": "Old. " * 40, **where}
    photo = {"id": number, "sha256": sha256, "size_bytes": len(body), "media_type": "image/jpeg"}
    shown = {"listing_id": number, "photo_id": number, "url": f"{url}.jpg", "position": 0}
    labels = [["a label", 0.7], ["another", 0.2]]
    score = {
        "photo_id": number,
        "model": MODEL,
        "model_digest": DIGEST,
        "by_concept": {concept: 0.9},
        "top_labels": labels,
    }
    finding = {
        "id": number, "listing_id": number, "photo_id": number, "scan_id": 1, "appearance_key": f"{number}:{number}",
        "rule": f"{concept}_seen", "rule_version": 1, "pack_digest": "0" * 64, "title": f"Suspected {concept}",
        "concept": concept, "severity": "high", "state": state, "threshold": 0.5, "score": 0.9, "model": MODEL,
        "model_digest": DIGEST, "primary_absent": True, "priority": 3.0, "why": f"{concept} 0.90 reached 0.50",
        "reasons": REASONS, "found_at": at, **where,
    }  # fmt: skip
    return listing, photo, shown, score, finding


def work(home: Path, what: str) -> None:
    """One step, in a process of its own; prints the size of what came of it."""
    settings = settings_of(home)
    engine = open_engine(settings.sqlalchemy_url)
    with session_factory(engine)() as session:
        if what == BUILD:
            wanted = Wanted(now() - timedelta(days=400), now() + timedelta(days=1), "A benchmark")
            with one_moment(engine) as reading:
                made: Any = reports.build(session, settings, wanted, None, reading=reading)
        else:
            made = report_files.write_file(session, settings, reports.list_reports(session)[0], Style(what))
        session.commit()
        print(made.size_bytes)
    engine.dispose()


def measure(home: Path, what: str) -> Cost:
    cost, began = Cost(), time.monotonic()
    program = [sys.executable, __file__, "--work", str(home), what]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as child:
        watcher = threading.Thread(target=watch, args=(child, cost))
        watcher.start()
        said, _ = child.communicate()
        watcher.join()
    if child.returncode:
        raise SystemExit(f"{what} failed")
    cost.seconds, cost.size_bytes = time.monotonic() - began, int(said)
    return cost


def watch(child: "subprocess.Popen[str]", cost: Cost) -> None:
    while child.poll() is None:
        cost.peak_mib = max(cost.peak_mib, sum(read_mib(pid, "smaps_rollup", "Pss:") for pid in family(child.pid)))
        time.sleep(0.2)


def measure_all(count: int) -> dict[str, Cost]:
    with tempfile.TemporaryDirectory(prefix="tuskline-bench-") as home:
        fill(settings_of(Path(home)), count)
        return {what: measure(Path(home), what) for what in (BUILD, *FORMATS)}


def main() -> None:
    few, many = (int(word) for word in sys.argv[1:3]) if len(sys.argv) > 2 else (1_000, 10_000)
    small, large = measure_all(few), measure_all(many)
    print(f"{'':10} {few:>24,} {many:>28,} {'ratio':>20}")
    for what, cost in large.items():
        before = small[what]
        print(f"{what:10} {words(before)}    {words(cost)}    {ratio(cost, before)}")


def words(cost: Cost) -> str:
    return f"{cost.seconds:6.1f} s {cost.peak_mib:6.0f} MiB {cost.size_bytes / 1e6:6.1f} MB"


def ratio(cost: Cost, before: Cost) -> str:
    return f"time {cost.seconds / before.seconds:5.1f}, memory {cost.peak_mib / before.peak_mib:4.2f}"


if __name__ == "__main__":
    if sys.argv[1:2] == ["--work"]:
        work(Path(sys.argv[2]), sys.argv[3])
    else:
        main()
