"""A model's own labels, one a line in output order."""

import re
from pathlib import Path

# Where PaddleHub's modules keep them, in the order in which they are looked for.
FILE_NAMES = ("label_list.txt", "assets/label_list.txt", "label_file.txt", "assets/label_file.txt")
# Lists of published models, for weights that come without one.
_SHIPPED = Path(__file__).with_name("label_lists")
_NUMBERED = re.compile(r"(\d+)\s+(.+)")


class LabelError(Exception):
    """A label file that can't be used; the message says why."""


def read_labels(path: Path) -> tuple[str, ...]:
    """Labels in output order; where every line begins with its own index, the index is dropped.

    Raises LabelError when the file is missing, not UTF-8 or empty.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise LabelError(f"{path.name} can't be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise LabelError(f"{path.name} is not UTF-8 text") from None
    labels = [line.strip() for line in lines if line.strip()]
    if not labels:
        raise LabelError(f"{path.name} has no labels")
    return _without_numbers(labels)


def shipped_labels(name: str) -> Path:
    """The label list of that name (ModelSpec.labels) that Tuskline brings along."""
    return _SHIPPED / f"{name}.txt"


def _without_numbers(labels: list[str]) -> tuple[str, ...]:
    matches = [_NUMBERED.fullmatch(label) for label in labels]
    if all(match and int(match[1]) == index for index, match in enumerate(matches)):
        return tuple(match[2] for match in matches if match)
    return tuple(labels)
