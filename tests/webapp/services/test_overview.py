from datetime import timedelta

from sqlalchemy.orm import Session

from tests.factories import MODEL, make_finding, make_scan
from webapp.db import now
from webapp.models import FindingState, ScanState
from webapp.services import overview


def test_an_empty_house_has_figures_too(session: Session) -> None:
    figures = overview.figures(session)
    assert sum(figures.by_state.values()) == 0
    assert (figures.last_scan, figures.models, figures.oldest_open_age) == (None, [], None)


def test_figures_count_open_findings_and_name_the_models_that_spoke(session: Session) -> None:
    for concept in ("tiger", "elephant", "elephant"):
        make_finding(session, concept=concept, found_at=now() - timedelta(hours=3))
    make_finding(session, concept="tiger", state=FindingState.DISMISSED, found_at=now() - timedelta(days=9))
    waiting = make_scan(session, state=ScanState.QUEUED, models=[])
    figures = overview.figures(session)
    assert list(figures.by_concept.items()) == [("elephant", 2), ("tiger", 1)]
    assert (figures.by_state[FindingState.OPEN], figures.by_state[FindingState.DISMISSED]) == (3, 1)
    assert figures.last_scan is waiting
    assert ([model["name"] for model in figures.models], figures.primary_absent) == ([MODEL], True)
    assert figures.oldest_open_age is not None
    assert timedelta(hours=3) <= figures.oldest_open_age < timedelta(hours=4)
