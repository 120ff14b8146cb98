import io

import pytest
from flask.testing import FlaskClient
from PIL import Image

from tests.webapp.views.conftest import SignIn
from webapp.models import Role
from webapp.services import photos
from webapp.settings import Settings
from webapp.storage import open_store


@pytest.fixture
def sha256(settings: Settings) -> str:
    """A PNG of 2,000 by 1,000 with a comment of its maker, in the store."""
    body = io.BytesIO()
    Image.new("RGB", (2000, 1000), "#775533").save(body, "PNG")
    return photos.store(open_store(settings), body.getvalue())


@pytest.mark.parametrize(("name", "size"), [("thumbnail", (320, 160)), ("view", (1200, 600))])
def test_pictures_are_shown_re_encoded_and_kept_by_one_browser(
    reviewer: FlaskClient, sha256: str, name: str, size: tuple[int, int]
) -> None:
    answer = reviewer.get(f"/photos/{sha256}/{name}")
    image = Image.open(io.BytesIO(answer.data))
    assert (image.format, image.size) == ("JPEG", size)
    assert answer.headers["Content-Type"] == "image/jpeg"
    assert answer.headers["Cache-Control"] == "private, max-age=31536000, immutable"
    assert answer.headers["Content-Security-Policy"] == "sandbox"


def test_the_original_is_a_download_of_no_type(reviewer: FlaskClient, sha256: str, settings: Settings) -> None:
    answer = reviewer.get(f"/photos/{sha256}/original")
    assert answer.data == photos.path_of(open_store(settings), sha256).read_bytes()
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Content-Security-Policy"] == "sandbox"
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
