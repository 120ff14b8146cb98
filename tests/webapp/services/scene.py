"""A market and a scanner for tests of scans: real fetching and real rules, invented listings and scores."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from sqlalchemy.orm import Session

from rules.engine import evaluate
from rules.load import load_pack
from rules.model import Pack
from scanner.fetch import Fetched, Fetcher, FetchError
from scanner.markets.base import Context, Market
from scanner.pipeline import KnownScores, evidence_of
from scanner.records import Listing, Photo, ScannedPhoto, Scores
from scanner.zoo.cascade import ModelChoice
from webapp.db import now
from webapp.models import Scan
from webapp.services import crawling, scoring
from webapp.services.archiving import Archive
from webapp.services.crawling import Parts
from webapp.services.rules import current_pack
from webapp.services.scoring import Bench
from webapp.settings import Settings

PACK = {
    "pack.yaml": "id: small\ntitle: A pack for tests\nversion: '1'\n",
    "elephant_seen.yaml": """
id: elephant_seen
title: Suspected elephant in the picture
concept: elephant
severity: medium
thresholds:
  elephant_seen: {value: 0.5, basis: "not measured, for tests"}
when:
  score: {concept: elephant, threshold: elephant_seen}
citations: ["none"]
examples:
  - {name: seen, flags: true, scores: {elephant: 0.9}, text: "a figure"}
  - {name: not seen, flags: false, scores: {elephant: 0.1}, text: "a figure"}
""",
    "ivory_words.yaml": """
id: ivory_words
title: Suspected ivory by name
concept: ivory
severity: high
when:
  mentions: {concepts: [ivory], kind: plain}
citations: ["none"]
examples:
  - {name: named, flags: true, scores: {}, text: "ivory figure"}
  - {name: not named, flags: false, scores: {}, text: "wooden figure"}
""",
    "lexicon/en.yaml": """
language: en
terms:
  - {term: ivory, concepts: [ivory], kind: plain, source: "test", status: verified}
""",
}


SITE = "http://127.0.0.1:8001"
LISTINGS = [
    Listing(f"{SITE}/1", "Bronze figure", "old", photo_urls=(f"{SITE}/1a.jpg", f"{SITE}/1b.jpg")),
    Listing(
        f"{SITE}/2",
        "Teapot",
        price=Decimal("12.505"),
        currency="eur",
        photo_urls=(f"{SITE}/2a.jpg", f"{SITE}/gone.jpg"),
    ),
    Listing(f"{SITE}/3", "Genuine ivory figure", photo_urls=(f"{SITE}/3a.jpg",)),
    Listing(f"{SITE}/4", "Ivory netsuke without a picture"),
]
PICTURES: dict[str, bytes | FetchError] = {
    f"{SITE}/1a.jpg": b"elephant 0.9",
    f"{SITE}/1b.jpg": b"elephant 0.2",
    f"{SITE}/2a.jpg": b"broken",
    f"{SITE}/gone.jpg": FetchError("The server answered 404 (Not Found).", 404),
    f"{SITE}/3a.jpg": b"elephant 0.1",
}


def write_pack(folder: Path) -> Path:
    for name, text in PACK.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.lstrip(), encoding="utf-8")
    return folder


@dataclass(frozen=True)
class Model:
    name: str = "small_model"
    digest: str = "d" * 64
    role: str = "fallback"
    source: str = "a test"
    spec: SimpleNamespace = field(default_factory=lambda: SimpleNamespace(sees=("elephant",), counters={}))


@dataclass
class Site:
    """Answers by address: bytes, or the FetchError that is raised."""

    answers: dict[str, bytes | FetchError]
    has_etags: bool = False
    asked: list[str] = field(default_factory=list)

    def get(self, url: str, max_bytes: int = 0, etag: str | None = None, last_modified: str | None = None) -> Fetched:  # noqa: ARG002
        self.asked.append(url)
        answer = self.answers[url]
        if isinstance(answer, FetchError):
            raise answer
        if etag is not None and etag == etag_of(answer):
            return Fetched(url, url, 304, {}, b"", now())
        assert len(answer) <= max_bytes
        headers = {"etag": etag_of(answer)} if self.has_etags else {}
        return Fetched(url, url, 200, headers, answer, now())


def etag_of(answer: bytes) -> str:
    return f'"{sha256(answer).hexdigest()}"'


@dataclass
class PlainScanner:
    """Scores each picture by what its bytes say: `elephant 0.9` is an elephant of 0.9; `broken` can't be read."""

    pack: Pack
    model: Model
    scored: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    spoke: Counter[str] = field(default_factory=Counter)

    def scan(self, photos: Iterable[Photo], known: KnownScores | None = None) -> Iterator[ScannedPhoto]:
        for photo in photos:
            yield self.scan_one(photo, known)

    def scan_one(self, photo: Photo, known: KnownScores | None) -> ScannedPhoto:
        if photo.path is None:
            return self.judge(photo, None, photo.failure)
        text = photo.path.read_text()
        if text == "broken":
            return self.judge(photo, photo.path.name, "broken picture")
        # What follows a comma stands for bytes that do not change the pixels.
        pixels = text.partition(",")[0]
        earlier = tuple(known(photo.path.name, f"{pixels:>064}")) if known else ()
        if not earlier:
            self.scored.append(text)
            self.spoke[self.model.name] += 1
            concept, score = pixels.split()
            earlier = (Scores(self.model.name, self.model.digest, {concept: float(score)}, (("a label", 0.5),)),)
        return self.judge(photo, photo.path.name, None, earlier, f"{pixels:>064}")

    def judge(
        self,
        photo: Photo,
        sha256: str | None,
        failure: str | None,
        scores: tuple[Scores, ...] = (),
        pixel_hash: str | None = None,
    ) -> ScannedPhoto:
        found = evaluate(self.pack, evidence_of(self.pack.cascade, photo.listing, scores))
        return ScannedPhoto(photo, sha256, pixel_hash, None, None, None, scores, found, failure)


