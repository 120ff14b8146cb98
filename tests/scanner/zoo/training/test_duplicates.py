"""The same photograph, saved again, is found; two photographs are not taken for one."""

import io

import numpy as np
from PIL import Image, ImageEnhance

from scanner.zoo.training.duplicates import hash_picture, join_groups


def make_picture(seed: int) -> Image.Image:
    """Blots of colour, as different from another seed's as photographs are."""
    pixels = np.random.default_rng(seed).integers(0, 256, (8, 10, 3), dtype=np.uint8)
    return Image.fromarray(pixels).resize((400, 320), Image.Resampling.BICUBIC)


def save_again(image: Image.Image) -> Image.Image:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=40)
    return Image.open(file).convert("RGB")


def numbers(images: list[Image.Image], groups: list[str | None]) -> list[int]:
    return list(join_groups(np.stack([hash_picture(image) for image in images]), groups))


def test_a_picture_saved_again_smaller_or_brighter_is_of_the_same_group() -> None:
    one, two = make_picture(1), make_picture(2)
    changed = [save_again(one), one.resize((150, 120)), ImageEnhance.Brightness(one).enhance(1.2)]
    found = numbers([one, two, *changed], [None] * 5)
    assert found[0] == found[2] == found[3] == found[4] != found[1]


def test_different_pictures_stay_apart() -> None:
    assert len(set(numbers([make_picture(seed) for seed in range(60)], [None] * 60))) == 60


def test_pictures_of_one_source_are_one_group_and_a_duplicate_joins_two_sources() -> None:
    pictures = [make_picture(seed) for seed in range(4)]
    found = numbers([*pictures, save_again(pictures[2])], ["a", "a", "b", None, "c"])
    assert found[0] == found[1] and found[2] == found[4]
    assert len({found[0], found[2], found[3]}) == 3
