"""The pages, served on loopback, and a real Chromium in front of them."""

import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright
from sqlalchemy.orm import Session
from waitress.server import create_server

from tests.factories import PASSWORD, make_user
from webapp import create_app
from webapp.db import open_engine, session_factory
from webapp.migrations import upgrade
from webapp.models import Role
from webapp.services import rechecks
from webapp.settings import Settings

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
# No sandbox: containers that run tests allow none. The rest keeps the browser from calling its maker.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@dataclass
class Site:
    """address: where the pages are; session: the database behind them."""

    address: str
    session: Session
    settings: Settings


@dataclass
class Visitor:
    """A signed-in person at the keyboard; complaints: what the browser's console said."""

    page: Page
    address: str
    complaints: list[str] = field(default_factory=list)

    def open(self, path: str) -> None:
        self.page.goto(self.address + path, wait_until="load")

    def wait_for(self, selector: str) -> None:
        """Until the page has such an element: asked at each frame, where Playwright's own waiting sleeps in between."""
        self.page.wait_for_function("selector => document.querySelector(selector)", arg=selector)

    def note(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{self.page.url}: {message.text}")


@pytest.fixture(autouse=True)
def _no_second_look_by_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of what people decide in a test nothing is drawn for a second look, unless the test draws itself."""
    monkeypatch.setattr(rechecks, "draw", lambda: 1.0)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    settings = Settings(home=tmp_path / "home", database_url=None, broker_url=None)
    settings.home.mkdir()
    engine = open_engine(settings.sqlalchemy_url)
    upgrade(engine)
    app = create_app(settings)
    server = create_server(app, host="127.0.0.1", port=0, threads=4, ident=None)
    thread = threading.Thread(target=server.run, name="pages")
    thread.start()
    with session_factory(engine)() as session:
        yield Site(f"http://127.0.0.1:{server.effective_port}", session, settings)
    stop(server, thread)
    app.extensions["tuskline"].engine.dispose()
    engine.dispose()


def stop(server, thread: threading.Thread) -> None:  # type: ignore[no-untyped-def]
    server.task_dispatcher.shutdown()
    server.trigger.pull_trigger(lambda: server.asyncore.close_all(server._map))
    thread.join(timeout=10)
    assert not thread.is_alive()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed: `apt-get install chromium` gives it")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


Enter = Callable[..., Visitor]


@pytest.fixture
def enter(site: Site, browser: Browser) -> Iterator[Enter]:
    """Sign a person in who looks at `path`; each has a browser of their own."""
    contexts: list[BrowserContext] = []

    def enter(name: str, path: str, role: Role = Role.REVIEWER, **options: object) -> Visitor:
        make_user(site.session, name, role)
        site.session.commit()
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **options})  # type: ignore[arg-type]
        contexts.append(context)
        page = context.new_page()
        person = Visitor(page, site.address)
        page.on("console", person.note)
        page.on("pageerror", lambda error: person.complaints.append(f"{page.url}: {error}"))
        person.open(f"/sign-in?next={path}")
        page.get_by_label("Name").fill(name)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(lambda url: "/sign-in" not in url)
        return person

    yield enter
    for context in contexts:
        context.close()


@pytest.fixture
def visitor(enter: Enter) -> Visitor:
    """An admin, signed in through the page."""
    return enter("mirela", "/queue", Role.ADMIN)
