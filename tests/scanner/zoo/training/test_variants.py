"""Variants change what must not matter, and nothing else."""

import random

import numpy as np
from PIL import Image, ImageDraw

from scanner.zoo.preprocessing import Preprocessing
from scanner.zoo.training.variants import find_ground, replace_ground, vary_picture

RED = (200, 30, 30)


def seeded(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311 nothing secret depends on it


def on_cloth(width: int = 300, height: int = 240) -> Image.Image:
    """A red thing in the middle of a dark cloth."""
    image = Image.new("RGB", (width, height), (14, 16, 24))
    ImageDraw.Draw(image).ellipse((100, 70, 200, 170), fill=RED)
    return image


def crowded() -> Image.Image:
    pixels = np.random.default_rng(0).integers(0, 256, (12, 12, 3), dtype=np.uint8)
    return Image.fromarray(pixels).resize((300, 240), Image.Resampling.NEAREST)


def test_the_plain_background_is_found() -> None:
    mask = np.asarray(find_ground(on_cloth()).resize((300, 240)))  # type: ignore[union-attr]
    assert mask[5, 5] == 255 and mask[120, 150] == 0


def test_a_crowded_picture_has_no_background() -> None:
    assert find_ground(crowded()) is None
    assert replace_ground(crowded(), seeded(0)) == crowded()


def test_another_background_leaves_the_thing_as_it_was() -> None:
    changed = [np.asarray(replace_ground(on_cloth(), seeded(seed))) for seed in range(12)]
    assert all(tuple(pixels[120, 150]) == RED for pixels in changed)
    assert len({int(pixels[5, 5].astype(int).sum()) // 40 for pixels in changed}) > 3


def test_a_seed_gives_the_same_variant_again() -> None:
    how = Preprocessing()
    first, again, other = (vary_picture(on_cloth(), how, seeded(seed)) for seed in (4, 4, 5))
    assert first.shape == (224, 224, 3) and first.dtype == np.uint8
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_a_picture_of_one_pixel_or_one_line_can_be_varied() -> None:
    for size in ((1, 1), (900, 3)):
        image = Image.new("RGB", size, RED)
        assert all(vary_picture(image, Preprocessing(), seeded(seed)).shape == (224, 224, 3) for seed in range(8))