class Scene:
    """The parts of a scan over `listings`, whose pictures are `pictures` by address."""

    def __init__(self, folder: Path, listings: Iterable[Listing], pictures: dict[str, bytes | FetchError]) -> None:
        self.folder = write_pack(folder)
        self.listings = list(listings)
        self.site = Site(pictures)
        self.model = Model()
        self.scanner: PlainScanner | None = None
        self.scanner_of: type[PlainScanner] = PlainScanner
        self.before_each: Callable[[Context, int], None] = lambda _context, _number: None

    def parts(self, session: Session, scan: Scan, settings: Settings, _is_stopping: Any) -> Parts:
        market = Market("shop", "A market for tests", self.crawl, revisit=self.revisit)
        pack = current_pack(session, settings.pack)
        return Parts(market, pack, nullcontext(cast(Fetcher, self.site)), Archive.of_scan(scan, settings))

    def bench(self, session: Session, settings: Settings) -> Bench:
        pack = current_pack(session, settings.pack)
        self.scanner = self.scanner_of(pack, self.model)
        models = cast(Any, (self.model,))
        choice = ModelChoice(models, primary_absent=True, notice="The primary is absent.", cascade=pack.cascade)
        return Bench(choice, pack, nullcontext(self.scanner))

    def crawl_only(
        self, session: Session, scan_id: int, settings: Settings, worker: str = "worker", **how: Any
    ) -> None:
        crawling.run(session, scan_id, settings, worker, parts=self.parts, **how)

    def score(self, session: Session, settings: Settings, worker: str = "scorer", **how: Any) -> None:
        scoring.run(session, settings, worker, bench=self.bench, **how)

    def scan(self, session: Session, scan_id: int, settings: Settings) -> None:
        self.crawl_only(session, scan_id, settings)
        self.score(session, settings)

    def revisit(self, _context: Context, url: str) -> Listing | None:
        """A page that is not on offer answers 404, unless the scene has an answer for it."""
        answer = self.site.answers.get(url, FetchError("The server answered 404 (Not Found).", 404))
        if isinstance(answer, FetchError):
            raise answer
        return Listing(url) if answer else None

    def crawl(self, context: Context) -> Iterator[Listing]:
        context.expect(len(self.listings))
        for number, listing in enumerate(self.listings):
            self.before_each(context, number)
            yield listing

    @property
    def pack(self) -> Pack:
        return load_pack(self.folder)
