"""Other photographs of the same thing: what a head must not learn is varied, from frame and light to background."""

import io
import random

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageFilter, ImageOps
from scipy import ndimage

from scanner.zoo.preprocessing import Preprocessing

# A collection photographs all of one kind on one cloth: without another background a head learns the cloth.
BACKGROUND_CHANCE = 0.6
GROUND_COLOURS = (
    (255, 255, 255),
    (245, 243, 238),
    (200, 200, 198),
    (128, 128, 128),
    (60, 60, 62),
    (12, 12, 14),
    (20, 24, 48),
    (150, 110, 70),
    (96, 62, 36),
    (190, 170, 140),
    (110, 20, 24),
    (40, 80, 50),
)
_MASK_SIDE = 224
_GROUND_SIDE = 48


def vary_picture(image: Image.Image, how: Preprocessing, rng: random.Random) -> NDArray[np.uint8]:
    """One variant of `image` (RGB) as a crop for the network: uint8 (how.crop, how.crop, 3).

    Everything random comes from `rng`.
    """
    if rng.random() < BACKGROUND_CHANCE:
        image = replace_ground(image, rng)
    image = _reframe(image, how.crop, rng)
    for change in (_relight, _recolour, _soften, _compress):
        image = change(image, rng)
    return np.asarray(image)


def replace_ground(image: Image.Image, rng: random.Random) -> Image.Image:
    """`image` on another background, or as it is where it shows no plain one."""
    mask = find_ground(image)
    if mask is None:
        return image
    return Image.composite(make_ground(image.size, rng), image, mask.resize(image.size, Image.Resampling.BILINEAR))


def find_ground(image: Image.Image, tolerance: float = 38.0) -> Image.Image | None:
    """A mask (L, 255 where the plain background is), None where there is none.

    The background is what joins the border in colours near that of most of the border. tolerance: the distance in RGB.
    A border that is not of one colour, or a background of less than a tenth of the picture, is none.
    """
    small = np.asarray(image.resize((_MASK_SIDE, _MASK_SIDE), Image.Resampling.BOX), dtype=np.float32)
    edge = np.zeros(small.shape[:2], dtype=bool)
    edge[:3], edge[-3:], edge[:, :3], edge[:, -3:] = True, True, True, True
    near = np.linalg.norm(small - np.median(small[edge], axis=0), axis=2) < tolerance
    if near[edge].mean() < 0.7:
        return None
    areas, _ = ndimage.label(near)
    ground = np.isin(areas, np.setdiff1d(areas[edge & near], [0]))
    if not 0.1 < ground.mean() < 0.97:
        return None
    return Image.fromarray((ground * 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(1))


def make_ground(size: tuple[int, int], rng: random.Random) -> Image.Image:
    """A colour that darkens towards one side, with the grain of paper, the weave of cloth or larger blots."""
    base = np.array(rng.choice(GROUND_COLOURS), dtype=np.float32) + rng.uniform(-12, 12)
    ramp = np.linspace(1, rng.uniform(0.6, 1), _GROUND_SIDE)[:, None] * np.ones((1, _GROUND_SIDE))
    pixels = base * np.rot90(ramp, rng.randrange(4))[..., None]
    noise = np.random.default_rng(rng.getrandbits(32))
    for side in (4, 12, _GROUND_SIDE):
        blots = noise.normal(0, rng.uniform(0, 12), (side, side, 3)) * [1, rng.uniform(0.6, 1), rng.uniform(0.6, 1)]
        pixels += np.kron(blots.mean(axis=2, keepdims=True) + blots / 3, np.ones((_GROUND_SIDE // side,) * 2 + (1,)))
    image = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
    return image.resize(size, Image.Resampling.BICUBIC)


def _reframe(image: Image.Image, side: int, rng: random.Random) -> Image.Image:
    """A square of the picture, sometimes mirrored or a little turned: tight, wide, or the whole laid on a ground."""
    if rng.random() < 0.25:
        whole = ImageOps.pad(image, (side, side), Image.Resampling.LANCZOS, color=rng.choice(GROUND_COLOURS))
        return ImageOps.mirror(whole) if rng.random() < 0.5 else whole
    share, aspect = rng.uniform(0.35, 1.0) ** 0.5, rng.uniform(0.8, 1.25) ** 0.5
    short = min(image.size)
    # A square of the short side is what the network is fed later; up to a third of the long side beyond it is seen too.
    width = min(image.width, short * share * aspect * rng.uniform(1, 1.3))
    height = min(image.height, short * share / aspect * rng.uniform(1, 1.3))
    left, top = rng.uniform(0, image.width - width), rng.uniform(0, image.height - height)
    box = (left, top, left + width, top + height)
    crop = image.resize((side, side), Image.Resampling.LANCZOS, box=box)
    if rng.random() < 0.2:
        crop = crop.rotate(rng.uniform(-15, 15), Image.Resampling.BILINEAR, fillcolor=rng.choice(GROUND_COLOURS))
    return ImageOps.mirror(crop) if rng.random() < 0.5 else crop


def _relight(image: Image.Image, rng: random.Random) -> Image.Image:
    image = ImageEnhance.Brightness(image).enhance(rng.uniform(0.65, 1.35))
    return ImageEnhance.Contrast(image).enhance(rng.uniform(0.7, 1.3))


def _recolour(image: Image.Image, rng: random.Random) -> Image.Image:
    """Another saturation and a tint, as other lamps and cameras give."""
    image = ImageEnhance.Color(image).enhance(0.0 if rng.random() < 0.05 else rng.uniform(0.6, 1.4))
    tint = [rng.uniform(0.92, 1.08) for _ in range(3)]
    return image.point([min(255, int(level * gain)) for gain in tint for level in range(256)])


def _soften(image: Image.Image, rng: random.Random) -> Image.Image:
    """Detail lost as in a small or unsharp original."""
    if rng.random() < 0.25:
        return image.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 1.5)))
    if rng.random() < 0.2:
        small = image.resize((rng.randint(80, 180),) * 2, Image.Resampling.BILINEAR)
        return small.resize(image.size, Image.Resampling.BICUBIC)
    return image


def _compress(image: Image.Image, rng: random.Random) -> Image.Image:
    if rng.random() < 0.5:
        return image
    file = io.BytesIO()
    image.save(file, "JPEG", quality=rng.randint(35, 90))
    with Image.open(file) as back:
        return back.convert("RGB")
