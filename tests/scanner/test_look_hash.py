"""Pictures that look alike have names that are alike, and pictures that say nothing have none."""

import io
import subprocess
import sys
from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageEnhance

from scanner.decoding import DecodePool, outcome
from scanner.fingerprints import BAND_BITS, BAND_COUNT, LOOK_BITS, NEAR_BITS, bands, look_distance, look_hash
from tests.pictures import noise, save

HASHES = st.integers(0, 2**LOOK_BITS - 1).map(lambda number: f"{number:064x}")


def scene(seed: int, width: int = 640, height: int = 480) -> Image.Image:
    """Seeded shapes of seeded colours with grain, as a photograph has edges, planes and noise."""
    random = np.random.default_rng(seed)
    image = Image.new("RGB", (width, height), tuple(random.integers(60, 200, 3).tolist()))
    draw = ImageDraw.Draw(image)
    for _ in range(24):
        x, y, wide, high = (int(random.integers(0, side)) for side in (width, height, width // 2, height // 2))
        draw.ellipse(
            (x - wide // 2, y - high // 2, x + wide // 2, y + high // 2), tuple(random.integers(0, 256, 3).tolist())
        )
    grain = np.asarray(image, dtype=np.float64) + random.normal(0, 4, (height, width, 3))
    return Image.fromarray(np.clip(grain, 0, 255).astype(np.uint8))


def reencode(image: Image.Image, quality: int) -> Image.Image:
    target = io.BytesIO()
    image.save(target, "JPEG", quality=quality)
    return Image.open(target).convert("RGB")


def cut(image: Image.Image, share: float) -> Image.Image:
    across, down = round(image.width * share), round(image.height * share)
    return image.crop((across, down, image.width - across, image.height - down))


def hash_of(image: Image.Image) -> str:
    look = look_hash(image)
    assert look is not None
    return look


CHANGES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "stored again": lambda image: reencode(image, 40),
    "half the size": lambda image: image.resize((image.width // 2, image.height // 2), Image.Resampling.LANCZOS),
    "a thumbnail, stored again": lambda image: reencode(image.resize((200, 150)), 60),
    "brighter": lambda image: ImageEnhance.Brightness(image).enhance(1.1),
    "darker": lambda image: ImageEnhance.Brightness(image).enhance(0.8),
    "grey": lambda image: image.convert("L").convert("RGB"),
    "cut a little": lambda image: cut(image, 0.01),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_changed_picture_is_near(change: str, seed: int) -> None:
    image = scene(seed)
    assert look_distance(hash_of(image), hash_of(CHANGES[change](image))) <= NEAR_BITS


def test_other_pictures_are_far() -> None:
    looks = [hash_of(scene(seed)) for seed in range(12)]
    assert min(look_distance(one, other) for one, other in combinations(looks, 2)) > 2 * NEAR_BITS


def test_a_hash_is_64_hex_digits_and_always_the_same() -> None:
    look = hash_of(scene(1))
    assert len(look) == LOOK_BITS // 4 and int(look, 16) >= 0
    assert hash_of(scene(1)) == look


def ramp(width: int, height: int) -> Image.Image:
    row = np.linspace(0, 255, width).astype(np.uint8)
    return Image.fromarray(row[None, :, None].repeat(height, 0).repeat(3, 2))


EMPTY = {
    "white": Image.new("RGB", (300, 200), "white"),
    "black": Image.new("RGB", (300, 200)),
    "one pixel": Image.new("RGB", (1, 1), "red"),
    "a line of pixels": Image.new("RGB", (4000, 1), "red"),
    "a ramp": ramp(300, 200),
    "faint grain": Image.fromarray(np.random.default_rng(0).integers(250, 253, (200, 300, 3)).astype(np.uint8)),
}


@pytest.mark.parametrize("name", EMPTY)
def test_a_picture_that_says_too_little_has_no_hash(name: str) -> None:
    assert look_hash(EMPTY[name]) is None


def test_a_dark_picture_with_something_in_it_has_a_hash() -> None:
    assert look_hash(ImageEnhance.Brightness(scene(4)).enhance(0.2)) is not None


@given(HASHES, st.sets(st.integers(0, LOOK_BITS - 1), max_size=BAND_COUNT - 1))
def test_hashes_at_most_15_bits_apart_share_a_band(look: str, turned: set[int]) -> None:
    other = f"{int(look, 16) ^ sum(1 << bit for bit in turned):064x}"
    assert look_distance(look, other) == len(turned)
    assert any(one == two for one, two in zip(bands(look), bands(other), strict=True))


@given(HASHES)
def test_bands_are_the_whole_hash_in_order(look: str) -> None:
    parts = bands(look)
    assert len(parts) == BAND_COUNT and all(0 <= part < 2**BAND_BITS for part in parts)
    assert "".join(f"{part:04x}" for part in parts) == look


def test_a_decoder_process_gives_the_hash_beside_the_pixels(tmp_path: Path) -> None:
    picture = save(noise(200, 150), tmp_path / "a.png")
    with DecodePool(1, ()) as pool:
        named = outcome(pool.submit(picture))
        broken = outcome(pool.submit(save(Image.new("RGB", (9, 9)), tmp_path / "b.png")))
    assert named.look_hash == look_hash(noise(200, 150)) is not None
    assert (broken.look_hash, broken.failure) == (None, None)


def test_naming_pictures_costs_a_program_nothing_until_it_does() -> None:
    program = "import sys, scanner.fingerprints; assert not [name for name in sys.modules if name.startswith('scipy')]"
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
