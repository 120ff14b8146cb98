"""Pictures are decoded in limited processes, which end with ours."""

import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from scanner import images
from scanner.decoding import MEMORY_BYTES, decode_photo, limit_process, make_thumbnail, outcome, spend_cpu
from scanner.fingerprints import hash_pixels, look_distance
from scanner.images import PictureError, open_picture, open_shrunk
from scanner.processes import Processes
from scanner.zoo.preprocessing import Preprocessing
from tests.pictures import noise, save
from tests.scanner import decoders

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


@pytest.fixture(scope="module")
def process() -> Iterator[Processes]:
    with Processes(1, limit_process) as process:
        yield process


def test_a_decoder_that_computes_for_too_long_is_one_failure(process: Processes) -> None:
    endless = process.run(spend_cpu, 0, decoders.compute_forever, timeout_s=60)
    failure = outcome(endless).failure
    assert failure is not None
    assert failure.endswith("s of computing"), failure


def test_each_picture_has_its_own_time_to_compute(process: Processes) -> None:
    for _ in range(3):  # 1.8 s in one process, of which each call may take about 1
        process.run(spend_cpu, 1, decoders.compute_for, 0.6, timeout_s=60).result()
    assert 1 <= process.run(spend_cpu, 1, decoders.cpu_left_s, timeout_s=60).result() <= 2


def test_a_decoder_has_limits_of_every_kind(process: Processes) -> None:
    limits = process.run(spend_cpu, 20, decoders.limits, timeout_s=60).result()
    assert limits["memory"] <= MEMORY_BYTES
    assert (limits["core"], limits["file"]) == (0, 0)
    assert limits["files"] <= 128
    assert 20 <= limits["cpu"] < 60


def test_a_decoder_that_wants_too_much_memory_goes_on_with_the_next(process: Processes, tmp_path: Path) -> None:
    with pytest.raises(MemoryError):
        process.run(decoders.take_memory, timeout_s=60).result()
    picture = save(noise(40, 20), tmp_path / "a.png")
    assert process.run(spend_cpu, 20, decode_photo, picture, (), timeout_s=60).result().width_px == 40


def test_a_decoder_can_write_no_file_and_open_few(process: Processes, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="too large"):
        process.run(decoders.write_file, tmp_path / "a", timeout_s=60).result()
    with pytest.raises(OSError, match="Too many open files"):
        process.run(decoders.open_files, 200, timeout_s=60).result()


def test_a_decoder_that_crashes_is_one_failure(process: Processes, tmp_path: Path) -> None:
    crash = process.run(decoders.die, timeout_s=60)
    picture = save(noise(40, 20), tmp_path / "a.png")
    after = process.run(spend_cpu, 20, decode_photo, picture, (), timeout_s=60)
    assert outcome(crash).failure == "its decoder died (exit code -6)"
    assert outcome(after).failure is None


@pytest.mark.parametrize(
    ("name", "options"),
    [("a.gif", {}), ("a.webp", {"lossless": True}), ("a.png", {"default_image": False}), ("a.avif", {"quality": 100})],
)
def test_of_a_moving_picture_the_first_frame_is_seen(name: str, options: dict[str, Any], tmp_path: Path) -> None:
    frames = [Image.new("RGB", (64, 48), colour) for colour in ("red", "lime", "blue")]
    frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:], duration=50, **options)
    with Image.open(tmp_path / name) as moving:
        assert moving.n_frames == 3
    red, green, blue = open_picture(tmp_path / name).resize((1, 1)).getpixel((0, 0))
    assert red > 230
    assert max(green, blue) < 25


def test_a_frame_larger_than_the_picture_that_it_belongs_to_counts(tmp_path: Path) -> None:
    """A GIF that says 1 x 1 and whose first frame is 60,000 x 60,000."""
    screen = b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    frame = b"," + struct.pack("<HHHHB", 0, 0, 60_000, 60_000, 0) + b"\x02\x02D\x01\0;"
    (tmp_path / "a.gif").write_bytes(screen + frame)
    with pytest.raises(PictureError, match=r"pixels|broken"):
        open_picture(tmp_path / "a.gif")


