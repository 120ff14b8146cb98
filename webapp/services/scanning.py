"""One scan from end to end: market, models, pack, pictures, rows."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy.orm import Session

from rules.load import PackError
from rules.model import Pack
from scanner.fetch import Fetcher, FetchError
from scanner.markets.base import Context, Market, MarketError
from scanner.markets.registry import find_market
from scanner.pipeline import KnownScores, Scanner
from scanner.records import Photo, ScannedPhoto, Scores
from scanner.zoo.cards import CardError
from scanner.zoo.cascade import ModelChoice, NoModelError, choose_models
from scanner.zoo.predictor import ModelError
from webapp.db import now
from webapp.models import Scan
from webapp.services import leases, photos
from webapp.services.crawling import photos_of
from webapp.services.recording import Recorder, find_scores
from webapp.services.rules import current_pack, to_scores
from webapp.settings import Settings
from webapp.storage import open_store

# The exceptions whose message is a sentence for people.
FAILURES = (MarketError, NoModelError, CardError, ModelError, PackError, FetchError, photos.StoreError)


class Stopped(Exception):  # no error: the worker was asked to end
    """The worker ends; the scan is to go on elsewhere or later."""


class ScansPhotos(Protocol):
    @property
    def warnings(self) -> Sequence[str]: ...

    @property
    def spoke(self) -> Mapping[str, int]: ...

    def scan(self, photos: Iterable[Photo], known: KnownScores | None = None) -> Iterator[ScannedPhoto]: ...


@dataclass(frozen=True, slots=True)
class Parts:
    """What a scan is put together of; a test gives its own market and scanner."""

    market: Market
    choice: ModelChoice
    pack: Pack
    fetcher: AbstractContextManager[Fetcher]
    scanner: AbstractContextManager[ScansPhotos]


def open_parts(session: Session, scan: Scan, settings: Settings) -> Parts:
    """The real parts, as settings and source say. Raises one of FAILURES."""
    market = find_market(scan.source.kind)
    pack = current_pack(session, settings.pack)
    choice = choose_models(settings.models_dir, pack.cascade)
    fetcher = Fetcher(contact=settings.contact, allowed_addresses=settings.allowed_addresses)
    return Parts(market, choice, pack, fetcher, Scanner(choice, pack, settings.device, settings.model_memory_mb))


def work(
    session: Session, scan: Scan, settings: Settings, worker: str, is_stopping: Callable[[], bool], parts: Parts
) -> list[str]:
    """Do the scan; what was left out, in sentences. Raises Stopped, LostLeaseError and those of FAILURES."""
    begin(session, scan, settings, worker, parts)
    recorder = Recorder(session, scan, worker, settings.lease_s, parts.pack)
    with parts.fetcher as fetcher, parts.scanner as scanner:
        context = Context(scan.source.options, fetcher)
        pictures = photos_of(parts.market.crawl(context), fetcher, open_store(settings), context.warn)
        try:
            for scanned in scanner.scan(pictures, known=earlier_scores(session, parts.choice)):
                recorder.add(scanned, context.listings_expected)
                if is_stopping():
                    raise Stopped
        except (Stopped, *FAILURES):
            # The market gave up half way, say: what was seen until then is true.
            recorder.write(context.listings_expected)
            raise
        recorder.write(context.listings_expected)
        note_speakers(scan, scanner.spoke)
    return list(dict.fromkeys([*context.warnings, *scanner.warnings]))


def note_speakers(scan: Scan, spoke: Mapping[str, int]) -> None:
    """Write down how many pictures each model scored in this scan, known ones left out; the caller commits."""
    scan.models = [{**model, "photos": spoke.get(model["name"], 0)} for model in scan.models]


def begin(session: Session, scan: Scan, settings: Settings, worker: str, parts: Parts) -> None:
    """Write down what the scan works with; the counters of what is seen start again. Raises LostLeaseError."""
    models = [
        {"name": model.name, "digest": model.digest, "role": model.role, "source": model.source}
        for model in parts.choice.models
    ]
    leases.renew(
        session,
        scan.id,
        worker,
        settings.lease_s,
        models=models,
        primary_absent=parts.choice.primary_absent,
        pack_digest=parts.pack.digest,
        started_at=scan.started_at or now(),
        listings_seen=0,
        photos_seen=0,
        photos_failed=0,
    )
    session.commit()


def earlier_scores(session: Session, choice: ModelChoice) -> KnownScores:
    """What the chosen models said earlier of a picture."""
    digests = [model.digest for model in choice.models]

    def known(sha256: str, pixel_hash: str) -> tuple[Scores, ...]:
        found = find_scores(session, sha256, pixel_hash, digests)
        return tuple(to_scores(found[digest]) for digest in digests if digest in found)

    return known
