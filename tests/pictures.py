"""Pictures made for tests: seeded noise and shapes, in every odd form that a marketplace serves."""

from pathlib import Path

import numpy as np
from PIL import Image


def noise(width: int, height: int, seed: int = 0) -> Image.Image:
    """Blocks of seeded colour: detail enough that a wrong resize shows."""
    blocks = np.random.default_rng(seed).integers(0, 256, (height // 8 + 1, width // 8 + 1, 3), dtype=np.uint8)
    return Image.fromarray(blocks.repeat(8, axis=0).repeat(8, axis=1)[:height, :width])


def save(image: Image.Image, path: Path, **options: object) -> Path:
    image.save(path, **options)
    return path
