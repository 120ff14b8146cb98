"""The whole installation, with a process killed at each step of a picture's way; it is started again, and goes on."""

import json
import os
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from tests.factories import make_user
from tests.faults import deaths
from tests.faults.conftest import draw_pictures
from tests.faults.deaths import STEPS, Step
from tests.faults.hearing import hearing
from tests.faults.wholeness import check_whole
from tests.functional.fleet import PATIENCE_S, Fleet, running_fleet
from tests.scanner.fetch.site import Site, running_site
from tests.servers import PostgresServer, RedisServer, free_port, missing_postgres, missing_redis
from webapp.db import now
from webapp.models import (
    AuditEntry,
    DeliveryState,
    FindingRow,
    FindingState,
    Report,
    ReportDelivery,
    ReportSchedule,
    Role,
    Scan,
    Schedule,
    SealedEntry,
    WebhookDelivery,
)
from webapp.services import report_schedules, sources, tokens, webhooks
from webapp.services.report_schedules import ReportPlan
from webapp.services.tokens import Scope
from webapp.settings import Settings

pytestmark = pytest.mark.full

LISTINGS = 12
PICTURES = 8
HOOKS = str(Path(__file__).with_name("startup"))


@dataclass
class Rounds:
    """One fleet for all steps. Each round is a source of its own, with pictures that nobody has seen."""

    fleet: Fleet
    site: Site
    token: str = ""
    numbers: Iterator[int] = field(default_factory=lambda: count(1))
    heard: list[tuple[str, str]] = field(default_factory=list)

    @property
    def settings(self) -> Settings:
        return self.fleet.settings

    @property
    def deaths(self) -> Path:
        return self.settings.home / "deaths"

    def prepare(self) -> None:
        """A person with a token, and a webhook that wants to hear of everything."""
        with Session(self.fleet.engine) as session:
            user = make_user(session, "mirela", Role.ADMIN)
            _, self.token = tokens.create(session, user, user, "a test", [Scope.REVIEW], 1)
            self.settings.allowed_addresses = [self.site.origin]
            events = [event.value for event in webhooks.EVENTS]
            webhooks.create(session, user, self.settings, "desk", self.site.url("/hook"), events)
            session.commit()

    def go(self, step: Step) -> None:
        """From the due moment to the report, with one death on the way."""
        number = next(self.numbers)
        self.open_shop(number)
        deaths.arm(self.deaths, step) if step.process != "web" else None
        scan_id = self.wait(lambda session: self.scan_of(session, self.make_due(number)))
        self.wait(lambda session: session.get_one(Scan, scan_id, populate_existing=True).state.is_over)
        deaths.arm(self.deaths, step) if step.process == "web" else None
        self.decide(scan_id)
        self.report(number)
        self.wait(self.is_all_done)
        assert not deaths.is_armed(self.deaths, step), f"nobody came to “{step.name}”"

    def open_shop(self, number: int) -> None:
        pictures = self.settings.home / f"pictures-{number}"
        draw_pictures(pictures, PICTURES, seed=number)
        if "shop" in self.fleet.running:
            self.fleet.kill("shop")
        self.fleet.launch("shop", ["shop", "--photos", str(pictures), "--listings", str(LISTINGS)])
        self.wait(lambda _: answers(f"http://127.0.0.1:{self.fleet.shop_port}/robots.txt"))

    def make_due(self, number: int) -> int:
        """The id of a schedule that is due since just now; made at the first call."""
        with Session(self.fleet.engine) as session:
            options = {"start_url": f"http://127.0.0.1:{self.fleet.shop_port}/"}
            source = sources.ensure_source(session, f"Shop {number}", "shop", options)
            made = session.scalar(select(Schedule).where(Schedule.source_id == source.id))
            at = now() - timedelta(seconds=1)
            made = made or Schedule(source_id=source.id, cron="0 3 1 1 *", due_at=at, fires_at=at)
            session.add(made)
            session.commit()
            return made.id

    def scan_of(self, session: Session, schedule_id: int) -> int | None:
        return session.scalar(select(Scan.id).where(Scan.schedule_id == schedule_id))

    def decide(self, scan_id: int) -> None:
        """Again until there is an answer, as a person or a program does; 409: it stands already."""
        with Session(self.fleet.engine) as session:
            mine = FindingRow.scan_id == scan_id, FindingRow.state == FindingState.OPEN
            finding_id = session.scalars(select(FindingRow.id).where(*mine)).first()
        assert finding_id is not None, "nothing was found"
        self.wait(lambda _: self.post(f"/api/v1/findings/{finding_id}/decisions") in (201, 409))

    def post(self, path: str) -> int:
        """The status; 0 where nobody answers."""
        request = urllib.request.Request(  # our own address
            f"http://127.0.0.1:{self.settings.port}{path}",
            json.dumps({"verdict": "confirm"}).encode(),
            {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
                return int(answer.status)
        except urllib.error.HTTPError as error:
            error.close()
            return error.code
        except OSError:
            return 0

    def report(self, number: int) -> None:
        with Session(self.fleet.engine) as session:
            plan = ReportPlan(f"Report {number}", "0 6 * * 1", formats=("csv",), folder="weekly", tells_webhooks=True)
            report_schedules.create(session, plan, None).due_at = now()
            session.commit()
        self.wait(lambda session: session.scalar(select(func.count(Report.id))) == number)

    def is_all_done(self, session: Session) -> bool:
        """Everything was handed over and sealed."""
        waiting = [
            select(table.id).where(table.state == DeliveryState.PENDING) for table in (WebhookDelivery, ReportDelivery)
        ]
        waiting.append(select(AuditEntry.id).where(~AuditEntry.id.in_(select(SealedEntry.entry_id))))
        made = session.scalar(select(func.count(ReportDelivery.id)))
        return made == session.scalar(select(func.count(ReportSchedule.id))) and not any(
            session.scalar(query.limit(1)) for query in waiting
        )

    def wait(self, reached: Callable[[Session], Any]) -> Any:
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            self.fleet.tend()
            try:
                with Session(self.fleet.engine) as session:
                    if result := reached(session):
                        return result
            except SQLAlchemyError:
                pass  # the database is away
            time.sleep(0.1)
        raise AssertionError(f"not reached in {PATIENCE_S:.0f} s:\n{self.fleet.last_words()}")


def answers(address: str) -> bool:
    try:
        urllib.request.urlopen(address, timeout=5).close()  # noqa: S310  # our own address
    except OSError:
        return False
    return True


@pytest.fixture(scope="module", params=["one machine", "servers"])
def rounds(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, default_models: Path
) -> Iterator[Rounds]:
    """SQLite with the queue on disk, and PostgreSQL with Redis."""
    home = tmp_path_factory.mktemp("fleet") / "home"
    shutil.copytree(default_models, home / "models")
    with ExitStack() as stack:
        urls: dict[str, str | None] = {"database_url": None, "broker_url": None}
        if request.param == "servers":
            for why in (missing_postgres(), missing_redis()):
                if why:
                    pytest.skip(why)
            urls = {
                "database_url": stack.enter_context(PostgresServer()).url,
                "broker_url": stack.enter_context(RedisServer()).url,
            }
        site = stack.enter_context(running_site())
        fleet = stack.enter_context(running_fleet(Settings(home=home, port=free_port(), **urls), None, 0))
        yield begin(Rounds(fleet, site))


def variables_of(folder: Path) -> dict[str, str]:
    """Let processes die at the steps that are armed in the folder."""
    path = os.pathsep.join([HOOKS, str(Path(__file__).parents[2])])
    return {"PYTHONPATH": path, deaths.FOLDER: str(folder)}


def begin(rounds: Rounds) -> Rounds:
    fleet, site = rounds.fleet, rounds.site
    allowed = json.dumps([site.origin, f"127.0.0.1:{fleet.shop_port}"])
    fleet.more = variables_of(rounds.deaths) | {"TUSKLINE_ALLOWED_ADDRESSES": allowed}
    site.answers["/hook"] = hearing(rounds.heard)
    rounds.prepare()
    fleet.start("web", "crawler", "scanner", "beat")
    return rounds


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_a_death_of_the_fleet_at(step: Step, rounds: Rounds) -> None:
    before = rounds.fleet.deaths.total()
    rounds.go(step)
    assert rounds.fleet.deaths.total() == before + 1
    with Session(rounds.fleet.engine) as session:
        check_whole(session, rounds.settings)
        told = set(session.scalars(select(WebhookDelivery.key)))
    assert told == {key for _, key in rounds.heard}, "each message arrived, those sent twice under the same key"
