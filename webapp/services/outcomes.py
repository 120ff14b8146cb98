"""What became of pictures that a scan worker had, a batch a transaction: scores, failures, findings, counters."""

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import exists, select, update
from sqlalchemy.orm import Session

from rules.model import Pack
from scanner.records import ScannedPhoto, Scores
from scanner.stages import StageName, StageTime, StageTimes
from scanner.zoo.cascade import ModelChoice
from webapp.db import insert_new
from webapp.models import ListingRow, PhotoRow, PictureState, Scan, ScanPhoto, ScoreRow
from webapp.services import likeness, relisting, scans, stages
from webapp.services.failures import FailureKind, kind_of
from webapp.services.look_index import LookIndex
from webapp.services.opening import judge_listings


@dataclass(frozen=True, slots=True)
class Outcome:
    """scanned: what the scanner said; None where all was known, or where `failure` says why nothing was done.

    failure_kind: of `failure`; of what the scanner says, its sentence tells.
    """

    row: ScanPhoto
    scanned: ScannedPhoto | None = None
    failure: str | None = None
    failure_kind: FailureKind | None = None

    @property
    def reason(self) -> str | None:
        return self.failure or (self.scanned.failure if self.scanned else None)

    @property
    def state(self) -> PictureState:
        return PictureState.FAILED if self.reason else PictureState.SCORED


def write_outcomes(
    session: Session,
    worker: str,
    outcomes: Sequence[Outcome],
    choice: ModelChoice | None = None,
    pack: Pack | None = None,
    warnings: Sequence[str] = (),
    times: Mapping[int, StageTimes] | None = None,
    index: LookIndex | None = None,
) -> None:
    """Write those that are still this worker's, judge listings of which no picture waits any more; commits.

    A scan of which this was the last ends. Each scan is a transaction of its own, so that no two workers hold what the
    other wants. Without choice no model could speak: then words alone are judged; without pack nothing is.
    times: how long the scanner worked for each scan. index: kept from one call to the next; made anew, it has to read
    every look that there is.
    """
    index = index or LookIndex()
    by_scan: dict[int, list[Outcome]] = {}
    for outcome in outcomes:
        by_scan.setdefault(outcome.row.scan_id, []).append(outcome)
    for scan_id in sorted(by_scan):  # in one order everywhere, so that no two workers wait for each other
        began = time.monotonic()
        _write_scan(session, worker, scan_id, by_scan[scan_id], choice, pack, warnings, index)
        if times and scan_id in times:
            stages.add_times(session, scan_id, times[scan_id])
        session.commit()
        # What a commit takes is known behind it, so it goes with the next one.
        written = StageTime(len(by_scan[scan_id]), time.monotonic() - began, workers=1)
        scans.settle(session, scan_id)
        stages.add(session, scan_id, StageName.WRITE, written)
        session.commit()


def _write_scan(
    session: Session,
    worker: str,
    scan_id: int,
    outcomes: Sequence[Outcome],
    choice: ModelChoice | None,
    pack: Pack | None,
    warnings: Sequence[str],
    index: LookIndex,
) -> None:
    scan = _lock(session, scan_id)
    if choice is not None:
        _note_models(scan, choice)
    for sentence in warnings:
        scans.add_warning(scan, sentence)
    ours = _end_claims(session, worker, outcomes)
    spoke: Counter[str] = Counter()
    looked: list[PhotoRow] = []
    for outcome in sorted(ours, key=lambda one: one.row.photo_id or 0):
        new = _write_picture(session, scan_id, outcome, looked)
        spoke.update(new)
        scan.photos_scored += bool(new)
        scan.photos_failed += outcome.reason is not None
    scan.models = [{**model, "photos": model.get("photos", 0) + spoke[model["name"]]} for model in scan.models]
    session.flush()
    if pack is not None:
        order = [model.digest for model in choice.models] if choice else []
        scan.findings_opened += judge_listings(session, scan, pack, _complete(session, scan_id, ours), order)
    likeness.pair(session, looked, index)


def _lock(session: Session, scan_id: int) -> Scan:
    """The scan's row, ours until the commit: counters of two workers add up, on SQLite too."""
    session.execute(update(Scan).where(Scan.id == scan_id).values(photos_scored=Scan.photos_scored))
    return session.get_one(Scan, scan_id, populate_existing=True)


