"""What became of pictures that a scan worker had, a batch a transaction: scores, failures, findings, counters."""

import time
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import exists, select, update
from sqlalchemy.orm import Session

from rules.model import Pack
from scanner.records import ScannedPhoto, Scores
from scanner.stages import StageName, StageTime, StageTimes
from scanner.zoo.cascade import ModelChoice
from webapp.db import chunks, insert_new_rows
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
    spoke, looked = _write_pictures(session, scan, ours)
    scan.photos_failed += sum(outcome.reason is not None for outcome in ours)
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
    by_id = {outcome.row.id: outcome for outcome in outcomes}
    ours: list[Outcome] = []
    for ids in chunks(sorted(by_id)):
        mine = ScanPhoto.id.in_(ids), ScanPhoto.lease_owner == worker, ScanPhoto.state == PictureState.PENDING
        held = select(ScanPhoto.id).where(*mine).order_by(ScanPhoto.id).with_for_update()
        ours += [by_id[number] for number in session.scalars(held)]
    for said, some in _by_said(ours).items():
        done = dict(zip(SAID, said, strict=True)) | {"lease_owner": None, "lease_until": None}
        for ids in chunks(outcome.row.id for outcome in some):
            ended = update(ScanPhoto).where(ScanPhoto.id.in_(ids)).values(**done)
            session.execute(ended, execution_options={"synchronize_session": False})
    return ours


SAID = ("state", "failure", "failure_kind")


def _by_said(outcomes: Iterable[Outcome]) -> dict[tuple[str | None, ...], list[Outcome]]:
    """Most are alike in what is said of them."""
    by_said: dict[tuple[str | None, ...], list[Outcome]] = {}
    for outcome in outcomes:
        kind = kind_of(outcome.reason) if outcome.reason else None
        said = (outcome.state, outcome.reason, outcome.failure_kind or kind)
        by_said.setdefault(said, []).append(outcome)
    return by_said


def _write_pictures(session: Session, scan: Scan, ours: Iterable[Outcome]) -> tuple[Counter[str], list[PhotoRow]]:
    """The pictures' facts and scores.

    How many pictures each model had never said it of, and the pictures of which it was not known what they look like.
    """
    scanned = [(one.row, one.scanned) for one in ours if one.scanned is not None and one.row.photo_id is not None]
    scanned.sort(key=lambda one: one[0].photo_id or 0)
    photos = _photos(session, {row.photo_id for row, _ in scanned if row.photo_id is not None})
    looked: dict[int, PhotoRow] = {}
    first_looks: list[tuple[int, int]] = []
    said: list[tuple[PhotoRow, Scores]] = []
    for row, seen in scanned:
        photo = photos[row.photo_id or 0]
        if _note_facts(photo, seen):
            first_looks.append((row.listing_id, photo.id))
        if likeness.note_look(photo, seen.look_hash):
            looked[photo.id] = photo
        said += [(photo, scores) for scores in seen.scores]
    session.flush()
    relisting.note_same_pixels(session, scan.id, first_looks)
    new = _write_scores(session, said)
    scan.photos_scored += len({photo_id for photo_id, _ in new})
    return Counter(model for _, model in new), list(looked.values())


def _photos(session: Session, ids: Iterable[int]) -> dict[int, PhotoRow]:
    found: dict[int, PhotoRow] = {}
    for some in chunks(ids):
        rows = select(PhotoRow).where(PhotoRow.id.in_(some))
        found |= {row.id: row for row in session.scalars(rows, execution_options={"populate_existing": True})}
    return found


def _note_facts(photo: PhotoRow, scanned: ScannedPhoto) -> bool:
    """Whether its pixels were not known before."""
    is_first_look = photo.pixel_hash is None and scanned.pixel_hash is not None
    if scanned.failure is None or photo.pixel_hash is None:
        photo.pixel_hash, photo.media_type = scanned.pixel_hash, scanned.media_type
        photo.width_px, photo.height_px = scanned.width_px, scanned.height_px
        photo.failure = scanned.failure
    return is_first_look


def _write_scores(session: Session, said: Sequence[tuple[PhotoRow, Scores]]) -> list[tuple[int, str]]:
    """Keep what models said; (photo id, model) of those that had never said it of these pixels."""
    once = {(photo.id, one.model_digest): (photo, one) for photo, one in reversed(said)}
    said = list(reversed(once.values()))
    known = _known_scores(session, [photo for photo, _ in said], {one.model_digest for _, one in said})
    rows = [_score_row(photo, one) for photo, one in said]
    columns = (ScoreRow.photo_id, ScoreRow.model_digest)
    added = {(photo_id, digest) for photo_id, digest in insert_new_rows(session, ScoreRow, rows, *columns)}
    new = []
    for photo, one in said:
        names = {(photo.id, one.model_digest), (photo.pixel_hash, one.model_digest)}
        if (photo.id, one.model_digest) in added and not names & known:
            new.append((photo.id, one.model))
        if photo.pixel_hash is not None:
            known.add((photo.pixel_hash, one.model_digest))
    return new


def _known_scores(
    session: Session, photos: Iterable[PhotoRow], digests: Collection[str]
) -> set[tuple[int | str | None, str]]:
    """What these models said of the same bytes or pixels, by (photo id, digest) and (pixel hash, digest)."""
    known: set[tuple[int | str | None, str]] = set()
    said = select(PhotoRow.id, PhotoRow.pixel_hash, ScoreRow.model_digest).join(ScoreRow.photo)
    said = said.where(ScoreRow.model_digest.in_(digests))
    ids, pixels = {photo.id for photo in photos}, {photo.pixel_hash for photo in photos if photo.pixel_hash}
    wanted = [PhotoRow.id.in_(some) for some in chunks(ids)] + [
        PhotoRow.pixel_hash.in_(some) for some in chunks(pixels)
    ]
    for which in wanted:
        for photo_id, pixel_hash, digest in session.execute(said.where(which)):
            known.add((photo_id, digest))
            if pixel_hash is not None:
                known.add((pixel_hash, digest))
    return known


def _score_row(photo: PhotoRow, said: Scores) -> dict[str, Any]:
    return {
        "photo_id": photo.id,
        "model": said.model,
        "model_digest": said.model_digest,
        "by_concept": dict(said.by_concept),
        "top_labels": [list(label) for label in said.top_labels],
        "counters": dict(said.counters),
    }


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
