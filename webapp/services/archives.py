"""What crawls fetched, as evidence: archives (WARC) that grow on this machine and then move into the store."""

from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from webapp.settings import Settings
from webapp.storage import Store

FINISHED = "*.warc.gz"


def archives_dir(settings: Settings) -> Path:
    """The folder of this machine in which archives grow; made where it is missing."""
    folder = settings.home / "spool"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def publish(place: Store, path: Path) -> str:
    """Move a finished archive into the store; its name there. Once more after a crash, it does what was left to do.

    Raises StoreFullError or StoreAwayError: the file is where it was, and `publish_left` takes it later.
    """
    name = name_of(path.name)
    place.put_file(name, path)
    return name


def publish_left(place: Store, folder: Path) -> list[str]:
    """Move what a worker finished and could not publish; the names in the store. Raises what `publish` raises.

    Of two workers that do so at once, the second passes over what the first has moved.
    """
    moved = []
    for path in sorted(folder.glob(FINISHED)):
        with suppress(FileNotFoundError):
            moved.append(publish(place, path))
    return moved


def name_of(archive: str) -> str:
    """Where an archive lies in the store: `archive` is its file's name, as in `Capture.archive`."""
    return f"archives/{archive}"


def open_archive(place: Store, archive: str) -> BinaryIO:
    """To read records from. Raises FileNotFoundError and StoreError."""
    return place.open(name_of(archive))
