"""The same pixels have the same name, whatever the file says beside them."""

import hashlib
from pathlib import Path

from PIL import Image

from scanner.fingerprints import digest_file, hash_pixels
from scanner.images import open_picture
from tests.pictures import noise, save


def test_a_file_is_named_by_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"tusk")
    assert digest_file(tmp_path / "a") == hashlib.sha256(b"tusk").hexdigest()


def test_metadata_changes_the_bytes_and_not_the_pixels(tmp_path: Path) -> None:
    plain = save(noise(40, 30), tmp_path / "plain.png")
    exif = Image.Exif()
    exif[0x010E] = "another description"
    noted = save(noise(40, 30), tmp_path / "noted.png", exif=exif)
    assert digest_file(plain) != digest_file(noted)
    assert hash_pixels(open_picture(plain)) == hash_pixels(open_picture(noted))


def test_shape_is_part_of_the_name() -> None:
    assert hash_pixels(Image.new("RGB", (2, 8))) != hash_pixels(Image.new("RGB", (4, 4)))
