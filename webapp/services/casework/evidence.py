"""A case's evidence: findings with all that was said of them, listings with their history, pictures, models."""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload, selectinload

from rules.model import Pack
from scanner.zoo.cards import CardError
from scanner.zoo.registry import InstalledModel, find_installed
from scanner.zoo.running import variant_of
from webapp.db import chunks
from webapp.language import say
from webapp.models import (
    Appearance,
    Capture,
    CrawledPage,
    Decision,
    FindingRow,
    ListingEvent,
    ListingRow,
    ListingVersion,
    PhotoRow,
    PictureState,
    Recheck,
    ReviewClaim,
    Scan,
    ScanPhoto,
    ScoreRow,
    Source,
)
from webapp.services import describing, freezing, items, likeness, photos, sources
from webapp.services.casework.parts import Gathering, why_gone
from webapp.services.casework.rules import Packs
from webapp.services.describing import stamp
from webapp.services.priority import named_terms
from webapp.services.tallies import Tally
from webapp.storage import StoreAwayError

FINDINGS_STEP, LISTINGS_STEP = 50, 20
SELLER_LISTINGS = 5_000
SUFFIXES = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp", "image/gif": "gif"}
UNSAFE = re.compile(r"[^A-Za-z0-9_.-]")


@dataclass(frozen=True, slots=True)
class Kept:
    """Where a picture lies in the bundle; None and why where it is gone, or is not what it was.

    found_path: then what lies in its place now, where anything does.
    """

    path: str | None
    gone: str | None = None
    found_path: str | None = None

    def to_json(self) -> dict[str, str | None]:
        return {"path": self.path, "gone": self.gone, "found_path": self.found_path}


def lying(kept: Mapping[int, Kept], photo_id: int) -> Kept:
    """A scan may meet another picture of the listing while the others are copied."""
    return kept.get(photo_id) or Kept(None, say("It was first met while the case file was being made."))


@dataclass
class Scope:
    """Which rows the case is about, by their ids; found once, at the beginning."""

    listing_ids: list[int] = field(default_factory=list)
    photo_ids: list[int] = field(default_factory=list)
    scan_ids: list[int] = field(default_factory=list)
    source_ids: list[int] = field(default_factory=list)
    pack_digests: list[str] = field(default_factory=list)
    rules: list[str] = field(default_factory=list)
    sellers: list[tuple[int, str]] = field(default_factory=list)


def scope_of(session: Session, finding_ids: Sequence[int]) -> Scope:
    """All pictures that the listings show or showed, all scans that met them."""
    listing_ids, photo_ids, scan_ids = set[int](), set[int](), set[int]()
    digests, rules, sellers = set[str](), set[str](), set[tuple[int, str]]()
    names = ("listing_id", "photo_id", "scan_id", "pack_digest", "rule", "source_id", "seller")
    columns = [getattr(FindingRow, name) for name in names]
    for ids in chunks(finding_ids):
        for row in session.execute(select(*columns).where(FindingRow.id.in_(ids))):
            listing_ids.add(row.listing_id)
            photo_ids |= {row.photo_id} if row.photo_id else set()
            scan_ids.add(row.scan_id)
            digests.add(row.pack_digest)
            rules.add(row.rule)
            sellers |= {(row.source_id, row.seller)} if row.seller else set()
    for ids in chunks(sorted(listing_ids)):
        for shown in (Appearance, ScanPhoto):
            photo_ids |= met(session, shown, "photo_id", ids)
        for seen in (ScanPhoto, Capture, ListingVersion, ListingEvent):
            scan_ids |= met(session, seen, "scan_id", ids)
    source_ids = session.scalars(select(Scan.source_id).where(Scan.id.in_(sorted(scan_ids))).distinct())
    return Scope(
        sorted(listing_ids), sorted(photo_ids), sorted(scan_ids), sorted(source_ids), sorted(digests), sorted(rules),
        sorted(sellers),
    )  # fmt: skip


