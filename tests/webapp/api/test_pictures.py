from io import BytesIO

import pytest
from PIL import Image
from sqlalchemy.orm import Session

from tests.factories import make_listing, make_photo
from tests.webapp.api.conftest import Program, Write
from webapp.models import AuditEntry, PhotoRow, Reveal, Role
from webapp.services import photos, team
from webapp.settings import Settings
from webapp.storage import open_store


def picture(colour: str) -> bytes:
    body = BytesIO()
    Image.new("RGB", (40, 30), colour).save(body, "PNG")
    return body.getvalue()


@pytest.fixture
def shown(session: Session, settings: Settings) -> list[PhotoRow]:
    """Two pictures of a listing that are in the store."""
    rows = []
    for colour in ("red", "green"):
        photos.store(open_store(settings), picture(colour))
        rows.append(make_photo(session, make_listing(session), picture(colour)))
    session.commit()
    return rows


@pytest.fixture
def reviewer(program: Write) -> Program:
    return program(Role.REVIEWER)


def test_a_picture_is_looked_at_and_counts(reviewer: Program, session: Session, shown: list[PhotoRow]) -> None:
    answer = reviewer.ask("GET", f"/photos/{shown[0].sha256}/view")
    assert (answer.status_code, answer.content_type) == (200, "image/jpeg")
    assert Image.open(BytesIO(answer.data)).size == (40, 30)
    assert reviewer.get("/me/pictures") == {"limit": 0, "seen": 1, "free_at": None}
    assert session.query(AuditEntry).filter_by(action="photo.reveal").one().actor == "reviewer"


def test_the_hour_of_a_person_is_full_whoever_shows_the_pictures(
    program: Write, session: Session, shown: list[PhotoRow]
) -> None:
    team.choose(session, None, graphic_limit=1)
    session.commit()
    one, other = program(Role.REVIEWER), program(Role.REVIEWER)
    assert one.post(f"/photos/{shown[0].sha256}/reveal").json["seen"] == 1
    for answer in (
        other.ask("GET", f"/photos/{shown[1].sha256}/view"),
        other.post(f"/photos/{shown[1].sha256}/reveal"),
    ):
        assert (answer.status_code, answer.content_type) == (429, "application/problem+json")
        assert 3500 < int(answer.headers["Retry-After"]) <= 3601
        assert "1 picture" in answer.json["detail"]
    assert other.ask("GET", f"/photos/{shown[0].sha256}/view").status_code == 200, "seen is seen"
    assert session.query(Reveal).count() == 1
    assert other.get("/me/pictures")["free_at"]


def test_the_bytes_as_found_are_a_download_that_the_log_names(
    program: Write, session: Session, shown: list[PhotoRow]
) -> None:
    answer = program(Role.VIEWER).ask("GET", f"/photos/{shown[0].sha256}/original")
    assert answer.data == picture("red")
    assert answer.headers["Content-Disposition"].startswith("attachment")
    entry = session.query(AuditEntry).filter_by(action="evidence.view").one()
    assert (entry.actor, entry.subject) == ("viewer", f"photo:{shown[0].sha256}")


def test_there_is_nothing_to_reveal_where_there_is_no_picture(reviewer: Program, session: Session) -> None:
    assert reviewer.post(f"/photos/{'a' * 64}/reveal").status_code == 404
    lost = make_photo(session, make_listing(session))
    session.commit()
    assert reviewer.ask("GET", f"/photos/{lost.sha256}/view").status_code == 404
    assert session.query(Reveal).count() == 0, "what was not shown was not seen"
