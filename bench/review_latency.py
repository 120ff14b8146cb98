"""How long a reviewer waits: from the key to the next item shown, in Chromium, with a full queue behind it.

    python bench/review_latency.py [FINDINGS] [ITEMS]

Loads FINDINGS (100,000) open findings into a SQLite of their own, opens the queue, and decides ITEMS (40) of them by
keyboard. A moment counts as shown once the next item is in the page and the browser has painted it. The first figure
is for a person who looks at an item for a second before they decide, the second for one who decides at once.
"""

import hashlib
import io
import logging
import statistics
import sys
import tempfile
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Page, sync_playwright
from sqlalchemy import Engine, insert
from waitress.server import create_server

from tests.factories import MODEL, MODEL_DIGEST, PACK_DIGEST, PASSWORD, SCORED, make_scan, make_source, make_user
from tests.functional.conftest import ARGUMENTS, CHROMIUM
from webapp import create_app
from webapp.db import open_engine, session_factory
from webapp.migrations import upgrade
from webapp.models import Appearance, FindingRow, ListingRow, PhotoRow, ScoreRow
from webapp.services import photos
from webapp.settings import Settings
from webapp.storage import open_store

BATCH = 5_000
PICTURED = 200  # of the first findings: each with a picture of its own in the store
LOOKED_AT_MS = 1_000
MEASURE = """
() => new Promise((resolve) => {
  const from = document.querySelector("[data-item]").dataset.item;
  const began = performance.now();
  const seen = () => {
    const now = document.querySelector("[data-item]");
    if (!now || now.dataset.item === from) return requestAnimationFrame(seen);
    requestAnimationFrame(() => setTimeout(() => resolve(performance.now() - began)));
  };
  document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "c", bubbles: true, cancelable: true }));
  seen();
})
"""


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    items = int(sys.argv[2]) if len(sys.argv) > 2 else 40
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(home=Path(folder), database_url=None, broker_url=None)
        engine = open_engine(settings.sqlalchemy_url)
        upgrade(engine)
        fill(engine, settings, count)
        logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # a browser asks for many things at once
        server = create_server(create_app(settings), host="127.0.0.1", port=0, threads=4, ident=None)
        threading.Thread(target=server.run, daemon=True).start()
        print(f"{count:,} open findings, {items} decided in each run")
        measure(f"http://127.0.0.1:{server.effective_port}", items)


def fill(engine: Engine, settings: Settings, count: int) -> None:
    with session_factory(engine)() as session:
        make_user(session, "bench")
        source = make_source(session, "Bench")
        scan = make_scan(session, source)
        session.commit()
        for first in range(0, count, BATCH):
            numbers = range(first + 1, min(first + BATCH, count) + 1)
            for model, rows in tables(numbers, source.id, scan.id, settings).items():
                session.execute(insert(model), rows)
            session.commit()


def tables(numbers: range, source_id: int, scan_id: int, settings: Settings) -> dict[Any, list[dict[str, Any]]]:
    listings, pictures, shown, scores, findings = [], [], [], [], []
    for number in numbers:
        seller = f"seller {number % 5000}"
        words = {"title": f"Carving {number}", "description": "Old ivory figure, no papers. " * 8, "seller": seller}
        listings.append({"id": number, "source_id": source_id, "url": f"http://127.0.0.1/{number}", **words})
        body = picture(number) if number <= PICTURED else f"{number}".encode()
        if number <= PICTURED:
            photos.store(open_store(settings), body)
        sha256 = hashlib.sha256(body).hexdigest()
        size = {"width_px": 1200, "height_px": 900, "media_type": "image/jpeg"}
        pictures.append({"id": number, "sha256": sha256, "size_bytes": len(body), **size})
        shown.append({"listing_id": number, "photo_id": number, "url": f"http://127.0.0.1/{number}.jpg"})
        said = {"by_concept": {"elephant": 0.91, "tiger": 0.02}, "top_labels": []}
        scores.append({"photo_id": number, "model": MODEL, "model_digest": MODEL_DIGEST, **said})
        findings.append(finding_of(number, source_id, scan_id, seller))
    return {ListingRow: listings, PhotoRow: pictures, Appearance: shown, ScoreRow: scores, FindingRow: findings}


def finding_of(number: int, source_id: int, scan_id: int, seller: str) -> dict[str, Any]:
    return {
        **SCORED,
        "appearance_key": f"{number}:{number}",
        "listing_id": number,
        "photo_id": number,
        "scan_id": scan_id,
        "source_id": source_id,
        "seller": seller,
        "rule": "elephant_seen",
        "rule_version": 1,
        "pack_digest": PACK_DIGEST,
        "title": "Suspected elephant in the picture",
        "concept": "elephant",
        "severity": "medium",
        "priority": 4.0 - number / 1_000_000,
        "found_at": datetime.now(UTC),
    }


def picture(number: int) -> bytes:
    body = io.BytesIO()
    Image.effect_noise((1200, 900), 40 + number % 60).convert("RGB").save(body, "JPEG", quality=80)
    return body.getvalue()


def measure(address: str, items: int) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(f"{address}/sign-in?next=/queue/next")
        page.get_by_label("Name").fill("bench")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        for words, pause_ms in (("looked at for a second", LOOKED_AT_MS), ("decided at once", 0)):
            report(words, [one_item(page, pause_ms) for _ in range(items)])
        browser.close()


def one_item(page: Page, pause_ms: int) -> float:
    """Milliseconds from the key to the next item painted."""
    page.wait_for_selector("[data-item][data-ready]")
    page.wait_for_timeout(pause_ms)
    return float(page.evaluate(MEASURE))


def report(words: str, took_ms: list[float]) -> None:
    ordered = sorted(took_ms)
    slow = ordered[int(len(ordered) * 0.95)]
    print(
        f"{words}: median {statistics.median(ordered):.0f} ms, 95 % within {slow:.0f} ms, slowest {ordered[-1]:.0f} ms"
    )


if __name__ == "__main__":
    main()
