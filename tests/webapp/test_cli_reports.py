import json
from pathlib import Path
from typing import BinaryIO

import pytest
from click.testing import CliRunner, Result
from sqlalchemy.orm import Session

from tests.factories import make_finding, make_listing, make_user
from webapp.cli.reports import report
from webapp.exporters import FORMATS, Exporter
from webapp.exporters.content import Choices, Content, Means
from webapp.models import Report, ReportFile
from webapp.services import saved_filters
from webapp.settings import Settings


@pytest.fixture
def run(settings: Settings, session: Session, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> object:
    """Run `tuskline report` in a folder of the test, on its home and a database with two findings."""
    for seller in ("Ann", "Bob"):
        make_finding(session, make_listing(session, seller=seller), seller=seller)
    session.commit()
    monkeypatch.setenv("TUSKLINE_HOME", str(settings.home))
    if settings.database_url:
        monkeypatch.setenv("TUSKLINE_DATABASE_URL", settings.database_url)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(report, arguments)

    return run


def test_several_formats_become_files_in_a_folder(run, session: Session) -> None:  # type: ignore[no-untyped-def]
    result = run("--format", "csv", "--format", "json", "--title", "All", "-o", "out")
    assert result.exit_code == 0, result.output
    built = session.query(Report).one()
    names = [f"tuskline-report-{built.id}.csv", f"tuskline-report-{built.id}.json"]
    assert sorted(path.name for path in Path("out").iterdir()) == names
    assert len(json.loads(Path("out", names[1]).read_text())["findings"]) == 2 and built.title == "All"
    assert run("--format", "csv", "--format", "json").exit_code == 0 and len(list(Path().glob("*.csv"))) == 1


def test_a_shared_filter_narrows_and_an_unknown_one_is_named(run, session: Session) -> None:  # type: ignore[no-untyped-def]
    saved_filters.save(session, make_user(session), "Anns", {"seller": "Ann"}, True)
    session.commit()
    assert run("--filter", "Anns").exit_code == 0
    built = session.query(Report).one()
    assert (built.findings_count, built.filters_name) == (1, "Anns")
    missing = run("--filter", "Bobs")
    assert (missing.exit_code, "Bobs" in missing.output) == (1, True)


def test_a_correction_keeps_period_and_filters_and_says_why(run, session: Session) -> None:  # type: ignore[no-untyped-def]
    assert run("--from", "2020-01-01", "--title", "A year").exit_code == 0
    old = session.query(Report).one()
    silent = run("--corrects", str(old.id))
    assert (silent.exit_code, "what was wrong" in silent.output) == (1, True)
    assert run("--corrects", str(old.id), "--because", "A source was left out.").exit_code == 0
    new = session.query(Report).order_by(Report.id.desc()).first()
    assert new is not None and new.id != old.id
    assert (new.corrects_id, new.from_at, new.to_at, new.title) == (old.id, old.from_at, old.to_at, "A year")
    said = run("--show", str(old.id)).output
    assert f"corrected by report {new.id}: A source was left out." in said and old.sha256 in said


def test_reports_are_listed_shown_and_written_again(run, session: Session) -> None:  # type: ignore[no-untyped-def]
    assert run("--list").output == "No report yet.\n"
    first = run("--format", "json").stdout_bytes
    built = session.query(Report).one()
    assert run("--list").output.split("\t")[0] == str(built.id)
    assert run("--show", str(built.id), "--format", "json").stdout_bytes == first
    assert (session.query(Report).count(), session.query(ReportFile).count()) == (1, 1)
    assert session.query(ReportFile).one().sha256 in run("--show", str(built.id)).output
    assert run("--show", "99").exit_code == 1


def test_what_a_file_could_not_show_is_told_beside_it(run, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    def write(_content: Content, _choices: Choices, means: Means, target: BinaryIO) -> None:
        means.notices.append("Install a font for Thai.")
        target.write(b"paper")

    monkeypatch.setitem(FORMATS, "csv", Exporter("csv", "Paper", "text/plain", ".paper", write))
    result = run()
    assert (result.stdout, result.stderr) == ("paper", "Paper: Install a font for Thai.\n")


def test_a_file_that_can_not_be_written_is_named(run) -> None:  # type: ignore[no-untyped-def]
    Path("taken").write_text("")
    result = run("-o", "taken/report.csv")
    assert (result.exit_code, "can't be written" in result.output) == (1, True)
