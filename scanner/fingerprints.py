"""Names for a picture: by its bytes, and by its pixels."""

import hashlib
from pathlib import Path

from PIL import Image


def digest_file(path: Path) -> str:
    """SHA-256 of the file's bytes, 64 hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def hash_pixels(image: Image.Image) -> str:
    """SHA-256 (hex) over the size and the decoded RGB pixels: equal for files that differ in metadata alone."""
    digest = hashlib.sha256(f"RGB {image.width}x{image.height}\n".encode())
    digest.update(image.tobytes())
    return digest.hexdigest()
