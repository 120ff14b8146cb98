"""Photographs as sellers show them: laid on a ground, scaled, turned round, compressed again."""

import hashlib
import io
from dataclasses import dataclass, fields
from pathlib import Path
from random import Random

from PIL import Image

from webapp.samples.photos import SamplePicture

MEDIA_TYPES = {"jpg": "image/jpeg", "png": "image/png", "webp": "image/webp"}
FAULTS = ("truncated", "html", "missing")
GROUNDS = ("white", "plain", "cloth", "wood", "shade")
MOST_ENLARGED = 3.0
READ_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP")

Colour = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Print:
    """How one picture of an offer is made; equal prints are equal bytes.

    part: of the ground's width or height that the photograph fills at most, in (0, 1]; shift: of its free margin to
    the right and below, in [0, 1]; grain: seed of the ground's texture; suffix: jpg, png or webp; fault: "" or one
    of FAULTS.
    """

    picture: SamplePicture
    ground: str
    colour: Colour
    width_px: int
    height_px: int
    part: float
    shift: tuple[float, float]
    mirrored: bool
    grain: int
    suffix: str
    quality: int
    fault: str = ""

    @property
    def key(self) -> str:
        """Names the print, wherever its photograph lies on this machine (64 hex digits)."""
        values = [getattr(self, entry.name) for entry in fields(self) if entry.name != "picture"]
        return hashlib.sha256(repr([self.picture.name, *values]).encode()).hexdigest()


def render_print(made: Print) -> bytes:
    """The print's bytes: a picture of its suffix's format, or what its fault makes of it."""
    if made.fault == "html":
        return b"<!doctype html><title>Sign in</title><p>Please sign in to see this picture.\n"
    body = _encode(_lay(made), made)
    return body[: len(body) // 3] if made.fault == "truncated" else body


def _lay(made: Print) -> Image.Image:
    ground = lay_ground(made)
    photograph = _open(made.picture.path, ground.size)
    if made.mirrored:
        photograph = photograph.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    scale = min(
        made.part * ground.width / photograph.width, made.part * ground.height / photograph.height, MOST_ENLARGED
    )
    size = (max(1, round(photograph.width * scale)), max(1, round(photograph.height * scale)))
    photograph = photograph.resize(size, Image.Resampling.BICUBIC)
    place = (round((ground.width - size[0]) * made.shift[0]), round((ground.height - size[1]) * made.shift[1]))
    ground.paste(photograph, place, photograph)
    return ground


def _open(path: Path, size: tuple[int, int]) -> Image.Image:
    with Image.open(path, formats=READ_FORMATS) as image:
        image.draft("RGB", size)  # a JPEG of 12 megapixels is decoded at the size that is needed
        return image.convert("RGBA")


def _encode(image: Image.Image, made: Print) -> bytes:
    body = io.BytesIO()
    if made.suffix == "png":
        image.quantize(128).save(body, "PNG")
    else:
        image.save(body, "JPEG" if made.suffix == "jpg" else "WEBP", quality=made.quality)
    return body.getvalue()


def lay_ground(made: Print) -> Image.Image:
    """The table, wall or cloth that the photograph is put on."""
    size = (made.width_px, made.height_px)
    if made.ground == "white":
        return Image.new("RGB", size, (255, 255, 255))
    if made.ground == "plain":
        return Image.new("RGB", size, made.colour)
    mask = _texture(made.ground, size, Random(made.grain))  # noqa: S311 a texture, not a secret
    darker = tuple(round(value * 0.8) for value in made.colour)
    return Image.composite(Image.new("RGB", size, made.colour), Image.new("RGB", size, darker), mask)


def _texture(ground: str, size: tuple[int, int], random: Random) -> Image.Image:
    if ground == "shade":
        return Image.linear_gradient("L").rotate(random.choice((0, 180))).resize(size)
    columns, rows = (6, 60) if ground == "wood" else (size[0] // 4, size[1] // 4)
    noise = Image.frombytes("L", (columns, rows), random.randbytes(columns * rows))
    return noise.resize(size, Image.Resampling.BILINEAR)