def met(session: Session, table: Any, name: str, listing_ids: Sequence[int]) -> set[int]:
    column = getattr(table, name)
    wanted = select(column).where(table.listing_id.in_(listing_ids), column.is_not(None))
    return set(session.scalars(wanted.distinct()))


def count_bytes(session: Session, photo_ids: Sequence[int]) -> int:
    """Of the pictures that are still kept."""
    total = 0
    for ids in chunks(photo_ids):
        kept = select(func.coalesce(func.sum(PhotoRow.size_bytes), 0))
        total += session.scalar(kept.where(PhotoRow.id.in_(ids), PhotoRow.purged_at.is_(None))) or 0
    return total


def copy_photos(gathering: Gathering, photo_ids: Sequence[int]) -> dict[int, Kept]:
    """The original bytes of every picture, by SHA-256; where each lies, by its row's id."""
    kept: dict[int, Kept] = {}
    rows: list[tuple[str, int, str | None]] = []
    for ids in chunks(photo_ids):
        wanted = select(PhotoRow.sha256, PhotoRow.id, PhotoRow.media_type).where(PhotoRow.id.in_(ids))
        rows += [(sha256, photo_id, kind) for sha256, photo_id, kind in gathering.session.execute(wanted)]
    for done, (sha256, photo_id, kind) in enumerate(sorted(rows)):
        gathering.tell("copying pictures", done, len(rows))
        kept[photo_id] = copy_photo(gathering, sha256, kind)
    gathering.tell("copying pictures", len(rows), len(rows))
    return kept


def copy_photo(gathering: Gathering, sha256: str, media_type: str | None) -> Kept:
    """Bytes that are not what they were go in as found, apart from the others and named as a fault."""
    name = photos.name_of(sha256)
    try:
        path = gathering.place.local_path(name)
        file = path.open("rb")
    except StoreAwayError:
        raise
    except OSError:
        why = why_gone(gathering.session, name, sha256)
        return Kept(None, gathering.miss(f"picture {sha256}", why, sha256=sha256))
    with file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
        file.seek(0)
        kind, suffix = media_type or "application/octet-stream", SUFFIXES.get(media_type or "", "bin")
        if found == sha256:
            path_there = f"photos/{sha256}.{suffix}"
            gathering.packing.add_file(path_there, kind, "a picture, its original bytes", file)
            return Kept(path_there)
        path_there = f"altered/picture-{len(gathering.faults) + 1}.bin"
        gathering.packing.add_file(path_there, "application/octet-stream", "what lies in a picture's place", file)
    why = say("The picture's bytes are not those that were found: their SHA-256 is another.")
    gathering.fault(f"picture {sha256}", why, expected_sha256=sha256, found_sha256=found, path=path_there)
    return Kept(None, why, path_there)


