"""Thumbnails come from a limited process, which ends with ours."""

import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from scanner.decoding import make_thumbnail
from scanner.images import PictureError
from tests.pictures import noise, save

PROGRAM = """
import sys
from pathlib import Path
from scanner.decoding import make_thumbnail
assert 'multiprocessing.popen_spawn_posix' not in sys.modules
for _ in range(3):
    make_thumbnail(Path(sys.argv[1]), 50)
"""


def test_a_thumbnail_is_as_large_as_asked_and_no_larger(tmp_path: Path) -> None:
    (tmp_path / "small.jpg").write_bytes(make_thumbnail(save(noise(400, 200), tmp_path / "a.png"), 100))
    with Image.open(tmp_path / "small.jpg") as small:
        assert (small.format, small.size) == ("JPEG", (100, 50))


def test_what_is_no_picture_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"<html>")
    with pytest.raises(PictureError, match="web page"):
        make_thumbnail(tmp_path / "a.jpg", 100)


def test_a_program_that_made_thumbnails_ends(tmp_path: Path) -> None:
    picture = save(noise(400, 200), tmp_path / "a.png")
    for _ in range(5):
        subprocess.run([sys.executable, "-c", PROGRAM, str(picture)], check=True, timeout=20)
