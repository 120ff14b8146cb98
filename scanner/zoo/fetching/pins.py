"""Digests of archives for which nobody published one: remembered when first used, held against what comes later."""

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

FILE_NAME = "pins.json"


class PinError(Exception):
    """A pins.json that can't be read; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Pin:
    """What stood at an address. sha256: hex; first_seen_at: ISO 8601, UTC."""

    sha256: str
    size_bytes: int
    first_seen_at: str


def make_pin(sha256: str, size_bytes: int) -> Pin:
    return Pin(sha256, size_bytes, datetime.now(UTC).isoformat(timespec="seconds"))


def find_pin(models_dir: Path, url: str) -> Pin | None:
    """What was first seen at the address. Raises PinError."""
    return _read(models_dir / FILE_NAME).get(url)


def keep_pin(models_dir: Path, url: str, pin: Pin) -> None:
    """Remember it, in the place of what was known of that address. Raises PinError."""
    with _alone(models_dir):
        pins = {**_read(models_dir / FILE_NAME), url: pin}
        text = json.dumps({key: asdict(each) for key, each in sorted(pins.items())}, indent=2)
        fresh = models_dir / f".{FILE_NAME}.new"
        fresh.write_text(text + "\n", encoding="utf-8")
        fresh.replace(models_dir / FILE_NAME)


def _read(path: Path) -> dict[str, Pin]:
    if not path.exists():
        return {}
    try:
        return {url: Pin(**data) for url, data in json.loads(path.read_text(encoding="utf-8")).items()}
    except (OSError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise PinError(f"{path} can't be read ({error}); mend it, or delete it to trust each address anew") from None


@contextmanager
def _alone(models_dir: Path) -> Iterator[None]:
    """Two installs that end at once must not lose each other's pin."""
    with (models_dir / f".{FILE_NAME}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
