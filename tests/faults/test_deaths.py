"""Killed at each step of the way of one picture: whoever comes next does what is left, and nothing twice."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from tests.factories import make_source, make_user
from tests.faults import deaths
from tests.faults.acting import Actor
from tests.faults.deaths import STEPS, Step
from tests.faults.hearing import hearing
from tests.faults.wholeness import check_whole
from tests.scanner.fetch.site import Site
from webapp.db import now
from webapp.models import (
    FindingRow,
    FindingState,
    Job,
    Report,
    ReportDelivery,
    ReportSchedule,
    Role,
    Scan,
    ScanPhoto,
    ScanState,
    Schedule,
    WebhookDelivery,
)
from webapp.services import claims, jobs, report_schedules, scans, webhooks
from webapp.services.report_schedules import ReportPlan
from webapp.settings import Settings

ACTED = [step for step in STEPS if not step.alone]
DAY = timedelta(days=1)
TURNS = 8


class Team:
    """Workers, a beat and a person, each deed of theirs in a process of its own, until a picture's way is done."""

    def __init__(self, session: Session, settings: Settings, actor: Actor) -> None:
        self.session, self.settings, self.actor = session, settings, actor
        self.user = make_user(session, "mirela", Role.ADMIN)
        self.killed = 0

    def prepare(self, site: Site) -> None:
        """A source whose schedule is due, a webhook that wants to hear of everything, and a report schedule."""
        source = make_source(self.session)
        at = now() - timedelta(seconds=5)
        self.session.add(Schedule(source_id=source.id, cron="0 3 * * *", due_at=at, fires_at=at))
        self.settings.allowed_addresses = [site.origin]
        webhooks.create(
            self.session,
            self.user,
            self.settings,
            "desk",
            site.url("/hook"),
            [event.value for event in webhooks.EVENTS],
        )
        plan = ReportPlan("Weekly", "0 6 * * 1", formats=("csv", "json"), folder="weekly", tells_webhooks=True)
        self.schedule = report_schedules.create(self.session, plan, self.user)
        self.session.commit()

    def act(self, deed: str, **what: Any) -> None:
        """Again until nobody dies at it. What the dead left is free once its leases have passed."""
        self.session.rollback()
        for _ in range(TURNS):
            if self.actor.act(deed, **what):
                return
            self.killed += 1
            self.let_leases_pass()
        raise AssertionError(f"{deed} killed {TURNS} processes")

    def let_leases_pass(self) -> None:
        """As if the time had gone by; then the ticks that look for what dead workers left."""
        long_ago = {"lease_until": now() - timedelta(seconds=1)}
        for table in (Scan, Job, ScanPhoto, WebhookDelivery, ReportDelivery):
            self.session.execute(update(table).where(table.lease_until.is_not(None)).values(**long_ago))
        for table in (Job, ScanPhoto):  # else what kills three workers would be given up, and rightly so
            self.session.execute(update(table).where(table.attempts > 1).values(attempts=1))
        scans.reconcile(self.session, self.settings)
        jobs.reconcile(self.session, self.settings)
        self.session.commit()

    def go_all_the_way(self) -> None:
        """Each picture from its due moment to the report that tells of it."""
        self.act("fire")
        self.act("fire")  # a beat that died is started anew, and its schedule looked at again
        scan = self.session.scalars(select(Scan)).one()
        while self.read(scan).state in (ScanState.QUEUED, ScanState.RUNNING):
            self.act("crawl", scan_id=scan.id)
        while claims.is_any_free(self.session, self.settings.lease_s):
            self.act("score")
        self.let_leases_pass()
        self.act("decide", finding_id=self.first_finding(), user_id=self.user.id)
        self.session.execute(update(ReportSchedule).values(due_at=now()))
        self.session.commit()
        self.act("ask_report")
        self.act("report", job_id=self.session.scalars(select(Job.id)).one())
        for deed in ("deliver", "tell", "seal"):
            self.act(deed)

    def read(self, scan: Scan) -> Scan:
        self.session.rollback()
        return scans.progress(self.session, scan.id)

    def first_finding(self) -> int:
        return self.session.scalars(select(FindingRow.id).order_by(FindingRow.id)).first() or 0


@pytest.fixture
def told(site: Site) -> list[tuple[str, str]]:
    """Type and key of each message that arrived, in order."""
    messages: list[tuple[str, str]] = []
    site.answers["/hook"] = hearing(messages)
    return messages


@pytest.fixture
def team(session: Session, settings: Settings, actor: Actor, site: Site) -> Team:
    team = Team(session, settings, actor)
    team.prepare(site)
    return team


def check_done(team: Team, told: list[tuple[str, str]]) -> None:
    """All of the scene's listings came, the ivory and the elephant were found, one was confirmed, one report built."""
    check_whole(team.session, team.settings)
    scan = team.session.scalars(select(Scan)).one()
    assert (scan.state, scan.listings_seen, scan.photos_seen) == (ScanState.DONE, 4, 5), scan.note
    states = team.session.scalars(select(FindingRow.state).order_by(FindingRow.id)).all()
    assert states == [FindingState.CONFIRMED, FindingState.OPEN, FindingState.OPEN]
    assert len(team.session.scalars(select(Report)).all()) == 1
    assert len(list((team.settings.home / "outbox").rglob("*.csv"))) == 1
    # A message may arrive twice: the receiver knows it again by its key.
    assert sorted(event for event, _ in set(told)) == sorted(
        ["finding.decided", *["findings.opened"] * opened(told), "report.built", "report.delivered", "scan.ended"]
    )


def opened(told: list[tuple[str, str]]) -> int:
    """Messages on new findings: one a batch of listings, however many there were."""
    return max(1, len({key for event, key in told if event == "findings.opened"}))


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)  # on PostgreSQL each step dies alone, in the whole suite
def test_one_death_at_every_step(team: Team, told: list[tuple[str, str]]) -> None:
    for step in ACTED:
        deaths.arm(team.actor.deaths, step)
    team.go_all_the_way()
    left = [step.name for step in ACTED if deaths.is_armed(team.actor.deaths, step)]
    assert not left and team.killed == len(ACTED), f"nobody came to {left}"
    check_done(team, told)


@pytest.mark.full
@pytest.mark.parametrize("step", ACTED, ids=lambda step: step.name)
def test_a_death_at(step: Step, team: Team, told: list[tuple[str, str]]) -> None:
    deaths.arm(team.actor.deaths, step)
    team.go_all_the_way()
    assert team.killed == 1
    check_done(team, told)
