"""Prints are made when they are first asked for, and kept."""

from pathlib import Path
from uuid import uuid4

from webapp.samples.prints import Print, render_print


class Darkroom:
    """folder: where prints are kept under their key; None keeps nothing."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)

    def develop(self, made: Print) -> bytes:
        """The print's bytes, from the folder or rendered now (about 7 ms)."""
        if self._folder is None:
            return render_print(made)
        kept = self._folder / f"{made.key}-{_edition(made.picture.path)}.{made.suffix}"
        if not kept.is_file():
            part = kept.with_suffix(f".{uuid4().hex}.part")  # two visitors may want the same print at once
            part.write_bytes(render_print(made))
            part.replace(kept)
        return kept.read_bytes()


def _edition(path: Path) -> str:
    """Changes with the file, so that a picture that its user replaced is not shown from the old print."""
    status = path.stat()
    return f"{status.st_size}-{status.st_mtime_ns}"
