from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from scanner.zoo.catalogue import DEFAULT
from tests.factories import make_job
from webapp.models import JobKind, JobState


def test_progress_is_the_numbers_of_the_job(reviewer: FlaskClient, session: Session) -> None:
    fields = {"bytes_done": 5_000_000, "bytes_total": 20_000_000, "note": "downloading"}
    job = make_job(session, JobKind.INSTALL, state=JobState.RUNNING, **fields)
    session.commit()
    assert reviewer.get(f"/jobs/{job.id}/progress").json == {
        "state": "running",
        "state_words": "running",
        "is_over": False,
        "note": "downloading",
        "bytes": "5.0 MB of 20.0 MB",
        "bar_value": 5_000_000,
        "bar_max": 20_000_000,
    }


def test_a_job_that_is_over_tells_what_came_of_it(reviewer: FlaskClient, session: Session) -> None:
    whole = make_job(session, result={"faults": [], "digest": "d" * 64})
    removed = make_job(session, JobKind.REMOVE, result={"was_installed": True})
    session.commit()
    assert "Every file is the one that was installed." in reviewer.get(f"/jobs/{whole.id}").text
    assert "The weights and the card are deleted." in reviewer.get(f"/jobs/{removed.id}").text
    assert "progress.js" not in reviewer.get(f"/jobs/{whole.id}").text


def test_a_failed_job_tells_why_and_how_often_it_was_begun(reviewer: FlaskClient, session: Session) -> None:
    job = make_job(session, state=JobState.FAILED, note="a worker died 3 times at this job", attempts=4)
    session.commit()
    page = reviewer.get(f"/jobs/{job.id}").text
    assert "A worker died 3 times at this job." in page and "4 times" in page
    assert f'href="/models/{DEFAULT}"' in page


def test_a_try_has_a_page_of_its_own(admin: FlaskClient, session: Session) -> None:
    job = make_job(session, JobKind.TRY, None)
    session.commit()
    assert admin.get(f"/jobs/{job.id}").location == f"/tries/{job.id}"


def test_somebody_else_s_try_is_not_followed(reviewer: FlaskClient, session: Session) -> None:
    job = make_job(session, JobKind.TRY, None, actor="somebody else")
    session.commit()
    assert reviewer.get(f"/jobs/{job.id}/progress").status_code == 404


def test_an_unknown_job_is_404(reviewer: FlaskClient) -> None:
    assert reviewer.get("/jobs/99").status_code == 404
    assert reviewer.get("/jobs/99/progress").status_code == 404
