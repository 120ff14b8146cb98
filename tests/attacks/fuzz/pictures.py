"""Pictures: what an untrusted file may make its decoder do, within the process that a real one has of its own."""

# ruff: noqa: E501 - one target or seed a line

import io
from contextlib import suppress
from functools import cache

from PIL import Image

from scanner.images import FORMATS, MAX_PIXELS, PictureError, _turn_upright, open_picture
from tests.attacks.fuzz.target import Target, put
from tests.pictures import noise


def feed_picture(data: bytes) -> None:
    with suppress(PictureError):
        image = open_picture(put("picture", data))
        assert image.mode == "RGB" and 0 < image.width * image.height <= MAX_PIXELS and image.format in FORMATS


def feed_exif(data: bytes) -> None:
    image = Image.new("RGB", (4, 2))
    image.info["exif"] = b"Exif\0\0" + data
    is_turned = _turn_upright(image)
    assert image.size == ((2, 4) if is_turned else (4, 2))


@cache
def seeds() -> list[bytes]:
    found = []
    for name, options in (
        ("JPEG", {}), ("JPEG", {"progressive": True}), ("PNG", {}), ("WEBP", {"lossless": True}), ("GIF", {}), ("BMP", {}),
    ):  # fmt: skip
        file = io.BytesIO()
        noise(16, 8).save(file, name, **options)
        found.append(file.getvalue())
    return found


def exif_seeds() -> list[bytes]:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x8769] = {0x9003: "2026:01:01 00:00:00"}
    return [exif.tobytes()[6:], b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"]


TARGETS = (
    Target(
        "pictures", feed_picture, ("scanner.images",), seeds, (b"\xff\xd8", b"IHDR", b"IDAT", b"RIFF", b"VP8X", b"ANIM")
    ),
    Target("exif", feed_exif, ("scanner.images",), exif_seeds),
)
