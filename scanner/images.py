"""Open an untrusted picture: an allow-list of formats, caps before decoding, and always plain RGB at the end."""

import warnings
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pillow_heif
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

pillow_heif.register_heif_opener()

# Every format costs a parser of hostile input, so only those that marketplaces serve. Names are Pillow's.
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "AVIF", "HEIF", "BMP")
READABLE = "JPEG, PNG, WebP, GIF, AVIF, HEIC or BMP"
MAX_BYTES = 64 * 1024**2
MAX_PIXELS = 50_000_000  # 150 MB of RGB: what a decoder process can hold twice (imgproxy draws the same line)


class PictureError(Exception):
    """A picture that can't be read; the message is one sentence for people."""


@dataclass(frozen=True, slots=True)
class Opened:
    """image: as open_picture gives it, or smaller by the whole factor `shrunk`: 2, 4 or 8; 1 where it is whole.

    width_px and height_px: of the file's own picture, turned as it is meant to be seen.
    """

    image: Image.Image
    width_px: int
    height_px: int
    shrunk: int = 1


def open_picture(path: Path) -> Image.Image:
    """Decode the first frame of `path` as it is meant to be seen.

    Returns an RGB picture, uint8, at most MAX_PIXELS, turned by its EXIF orientation, transparency laid on white,
    16-bit greys scaled to 8 bits. `format` names the file's format as in FORMATS.
    Raises PictureError when the file is missing, empty, too large, of another format or broken.
    """
    return open_whole(path).image


def open_whole(path: Path) -> Opened:
    """See open_picture."""
    return _open(path, None)


def open_shrunk(path: Path, least_px: int) -> Opened:
    """As open_picture, but a JPEG is decoded smaller, while its short side keeps `least_px`.

    A JPEG is stored as frequencies of blocks of 8 x 8 pixels: without the upper ones it is a half, a quarter or an
    eighth as large, at a fraction of the work. All other formats come whole. The caps are those of the file's own size.
    """
    return _open(path, least_px)


def _open(path: Path, least_px: int | None) -> Opened:
    _check_size(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of malformed metadata; it is the pixels that count
        try:
            with Image.open(path, formats=FORMATS) as image:
                return _decode(image, least_px)
        except UnidentifiedImageError:
            raise PictureError(f"not a picture ({_guess_content(path)}); {READABLE} can be read") from None
        except PictureError:
            raise
        except MemoryError:
            raise PictureError("decoding it takes more memory than a picture may use") from None
        except Exception as error:  # Pillow's parsers raise almost anything on hostile input
            raise PictureError(f"broken picture: {_first_line(error)}") from error


def _check_size(path: Path) -> None:
    try:
        size = path.stat().st_size
    except OSError as error:
        raise PictureError(f"can't be opened: {error.strerror}") from None
    if not path.is_file():
        raise PictureError("not a file")
    if size == 0:
        raise PictureError("the file is empty")
    if size > MAX_BYTES:
        raise PictureError(f"{size:,} bytes; at most {MAX_BYTES:,} are read")


def _decode(image: Image.Image, least_px: int | None) -> Opened:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise PictureError(f"{width} x {height} pixels; at most {MAX_PIXELS:,} are decoded")
    name = image.format
    if least_px is not None:
        image.draft(None, (least_px, least_px))
    image.load()
    shrunk = round(width / image.width)  # a GIF's frame may be larger than it said: that is 0
    turned = _turn_upright(image)
    upright = to_rgb(image)
    upright.format = name
    if shrunk <= 1:
        return Opened(upright, *upright.size)
    return Opened(upright, *((height, width) if turned else (width, height)), shrunk)


def _turn_upright(image: Image.Image) -> bool:
    """Turn it as its EXIF says; whether width and height changed places. In place: a copy of a picture costs."""
    pixels, orientation = image.im, 1
    with suppress(Exception):  # malformed EXIF; where the orientation can be read, the picture is turned all the same
        orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
        ImageOps.exif_transpose(image, in_place=True)
    return image.im is not pixels and orientation in (5, 6, 7, 8)


def to_rgb(image: Image.Image) -> Image.Image:
    """`image` as RGB, uint8: 16-bit and float greys scaled (Pillow would clip them), transparency on white."""
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        image = _scale_grey(image)
    if image.mode == "P" or "transparency" in image.info:
        image = image.convert("RGBA")
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa"):
        return _lay_on_white(image.convert("RGBA"))
    return image if image.mode == "RGB" else image.convert("RGB")


def _scale_grey(image: Image.Image) -> Image.Image:
    values = np.asarray(image, dtype=np.float32)
    return Image.fromarray(np.clip(values / 257.0, 0, 255).round().astype(np.uint8))


def _lay_on_white(image: Image.Image) -> Image.Image:
    ground = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(ground, image).convert("RGB")


def _guess_content(path: Path) -> str:
    with path.open("rb") as file:
        head = file.read(512).lstrip().lower()
    if head.startswith((b"<!doctype html", b"<html", b"<head", b"<body")):
        return "it is a web page"
    if head.startswith((b"<svg", b"<?xml")):
        return "it is SVG or XML"
    if head.startswith(b"%pdf"):
        return "it is a PDF"
    return "of a format that is not read"


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200] or type(error).__name__
