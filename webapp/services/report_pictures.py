"""Pictures as a report's files show them."""

import io
from dataclasses import dataclass

from PIL import Image, ImageFilter

from webapp.models import PictureChoice
from webapp.services import photos
from webapp.storage import Store, StoreAwayError

BLURRED_QUALITY = 60  # of a JPEG: there is no detail to keep


@dataclass
class Pictures:
    """missing: how many could not be shown, because their bytes are gone or can't be read."""

    place: Store
    choice: PictureChoice
    missing: int = 0

    def find(self, sha256: str, edge_px: int) -> bytes | None:
        """A JPEG at most `edge_px` wide and high. Raises StoreAwayError: the same may be there later."""
        if self.choice is PictureChoice.NONE:
            return None
        try:
            if self.choice is PictureChoice.BLURRED:
                return blurred(photos.thumbnail(self.place, sha256, photos.VEIL_EDGE_PX), edge_px)
            return photos.thumbnail(self.place, sha256, edge_px)
        except StoreAwayError:
            raise
        except OSError:
            self.missing += 1
            return None


def blurred(veil: bytes, edge_px: int) -> bytes:
    """The colours of a picture of photos.VEIL_EDGE_PX, drawn large and smooth: what is not in it can't come back."""
    with Image.open(io.BytesIO(veil)) as small:
        times = edge_px / max(small.size)
        size = (max(1, round(small.width * times)), max(1, round(small.height * times)))
        large = small.convert("RGB").resize(size, Image.Resampling.BICUBIC)
    body = io.BytesIO()
    large.filter(ImageFilter.GaussianBlur(times)).save(body, "JPEG", quality=BLURRED_QUALITY)
    return body.getvalue()
