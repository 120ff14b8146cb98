from pathlib import Path

import pytest
from PIL import Image

from webapp.samples.photos import PhotoSet, prepare_photos


@pytest.fixture(scope="session")
def own_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirty small pictures, as a user would keep them in folders of their own."""
    folder = tmp_path_factory.mktemp("own")
    for number in range(30):
        place = folder / ("household", "clothes", "food")[number % 3] / f"thing_{number}.png"
        place.parent.mkdir(exist_ok=True)
        Image.new("RGB", (60 + number, 80), (number * 8, 90, 200 - number * 5)).save(place)
    return folder


@pytest.fixture(scope="session")
def photo_set(own_folder: Path) -> PhotoSet:
    return prepare_photos(own_folder / "unused", own=own_folder)