class Findings:
    """Writes the findings; what reports say of them is kept aside for the report's pages."""

    def __init__(self, gathering: Gathering, packs: Packs, kept: Mapping[int, Kept], pack: Pack) -> None:
        self.tally = Tally()
        self.spool = gathering.spool("report.jsonl")
        self._all = gathering
        self._packs = packs
        self._kept = kept
        self._pack = pack

    def copy(self) -> None:
        self._all.packing.add_lines("findings.jsonl", "suspected findings, one a line", self._lines())

    def _lines(self) -> Iterator[dict[str, Any]]:
        ids = self._all.case.finding_ids
        for done, some in enumerate(chunks(ids, FINDINGS_STEP)):
            self._all.tell("describing findings", done * FINDINGS_STEP, len(ids))
            described = list(freezing.describe_batch(self._all.session, some, self._pack, self.tally))
            with self._all.reading() as session:
                more = about_findings(session, some)
                for said in described:
                    self.spool.add(said)
                    yield self._describe(session, said, *more[said["id"]])

    def _describe(
        self,
        session: Session,
        said: dict[str, Any],
        row: FindingRow,
        rechecks: list[Recheck],
        claim: ReviewClaim | None,
    ) -> dict[str, Any]:
        then = self._packs.by_digest.get(row.pack_digest)
        terms = list(named_terms(row.reasons))
        return {name: value for name, value in said.items() if name not in ("decisions", "scores")} | {
            "scan_id": row.scan_id,
            "appearance_key": row.appearance_key,
            "priority": row.priority,
            "language": row.language,
            "seller": row.seller,
            "photos": [describe_picture(one, self._kept) for one in pictures_of(session, row)],
            "duplicates": describe_duplicates(session, row.photo, row.listing_id),
            "lexicon": {
                "pack_digest": row.pack_digest,
                "pack_version": then.pack.version if then else None,
                "named_in_reasons": terms,
            },
            "decisions": [
                one | describe_more(decision) for one, decision in zip(said["decisions"], row.decisions, strict=True)
            ],
            "second_looks": [describe_recheck(one) for one in rechecks],
            "on_desk_of": {"name": claim.user.name, "since": stamp(claim.claimed_at), "until": stamp(claim.until)}
            if claim
            else None,
        }


About = tuple[FindingRow, list[Recheck], ReviewClaim | None]


def about_findings(session: Session, ids: Sequence[int]) -> dict[int, About]:
    pictures = selectinload(ListingRow.appearances).joinedload(Appearance.photo).selectinload(PhotoRow.scores)
    details = (
        joinedload(FindingRow.listing).options(pictures),
        joinedload(FindingRow.photo).selectinload(PhotoRow.scores),
        selectinload(FindingRow.decisions).options(joinedload(Decision.user), joinedload(Decision.undo)),
    )
    rows = session.scalars(select(FindingRow).where(FindingRow.id.in_(ids)).options(*details)).unique().all()
    looks: dict[int, list[Recheck]] = {}
    for recheck in session.scalars(select(Recheck).where(Recheck.finding_id.in_(ids)).order_by(Recheck.id)):
        looks.setdefault(recheck.finding_id, []).append(recheck)
    held = select(ReviewClaim).where(ReviewClaim.listing_id.in_({row.listing_id for row in rows}))
    claims = {one.listing_id: one for one in session.scalars(held.options(joinedload(ReviewClaim.user)))}
    return {row.id: (row, looks.get(row.id, []), claims.get(row.listing_id)) for row in rows}


def pictures_of(session: Session, row: FindingRow) -> list[PhotoRow]:
    """Those that the listing shows, then those that it showed once."""
    shown = items.pictures_of(row)
    met = select(ScanPhoto.photo_id).where(ScanPhoto.listing_id == row.listing_id)
    earlier = select(PhotoRow).where(PhotoRow.id.in_(met), PhotoRow.id.not_in([one.id for one in shown]))
    return [*shown, *session.scalars(earlier.order_by(PhotoRow.id).options(selectinload(PhotoRow.scores)))]


def describe_picture(photo: PhotoRow, kept: Mapping[int, Kept]) -> dict[str, Any]:
    """Every score of one picture, by every model that ever looked at it."""
    said = [describing.describe_scores(one) for one in photo.scores]
    return describing.describe_photo(photo) | lying(kept, photo.id).to_json() | {"scores": said}


def describe_duplicates(session: Session, photo: PhotoRow | None, listing_id: int) -> dict[str, Any]:
    """Listings that show the same pixels, and pictures that look alike, as far as pages show them."""
    if photo is None:
        return {"exact": [], "alike": []}
    found = likeness.duplicates(session, photo, listing_id)
    return {
        "exact": [name_listing(row) for row in found.exact],
        "alike": [
            {
                "sha256": near.photo.sha256,
                "look_hash": near.photo.look_hash,
                "distance_bits": near.distance,
                "listings": [name_listing(row) for row in near.listings],
            }
            for near in found.near
        ],
    }


