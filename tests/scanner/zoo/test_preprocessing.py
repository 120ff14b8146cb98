"""The crop equals that of PaddleHub's own steps: resize the whole picture, then cut the centre."""

import numpy as np
import pytest
from PIL import Image

from scanner.zoo.preprocessing import Preprocessing, crop_pixels, normalise
from tests.pictures import noise

SIZES = [(640, 480), (480, 640), (500, 375), (333, 500), (1600, 1200), (1201, 1600), (256, 256), (224, 224), (60, 45)]


def resize_then_crop(image: Image.Image) -> np.ndarray:
    """PaddleHub's order of steps (data_feed.py of resnet50_vd_wildanimals), written from its description."""
    scale = 256 / min(image.size)
    resized = image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.LANCZOS)
    left, top = (resized.width - 224) / 2, (resized.height - 224) / 2
    return np.asarray(resized.crop((left, top, left + 224, top + 224)))


@pytest.mark.parametrize("size", SIZES)
def test_a_crop_is_the_hubs_up_to_rounding(size: tuple[int, int]) -> None:
    image = noise(*size, seed=sum(size))  # harder than a photograph: LANCZOS rings at every block
    ours, theirs = crop_pixels(image, Preprocessing()).astype(int), resize_then_crop(image).astype(int)
    off = np.abs(ours - theirs)
    assert off.max() <= 2
    assert (off <= 1).mean() > 0.9999


@pytest.mark.parametrize("size", [(2000, 3), (3, 2000), (1, 1)])
def test_extreme_shapes_are_cropped(size: tuple[int, int]) -> None:
    assert crop_pixels(Image.new("RGB", size, "red"), Preprocessing()).shape == (224, 224, 3)


def test_normalising_subtracts_the_mean_and_divides_by_the_deviation() -> None:
    how = Preprocessing()
    pixels = np.random.default_rng(1).integers(0, 256, (2, 5, 5, 3), dtype=np.uint8)
    expected = ((pixels / 255.0 - np.array(how.mean)) / np.array(how.std)).transpose(0, 3, 1, 2)
    given = normalise(pixels, how)
    assert given.dtype == np.float32 and given.flags["C_CONTIGUOUS"]
    np.testing.assert_allclose(given, expected, rtol=0, atol=1e-6)
