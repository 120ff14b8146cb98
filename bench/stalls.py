"""How long anybody waits for an inference: a ticking thread beside a scan, and people who open the queue meanwhile."""

import http.cookiejar
import itertools
import logging
import re
import tempfile
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from waitress.server import create_server

from bench.harness import Options
from bench.hub_loop import BATCH, THREADS, HubLoop, paddle_network
from bench.pictures import make_pictures
from bench.results import Part, Table, Target, Value
from bench.speed import Variant, open_scanner
from bench.subject import install_subject
from scanner.processes import Processes
from scanner.zoo.registry import InstalledModel
from tests.factories import PASSWORD, make_finding, make_user
from webapp import create_app
from webapp.db import open_engine, session_factory
from webapp.migrations import upgrade
from webapp.settings import Settings
from webapp.warming import warm

MOST_MS = 50.0
TICK_S = 0.001
PAUSE_S = 0.02  # between two requests
NAME, FINDINGS = "bench", 200
PAGE, LIGHT = "/queue", "/health/live"
TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"|value="([^"]+)"[^>]*name="csrf_token"')
TIMEOUT_S = 600

Waits = list[float]  # milliseconds


def run(options: Options) -> Part:
    seconds = 3.0 if options.quick else 20.0
    pictures = make_pictures(options.cache, options.photos, (500,))[500]
    model = install_subject(options.cache, pictures)
    part = Part("stalls", "Waiting beside an inference")
    table = Table(
        "Waits, ms",
        ("who", "beside", "count", "median", "99th", "longest"),
        note="A tick: by how much a thread that sleeps 1 ms overslept, in the process that scans. A page: the queue of "
        "200 findings, from the web server in that same process, asked by another one. A light answer: one that takes "
        "the server no work, so that what is left is waiting.",
    )
    part.tables.append(table)
    with serve_pages() as address, open_scanner(Variant(model)) as classify:
        classify(pictures)
        warm()
        idle = watch(address, seconds, None)
        busy = watch(address, seconds, lambda: classify(pictures))
    for beside, (ticks, pages, light) in (("nothing", idle), ("a scan", busy)):
        named = {"a tick": ticks, "a page": pages, "a light answer": light}
        table.rows += [show_waits(who, beside, waits) for who, waits in named.items()]
    table.rows.append(show_waits("a tick", "PaddleHub's loop in its process", hub_ticks(model, pictures, seconds)))
    pages_wait = max(busy[1]) - float(np.median(idle[1]))
    why = f"with nothing beside it the longest was {max(idle[0]):.0f} ms"
    part.targets.append(Target("longest wait of a thread beside a scan", MOST_MS, max(busy[0]), "at most", "ms", why))
    why = f"longer than the median with nothing beside it; the longest of those was {max(idle[1]):.0f} ms in all"
    part.targets.append(Target("longest wait of a page beside a scan", MOST_MS, pages_wait, "at most", "ms", why))
    return part


def show_waits(who: str, beside: str, waits: Sequence[float]) -> dict[str, Value]:
    median, late = (float(one) for one in np.percentile(waits, (50, 99)))
    return {"who": who, "beside": beside, "count": len(waits), "median": median, "99th": late, "longest": max(waits)}


def watch(address: str, seconds: float, work: Callable[[], object] | None) -> tuple[Waits, Waits, Waits]:
    """Ticks of this process, and pages and light answers that another one asks for, while `work` is done."""
    over = threading.Event()
    with Processes(1) as visitor, ticking() as ticks:
        asked = visitor.run(ask_pages, address, seconds, timeout_s=TIMEOUT_S)
        asked.add_done_callback(lambda _: over.set())
        while work is not None and not over.is_set():
            work()
        pages, light = asked.result()
        return list(ticks), pages, light


@contextmanager
def ticking() -> Iterator[Waits]:
    """Sleep and wake, and note how much later that was than asked for."""
    ticks: Waits = []
    over = threading.Event()

    def tick() -> None:
        while not over.is_set():
            began = time.perf_counter()
            time.sleep(TICK_S)
            ticks.append(1000 * (time.perf_counter() - began - TICK_S))

    thread = threading.Thread(target=tick, name="ticks")
    thread.start()
    try:
        yield ticks
    finally:
        over.set()
        thread.join()


@contextmanager
def serve_pages() -> Iterator[str]:
    """The web pages over an installation with some findings; what is given is their address."""
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(home=Path(folder), database_url=None, broker_url=None)
        engine = open_engine(settings.sqlalchemy_url)
        upgrade(engine)
        with session_factory(engine)() as session:
            make_user(session, NAME)
            for _ in range(FINDINGS):
                make_finding(session)
            session.commit()
        app = create_app(settings)
        server = create_server(app, host="127.0.0.1", port=0, threads=4, ident=None)
        thread = threading.Thread(target=server.run, name="pages")
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.effective_port}"
        finally:
            server.task_dispatcher.shutdown()
            server.trigger.pull_trigger(lambda: server.asyncore.close_all(server._map))
            thread.join(timeout=10)
            app.extensions["tuskline"].engine.dispose()
            engine.dispose()


# What follows runs in the visitor's process.
def ask_pages(address: str, seconds: float) -> tuple[Waits, Waits]:
    """Sign in, open the page and ask for the light answer for so long, and say how long each took."""
    jar = http.cookiejar.CookieJar()
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
    found = TOKEN.search(browser.open(f"{address}/sign-in").read().decode())
    if found is None:
        raise RuntimeError("the page to sign in has no form")
    fields = {"csrf_token": found[1] or found[2], "name": NAME, "password": PASSWORD}
    browser.open(f"{address}/sign-in", urllib.parse.urlencode(fields).encode()).read()
    waits: dict[str, Waits] = {PAGE: [], LIGHT: []}
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        for path, taken in waits.items():
            began = time.perf_counter()
            with browser.open(address + path) as answer:
                answer.read()
            taken.append(1000 * (time.perf_counter() - began))
            if answer.url != address + path:
                raise RuntimeError(f"{path} led to {answer.url}")
            time.sleep(PAUSE_S)
    return waits[PAGE], waits[LIGHT]


def hub_ticks(model: InstalledModel, pictures: Sequence[Path], seconds: float) -> Waits:
    """Ticks of a thread beside PaddleHub's loop, which runs its network in the process that asks."""
    with Processes(1) as process:
        ticks: Waits = process.run(tick_beside_hub, model, list(pictures), seconds, timeout_s=TIMEOUT_S).result()
        return ticks


def tick_beside_hub(model: InstalledModel, pictures: Sequence[Path], seconds: float) -> Waits:
    """Runs in a process of its own."""
    loop = HubLoop(paddle_network(model, THREADS), model.labels())
    batches = itertools.cycle([pictures[start : start + BATCH] for start in range(0, len(pictures), BATCH)])
    loop.classify(next(batches), BATCH)
    with ticking() as ticks:
        until = time.perf_counter() + seconds
        while time.perf_counter() < until:
            loop.classify(next(batches), BATCH)
        return list(ticks)
