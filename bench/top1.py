"""How often is a model's first guess right? python bench/top1.py MODELS_DIR FOLDER [NAME ...]

FOLDER holds photographs whose file names end in their ImageNet class (n01580077_jay.JPEG, or jay.jpg). Prints, for each
installed model of 1,000 classes (or for those named), the share whose best label is that class and pictures a second.
"""

import re
import sys
import time
from pathlib import Path

import numpy as np

from scanner.images import open_picture
from scanner.zoo.engines import Device
from scanner.zoo.engines.paddle import PaddleEngine
from scanner.zoo.predictor import Predictor
from scanner.zoo.preprocessing import crop_pixels
from scanner.zoo.registry import InstalledModel, installed_models

BATCH = 16
_WORDNET_ID = re.compile(r"n\d{8}_")


def class_of(path: Path) -> str:
    return plain(_WORDNET_ID.sub("", path.stem))


def plain(name: str) -> str:
    return re.sub(r"[\W_]+", " ", name).strip().casefold()


def find_index(labels: tuple[str, ...], name: str) -> int:
    """The output whose label has `name` among its synonyms, as the first of them if it can be. Raises LookupError."""
    synonyms = [[plain(word) for word in label.split(",")] for label in labels]
    first = [index for index, words in enumerate(synonyms) if words[0] == name]
    found = first or [index for index, words in enumerate(synonyms) if name in words]
    if not found:
        raise LookupError(f"no label is called {name!r}")
    return found[0]


def score(model: InstalledModel, photos: list[Path]) -> tuple[int, float]:
    """How many of the photos it names right, and how many it scores a second, decoding included."""
    engine = PaddleEngine(model.folder, model.card.network, Device(), tuning=model.card.tuning)
    predictor, labels = Predictor(model, engine), model.labels()
    right, started = 0, time.monotonic()
    for start in range(0, len(photos), BATCH):
        batch = photos[start : start + BATCH]
        crops = np.stack([crop_pixels(open_picture(path), model.spec.preprocessing) for path in batch])
        guesses = predictor.predict(crops).argmax(axis=1)
        right += sum(guess == find_index(labels, class_of(path)) for guess, path in zip(guesses, batch, strict=True))
    return int(right), len(photos) / (time.monotonic() - started)


def main() -> None:
    models_dir, folder, *names = sys.argv[1:]
    photos = sorted(path for path in Path(folder).iterdir() if path.suffix.lower() in (".jpg", ".jpeg", ".png"))
    for model in installed_models(Path(models_dir)):
        if model.spec.classes == 1000 and (not names or model.name in names):
            right, speed = score(model, photos)
            print(
                f"{model.name:32} {right / len(photos):.3f} ({right} of {len(photos)}), {speed:.1f} pictures a second"
            )


if __name__ == "__main__":
    main()