def name_listing(row: ListingRow) -> dict[str, Any]:
    return {"listing": row.id, "url": row.url, "title": row.title, "seller": row.seller, "source_id": row.source_id}


def describe_more(row: Decision) -> dict[str, Any]:
    same = ("seconds", "batch", "state_before", "user_id")
    return {name: getattr(row, name) for name in same} | {"undone_by_user": row.undo.user_id if row.undo else None}


def describe_recheck(row: Recheck) -> dict[str, Any]:
    same = ("id", "claim", "raised_by", "first_id", "second_id", "final_id")
    return {name: getattr(row, name) for name in same} | {
        "kind": row.kind.value,
        "state": row.state.value,
        "opened_at": stamp(row.opened_at),
        "closed_at": stamp(row.closed_at),
    }


def copy_listings(gathering: Gathering, listing_ids: Sequence[int], kept: Mapping[int, Kept], packs: Packs) -> None:
    gathering.packing.add_lines(
        "listings.jsonl", "listings, one a line", listing_lines(gathering, listing_ids, kept, packs)
    )
    duplicates = "where else each picture of the listings, or one like it, is shown, one a line"
    gathering.packing.add_lines("duplicates.jsonl", duplicates, duplicate_lines(gathering, listing_ids))
    gathering.packing.add_lines(
        "history.jsonl", "what listings said and what became of them, one a line", history_lines(gathering, listing_ids)
    )


def listing_lines(
    gathering: Gathering, listing_ids: Sequence[int], kept: Mapping[int, Kept], packs: Packs
) -> Iterator[dict[str, Any]]:
    done = 0
    for ids in chunks(listing_ids, LISTINGS_STEP):
        gathering.tell("describing listings", done, len(listing_ids))
        with gathering.reading() as session:
            shown = selectinload(ListingRow.appearances).joinedload(Appearance.photo)
            wanted = select(ListingRow).where(ListingRow.id.in_(ids)).order_by(ListingRow.id)
            for row in session.scalars(wanted.options(shown, joinedload(ListingRow.source))).unique():
                yield describe_listing(session, row, kept, packs.today)
        done += len(ids)


def describe_listing(session: Session, row: ListingRow, kept: Mapping[int, Kept], pack: Pack | None) -> dict[str, Any]:
    page = session.scalar(select(CrawledPage).where(CrawledPage.listing_id == row.id).limit(1))
    found = session.execute(select(FindingRow.id, FindingRow.state).where(FindingRow.listing_id == row.id))
    return describing.describe_listing(row) | {
        "source": row.source.name,
        "source_id": row.source_id,
        "content_sha256": row.content_sha256,
        "last_scan_id": row.last_scan_id,
        "findings": [{"id": finding_id, "state": state.value} for finding_id, state in found],
        "pictures": [describe_shown(one, kept) for one in row.appearances],
        "not_fetched": list(failures_of(session, row)),
        "page": {
            "etag": page.etag,
            "last_modified": page.last_modified,
            "visited_at": stamp(page.visited_at),
            "visited_scan_id": page.visited_scan_id,
        }
        if page
        else None,
        "lexicon_today": describe_terms(row, pack) if pack else None,
    }


def describe_shown(one: Appearance, kept: Mapping[int, Kept]) -> dict[str, Any]:
    return (
        describing.describe_photo(one.photo)
        | lying(kept, one.photo_id).to_json()
        | {
            "url": one.url,
            "position": one.position,
            "etag": one.etag,
            "last_modified": one.last_modified,
            "checked_at": stamp(one.checked_at),
            "unreadable": one.photo.failure,
        }
    )


