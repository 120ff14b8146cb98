"""Pictures made by the project itself, for machines where no photographs can be had: cloth, tiles, prints."""

from pathlib import Path
from random import Random

from PIL import Image, ImageDraw

SIZE_PX = 360
COLOURS = {
    "red": (178, 52, 47),
    "blue": (44, 82, 140),
    "green": (64, 118, 74),
    "ochre": (201, 150, 52),
    "grey": (120, 124, 128),
    "violet": (106, 76, 128),
    "turquoise": (60, 148, 150),
    "pink": (205, 122, 140),
}
PATTERNS = ("striped cloth", "chequered tile", "dotted paper", "graded print", "ringed coaster", "grained panel")


def draw_pictures(folder: Path) -> list[tuple[str, str, str]]:
    """Draw every pattern in every colour into `folder`; returns (file name, caption, subject) of each."""
    drawn = []
    for colour in COLOURS:
        for pattern in PATTERNS:
            name = f"{pattern.replace(' ', '-')}-{colour}.png"
            draw_picture(pattern, colour).save(folder / name)
            drawn.append((name, f"A {colour} {pattern}.", f"patterns/{pattern.split()[1]}"))
    return drawn


def draw_picture(pattern: str, colour: str) -> Image.Image:
    """One picture, RGB, SIZE_PX wide and high; the same for the same arguments."""
    painter = {
        "striped cloth": _stripes,
        "chequered tile": _squares,
        "dotted paper": _dots,
        "graded print": _gradient,
        "ringed coaster": _rings,
        "grained panel": _grain,
    }[pattern]
    return painter(COLOURS[colour], Random(f"{pattern} {colour}"))  # noqa: S311 a pattern, not a secret


def _paler(colour: tuple[int, int, int], part: float) -> tuple[int, int, int]:
    red, green, blue = (round(value + (255 - value) * part) for value in colour)
    return red, green, blue


def _stripes(colour: tuple[int, int, int], random: Random) -> Image.Image:
    image = Image.new("RGB", (SIZE_PX, SIZE_PX), _paler(colour, 0.7))
    draw = ImageDraw.Draw(image)
    step = random.randrange(14, 40)
    for left in range(0, SIZE_PX, step):
        draw.rectangle((left, 0, left + random.randrange(3, step), SIZE_PX), fill=_paler(colour, random.random() / 2))
    return image


def _squares(colour: tuple[int, int, int], random: Random) -> Image.Image:
    cells = random.randrange(4, 10)
    small = Image.new("RGB", (cells, cells))
    small.putdata([colour if (n % cells + n // cells) % 2 else _paler(colour, 0.8) for n in range(cells * cells)])
    return small.resize((SIZE_PX, SIZE_PX), Image.Resampling.NEAREST)


def _dots(colour: tuple[int, int, int], random: Random) -> Image.Image:
    image = Image.new("RGB", (SIZE_PX, SIZE_PX), _paler(colour, 0.85))
    draw = ImageDraw.Draw(image)
    for _ in range(90):
        x, y, radius = random.randrange(SIZE_PX), random.randrange(SIZE_PX), random.randrange(4, 16)
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=_paler(colour, random.random() / 2))
    return image


def _gradient(colour: tuple[int, int, int], random: Random) -> Image.Image:
    ramp = Image.linear_gradient("L").rotate(random.choice((0, 90, 180, 270))).resize((SIZE_PX, SIZE_PX))
    pale = Image.new("RGB", ramp.size, _paler(colour, 0.9))
    return Image.composite(Image.new("RGB", ramp.size, colour), pale, ramp)


def _rings(colour: tuple[int, int, int], random: Random) -> Image.Image:
    image = Image.new("RGB", (SIZE_PX, SIZE_PX), (250, 250, 248))
    draw = ImageDraw.Draw(image)
    middle, step = SIZE_PX // 2, random.randrange(9, 24)
    for radius in range(middle - 10, 0, -step):
        box = (middle - radius, middle - radius, middle + radius, middle + radius)
        draw.ellipse(box, fill=_paler(colour, random.random() * 0.7))
    return image


def _grain(colour: tuple[int, int, int], random: Random) -> Image.Image:
    noise = Image.frombytes("L", (9, 90), random.randbytes(9 * 90)).resize((SIZE_PX, SIZE_PX), Image.Resampling.BICUBIC)
    pale = Image.new("RGB", noise.size, _paler(colour, 0.5))
    return Image.composite(Image.new("RGB", noise.size, colour), pale, noise)