def _note_models(scan: Scan, choice: ModelChoice) -> None:
    """Which models the scan's pictures are shown to, from the first batch on."""
    known = {model["digest"]: model for model in scan.models}
    ours = [
        {"name": model.name, "digest": model.digest, "role": model.role, "source": model.source, "photos": 0}
        for model in choice.models
    ]
    others = [model for digest, model in known.items() if digest not in {model["digest"] for model in ours}]
    scan.models = [known.get(model["digest"], model) for model in ours] + others
    scan.primary_absent = choice.primary_absent


def _end_claims(session: Session, worker: str, outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Those that were still ours: a lease that passed, or a scan that was cancelled, leaves the rest to others."""
    ours = []
    for outcome in sorted(outcomes, key=lambda one: one.row.id):
        mine = (
            ScanPhoto.id == outcome.row.id,
            ScanPhoto.lease_owner == worker,
            ScanPhoto.state == PictureState.PENDING,
        )
        kind = kind_of(outcome.reason) if outcome.reason else None
        said = {"state": outcome.state, "failure": outcome.reason, "failure_kind": outcome.failure_kind or kind}
        done = {**said, "lease_owner": None, "lease_until": None}
        ended = update(ScanPhoto).where(*mine).values(**done).returning(ScanPhoto.id)
        if session.scalar(ended, execution_options={"synchronize_session": False}) is not None:
            ours.append(outcome)
    return ours


def _write_picture(session: Session, scan_id: int, outcome: Outcome, looked: list[PhotoRow]) -> list[str]:
    """The picture's facts and scores; the names of the models that had never said it of these pixels.

    looked: pictures of which it was not known what they look like; this one is added if so.
    """
    scanned = outcome.scanned
    if scanned is None or outcome.row.photo_id is None:
        return []
    photo = session.get_one(PhotoRow, outcome.row.photo_id, populate_existing=True)
    is_first_look = photo.pixel_hash is None and scanned.pixel_hash is not None
    if scanned.failure is None or photo.pixel_hash is None:
        photo.pixel_hash, photo.media_type = scanned.pixel_hash, scanned.media_type
        photo.width_px, photo.height_px = scanned.width_px, scanned.height_px
        photo.failure = scanned.failure
    if likeness.note_look(photo, scanned.look_hash):
        looked.append(photo)
    if is_first_look:
        session.flush()
        relisting.note_same_pixels(session, scan_id, session.get_one(ListingRow, outcome.row.listing_id), photo)
    return [said.model for said in scanned.scores if _write_scores(session, photo, said)]


def _write_scores(session: Session, photo: PhotoRow, said: Scores) -> bool:
    """Keep what a model said; whether it had never said it of these pixels."""
    is_copy = bool(find_scores(session, photo.sha256, photo.pixel_hash, [said.model_digest]))
    is_new = insert_new(
        session,
        ScoreRow,
        photo_id=photo.id,
        model=said.model,
        model_digest=said.model_digest,
        by_concept=dict(said.by_concept),
        top_labels=[list(label) for label in said.top_labels],
        counters=dict(said.counters),
    )
    return is_new and not is_copy


def _complete(session: Session, scan_id: int, outcomes: Iterable[Outcome]) -> list[int]:
    """Of the listings of these pictures those of which none waits any more."""
    ids = {outcome.row.listing_id for outcome in outcomes}
    waiting = exists().where(
        ScanPhoto.scan_id == scan_id, ScanPhoto.listing_id == ListingRow.id, ScanPhoto.state == PictureState.PENDING
    )
    return list(session.scalars(select(ListingRow.id).where(ListingRow.id.in_(ids), ~waiting).order_by(ListingRow.id)))


def find_scores(session: Session, sha256: str, pixel_hash: str | None, digests: Sequence[str]) -> dict[str, ScoreRow]:
    """What those models said earlier, by digest, of the same bytes or of other bytes that decode to the same pixels."""
    said = select(ScoreRow).join(ScoreRow.photo).where(ScoreRow.model_digest.in_(digests))
    found = {row.model_digest: row for row in session.scalars(said.where(PhotoRow.sha256 == sha256))}
    if pixel_hash is None or len(found) == len(digests):
        return found
    same_pixels = session.scalars(said.where(PhotoRow.pixel_hash == pixel_hash).order_by(ScoreRow.id.desc()))
    return {row.model_digest: row for row in same_pixels} | found
