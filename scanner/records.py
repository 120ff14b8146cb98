"""What travels through the scanner: small frozen records, no behaviour."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from rules.model import Finding

if TYPE_CHECKING:
    from scanner.fetch import Fetched


@dataclass(frozen=True, slots=True)
class Listing:
    """One offer on a marketplace, as published. `url` names it; times are UTC-aware.

    read_by: what it was read from: `json-ld`, `microdata`, `open-graph`, `html`, `api`, `feed`, `file`.
    answers: the fetched pages that it was read from. is_unchanged: the source says that it is as it was remembered.
    """

    url: str
    title: str = ""
    description: str = ""
    price: Decimal | None = None
    currency: str | None = None
    seller: str | None = None
    seller_url: str | None = None
    country: str | None = None
    posted_at: datetime | None = None
    photo_urls: tuple[str, ...] = ()
    read_by: str = field(default="", compare=False)
    answers: "tuple[Fetched, ...]" = field(default=(), compare=False, repr=False)
    is_unchanged: bool = field(default=False, compare=False)

    @property
    def text(self) -> str:
        return f"{self.title}\n{self.description}".strip()


@dataclass(frozen=True, slots=True)
class Photo:
    """One picture to scan.

    location: where it was found (path or URL), as the user or the listing named it.
    path: the file that holds its bytes, None where it could not be had; then `failure` says why.
    """

    location: str
    path: Path | None
    listing: Listing | None = None
    failure: str | None = None


# Stands for a listing that shows no picture, so that it keeps its place in the stream and is judged by its words.
NO_PICTURE = "the listing shows no picture"


@dataclass(frozen=True, slots=True)
class Scores:
    """What one model said of one picture.

    by_concept: probability in [0, 1] of each concept that the model can see (others are absent).
    top_labels: the model's own five likeliest labels with their probability, likeliest first.
    counters: probability in [0, 1] of each look-alike that the model names (`armadillo`, `leopard`).
    model_digest: SHA-256 (hex) over the model's files, preprocessing and output kind.
    """

    model: str
    model_digest: str
    by_concept: Mapping[str, float]
    top_labels: tuple[tuple[str, float], ...]
    counters: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ScannedPhoto:
    """The end of one picture's way: scores and findings, or one `failure` in a sentence.

    sha256: of the bytes as found; pixel_hash: SHA-256 of the decoded RGB pixels and their size; look_hash: what it
    looks like, None where it says too little (see fingerprints).
    scores: one entry a model that spoke, the one that decided first.
    """

    photo: Photo
    sha256: str | None = None
    pixel_hash: str | None = None
    media_type: str | None = None
    width_px: int | None = None
    height_px: int | None = None
    scores: tuple[Scores, ...] = ()
    findings: tuple[Finding, ...] = field(default=())
    failure: str | None = None
    look_hash: str | None = None
