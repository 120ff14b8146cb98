"""Glyphs as they stand on a rendered page, and what a font's own drawing of them looks like."""

import numpy as np
import pypdfium2
from PIL import Image, ImageDraw, ImageFont

SCALE = 6.0  # pixels a point
SIDE = 48
INK = 160  # darker is ink

Shape = np.ndarray


def between(pdf: bytes, before: str, after: str) -> Image.Image:
    """What is drawn on the line between two plain words. Their places alone are asked of the text."""
    with pypdfium2.PdfDocument(pdf) as document:
        for page in document:
            words = page.get_textpage()
            first, last = (place_of(words, word) for word in (before, after))
            if first and last:
                picture = page.render(scale=SCALE).to_pil().convert("L")
                height = page.get_height()
                return picture.crop(
                    tuple(
                        int(SCALE * edge)
                        for edge in (first[2] + 1, height - first[3] - 3, last[0] - 1, height - first[1] + 3)
                    )
                )
    raise AssertionError(f"{before} and {after} are on no page")


def place_of(words: pypdfium2.PdfTextPage, word: str) -> tuple[float, float, float, float] | None:
    """Left, bottom, right and top of the first place where it stands, in points from the page's lower left."""
    found = words.search(word).get_next()
    if not found:
        return None
    boxes = [words.get_charbox(found[0] + step) for step in range(found[1])]
    return (
        *(min(box[side] for box in boxes) for side in (0, 1)),
        *(max(box[side] for box in boxes) for side in (2, 3)),
    )


def parted(picture: Image.Image, count: int) -> list[Shape]:
    """Shapes of characters that are all as wide as each other."""
    columns = np.flatnonzero((np.asarray(picture) < INK).any(axis=0))
    left, wide = int(columns[0]), (int(columns[-1]) + 1 - int(columns[0])) / count
    return [
        normal(picture.crop((int(left + wide * place), 0, int(left + wide * (place + 1)), picture.height)))
        for place in range(count)
    ]


def drawn(text: str, path: str, index: int) -> Shape:
    """By Pillow, from a font file."""
    font = ImageFont.truetype(path, 60, index=index)
    picture = Image.new("L", (80 * len(text) + 80, 200), 255)
    ImageDraw.Draw(picture).text((30, 50), text, font=font, fill=0)
    return normal(picture)


def normal(picture: Image.Image) -> Shape:
    """The ink alone, in a square: 1 where there is ink."""
    ink = np.asarray(picture) < INK
    assert ink.any(), "nothing is drawn there"
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    tight = Image.fromarray((ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] * 255).astype(np.uint8))
    return np.asarray(tight.resize((SIDE, SIDE), Image.Resampling.BOX), dtype=float) / 255


def likeness(one: Shape, other: Shape) -> float:
    """Their correlation: 1 where they are the same, about 0 where they have nothing in common."""
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])
