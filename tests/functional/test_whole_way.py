"""The main job on real input: `tuskline run --once` crawls a shop of real photographs with the real default model."""

import csv
import io
import json
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from markupsafe import escape
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from tests.factories import make_user
from webapp import create_app
from webapp.db import open_engine
from webapp.models import AuditEntry, FindingRow, FindingState, PhotoRow, Role, Scan, ScanState, ScoreRow
from webapp.samples.photos import prepare_photos
from webapp.settings import Settings

LISTINGS = 120
TUSKLINE = str(Path(sys.executable).with_name("tuskline"))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def photographs(pytestconfig: pytest.Config) -> Path:
    """The sample photographs, kept in pytest's cache."""
    folder = Path(pytestconfig.cache.mkdir("samples")) / "photographs"
    if prepare_photos(folder).notice is not None:
        shutil.rmtree(folder)
        pytest.skip("Debian's package of photographs can't be had here, and no model flags drawings")
    return folder


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, default_models: Path, photographs: Path) -> Path:
    home = tmp_path_factory.mktemp("whole") / "home"
    shutil.copytree(default_models, home / "models")
    settings = Settings(home=home)
    shutil.copytree(photographs, settings.samples_dir)
    return home


@pytest.fixture(scope="module")
def ports() -> list[str]:
    """The same for every run: a shop on another port is another shop."""
    return ["--port", str(free_port()), "--shop-port", str(free_port())]


def run_once(home: Path, ports: list[str]) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "TUSKLINE_HOME": str(home), "HUB_HOME": str(home / "no-hub"), "PYTHONUTF8": "1"}
    command = [TUSKLINE, "run", "--once", "--listings", str(LISTINGS), *ports]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240, check=False)


@pytest.fixture(scope="module")
def first_run(home: Path, ports: list[str]) -> subprocess.CompletedProcess[str]:
    done = run_once(home, ports)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.fixture
def session(home: Path, first_run: subprocess.CompletedProcess[str]) -> Iterator[Session]:
    assert first_run.returncode == 0
    engine = open_engine(Settings(home=home).sqlalchemy_url)
    with Session(engine) as session:
        yield session
    engine.dispose()


@pytest.fixture
def client(home: Path, first_run: subprocess.CompletedProcess[str]) -> FlaskClient:
    """Signed in with the name and password that the first run printed."""
    client = create_app(Settings(home=home)).test_client()
    password = re.search(r"password\W+(\S+)", first_run.stdout, re.IGNORECASE)
    assert password is not None, first_run.stdout
    page = client.get("/sign-in").text
    answer = client.post("/sign-in", data={"name": "admin", "password": password[1], "csrf_token": token_on(page)})
    assert answer.status_code == 302
    return client


def token_on(page: str) -> str:
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    assert found is not None
    return found[1]


def test_the_terminal_says_what_was_flagged_by_which_model(first_run: subprocess.CompletedProcess[str]) -> None:
    said = first_run.stdout
    assert "elephant" in said and "tiger" in said and "pplcnetv2_base_imagenet" in said
    assert "resnet50_vd_wildanimals is not installed" in said


def test_the_scan_saw_every_listing_and_survived_the_broken_pictures(session: Session) -> None:
    (scan,) = session.scalars(select(Scan))
    assert scan.state is ScanState.DONE and scan.listings_seen == LISTINGS
    assert scan.photos_failed == 3 and scan.photos_scored > LISTINGS
    assert scan.primary_absent and scan.models[0]["name"] == "wildlife_starter"


def test_animals_are_flagged_by_their_pictures_and_few_others(session: Session) -> None:
    by_picture = session.scalars(select(FindingRow).where(FindingRow.score.is_not(None))).all()
    assert {finding.concept for finding in by_picture} == {"elephant", "tiger"}
    assert all(finding.score >= finding.threshold for finding in by_picture)
    photos = session.scalar(select(func.count()).select_from(PhotoRow)) or 0
    assert len(by_picture) < photos / 10
    assert session.scalar(select(FindingRow.id).where(FindingRow.concept == "ivory", FindingRow.score.is_(None)))


