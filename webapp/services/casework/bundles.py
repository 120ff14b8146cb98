"""Making one case's bundle: gather all evidence, then sign the list of it."""

import hashlib
import platform
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from rules.load import PackError
from rules.model import Pack
from webapp.db import one_moment
from webapp.exporters.bundle import BundleError, packing
from webapp.exporters.verify_case import MOST_MANIFEST
from webapp.language import say, say_many
from webapp.models import Source
from webapp.services import chain, packs, signing, timestamps
from webapp.services.casework.captures import Captures, copy_requests
from webapp.services.casework.custody import other_subjects, subjects_of
from webapp.services.casework.evidence import (
    Findings,
    Scope,
    copy_listings,
    copy_models,
    copy_photos,
    copy_scans,
    copy_sellers,
    describe_source,
    scope_of,
)
from webapp.services.casework.parts import CaseFacts, Gathering, Tell, too_large
from webapp.services.casework.report import copy_report
from webapp.services.casework.rules import Packs, copy_packs
from webapp.services.casework.trail import copy_trail
from webapp.services.casework.words import STANDARDS, absences, readme, statement
from webapp.services.describing import describe_law, stamp
from webapp.services.errors import Refused
from webapp.services.software import made_with
from webapp.settings import Settings
from webapp.storage import open_store

FORMAT = "tuskline-case/1"
SIGNATURE_FORMAT = "tuskline-case-signature/1"
VERIFIER = "verify_case.py"


@dataclass(frozen=True, slots=True)
class Made:
    """A bundle that was just written."""

    path: Path
    sha256: str
    size_bytes: int
    manifest_sha256: str
    timestamp_at: datetime | None
    notices: list[str]


def pack(
    session: Session, settings: Settings, case: CaseFacts, folder: Path, tell: Tell, subjects: Sequence[str] = ()
) -> Made:
    """Write the bundle into `folder`, an empty one for this alone. Raises Refused, StoreError.

    The same evidence, time and key give the same bytes, save for a timestamp. subjects: more of the audit log's that
    belong to it.
    """
    key = signing.signing_key(settings.home)
    try:
        with (
            one_moment(session.get_bind().engine) as reading,
            packing(folder / "entries") as packed,
            ExitStack() as stack,
        ):
            gathering = Gathering(reading, settings, open_store(settings), packed, case, folder, tell, stack)
            head = gather(gathering, session, key, subjects)
            return sign(gathering, key, head)
    except BundleError:
        raise Refused(too_large()) from None


def gather(gathering: Gathering, session: Session, key: signing.SigningKey, subjects: Sequence[str]) -> chain.Head:
    """Put all files in; the head of the audit log up to which its part reaches.

    All but that is read as the database stood at one moment; session: to seal the log with, and to read it then.
    """
    settings, case, reading = gathering.settings, gathering.case, gathering.session
    scope, known_packs = scope_of(reading, case.finding_ids), Packs(reading, settings)
    kept = copy_photos(gathering, scope.photo_ids)
    captures = Captures(gathering, scope.listing_ids).copy()
    copy_requests(gathering, scope.listing_ids, scope.scan_ids)
    findings = Findings(gathering, known_packs, kept, today_pack(settings))
    findings.copy()
    copy_listings(gathering, scope.listing_ids, kept, known_packs)
    copy_sellers(gathering, scope.sellers)
    copy_scans(gathering, scope.scan_ids)
    models = copy_models(gathering, scope.photo_ids)
    judged_by = copy_packs(gathering, known_packs, scope.pack_digests)
    has_report = copy_report(gathering, findings)
    others = other_subjects(reading, case, scope)
    # Only now: a decision that stands above has its entry in what is sealed here.
    chain.seal_all(session, settings.home, key)
    head = copy_trail(gathering, session, [*subjects_of(reading, case, scope), *others, *subjects])
    add_whole(gathering, scope, findings, models, judged_by, captures, others)
    add_words(gathering, key, findings.tally.primary_absent, has_report)
    return head


def today_pack(settings: Settings) -> Pack:
    """For law and words alone, which hold up no case: a pack that can't be read has none."""
    try:
        return packs.kept_pack(settings.pack)
    except PackError:
        return Pack("", "", "", (), "")


