"""Every odd picture gives either RGB pixels or one clear sentence."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from scanner import images
from scanner.images import PictureError, open_picture
from tests.pictures import noise, save


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "gif", "avif", "heic", "bmp"])
def test_opens_each_format_as_rgb(tmp_path: Path, suffix: str) -> None:
    image = open_picture(save(noise(64, 48), tmp_path / f"picture.{suffix}"))
    assert (image.mode, image.size) == ("RGB", (64, 48))
    assert image.format in images.FORMATS


def test_turns_a_picture_by_its_exif_orientation(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held on its side
    image = open_picture(save(noise(64, 48), tmp_path / "turned.jpg", exif=exif))
    assert image.size == (48, 64)


def test_broken_exif_leaves_the_picture_as_it_is(tmp_path: Path) -> None:
    path = save(noise(64, 48), tmp_path / "odd.jpg", exif=b"Exif\x00\x00MM\x00*\xff\xff\xff\xff")
    assert open_picture(path).size == (64, 48)


def test_exif_that_breaks_behind_the_orientation_still_turns_the_picture() -> None:
    """As a fuzzer made it: the orientation can be read, and what it points to can't be written again."""
    orientation, pointer = b"\x01\x12\0\x03\0\0\0\x01\0\x06\0\0", b"\x87\x69\0\x04\0\0\0\x01\0\0\0\x26"
    nowhere = b"\0\0\0\0\0\x01\x90\x55\0\x02\0\0\0\x14\0\0\0"
    image = noise(64, 48)
    image.info["exif"] = b"Exif\0\0MM\0*\0\0\0\x08\0\x02" + orientation + pointer + nowhere
    assert images._turn_upright(image)
    assert image.size == (48, 64)


def test_transparency_lies_on_white(tmp_path: Path) -> None:
    for name, mode in (("rgba.png", "RGBA"), ("la.png", "LA")):
        image = open_picture(save(Image.new(mode, (20, 20), (0,) * len(mode)), tmp_path / name))
        assert image.getpixel((5, 5)) == (255, 255, 255)


def test_a_transparent_palette_lies_on_white(tmp_path: Path) -> None:
    palette = Image.new("P", (20, 20), 0)
    palette.putpalette([0, 0, 0, 255, 0, 0])
    image = open_picture(save(palette, tmp_path / "p.png", transparency=0))
    assert image.getpixel((5, 5)) == (255, 255, 255)


def test_sixteen_bit_greys_are_scaled_and_not_clipped(tmp_path: Path) -> None:
    values = np.full((20, 20), 40_000, dtype=np.uint16)
    image = open_picture(save(Image.fromarray(values), tmp_path / "deep.png"))
    assert image.getpixel((5, 5)) == (156, 156, 156)  # 40000 / 257, where convert("RGB") would say 255


def test_cmyk_becomes_rgb(tmp_path: Path) -> None:
    image = open_picture(save(Image.new("CMYK", (20, 20), (0, 255, 255, 0)), tmp_path / "ink.jpg", quality=95))
    red, green, blue = image.getpixel((5, 5))
    assert red > 200 and green < 60 and blue < 60


def test_only_the_first_frame_of_an_animation_is_read(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "moving.gif", save_all=True, append_images=frames[1:])
    red, _, blue = open_picture(tmp_path / "moving.gif").getpixel((5, 5))
    assert red > 200 and blue < 60


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("empty.jpg", b"", "the file is empty"),
        ("page.jpg", b"\n<!DOCTYPE html><html><body>404</body></html>", "it is a web page"),
        ("drawing.png", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "it is SVG or XML"),
        ("letter.jpg", b"%PDF-1.7\n", "it is a PDF"),
        ("noise.jpg", b"\x01\x02\x03" * 50, "a format that is not read"),
        ("eps.jpg", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n", "a format that is not read"),
    ],
)
def test_what_is_no_picture_is_named(tmp_path: Path, name: str, content: bytes, says: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(PictureError, match=says):
        open_picture(tmp_path / name)


def test_a_truncated_picture_is_broken(tmp_path: Path) -> None:
    for suffix in ("jpg", "png", "webp"):
        path = save(noise(200, 200), tmp_path / f"whole.{suffix}")
        path.write_bytes(path.read_bytes()[:1500])
        with pytest.raises(PictureError, match=r"broken picture|a format that is not read"):
            open_picture(path)


def test_too_many_pixels_are_refused_before_decoding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(noise(100, 100), tmp_path / "large.png")
    monkeypatch.setattr(images, "MAX_PIXELS", 9_999)
    monkeypatch.setattr(images, "to_rgb", lambda _: pytest.fail("it was decoded"))
    with pytest.raises(PictureError, match="100 x 100 pixels"):
        open_picture(path)


def test_too_many_bytes_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(noise(100, 100), tmp_path / "heavy.bmp")
    monkeypatch.setattr(images, "MAX_BYTES", 1000)
    with pytest.raises(PictureError, match="at most 1,000"):
        open_picture(path)


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(PictureError, match="No such file"):
        open_picture(tmp_path / "gone.jpg")
    with pytest.raises(PictureError, match="not a file"):
        open_picture(tmp_path)
