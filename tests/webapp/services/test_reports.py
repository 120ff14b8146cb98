import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.factories import MODEL, MODEL_DIGEST, make_finding, make_listing, make_scan, make_source, make_user
from webapp.exporters import FORMATS, table
from webapp.exporters.content import COUNTED
from webapp.language import speaking
from webapp.models import AuditEntry, FindingState, Report, User, Verdict
from webapp.services import decisions, freezing, reports
from webapp.services.decisions import Choice
from webapp.services.errors import Refused
from webapp.services.freezing import Wanted
from webapp.services.report_files import Style, read_file, write_file
from webapp.services.saved_filters import filters_of
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


def frozen_bytes(session: Session, settings: Settings, folder: Path, language: str) -> bytes:
    folder.mkdir()
    with speaking(language):
        return freezing.freeze(session, settings, Wanted(START, END), "ann", END, folder).path.read_bytes()


def test_the_same_rows_are_frozen_as_the_same_bytes_in_whatever_language(
    session: Session, settings: Settings, tmp_path: Path
) -> None:
    settings.pack = "wildlife"
    for country in ("DE", "CN", None):
        listing = make_listing(session, country=country, seller=f"seller of {country}", posted_at=START)
        row = make_finding(session, listing, found_at=START, concept="ivory")
        decisions.decide(session, make_user(session), row.id, Choice(Verdict.CONFIRM))
    first = frozen_bytes(session, settings, tmp_path / "first", "en")
    session.expire_all()
    assert frozen_bytes(session, settings, tmp_path / "second", "zh") == first
    assert b'"legal": ["' in first


def test_a_filter_narrows_a_report_and_a_state_only_where_it_is_named(session: Session, settings: Settings) -> None:
    source = make_source(session)
    mine = [
        make_finding(session, make_listing(session, source, seller="Ann"), found_at=START, seller="Ann", state=state)
        for state in (FindingState.OPEN, FindingState.DISMISSED)
    ]
    make_finding(session, found_at=START)
    arguments = {"seller": "Ann"}
    every = read(settings, build(session, settings, filters=arguments, narrowed=filters_of(arguments)))
    assert [one["id"] for one in every["findings"]] == [row.id for row in mine]
    assert every["filters"] == arguments and freezing.NARROWED in every["statement"]
    figures = every["figures"]
    assert (figures["findings"], figures["sellers"], figures["by_state"]["dismissed"]) == (2, 1, 1)
    arguments = {"seller": "Ann", "state": "dismissed"}
    some = read(settings, build(session, settings, filters=arguments, narrowed=filters_of(arguments)))
    assert [one["id"] for one in some["findings"]] == [mine[1].id]


def test_every_figure_is_counted_over_exactly_the_findings_of_the_report(session: Session, settings: Settings) -> None:
    listing = make_listing(session, seller="Ann")
    for state in (FindingState.OPEN, FindingState.CONFIRMED, FindingState.DISMISSED):
        make_finding(session, listing, found_at=START, state=state)
    make_finding(session, make_listing(session, seller="Bob"), found_at=END)
    content = read(settings, build(session, settings))
    figures = content["figures"]
    assert figures["findings"] == len(content["findings"]) == sum(figures["by_state"].values()) == 3
    assert (figures["listings"], figures["sellers"], figures["pictures"]) == (1, 1, 3)
    by_three = counts(all=3, open=1, confirmed=1, dismissed=1)
    assert figures["by_concept"] == {"elephant": by_three}
    assert figures["by_source"] == {listing.source.name: by_three}
    assert [one["counts"] for one in figures["by_seller"]] == [by_three]
    assert [one["counts"] for one in content["sources"]] == [by_three]
    assert sum(day["found"] for day in figures["by_day"]) == 3
    assert sum(one["findings"] for one in content["rules"]) == 3


def test_a_correction_names_the_older_report_and_says_what_was_wrong(session: Session, settings: Settings) -> None:
    old = build(session, settings)
    with pytest.raises(Refused, match="what was wrong"):
        build(session, settings, corrects=old, correction=" ")
    new = build(session, settings, corrects=old, correction="A source was left out.")
    assert (new.corrects, old.corrections) == (old, [new])
    assert read(settings, new)["corrects"] == {"report": old.id, "sha256": old.sha256, "why": "A source was left out."}


def test_a_report_of_before_is_read_and_written_still(session: Session, settings: Settings) -> None:
    row = make_finding(session, found_at=START)
    new = read(settings, build(session, settings))
    finding = {name: value for name, value in new["findings"][0].items() if name not in ("legal", "events")}
    old = {"format": "tuskline-report/1", "from": new["from"], "to": new["to"], "built_at": new["built_at"]}
    old |= {"statement": new["statement"], "primary_absent": True, "scans": 0, "models": [], "rules": []}
    body = json.dumps(old | {"sources": [], "figures": {"by_state": {"open": 1}}, "findings": [finding]}).encode()
    sha256 = hashlib.sha256(body).hexdigest()
    open_store(settings).put(reports.old_name_of(sha256), body)
    report = Report(from_at=START, to_at=END, sha256=sha256, findings_count=1)
    session.add(report)
    session.flush()
    assert [one["id"] for one in read(settings, report)["findings"]] == [row.id]
    for name, exporter in FORMATS.items():
        if exporter.is_quick:
            file = write_file(session, settings, report, Style(name))
            with read_file(settings, file) as written:
                assert written.read(), name


def test_reports_are_listed_page_by_page(session: Session, settings: Settings) -> None:
    built = [build(session, settings) for _ in range(3)]
    assert reports.list_reports(session, 2) == [built[2], built[1]]
    assert reports.list_reports(session, 2, built[1].id) == [built[0]]
