from click.testing import CliRunner
from sqlalchemy.orm import Session

from tests.factories import make_finding
from webapp.cli import main
from webapp.models import FindingState
from webapp.services import quality
from webapp.settings import Settings


def run(settings: Settings, *arguments: str) -> str:
    place = {"TUSKLINE_HOME": str(settings.home), "TUSKLINE_DATABASE_URL": settings.database_url or ""}
    done = CliRunner().invoke(main, ["quality", *arguments], env=place, catch_exceptions=False)
    return done.output


def test_the_terminal_tells_the_figures_of_the_page(settings: Settings, session: Session) -> None:
    for state in (FindingState.CONFIRMED, FindingState.CONFIRMED, FindingState.DISMISSED):
        make_finding(session, state=state)
    session.commit()
    lines = run(settings).replace("\N{NO-BREAK SPACE}", " ").splitlines()
    assert len(lines) == len(quality.Figures.__dataclass_fields__)
    assert lines[0].startswith("Precision: 66.7 % (") and lines[0].endswith("of 3 (decided findings)")
    assert "Recall: No recall audit covers this period." in lines


def test_a_period_that_ends_before_it_begins_says_so(settings: Settings) -> None:
    assert "swap them" in run(settings, "--from", "2026-11-02", "--to", "2026-11-01")