def add_whole(
    gathering: Gathering,
    scope: Scope,
    findings: Findings,
    models: Sequence[Mapping[str, Any]],
    judged_by: Sequence[Mapping[str, Any]],
    captures: int,
    others: Sequence[str],
) -> None:
    """case.json: what is of the case as a whole."""
    case, settings, session = gathering.case, gathering.settings, gathering.session
    rows = session.scalars(select(Source).where(Source.id.in_(scope.source_ids)).order_by(Source.id))
    whole = {
        "format": FORMAT,
        "id": case.id,
        "title": case.title,
        "made_at": stamp(case.made_at),
        "made_at_local": case.made_at.astimezone().isoformat(),
        "made_by": {"name": case.made_by, "role": case.role},
        "language": case.language,
        "selection": case.selection,
        "findings": case.finding_ids,
        "listings": scope.listing_ids,
        "sellers": [{"source_id": source_id, "name": name} for source_id, name in scope.sellers],
        "sources": [describe_source(row) for row in rows],
        "counts": {"pictures": len(scope.photo_ids), "records": captures, "scans": len(scope.scan_ids)},
        "software": made_with(),
        "machine": describe_machine(settings),
        "crawler": {"agent": "Tuskline", "contact": settings.contact, "robots": "classic"},
        "models": models,
        "rules": judged_by,
        "legal": {name: describe_law(one) for name, one in sorted(findings.tally.legal.items())},
        "custody": {"also_of": others},
        "standards_designed_along": STANDARDS,
        "redaction": "none",
        "absent": absences(bool(settings.timestamp_url)),
        "gone": gathering.gone,
        "faults": gathering.faults,
        "statement": statement(findings.tally.primary_absent),
    }
    gathering.packing.add_json("case.json", "the case as a whole", whole)


def describe_machine(settings: Settings) -> dict[str, Any]:
    return {
        "name": platform.node(),
        "system": platform.platform(),
        "device_set_for_models": settings.device,
        "time_zone": time.strftime("%Z %z"),
        "clock": "the machine's own",
    }


def add_words(gathering: Gathering, key: signing.SigningKey, primary_absent: bool, has_report: bool) -> None:
    case = gathering.case
    if gathering.faults:
        count = len(gathering.faults)
        gathering.notices.insert(
            0,
            say_many(
                "One file is not what was found: see faults in case.json.",
                "%(num)s files are not what was found: see faults in case.json.",
                count,
            ),
        )
    if gathering.gone:
        gathering.notices.append(
            say_many(
                "One file is gone: case.json names it with the reason.",
                "%(num)s files are gone: case.json names each with the reason.",
                len(gathering.gone),
            )
        )
    text = readme(case, key.fingerprint, statement(primary_absent), gathering.notices, has_report)
    gathering.packing.add(
        "README.txt", "text/plain; charset=utf-8", "what this is and how to check it", [text.encode()]
    )
    verifier = resources.files("webapp.exporters").joinpath(VERIFIER)
    gathering.packing.add(
        "verify.py", "text/x-python", "checks this bundle, with nothing but Python", [verifier.read_bytes()]
    )


def sign(gathering: Gathering, key: signing.SigningKey, head: chain.Head) -> Made:
    """Write the whole bundle: manifest, signature and, where a server is configured, its timestamp come first."""
    packed, settings = gathering.packing, gathering.settings
    manifest = chain.canonical(manifest_of(gathering, head, bool(settings.timestamp_url)))
    if len(manifest) > MOST_MANIFEST:
        raise BundleError("a manifest that the checker would refuse")
    signature = chain.canonical(signature_of(manifest, key))
    leading = [("manifest.json", manifest), ("manifest.sig.json", signature)]
    stamped = None
    if settings.timestamp_url:
        gathering.tell("asking the timestamp server", 0, None)
        try:
            stamped = timestamps.stamp(settings.timestamp_url, signature)
            leading.append(("manifest.tsr", stamped.answer))
        except timestamps.TimestampError as error:
            gathering.notices.append(say("There is no timestamp. %(why)s", why=error))
    gathering.tell("writing the bundle", 0, None)
    path = gathering.folder / "case.zip"
    with path.open("wb") as target:
        whole_sha256 = packed.write(target, leading)
    manifest_sha256 = hashlib.sha256(manifest).hexdigest()
    at = stamped.at if stamped else None
    return Made(path, whole_sha256, path.stat().st_size, manifest_sha256, at, gathering.notices)


def manifest_of(gathering: Gathering, head: chain.Head, is_asked: bool) -> dict[str, Any]:
    case, packed = gathering.case, gathering.packing
    about = {"id": case.id, "title": case.title, "selection": case.selection, "language": case.language}
    return {
        "format": FORMAT,
        "made_at": stamp(case.made_at),
        "made_with": made_with(),
        "case": about | {"findings": list(case.finding_ids)},
        "files": [entry.to_json() for entry in packed.entries],
        "rows": packed.rows,
        "audit_head": head.to_json(),
        "statement": statement(primary_absent=False),
        "timestamp_asked": is_asked,  # its absence says something then
    }


def signature_of(manifest: bytes, key: signing.SigningKey) -> dict[str, str]:
    digest = hashlib.sha256(manifest).hexdigest()
    return {
        "format": SIGNATURE_FORMAT,
        "algorithm": "Ed25519",
        "key": key.public,
        "fingerprint": key.fingerprint,
        "manifest_sha256": digest,
        "signature": key.sign(f"{FORMAT} {digest}".encode()),
    }
