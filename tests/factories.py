"""Rows for tests: each builder adds one row with plausible values, makes what it hangs on, and flushes."""

import hashlib
from datetime import UTC, datetime
from functools import cache
from itertools import count
from typing import Any, TypeVar

from argon2 import PasswordHasher
from sqlalchemy.orm import Session

from webapp.models import (
    Appearance,
    FindingRow,
    FindingState,
    Job,
    JobKind,
    JobState,
    ListingRow,
    PhotoRow,
    Role,
    Scan,
    ScanState,
    ScoreRow,
    ShadowRun,
    Source,
    User,
)

PASSWORD = "a tusk is not a trophy"  # of test users only
MODEL = "pplcnetv2_base_imagenet"
MODEL_DIGEST = hashlib.sha256(MODEL.encode()).hexdigest()
PACK_DIGEST = hashlib.sha256(b"pack").hexdigest()

T = TypeVar("T")
_numbers = count(1)
# Parameters that protect nothing: a test's password guards nothing.
CHEAP_HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@cache
def password_hash(password: str) -> str:
    return CHEAP_HASHER.hash(password)


def add(session: Session, row: T) -> T:
    session.add(row)
    session.flush()
    return row


def make_user(
    session: Session, name: str | None = None, role: Role = Role.REVIEWER, password: str = PASSWORD, **more: Any
) -> User:
    name = name or f"user{next(_numbers)}"
    return add(session, User(name=name, role=role, password_hash=password_hash(password), **more))


def make_source(session: Session, name: str | None = None, kind: str = "shop", **options: Any) -> Source:
    return add(session, Source(name=name or f"Source {next(_numbers)}", kind=kind, options=options))


def make_listing(session: Session, source: Source | None = None, **fields: Any) -> ListingRow:
    source = source or make_source(session)
    fields = {"url": f"http://127.0.0.1:8001/listings/{next(_numbers)}", "title": "Carved figure", **fields}
    return add(session, ListingRow(source=source, **fields))


def make_photo(
    session: Session, listing: ListingRow | None = None, body: bytes | None = None, **fields: Any
) -> PhotoRow:
    """A picture; in `listing` where one is given. body: what its SHA-256 is of (nothing is stored)."""
    body = body if body is not None else f"picture {next(_numbers)}".encode()
    sha256 = hashlib.sha256(body).hexdigest()
    photo = add(session, PhotoRow(**{"sha256": sha256, "size_bytes": len(body), "media_type": "image/jpeg", **fields}))
    if listing is not None:
        place_photo(session, listing, photo)
    return photo


def place_photo(session: Session, listing: ListingRow, photo: PhotoRow) -> Appearance:
    position = len(listing.appearances)
    url = f"{listing.url}/{position}.jpg"
    appearance = Appearance(listing=listing, photo=photo, url=url, position=position)
    return add(session, appearance)


def make_scores(session: Session, photo: PhotoRow, **by_concept: float) -> ScoreRow:
    row = ScoreRow(
        photo=photo,
        model=MODEL,
        model_digest=MODEL_DIGEST,
        by_concept=by_concept or {"elephant": 0.91, "tiger": 0.02},
        top_labels=[["African elephant", 0.7], ["tusker", 0.21]],
    )
    return add(session, row)


def make_scan(session: Session, source: Source | None = None, **fields: Any) -> Scan:
    fields = {"state": ScanState.DONE, "finished_at": datetime.now(UTC), "primary_absent": True, **fields}
    fields.setdefault("models", [{"name": MODEL, "digest": MODEL_DIGEST, "role": "fallback", "source": "a test"}])
    return add(session, Scan(source=source or make_source(session), **fields))


def make_job(session: Session, kind: JobKind = JobKind.VERIFY, model: str | None = MODEL, **fields: Any) -> Job:
    """A job that is over, unless `state` says otherwise; an unfinished one holds its model."""
    state = fields.setdefault("state", JobState.DONE)
    if not state.is_over:
        fields.setdefault("holds", f"model:{model}")
    return add(session, Job(**{"kind": kind, "model": model, "actor": "ann", **fields}))


def make_shadow_run(session: Session, user: User | None = None, **fields: Any) -> ShadowRun:
    """Under way, unless `state` says otherwise."""
    preview = {"listings": 0, "judged": 0, "flags": 0, "unflags": 0, "unflags_confirmed": 0, "hours": 0.0}
    values = {"rule": "elephant_seen", "base_version": 1, "thresholds": {"elephant_seen": 0.7}, "reason": "a test"}
    row = ShadowRun(user=user or make_user(session, role=Role.LEAD), preview=preview, **values | fields)
    return add(session, row)


def make_finding(
    session: Session,
    listing: ListingRow | None = None,
    photo: PhotoRow | None = None,
    scan: Scan | None = None,
    **fields: Any,
) -> FindingRow:
    """A finding on a scored picture, open unless `state` says otherwise. words_only=True: without a picture."""
    words_only = fields.pop("words_only", False)
    listing = listing or make_listing(session)
    if photo is None and not words_only:
        photo = make_photo(session, listing)
        make_scores(session, photo)
    scan = scan or make_scan(session, listing.source)
    values = {
        "rule": "elephant_picture",
        "rule_version": 1,
        "pack_digest": PACK_DIGEST,
        "title": "Suspected elephant in the picture",
        "concept": "elephant",
        "severity": "medium",
        "state": FindingState.OPEN,
        "primary_absent": True,
        **(WORDS_ONLY if words_only else SCORED),
        **fields,
    }
    key = f"{listing.id}:{photo.id if photo else 0}"
    where = {"source_id": listing.source_id, "seller": listing.seller, "language": listing.language}
    row = FindingRow(listing=listing, photo=photo, scan=scan, appearance_key=key, **where | values)
    return add(session, row)


def make_elephant(session: Session, title: str = "A figure of stone", **fields: Any) -> FindingRow:
    """An elephant of 0.91, flagged by the rule in force."""
    listing = make_listing(session, title=title)
    photo = make_photo(session, listing)
    make_scores(session, photo, elephant=0.91)
    scan = make_scan(session, listing.source)
    return make_finding(session, listing, photo, scan, rule="elephant_seen", **fields)


SCORED: dict[str, Any] = {
    "threshold": 0.5,
    "score": 0.91,
    "model": MODEL,
    "model_digest": MODEL_DIGEST,
    "priority": 2.91,
    "why": "elephant 0.91 reached the threshold 0.50 (elephant)",
    "reasons": {
        "kind": "score",
        "met": True,
        "facts": {"concept": "elephant", "score": 0.91, "threshold": 0.5, "threshold_name": "elephant"},
        "children": [],
    },
}
WORDS_ONLY: dict[str, Any] = {
    "threshold": None,
    "score": None,
    "model": None,
    "model_digest": None,
    "priority": 2.5,
    "why": "the text holds “ivory” (English, names ivory)",
    "reasons": {
        "kind": "mentions",
        "met": True,
        "facts": {
            "looked_for": "ivory",
            "terms": [{"found": "ivory", "language": "en", "kind": "plain", "concepts": ["ivory"]}],
        },
        "children": [],
    },
}