def test_a_reviewer_sees_picture_scores_threshold_reason_and_listing(client: FlaskClient, session: Session) -> None:
    finding = session.scalars(select(FindingRow).where(FindingRow.rule == "elephant_seen")).first()
    assert finding is not None and finding.photo is not None
    page = client.get(f"/findings/{finding.id}").text
    for expected in (finding.photo.sha256, "0.30", f"{finding.score:.2f}", "elephant_seen", "Not seen by this model"):
        assert expected in page
    assert escape(finding.listing.title) in page and "resnet50_vd_wildanimals" in page
    assert client.get(f"/photos/{finding.photo.sha256}/view").mimetype == "image/jpeg"


def test_a_decision_is_recorded_audited_and_reported(client: FlaskClient, session: Session, home: Path) -> None:
    finding_id = session.scalars(select(FindingRow.id).where(FindingRow.rule == "tiger_seen")).first()
    address = f"/findings/{finding_id}"
    form = {
        "verdict": "confirm",
        "note": "=SUM(1) tiger, asked the seller",
        "csrf_token": token_on(client.get(address).text),
    }
    assert client.post(address, data=form).status_code == 302
    session.expire_all()
    assert session.get_one(FindingRow, finding_id).state is FindingState.CONFIRMED
    (entry,) = session.scalars(select(AuditEntry).where(AuditEntry.action == "decision.confirm"))
    assert entry.actor == "admin" and entry.subject == f"finding:{finding_id}"
    for style in ("csv", "json"):
        report = subprocess.run(
            [TUSKLINE, "report", "--format", style],
            env={**os.environ, "TUSKLINE_HOME": str(home)},
            capture_output=True,
            check=True,
        )
        check_report(style, report.stdout.decode("utf-8"), session)


def check_report(style: str, text: str, session: Session) -> None:
    findings = session.scalar(select(func.count()).select_from(FindingRow))
    if style == "json":
        content = json.loads(text)
        assert len(content["findings"]) == findings
        assert "suspicion" in text and "pplcnetv2_base_imagenet" in text
        return
    rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))
    assert len(rows) == findings
    noted = [value for row in rows for value in row.values() if "asked the seller" in value]
    assert noted and not noted[0].startswith("=")


def test_a_raised_threshold_is_proposed_then_put_into_force_and_the_queue_follows(
    client: FlaskClient, session: Session
) -> None:
    from webapp.services import rules, shadow

    address = "/rules/elephant_seen"
    names = re.findall(r'name="threshold"[^>]*value="(\w+)"', client.get(address).text)
    data = {"threshold": names[0], "value": "0.999", "reason": "too many figurines"}
    data["csrf_token"] = token_on(client.get(address).text)
    assert client.post(address, data={**data, "step": "propose"}).status_code == 302
    shadow.promote(session, make_user(session, "second", Role.LEAD), "wildlife", 1)
    session.commit()
    rules.apply_pack(session, rules.current_pack(session, "wildlife"))
    session.commit()
    states = session.scalars(select(FindingRow.state).where(FindingRow.rule == "elephant_seen")).all()
    assert FindingState.OPEN not in states and FindingState.WITHDRAWN in states


def test_a_second_run_goes_on_from_the_same_data_and_scores_nothing_again(
    home: Path, session: Session, ports: list[str]
) -> None:
    scores = session.scalar(select(func.count()).select_from(ScoreRow))
    findings = session.scalar(select(func.count()).select_from(FindingRow))
    done = run_once(home, ports)
    assert done.returncode == 0, done.stdout + done.stderr
    session.expire_all()
    assert session.scalar(select(func.count()).select_from(ScoreRow)) == scores
    assert session.scalar(select(func.count()).select_from(FindingRow)) == findings
    last = session.scalars(select(Scan).order_by(Scan.id.desc())).first()
    assert last is not None and last.photos_scored == 0 and last.findings_opened == 0