def jpeg(path: Path, width: int, height: int, **options: Any) -> Path:
    smooth = noise(96, 72).resize((width, height), Image.Resampling.BICUBIC)  # as photographs are, at this size
    return save(smooth, path, quality=90, **options)


WANTED = (Preprocessing(),)


@pytest.mark.parametrize(("size", "short_px"), [((1100, 1024), 512), ((2101, 2049), 513), ((4200, 900), 900)])
def test_a_jpeg_is_decoded_smaller_but_never_below_512(size: tuple[int, int], short_px: int, tmp_path: Path) -> None:
    opened = open_shrunk(jpeg(tmp_path / "a.jpg", *size), 512)
    assert min(opened.image.size) == short_px
    assert (opened.width_px, opened.height_px) == size


def test_a_picture_decoded_smaller_keeps_its_own_size_and_looks_the_same(tmp_path: Path) -> None:
    path = jpeg(tmp_path / "a.jpg", 1600, 1200)
    exact, fast = decode_photo(path, WANTED), decode_photo(path, WANTED, "fast")
    same = ("sha256", "media_type", "width_px", "height_px", "failure")
    assert [getattr(exact, name) for name in same] == [getattr(fast, name) for name in same]
    assert exact.look_hash and fast.look_hash and look_distance(exact.look_hash, fast.look_hash) <= 8
    moved = np.abs(exact.crop(WANTED[0]).astype(int) - fast.crop(WANTED[0]))
    assert moved.any() and moved.mean() < 1


def test_a_picture_decoded_smaller_has_a_name_of_its_own_which_metadata_does_not_change(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010E] = "another description"
    plain, noted = jpeg(tmp_path / "a.jpg", 1600, 1200), jpeg(tmp_path / "b.jpg", 1600, 1200, exif=exif)
    fast = decode_photo(plain, WANTED, "fast").pixel_hash
    assert decode_photo(noted, WANTED, "fast").pixel_hash == fast
    shrunk = open_shrunk(plain, 512).image
    # Neither the whole picture's name, nor that of a whole picture which happens to have these pixels.
    assert fast not in (decode_photo(plain, WANTED).pixel_hash, hash_pixels(shrunk))


@pytest.mark.parametrize("name", ["small.jpg", "a.png", "a.webp"])
def test_what_can_not_be_decoded_smaller_is_decoded_exactly(name: str, tmp_path: Path) -> None:
    size = (1000, 800) if name == "small.jpg" else (1300, 1100)
    path = save(noise(*size), tmp_path / name)
    exact, fast = decode_photo(path, WANTED), decode_photo(path, WANTED, "fast")
    assert exact.pixel_hash == fast.pixel_hash and exact.look_hash == fast.look_hash
    assert np.array_equal(exact.crop(WANTED[0]), fast.crop(WANTED[0]))


def test_a_picture_on_its_side_is_turned_before_its_size_is_told(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    path = jpeg(tmp_path / "a.jpg", 1401, 1100, exif=exif)
    exact, fast = decode_photo(path, WANTED), decode_photo(path, WANTED, "fast")
    assert (exact.width_px, exact.height_px) == (fast.width_px, fast.height_px) == (1100, 1401)
    assert np.abs(exact.crop(WANTED[0]).astype(int) - fast.crop(WANTED[0])).mean() < 1


def test_a_model_that_looks_closer_has_pictures_decoded_less_small(tmp_path: Path) -> None:
    path = jpeg(tmp_path / "a.jpg", 1300, 1100)
    closer = Preprocessing(600, 528)
    assert decode_photo(path, (closer,), "fast").pixel_hash == decode_photo(path, (closer,)).pixel_hash


def test_caps_hold_for_the_files_own_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = jpeg(tmp_path / "a.jpg", 1200, 1100)
    monkeypatch.setattr(images, "MAX_PIXELS", 1_000_000)
    assert "1200 x 1100 pixels" in str(decode_photo(path, WANTED, "fast").failure)