def duplicate_lines(gathering: Gathering, listing_ids: Sequence[int]) -> Iterator[dict[str, Any]]:
    """In lines of their own: a picture that is shown everywhere makes long ones."""
    for ids in chunks(listing_ids, LISTINGS_STEP):
        gathering.tell("looking for the pictures elsewhere", 0, None)
        with gathering.reading() as session:
            shown = select(Appearance).where(Appearance.listing_id.in_(ids)).options(joinedload(Appearance.photo))
            for one in session.scalars(shown.order_by(Appearance.listing_id, Appearance.position, Appearance.id)):
                found = describe_duplicates(session, one.photo, one.listing_id)
                yield {"listing": one.listing_id, "sha256": one.photo.sha256} | found


def failures_of(session: Session, row: ListingRow) -> Iterator[dict[str, Any]]:
    """Pictures that could not be had or read, scan by scan."""
    failed = ScanPhoto.listing_id == row.id, ScanPhoto.state == PictureState.FAILED
    for one in session.scalars(select(ScanPhoto).where(*failed).order_by(ScanPhoto.id)):
        yield {"scan": one.scan_id, "url": one.location, "why": one.failure, "seen_at": stamp(one.seen_at)}


def describe_terms(row: ListingRow, pack: Pack) -> dict[str, Any]:
    """Terms of today's lexicon in the words of today; what counted then stands in the findings' reasons."""
    words = items.mark_words(pack, row)
    hits = [
        {"found": piece.text, "term": term.term, "language": term.language, "kind": term.kind.value}
        for piece in (*words.title, *words.description)
        for term in piece.terms
    ]
    return {"pack": pack.id, "pack_version": pack.version, "pack_digest": pack.digest, "hits": hits}


def history_lines(gathering: Gathering, listing_ids: Sequence[int]) -> Iterator[dict[str, Any]]:
    """Listing by listing, each in the order of time."""
    for ids in chunks(listing_ids, LISTINGS_STEP):
        with gathering.reading() as session:
            lines = [describe_version(row) for row in of_listings(session, ListingVersion, ids)]
            lines += [describe_event(row) for row in of_listings(session, ListingEvent, ids)]
        yield from sorted(lines, key=lambda line: (line["listing"], line["at"], line["kind"], line["id"]))


def of_listings(session: Session, table: Any, ids: Sequence[int]) -> Iterable[Any]:
    return session.scalars(select(table).where(table.listing_id.in_(ids)).order_by(table.id))


def describe_version(row: ListingVersion) -> dict[str, Any]:
    same = ("id", "scan_id", "content_sha256", "fields")
    at = {"listing": row.listing_id, "kind": "version", "at": row.seen_at.isoformat()}
    return {name: getattr(row, name) for name in same} | at


def describe_event(row: ListingEvent) -> dict[str, Any]:
    same = ("id", "scan_id", "facts", "takedown_s")
    at = {"listing": row.listing_id, "kind": row.kind.value, "at": row.at.isoformat()}
    return {name: getattr(row, name) for name in same} | at


def copy_sellers(gathering: Gathering, sellers: Sequence[tuple[int, str]]) -> None:
    """Each seller's other listings: names of two marketplaces are two people."""
    lines = (describe_seller(gathering.session, source_id, name) for source_id, name in sellers)
    gathering.packing.add_lines("sellers.jsonl", "sellers with all their listings, one a line", lines)


def describe_seller(session: Session, source_id: int, name: str) -> dict[str, Any]:
    """At most 5,000 of the listings, the newest first; `listings` says how many there are."""
    theirs = ListingRow.source_id == source_id, ListingRow.seller == name
    columns = [getattr(ListingRow, one) for one in ("id", "url", "title", "seller_url", "first_seen_at", "removed_at")]
    rows = session.execute(select(*columns).where(*theirs).order_by(ListingRow.id.desc()).limit(SELLER_LISTINGS)).all()
    of_seller = FindingRow.source_id == source_id, FindingRow.seller == name
    states: dict[int, list[dict[str, Any]]] = {}
    for finding_id, listing_id, state in session.execute(
        select(FindingRow.id, FindingRow.listing_id, FindingRow.state).where(*of_seller).order_by(FindingRow.id)
    ):
        states.setdefault(listing_id, []).append({"id": finding_id, "state": state.value})
    return {
        "name": name,
        "source_id": source_id,
        "source": session.scalar(select(Source.name).where(Source.id == source_id)),
        "links": sorted({row.seller_url for row in rows if row.seller_url}),
        "listings": session.scalar(select(func.count()).select_from(ListingRow).where(*theirs)),
        "listed": [
            {
                "listing": row.id,
                "url": row.url,
                "title": row.title,
                "first_seen_at": stamp(row.first_seen_at),
                "removed_at": stamp(row.removed_at),
                "findings": states.get(row.id, []),
            }
            for row in rows
        ],
    }


