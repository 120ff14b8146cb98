"""Pictures to measure with: photographs brought to the sizes that marketplaces serve, never committed."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

SIZES = {500: (500, 375), 1600: (1600, 1200), 3000: (3000, 2000)}
DIFFERENT = 32  # pictures of each size; a longer run takes them again and again
QUALITY = 85
GRAIN = 2.5  # grey levels, one sigma: an enlarged picture is smoother than a camera's, and decodes faster than those
SUFFIXES = {".png", ".jpg", ".jpeg", ".webp"}


class NoPicturesError(Exception):
    """No photographs to make pictures of; the message says what to do."""


def make_pictures(
    folder: Path, photos: Path | None, sizes: Sequence[int], count: int = DIFFERENT
) -> dict[int, list[Path]]:
    """JPEGs by their longer side in pixels, made once below `folder`. Raises NoPicturesError."""
    sources = choose_photos(folder, photos, count)
    key = hashlib.sha256("\n".join(map(str, [GRAIN, QUALITY, *sources])).encode()).hexdigest()[:12]
    return {size: [_make(source, folder / f"{key}-{size}", size) for source in sources] for size in sizes}


def choose_photos(folder: Path, photos: Path | None, count: int) -> list[Path]:
    """`count` photographs, spread over all of the user's own, or of those of the sample marketplace."""
    found = _own(photos) if photos else _sample(folder / "sample-photos")
    if not found:
        raise NoPicturesError(f"no JPEG, PNG or WebP was found in {photos}; name another folder with --photos")
    step = max(1, len(found) // count)
    return found[::step][:count]


def _own(photos: Path) -> list[Path]:
    return sorted(path for path in photos.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())


def _sample(folder: Path) -> list[Path]:
    from webapp.samples.photos import prepare_photos

    folder.parent.mkdir(parents=True, exist_ok=True)
    return [picture.path for picture in prepare_photos(folder).pictures]


def _make(source: Path, folder: Path, size: int) -> Path:
    path = folder / f"{hashlib.sha256(str(source).encode()).hexdigest()[:12]}.jpg"
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        aside = path.with_suffix(".part")
        enlarge(source, SIZES[size]).save(aside, "JPEG", quality=QUALITY)
        aside.replace(path)
    return path


def enlarge(source: Path, sides: tuple[int, int]) -> Image.Image:
    """The photograph, cut and scaled to `sides`, with a camera's grain; the same for the same file."""
    with Image.open(source) as image:
        fitted = ImageOps.fit(_on_white(image), sides, Image.Resampling.LANCZOS)
    random = np.random.default_rng(sides[0])
    grain = random.standard_normal((sides[1], sides[0], 1), dtype=np.float32) * GRAIN
    levels = np.asarray(fitted, dtype=np.float32) + grain
    return Image.fromarray(np.clip(levels, 0, 255).astype(np.uint8))


def _on_white(image: Image.Image) -> Image.Image:
    layers = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", layers.size, "white"), layers).convert("RGB")


def repeat(paths: Sequence[Path], count: int) -> list[Path]:
    """`count` of them, from the start again where they end."""
    return [paths[at % len(paths)] for at in range(count)]
