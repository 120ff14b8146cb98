from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.factories import MODEL, MODEL_DIGEST, make_finding, make_scan, make_user
from webapp.exporters import table
from webapp.exporters.content import COUNTED
from webapp.models import AuditEntry, Report, User, Verdict
from webapp.services import decisions, reports
from webapp.services.decisions import Choice
from webapp.services.errors import Refused
from webapp.services.freezing import Wanted
from webapp.settings import Settings
from webapp.storage import open_store

START = datetime(2026, 11, 1, tzinfo=UTC)
END = START + timedelta(days=7)


def build(
    session: Session,
    settings: Settings,
    from_at: datetime = START,
    to_at: datetime = END,
    actor: User | None = None,
    **more: Any,
) -> Report:
    return reports.build(session, settings, Wanted(from_at, to_at, **more), actor)


def read(settings: Settings, report: Report) -> dict[str, Any]:
    """The head, with the findings in it."""
    content = reports.read(settings, report)
    return {**content.head, "findings": list(content.findings())}


def counts(**found: int) -> dict[str, int]:
    return dict.fromkeys(("all", *COUNTED), 0) | found


def test_a_report_holds_the_findings_of_its_period_first_moment_in_last_out(
    session: Session, settings: Settings
) -> None:
    inside = [make_finding(session, found_at=at).id for at in (START, END - timedelta(seconds=1))]
    make_finding(session, found_at=START - timedelta(seconds=1))
    make_finding(session, found_at=END)
    report = build(session, settings)
    content = read(settings, report)
    assert [finding["id"] for finding in content["findings"]] == inside
    assert report.findings_count == 2
    assert content["figures"]["by_state"]["open"] == 2
    assert content["figures"]["by_concept"]["elephant"] == counts(all=2, open=2)


def test_a_finding_stands_there_with_all_that_it_rests_on(session: Session, settings: Settings) -> None:
    row = make_finding(session, found_at=START)
    decisions.decide(session, make_user(session, "ann"), row.id, Choice(Verdict.CONFIRM, "tusks"))
    [finding] = read(settings, build(session, settings))["findings"]
    assert row.photo is not None
    assert finding["photo"]["sha256"] == row.photo.sha256
    assert finding["listing"]["url"] == row.listing.url
    assert (finding["rule"], finding["rule_version"], finding["threshold"]) == ("elephant_picture", 1, 0.5)
    [said] = finding["scores"]
    assert (said["model"], said["model_digest"], said["by_concept"]["elephant"]) == (MODEL, MODEL_DIGEST, 0.91)
    [decision] = finding["decisions"]
    assert (decision["by"], decision["verdict"], decision["note"]) == ("ann", "confirm", "tusks")
    assert finding["state"] == "confirmed"


def test_a_report_says_what_a_score_is_and_that_the_primary_was_absent(session: Session, settings: Settings) -> None:
    make_finding(session, found_at=START, primary_absent=True)
    content = read(settings, build(session, settings))
    assert content["primary_absent"] is True
    assert content["statement"][0].startswith("A score is a suspicion")
    assert "fallback" in content["statement"][-1]
    [model] = content["models"]
    assert (model["name"], model["digest"], model["findings"]) == (MODEL, MODEL_DIGEST, 1)


def test_what_is_decided_later_does_not_change_a_report(session: Session, settings: Settings) -> None:
    row = make_finding(session, found_at=START)
    report = build(session, settings)
    before = read(settings, report)
    decisions.decide(session, make_user(session), row.id, Choice(Verdict.DISMISS))
    assert read(settings, report) == before


def test_a_changed_or_missing_content_is_reported(session: Session, settings: Settings) -> None:
    report = build(session, settings)
    path = open_store(settings).local_path(reports.name_of(report.sha256))
    path.write_bytes(path.read_bytes().replace(b"suspicion", b"certainty"))
    with pytest.raises(reports.ReportError, match="was changed"):
        reports.read(settings, report)
    path.unlink()
    with pytest.raises(reports.ReportError, match="missing"):
        reports.read(settings, report)


def test_building_a_report_is_in_the_audit(session: Session, settings: Settings) -> None:
    report = build(session, settings, actor=make_user(session, "ann"))
    entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "report.build")).one()
    assert (entry.actor, entry.facts["sha256"]) == ("ann", report.sha256)
    assert (reports.list_reports(session), reports.find(session, report.id)) == ([report], report)


def test_a_period_that_ends_before_it_begins_is_refused(session: Session, settings: Settings) -> None:
    with pytest.raises(Refused, match="after its beginning"):
        build(session, settings, END, START)


def test_an_older_finding_that_was_decided_in_the_period_is_in_the_report(session: Session, settings: Settings) -> None:
    older = [make_finding(session, found_at=START - timedelta(days=30)) for _ in range(2)]
    (decision,) = decisions.decide(session, make_user(session), older[0].id, Choice(Verdict.DISMISS)).decisions
    content = read(
        settings,
        build(session, settings, decision.decided_at, decision.decided_at + timedelta(seconds=1)),
    )
    assert [finding["id"] for finding in content["findings"]] == [older[0].id]


def test_a_report_without_findings_still_says_which_model_looked_and_that_the_primary_was_absent(
    session: Session, settings: Settings
) -> None:
    spoke = [{"name": MODEL, "digest": MODEL_DIGEST, "role": "fallback", "source": "a test"}]
    make_scan(session, models=spoke, primary_absent=True, queued_at=START, finished_at=START + timedelta(hours=1))
    content = read(settings, build(session, settings))
    assert content["findings"] == [] and content["scans"] == 1
    [model] = content["models"]
    assert (model["name"], model["digest"], model["findings"]) == (MODEL, MODEL_DIGEST, 0)
    assert content["primary_absent"] is True and "primary model was not installed" in content["statement"][-1]


def test_what_was_taken_back_or_revised_is_told_and_not_counted(session: Session, settings: Settings) -> None:
    undone, revised = (make_finding(session, found_at=START) for _ in range(2))
    user = make_user(session)
    decisions.undo(session, user, decisions.decide(session, user, undone.id, Choice(Verdict.CONFIRM)).batch)
    (old,) = decisions.decide(session, user, revised.id, Choice(Verdict.CONFIRM)).decisions
    decisions.revise(session, user, old.id, Choice(Verdict.DISMISS, "resin"))
    content = read(settings, build(session, settings))
    told = {one["id"]: one["decisions"] for one in content["findings"]}
    assert [(one["verdict"], one["stands"], bool(one["undone_at"])) for one in told[undone.id]] == [
        ("confirm", False, True)
    ]
    assert [(one["verdict"], one["stands"]) for one in told[revised.id]] == [("confirm", False), ("dismiss", True)]
    assert content["figures"]["decisions"] == 1
    assert [table.decisions_of(one).count("dismiss") for one in content["findings"]] == [0, 1]
    assert [table.COLUMNS["decisions_count"](one) for one in content["findings"]] == [0, 1]


def test_a_finding_whose_only_decision_of_the_period_was_taken_back_is_not_in_it(
    session: Session, settings: Settings
) -> None:
    older, user = make_finding(session, found_at=START - timedelta(days=30)), make_user(session)
    made = decisions.decide(session, user, older.id, Choice(Verdict.CONFIRM))
    decisions.undo(session, user, made.batch)
    at = made.decisions[0].decided_at
    report = build(session, settings, at, at + timedelta(seconds=1))
    assert read(settings, report)["findings"] == []