def copy_scans(gathering: Gathering, scan_ids: Sequence[int]) -> None:
    gathering.packing.add_lines(
        "scans.jsonl", "scans that met these listings, one a line", scan_lines(gathering, scan_ids)
    )


def scan_lines(gathering: Gathering, scan_ids: Sequence[int]) -> Iterator[dict[str, Any]]:
    for ids in chunks(scan_ids, LISTINGS_STEP):
        with gathering.reading() as session:
            for row in session.scalars(select(Scan).where(Scan.id.in_(ids)).order_by(Scan.id)):
                yield describe_scan(row)


def describe_scan(row: Scan) -> dict[str, Any]:
    same = ("id", "source_id", "requested_by", "schedule_id", "models", "primary_absent", "pack_digest", "crawl_error")
    more = ("warnings", "note", "listings_seen", "photos_seen", "photos_scored", "photos_failed", "fetched_pages")
    times = ("queued_at", "started_at", "crawled_at", "finished_at")
    said = {name: getattr(row, name) for name in same + more}
    return said | {name: stamp(getattr(row, name)) for name in times} | {"state": row.state.value}


def describe_source(row: Source) -> dict[str, Any]:
    """How it was collected; a secret never stands here."""
    market = sources.market_of(row)
    return sources.facts_of(row) | {
        "id": row.id,
        "created_at": stamp(row.created_at),
        "collected_as": market.title if market else None,
        "is_web": market.is_web if market else None,
    }


def copy_models(gathering: Gathering, photo_ids: Sequence[int]) -> list[dict[str, Any]]:
    """The card of every model that scored one of the pictures; what is known of it, where that very model is gone."""
    gathering.tell("copying model cards", 0, None)
    spoke: set[tuple[str, str]] = set()
    for ids in chunks(photo_ids):
        pairs = select(ScoreRow.model, ScoreRow.model_digest).where(ScoreRow.photo_id.in_(ids)).distinct()
        spoke |= {(name, digest) for name, digest in gathering.session.execute(pairs)}
    return [copy_model(gathering, name, digest) for name, digest in sorted(spoke)]


def copy_model(gathering: Gathering, name: str, digest: str) -> dict[str, Any]:
    model = find_model(gathering, name, digest)
    facts: dict[str, Any] = {"name": name, "digest": digest, "role": model.role if model else None, "gone": None}
    path = f"models/{UNSAFE.sub('_', name)}-{digest[:12]}.json"
    if model is None:
        why = say("This very model is no longer installed here, so its card is not here either.")
        facts |= {"gone": gathering.miss(f"card of {name}", why, digest=digest)}
        gathering.packing.add_json(path, "what is known of a model that is gone", facts)
    else:
        # The digest is over files, preprocessing, output and the concept map: all of them stand here.
        said = {"card": model.card.to_json(), "in_force": model.spec.to_json(), "faults": model.changed_files()}
        gathering.packing.add_json(path, "a model's card", facts | said)
    return facts | {"file": path}


def find_model(gathering: Gathering, name: str, digest: str) -> InstalledModel | None:
    try:
        model = find_installed(gathering.settings.models_dir, name)
    except CardError:
        return None
    return variant_of(model, digest) if model is not None else None
