"""The models pages in a real browser, over the real default model and the queue's own work."""

import io
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import expect

from scanner.zoo.catalogue import DEFAULT, PRIMARY
from tests.factories import make_job
from tests.functional.conftest import Site, Visitor
from tests.functional.test_pages import UNLABELLED
from tests.webapp.services.zoo import place_model
from tests.webapp.views.test_models import FIGURES
from tests.webapp.views.test_trials import make_try
from webapp.models import Job, JobKind, JobState
from webapp.services import jobs
from webapp.services.workshop import FAILURES, WORKS

pytestmark = pytest.mark.browser


@pytest.fixture
def pages(site: Site) -> list[str]:
    """Every page of the models, with something on each."""
    place_model(site.settings.models_dir, figures=FIGURES)
    place_model(site.settings.models_dir, "our_head", own=True, source="long" * 60)
    make_job(
        site.session, JobKind.INSTALL, PRIMARY, state=JobState.RUNNING, bytes_done=1, bytes_total=2, note="long" * 60
    )
    failed = make_job(site.session, state=JobState.FAILED, note="It failed. " + "long" * 60)
    tried = make_try(site.session, site.settings, "mirela")
    fixed = ["/models", f"/models/{DEFAULT}", "/models/our_head", f"/models/{PRIMARY}"]
    return [*fixed, f"/jobs/{failed.id}", f"/tries/{tried.id}"]


@pytest.mark.parametrize("width", [360, 1280, 3840])
def test_no_page_of_the_models_scrolls_sideways_or_complains(visitor: Visitor, pages: list[str], width: int) -> None:
    visitor.page.set_viewport_size({"width": width, "height": 800})
    wide = []
    for path in pages:
        visitor.open(path)
        if visitor.page.evaluate("document.documentElement.scrollWidth") > width:
            wide.append(path)
        assert visitor.page.locator("h1").count() == 1, path
        assert visitor.page.evaluate(UNLABELLED) == [], path
    assert wide == []
    assert visitor.complaints == []


def test_a_running_install_is_followed_until_it_is_over(site: Site, visitor: Visitor) -> None:
    running = {"state": JobState.RUNNING, "bytes_done": 10_000_000, "bytes_total": 67_000_000}
    job = make_job(site.session, JobKind.INSTALL, **running)
    site.session.commit()
    visitor.open("/models")
    expect(visitor.page.get_by_text("10.0 MB of 67.0 MB")).to_be_visible()
    job.bytes_done, job.note = 40_000_000, "downloading the second half"
    site.session.commit()
    expect(visitor.page.get_by_text("40.0 MB of 67.0 MB")).to_be_visible(timeout=8000)
    expect(visitor.page.get_by_text("downloading the second half")).to_be_visible()
    job.state, job.holds, job.note = JobState.FAILED, None, "The server went away."
    site.session.commit()
    expect(visitor.page.get_by_text("The server went away.")).to_be_visible(timeout=8000)
    assert visitor.complaints == []


def test_a_model_is_removed_only_after_a_second_look(site: Site, visitor: Visitor) -> None:
    place_model(site.settings.models_dir)
    visitor.open(f"/models/{DEFAULT}")
    button = visitor.page.get_by_role("button", name="Remove it")
    expect(button).to_be_hidden()
    visitor.page.get_by_text("Remove …").press("Enter")
    button.click()
    expect(visitor.page.get_by_text("Waiting for a worker.")).to_be_visible()
    assert [(job.kind, job.model) for job in site.session.query(Job)] == [(JobKind.REMOVE, DEFAULT)]


@pytest.mark.weights
def test_a_model_is_installed_checked_and_tried_on_its_page(
    site: Site, visitor: Visitor, default_models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a person does it, with real weights (found where `hub install` leaves them) and a real network."""
    monkeypatch.setenv("HUB_HOME", str(tmp_path / "hub"))
    shutil.copytree(default_models / DEFAULT, tmp_path / "hub" / "modules" / DEFAULT)
    page = visitor.page
    with worker(site):
        visitor.open(f"/models/{DEFAULT}")
        page.get_by_role("button", name="Install").click()
        expect(page.get_by_text("speaks first", exact=True)).to_be_visible(timeout=60_000)
        page.get_by_role("button", name="Check its files").click()
        expect(page.get_by_role("row", name="Check").get_by_text("done")).to_be_visible(timeout=60_000)
        page.get_by_label("Picture").set_input_files(
            files=[{"name": "grey.png", "mimeType": "image/png", "buffer": grey()}]
        )
        page.get_by_role("button", name="Try it").click()
        page.wait_for_url("**/tries/*")
        expect(page.get_by_text("Rules that would flag it")).to_be_visible(timeout=60_000)
    expect(page.get_by_role("img", name="The picture that was tried")).to_be_visible()
    expect(page.get_by_text("None, on the picture alone.")).to_be_visible()
    assert page.locator(".labels li").count() == 5
    assert [(job.kind, job.state) for job in site.session.query(Job).order_by(Job.id)] == [
        (kind, JobState.DONE) for kind in (JobKind.INSTALL, JobKind.VERIFY, JobKind.TRY)
    ]
    assert visitor.complaints == []


def grey() -> bytes:
    body = io.BytesIO()
    Image.new("RGB", (300, 200), "#888888").save(body, "PNG")
    return body.getvalue()


@contextmanager
def worker(site: Site) -> Iterator[None]:
    """Does what is noted in the database, as the tick lets a worker do it where messages are lost."""
    over = threading.Event()

    def work() -> None:
        while not over.wait(0.1):
            with type(site.session)(site.session.get_bind()) as session:
                waiting = [job.id for job in jobs.unfinished(session).values() if job.state is JobState.QUEUED]
                session.rollback()
                for job_id in waiting:
                    jobs.run(session, job_id, site.settings, "test:1", WORKS, failures=FAILURES)

    thread = threading.Thread(target=work, name="worker")
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
