"""From a decoded picture to the numbers that a network was trained on."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from scanner.zoo.resampling import resample

_LARGE = 0.6  # above this scale Pillow itself is as fast


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """How a model wants its pictures; the defaults are PaddleHub's, the same in all of its classification modules.

    resize_short and crop: pixels; mean and std: of RGB in [0, 1]. Resampling is LANCZOS.
    (data_feed.py of resnet50_vd_wildanimals 1.1.0: short side 256, centre crop 224, ImageNet mean and std.)
    """

    resize_short: int = 256
    crop: int = 224
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "resampling": "lanczos", "colour_order": "RGB", "scale": "1/255"}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of to_json. Raises KeyError, TypeError or ValueError for anything else."""
        mean, std = (tuple(map(float, data[name])) for name in ("mean", "std"))
        if len(mean) != 3 or len(std) != 3:
            raise ValueError("mean and std want three numbers each, for red, green and blue")
        if not all(map(math.isfinite, (*mean, *std))):
            raise ValueError("mean and std want finite numbers")
        return cls(read_whole(data["resize_short"]), read_whole(data["crop"]), mean, std)

    @property
    def size(self) -> tuple[int, int]:
        """(resize_short, crop): models that agree on these share one crop, whatever their mean and std."""
        return self.resize_short, self.crop


def read_whole(value: object) -> int:
    """A whole number as JSON has it. Raises TypeError for all else: a text, a fraction, true."""
    if type(value) is not int:
        raise TypeError(f"{str(value)[:40]!r} is no whole number")
    return value


def crop_pixels(image: Image.Image, how: Preprocessing) -> NDArray[np.uint8]:
    """The centre crop of the picture with its short side resized: uint8, (crop, crop, 3), RGB.

    Only the crop is resampled. Pillow clamps the filter to the picture, not to the box, so the result is that of
    resizing the whole and cropping, up to rounding (one level). It holds where the horizontal pass comes first, as
    it does in Pillow before 13: with 13 tall pictures move by up to 22 levels, hence the pin in pyproject.toml.
    Large pictures are resampled by scanner.zoo.resampling, which gives the very same pixels.
    """
    width, height = image.size
    scale = how.resize_short / min(width, height)
    resized = (round(width * scale), round(height * scale))
    left, top = (round((side - how.crop) / 2) for side in resized)
    x_step, y_step = width / resized[0], height / resized[1]
    box = _inside((left * x_step, top * y_step, (left + how.crop) * x_step, (top + how.crop) * y_step), image.size)
    if image.mode == "RGB" and scale <= _LARGE:
        return resample(image, how.crop, box)
    return np.asarray(image.resize((how.crop, how.crop), Image.Resampling.LANCZOS, box=box))


def _inside(box: tuple[float, float, float, float], size: tuple[int, int]) -> tuple[float, float, float, float]:
    """The box without the last float's rounding past the border, which Pillow refuses."""
    width, height = size
    return (max(box[0], 0.0), max(box[1], 0.0), min(box[2], float(width)), min(box[3], float(height)))


def normalise(pixels: NDArray[np.uint8], how: Preprocessing) -> NDArray[np.float32]:
    """(n, side, side, 3) uint8 to (n, 3, side, side) float32, (x / 255 - mean) / std, by table: exact and fast."""
    levels = np.arange(256, dtype=np.float64)[None, :] / 255.0
    table = ((levels - np.array(how.mean)[:, None]) / np.array(how.std)[:, None]).astype(np.float32)
    out = np.empty((len(pixels), 3, *pixels.shape[1:3]), dtype=np.float32)
    for picture, planes in zip(pixels, out, strict=True):  # one by one they stay in the processor's cache
        for channel in range(3):
            # With the default mode, take() writes to an array of its own first.
            np.take(table[channel], picture[..., channel], out=planes[channel], mode="clip")
    return out
