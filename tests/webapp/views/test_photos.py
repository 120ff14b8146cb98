import io

import pytest
from flask.testing import FlaskClient
from PIL import Image
from sqlalchemy.orm import Session

from tests.factories import make_finding, make_listing, make_photo
from tests.webapp.views.conftest import SignIn, post
from webapp.models import AuditEntry, PhotoRow, Reveal, Role
from webapp.security import SANDBOX
from webapp.services import photos, team
from webapp.settings import Settings
from webapp.storage import open_store


@pytest.fixture
def sha256(settings: Settings) -> str:
    """A PNG of 2,000 by 1,000 with a comment of its maker, in the store."""
    body = io.BytesIO()
    Image.new("RGB", (2000, 1000), "#775533").save(body, "PNG")
    return photos.store(open_store(settings), body.getvalue())


@pytest.mark.parametrize(
    ("name", "size"), [("veil", (24, 12)), ("thumbnail", (320, 160)), ("view", (1200, 600)), ("detail", (2000, 1000))]
)
def test_pictures_are_shown_re_encoded_and_kept_by_one_browser(
    reviewer: FlaskClient, sha256: str, name: str, size: tuple[int, int]
) -> None:
    answer = reviewer.get(f"/photos/{sha256}/{name}")
    image = Image.open(io.BytesIO(answer.data))
    assert (image.format, image.size) == ("JPEG", size)
    assert answer.headers["Content-Type"] == "image/jpeg"
    kept_s = 3600 if name in ("view", "detail") else 31536000  # a large one counts for an hour
    assert f"private, max-age={kept_s}" in answer.headers["Cache-Control"]
    assert answer.headers["Content-Security-Policy"] == SANDBOX


def test_the_original_is_a_download_of_no_type(reviewer: FlaskClient, sha256: str, settings: Settings) -> None:
    answer = reviewer.get(f"/photos/{sha256}/original")
    assert answer.data == photos.path_of(open_store(settings), sha256).read_bytes()
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Content-Security-Policy"] == SANDBOX
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    answer.close()


@pytest.mark.parametrize("kind", ["thumbnail", "view", "original"])
@pytest.mark.parametrize("name", ["0" * 64, "..%2f..%2fsecret.key", "A" * 64, "0" * 63, "secret.key"])
def test_names_that_are_not_in_the_store_are_404(reviewer: FlaskClient, kind: str, name: str) -> None:
    assert reviewer.get(f"/photos/{name}/{kind}").status_code == 404


def test_a_file_that_is_no_picture_is_not_shown(reviewer: FlaskClient, settings: Settings) -> None:
    sha256 = photos.store(open_store(settings), b"<script>alert(1)</script>")
    assert reviewer.get(f"/photos/{sha256}/view").status_code == 404


def test_pictures_are_for_those_who_are_signed_in(client: FlaskClient, sign_in: SignIn, sha256: str) -> None:
    assert client.get(f"/photos/{sha256}/view").status_code == 401
    assert sign_in(Role.VIEWER).get(f"/photos/{sha256}/view").status_code == 200


@pytest.fixture
def photo(session: Session, settings: Settings) -> PhotoRow:
    body = io.BytesIO()
    Image.new("RGB", (400, 300), "#335577").save(body, "PNG")
    photos.store(open_store(settings), body.getvalue())
    row = make_photo(session, make_listing(session), body.getvalue())
    session.commit()
    return row


@pytest.mark.parametrize("name", ["view", "detail"])
def test_a_picture_without_blur_counts(reviewer: FlaskClient, session: Session, photo: PhotoRow, name: str) -> None:
    for _ in range(2):
        assert reviewer.get(f"/photos/{photo.sha256}/{name}").status_code == 200
    assert session.query(Reveal).count() == 1
    assert session.query(AuditEntry).filter_by(action="photo.reveal").one().actor == "reviewer"


@pytest.mark.parametrize("name", ["veil", "thumbnail"])
def test_what_is_blurred_or_small_does_not(reviewer: FlaskClient, session: Session, photo: PhotoRow, name: str) -> None:
    reviewer.get(f"/photos/{photo.sha256}/{name}")
    assert session.query(Reveal).count() == 0


def test_over_the_limit_the_server_gives_the_veil_whatever_is_asked(
    reviewer: FlaskClient, session: Session, photo: PhotoRow, settings: Settings
) -> None:
    team.choose(session, None, graphic_limit=1)
    session.commit()
    second = make_photo(session, make_listing(session), b"another")
    session.commit()
    body = io.BytesIO()
    Image.new("RGB", (500, 500), "#ffffff").save(body, "PNG")
    other = photos.store(open_store(settings), body.getvalue())
    make_photo(session, make_listing(session), body.getvalue())
    session.commit()
    assert post(reviewer, f"/photos/{photo.sha256}/reveal").status_code == 302
    refused = post(reviewer, f"/photos/{second.sha256}/reveal")
    assert (refused.status_code, "Pictures stay blurred until" in refused.text) == (409, True)
    answer = reviewer.get(f"/photos/{other}/detail")
    assert max(Image.open(io.BytesIO(answer.data)).size) == 24
    assert answer.headers["Cache-Control"] == "no-store"
    assert session.query(Reveal).count() == 1


def test_the_page_gives_no_large_picture_before_it_is_asked_for(
    reviewer: FlaskClient, session: Session, photo: PhotoRow
) -> None:
    row = make_finding(session, make_listing(session), photo)
    session.commit()
    page = reviewer.get(f"/findings/{row.id}").text
    assert f'data-picture src="/photos/{photo.sha256}/veil"' in page
    assert f'src="/photos/{photo.sha256}/view"' not in page.replace("data-picture ", "")
    answer = post(reviewer, f"/photos/{photo.sha256}/reveal", back=f"/findings/{row.id}?show={photo.id}")
    assert f'data-picture src="/photos/{photo.sha256}/view"' in reviewer.get(answer.location).text
    assert f'data-picture src="/photos/{photo.sha256}/veil"' in reviewer.get(f"/findings/{row.id}").text
