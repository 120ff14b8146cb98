"""The matrix products give Pillow's own pixels, every one of them."""

import random

import numpy as np
import pytest
from PIL import Image

from scanner.zoo import preprocessing
from scanner.zoo.preprocessing import Preprocessing, crop_pixels
from scanner.zoo.resampling import resample
from tests.pictures import noise

Box = tuple[float, float, float, float]
CASES: list[tuple[tuple[int, int], Box, int]] = [
    ((900, 700), (0, 0, 900, 700), 224),
    ((900, 700), (100.25, 3.5, 750.125, 699.75), 224),
    ((700, 1200), (43.3, 250.1, 656.7, 949.9), 224),
    ((640, 641), (0.1, 0.2, 639.9, 640.8), 224),
    ((1001, 640), (300.7, 100.3, 700.1, 600.9), 50),
    ((300, 300), (10, 20, 290, 280), 400),  # larger than it was
    ((500, 400), (0, 0, 500, 400), 1),
    ((40, 900), (0, 0, 40, 900), 13),
]


@pytest.mark.parametrize(("size", "box", "side"), CASES)
def test_every_pixel_is_pillows(size: tuple[int, int], box: Box, side: int) -> None:
    image = noise(*size, seed=sum(size))
    by_pillow = image.resize((side, side), Image.Resampling.LANCZOS, box=box)
    assert np.array_equal(resample(image, side, box), np.asarray(by_pillow))


def test_so_it_is_for_sizes_and_boxes_of_any_kind() -> None:
    draw = random.Random(7)  # noqa: S311 - it has to draw the same each time
    for number in range(25):
        width, height = draw.randint(60, 700), draw.randint(60, 700)
        left, right = sorted(draw.uniform(0, width) for _ in range(2))
        top, bottom = sorted(draw.uniform(0, height) for _ in range(2))
        box, side = (left, top, max(right, left + 1), max(bottom, top + 1)), draw.choice([24, 99, 224])
        box = (box[0], box[1], min(box[2], width), min(box[3], height))
        pixels = np.random.default_rng(number).integers(0, 256, (height, width, 3), dtype=np.uint8)
        image = Image.fromarray(pixels)  # noise of single pixels: every sum is cut at 0 or 255 somewhere
        by_pillow = image.resize((side, side), Image.Resampling.LANCZOS, box=box)
        assert np.array_equal(resample(image, side, box), np.asarray(by_pillow)), (image.size, box, side)


@pytest.mark.parametrize("size", [(1600, 1200), (1200, 1601), (641, 640)])
def test_a_large_pictures_crop_is_the_same_either_way(size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    image = noise(*size)
    ours = crop_pixels(image, Preprocessing())
    monkeypatch.setattr(preprocessing, "resample", lambda *_: pytest.fail("it was to be Pillow's turn"))
    monkeypatch.setattr(preprocessing, "_LARGE", 0.0)
    assert np.array_equal(ours, crop_pixels(image, Preprocessing()))
