"""A case file holds the evidence on its findings, says what it lacks, and whoever has it can check that."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from scanner.fetch import Fetcher
from scanner.warc import read_archive, read_members
from tests.factories import make_finding, make_listing, place_photo
from tests.scanner.fetch.site import Site, answer, running_site
from tests.webapp.services.evidence import SELLER, Evidence, make_evidence
from tests.webapp.services.proposals import put_into_force
from webapp.db import session_factory
from webapp.exporters import FORMATS, verify_case
from webapp.language import speaking
from webapp.models import AuditEntry, Capture, CaseFile, HoldScope, JobKind, Purge, Recheck, RecheckKind, User, Verdict
from webapp.services import (
    adjudication,
    archives,
    audit,
    case_files,
    decisions,
    holds,
    jobs,
    photos,
    rules,
    signing,
    timestamps,
)
from webapp.services.archiving import Archive
from webapp.services.case_files import Asked
from webapp.services.casework import bundles, report
from webapp.services.casework.parts import Tell
from webapp.services.decisions import Choice
from webapp.services.errors import NotFound, Refused
from webapp.services.workshop import WORKS
from webapp.settings import Settings
from webapp.storage import Store, open_store

Make = Callable[..., "Bundle"]

PDF = FORMATS["pdf"]
pytestmark = pytest.mark.usefixtures("quick_pages")


class Bundle:
    """A made case file, open."""

    def __init__(self, row: CaseFile, path: Path) -> None:
        self.row, self.path, self.zip = row, path, ZipFile(path)

    def names(self, start: str = "") -> list[str]:
        return [name for name in self.zip.namelist() if name.startswith(start)]

    def lines(self, path: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.zip.read(path).split(b"\n")[:-1]]

    def json(self, path: str) -> dict[str, Any]:
        said: dict[str, Any] = json.loads(self.zip.read(path))
        return said


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with running_site() as site:
        yield site


@pytest.fixture
def evidence(session: Session, settings: Settings, site: Site, tmp_path: Path) -> Evidence:
    return make_evidence(session, settings, site, tmp_path)


@pytest.fixture
def place(settings: Settings) -> Store:
    return open_store(settings)


@pytest.fixture
def make(evidence: Evidence, place: Store) -> Iterator[Make]:
    made: list[Bundle] = []

    def make(asked: Asked | None = None) -> Bundle:
        asked = asked or Asked.of_findings(evidence.ids)
        with speaking(asked.language):
            row = case_files.export(evidence.session, evidence.settings, asked, evidence.reviewer)
        made.append(Bundle(row, place.local_path(case_files.name_of(row.sha256))))
        return made[-1]

    yield make
    for one in made:
        one.zip.close()


def is_whole(made: Bundle) -> bool:
    outcome = verify_case.check(str(made.path))
    assert not outcome.faults, outcome.faults
    return bool(outcome.is_whole)


def test_it_verifies_with_nothing_but_python(make: Make, settings: Settings, tmp_path: Path) -> None:
    made, bare = make(), tmp_path / "bare"
    made.zip.extract("verify.py", bare)
    key = signing.signing_key(settings.home)
    words = [sys.executable, "-I", "-S", "verify.py", str(made.path), "--fingerprint", key.fingerprint, "--json"]
    done = subprocess.run(words, cwd=bare, env={}, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout
    other = signing.signing_key(tmp_path / "another").fingerprint
    words[words.index(key.fingerprint)] = other
    assert subprocess.run(words, cwd=bare, env={}, capture_output=True, timeout=60).returncode == 1


def test_an_unpacked_one_verifies_where_it_lies(make: Make, tmp_path: Path) -> None:
    make().zip.extractall(tmp_path / "unpacked")
    words = [sys.executable, "-I", "-S", "verify.py"]
    done = subprocess.run(words, cwd=tmp_path / "unpacked", env={}, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout


def test_the_same_evidence_time_and_key_give_the_same_bytes(
    make: Make,
    evidence: Evidence,
    session: Session,
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With the report's pages as they are really set."""
    row = make().row
    monkeypatch.setitem(report.FORMATS, "pdf", PDF)
    facts = case_files.facts_of(row, evidence.ids, evidence.reviewer)
    written = []
    for name in ("first", "second"):
        folder = tmp_path / name
        folder.mkdir()
        made = bundles.pack(session, settings, facts, folder, untold)
        written.append(made.path.read_bytes())
    assert written[0] == written[1]
    with ZipFile(BytesIO(written[0])) as made:
        assert made.read("report.pdf").startswith(b"%PDF-1.") and len(made.read("report.pdf")) > 10_000


untold: Tell = lambda _note, _done, _total: None  # noqa: E731  # nobody listens


def test_it_holds_the_original_bytes_of_every_picture_of_the_listings(make: Make, evidence: Evidence) -> None:
    made = make()
    digests = {photo.sha256 for photo in evidence.pictures}
    assert {name.split("/")[1].removesuffix(".jpg") for name in made.names("photos/")} == digests
    for name in made.names("photos/"):
        assert sha256(made.zip.read(name)).hexdigest() in name
    [first, _] = made.lines("findings.jsonl")
    assert [one["sha256"] for one in first["photos"]] == [photo.sha256 for photo in evidence.pictures[:2]]
    assert first["photos"][1]["scores"][0]["by_concept"] == {"elephant": 0.91}


def test_a_picture_that_the_listing_showed_once_is_there_too(make: Make, evidence: Evidence, session: Session) -> None:
    from webapp.models import Appearance, PictureState, ScanPhoto

    row, photo = evidence.findings[0].listing, evidence.pictures[1]
    shown = session.scalars(select(Appearance).where(Appearance.photo_id == photo.id)).one()
    seen = {"location": shown.url, "state": PictureState.SCORED, "photo_id": photo.id}
    session.add(ScanPhoto(scan_id=evidence.scan.id, listing_id=row.id, **seen))
    session.delete(shown)
    session.commit()
    session.expire_all()
    made = make()
    assert photo.sha256 in [one["sha256"] for one in made.lines("findings.jsonl")[0]["photos"]]
    assert is_whole(made)


def test_records_are_copied_byte_for_byte_with_what_they_say(
    make: Make, evidence: Evidence, session: Session, place: Store, site: Site
) -> None:
    made = make(Asked.of_findings(evidence.ids[:1]))
    rows = made.lines("captures.jsonl")
    [name] = {row["archive"] for row in rows}
    with archives.open_archive(place, name) as file:
        whole = {member.record_id: member.raw for member in read_members(file)}
    [path] = made.names("archives/")
    packed = made.zip.read(path)
    members = list(read_members(BytesIO(packed)))
    assert b"".join(member.raw for member in members) == packed
    assert all(whole[member.record_id] == member.raw for member in members)
    # Three answers with request and metadata, and what describes the archive; of the other listing nothing.
    assert [member.kind for member in members].count("response") == 3
    assert len(members) == 10 and len(whole) > 10
    assert [answer.url for answer in read_archive(BytesIO(packed))] == [row["url"] for row in rows]
    page = rows[-1]
    assert (page["status"], page["peer_address"], page["final_url"]) == (200, "127.0.0.1", site.url("/1"))
    assert page["robots"].startswith("allowed") and page["headers"]["content-type"].startswith("text/html")
    assert made.zip.read(page["page"]).decode() == "Carved figure 1\n象牙 Ngà voi งาช้าง\n"
    assert session.scalar(select(Capture.sha256).where(Capture.record_id == page["record_id"])) == page["sha256"]


def test_the_way_of_a_redirect_is_told(make: Make, evidence: Evidence, session: Session, site: Site) -> None:
    row = evidence.findings[0].listing
    site.answers["/moved"] = answer(302, b"", Location="/1")
    with (
        Fetcher("crawl@example.org", [site.origin], keep_exchanges=True) as fetcher,
        Archive.of_scan(evidence.scan, evidence.settings) as archive,
    ):
        archive.keep(session, row, [fetcher.get(site.url("/moved"))])
    session.commit()
    made = make(Asked.of_findings(evidence.ids[:1]))
    told = {one["url"]: one for one in made.lines("captures.jsonl") if one["asked_url"] == site.url("/moved")}
    for url, status in ((site.url("/moved"), 302), (site.url("/1"), 200)):
        assert (told[url]["status"], told[url]["final_url"]) == (status, site.url("/1"))
        assert told[url]["redirects"] == [{"url": site.url("/moved"), "status": 302}]
    assert is_whole(made)


def test_decisions_second_looks_and_appeals_are_told(make: Make, evidence: Evidence, session: Session) -> None:
    adjudication.appeal(session, evidence.reviewer, evidence.ids[0], "it is resin", "the seller")
    session.commit()
    [first, second] = make().lines("findings.jsonl")
    [decision] = first["decisions"]
    assert (decision["by"], decision["role"], decision["seconds"], decision["stage"]) == (
        "rhea",
        "reviewer",
        12.5,
        "first",
    )
    assert first["second_looks"][0]["claim"] == "it is resin" and second["decisions"] == []


def test_the_audit_logs_part_holds_views_decisions_and_the_export_itself(make: Make, evidence: Evidence) -> None:
    make()
    made = make()
    told = [(one["actor"], one["action"], one["subject"]) for one in made.lines("audit/entries.jsonl")]
    number = evidence.ids[0]
    assert ("vera", "evidence.view", f"finding:{number}") in told
    assert ("rhea", "decision.confirm", f"finding:{number}") in told
    # Of the case before all, of this one that it was begun.
    assert [one for one in told if one[2].startswith("case:")] == [
        ("rhea", "case.export", "case:1"),
        ("rhea", "case.made", "case:1"),
        ("rhea", "case.export", "case:2"),
    ]
    [head] = list(made.lines("audit/seals.jsonl"))[-1:]
    assert made.json("manifest.json")["audit_head"]["number"] == head["number"]


def test_holds_and_removals_are_told_by_the_log(make: Make, evidence: Evidence, session: Session) -> None:
    for scope, target, seller in (
        (HoldScope.FINDING, evidence.ids[0], None),
        (HoldScope.SELLER, evidence.source.id, SELLER),
        (HoldScope.FINDING, evidence.ids[1], None),
    ):
        holds.place(session, evidence.reviewer, scope, target, "the customs asked", seller)
    photo, other = evidence.pictures[:2]
    photo.purged_at = datetime(2026, 11, 20, tzinfo=UTC)
    facts = {"size_bytes": 1, "actor": "system", "reason": "Kept for 30 days."}
    for digest in ("0" * 64, photo.sha256, other.sha256):  # the log names the first of a batch
        session.add(Purge(name=photos.name_of(digest), sha256=digest, **facts))
        session.flush()
    for first in (1, 3):
        audit.record(session, "system", "retention.purge", f"purge:{first}")
    session.commit()
    made = make(Asked.of_findings(evidence.ids[:1]))
    told = [one["subject"] for one in made.lines("audit/entries.jsonl")]
    assert [one for one in told if one.startswith("hold:")] == ["hold:1", "hold:2"]
    assert [one for one in told if one.startswith("purge:")] == ["purge:1"]


def test_all_is_read_as_it_stood_at_one_moment_and_the_log_to_its_end(
    make: Make, evidence: Evidence, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody decides while the pictures are copied: the findings are those of before, the log tells of it."""
    copy = bundles.copy_photos

    def copy_photos(*args: Any) -> Any:
        with session_factory(engine)() as other:
            user = other.get_one(User, evidence.reviewer.id)
            decisions.decide(other, user, evidence.ids[1], Choice(Verdict.DISMISS, "resin"))
            other.commit()
        return copy(*args)

    monkeypatch.setattr(bundles, "copy_photos", copy_photos)
    made = make()
    second = made.lines("findings.jsonl")[1]
    assert second["state"] == "open" and second["decisions"] == []
    assert "decision.dismiss" in [one["action"] for one in made.lines("audit/entries.jsonl")]
    assert is_whole(made)


def test_the_rules_that_judged_are_there_also_after_a_threshold_changed(
    make: Make, evidence: Evidence, session: Session, settings: Settings
) -> None:
    digest = evidence.findings[0].pack_digest
    put_into_force(session, settings.pack, 0.7)
    assert rules.current_pack(session, settings.pack).digest != digest
    made = make()
    folder = f"rules/{digest[:12]}"
    assert f"{folder}/elephant_seen.yaml" in made.names() and f"{folder}/lexicon/en.yaml" in made.names()
    then = made.json(f"{folder}/thresholds.json")
    assert then["rules"]["elephant_seen"]["thresholds"]["elephant_seen"]["value"] == 0.5 and then["changes"] == []


def test_files_of_the_rules_may_have_any_name(make: Make, evidence: Evidence, tmp_path: Path) -> None:
    notes = tmp_path / "pack" / ".drafts"
    notes.mkdir()
    names = ("象牙.yaml", "犀角.yaml", "A.yaml", "a.yaml", f"{'long' * 60}.yaml")
    for name in names:
        (notes / name).write_text(f"# {name}\n")
    made = make()
    digest = evidence.findings[0].pack_digest
    bodies = [made.zip.read(name).decode() for name in made.names(f"rules/{digest[:12]}/")]
    assert all(f"# {name}\n" in bodies for name in names)
    assert is_whole(made)


def test_a_folder_that_another_worker_takes_away_meanwhile_is_no_trouble(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    archives.archives_dir(settings)
    with case_files.own_folder(settings) as mine:
        listed = [mine.parent / "gone", mine]
        monkeypatch.setattr(Path, "iterdir", lambda _self: iter(listed))
        with case_files.own_folder(settings) as other:
            assert other.is_dir() and mine.is_dir()


def test_rules_whose_files_are_others_now_are_named_as_gone(make: Make, evidence: Evidence, tmp_path: Path) -> None:
    path = tmp_path / "pack" / "elephant_seen.yaml"
    path.write_text(path.read_text().replace("value: 0.5", "value: 0.6"))
    made = make()
    digest = evidence.findings[0].pack_digest
    assert made.json(f"rules/{digest[:12]}/gone.json")["digest"] == digest
    assert f"pack {digest}" in [one["what"] for one in made.json("case.json")["gone"]]


def test_what_retention_removed_is_named_with_digest_and_reason(
    make: Make, evidence: Evidence, session: Session, place: Store
) -> None:
    photo = evidence.pictures[0]
    name = photos.name_of(photo.sha256)
    place.remove(name)
    photo.purged_at = datetime(2026, 11, 20, tzinfo=UTC)
    purge = {"name": name, "sha256": photo.sha256, "size_bytes": photo.size_bytes, "actor": "system"}
    session.add(Purge(**purge, reason="Kept for 30 days.", purged_at=photo.purged_at))
    session.commit()
    made = make()
    [gone] = [one for one in made.json("case.json")["gone"] if one["what"].startswith("picture")]
    assert gone["sha256"] == photo.sha256
    assert gone["why"] == "It was removed on 2026-11-20 by system: Kept for 30 days."
    assert made.lines("findings.jsonl")[0]["photos"][0]["path"] is None
    assert is_whole(made) and made.row.notices


def test_an_archive_that_is_missing_is_named(make: Make, place: Store) -> None:
    for name in list(place.list("archives")):
        place.remove(name)
    made = make()
    rows = made.lines("captures.jsonl")
    assert len(rows) == 6 and all(row["path"] is None and "missing" in row["gone"] for row in rows)
    assert made.names("archives/") == [] and is_whole(made)


def test_a_crawl_log_that_is_damaged_holds_up_no_case(make: Make, evidence: Evidence, place: Store) -> None:
    place.put(f"crawls/{evidence.findings[0].scan_id}/1.jsonl.gz", b"\x1f\x8bnothing")
    made = make()
    assert "crawl log" in made.json("case.json")["faults"][0]["what"]
    assert is_whole(made)


def test_a_picture_whose_bytes_changed_is_named_as_a_fault_and_kept_apart(
    make: Make, evidence: Evidence, place: Store
) -> None:
    photo = evidence.pictures[0]
    place.local_path(photos.name_of(photo.sha256)).write_bytes(b"something else")
    made = make()
    [fault] = made.json("case.json")["faults"]
    assert fault["expected_sha256"] == photo.sha256
    assert fault["found_sha256"] == sha256(b"something else").hexdigest()
    assert made.zip.read(fault["path"]) == b"something else"
    assert "not what was found" in made.row.notices[0] and is_whole(made)


@pytest.mark.parametrize("where", [200, -40])
def test_a_record_whose_bytes_changed_is_named_and_the_others_are_there(
    make: Make, place: Store, session: Session, where: int
) -> None:
    capture = session.scalars(select(Capture).order_by(Capture.id)).first()
    assert capture is not None
    path = place.local_path(archives.name_of(capture.archive))
    with path.open("rb") as file:
        [member] = [one for one in read_members(file) if one.record_id == capture.record_id]
    body = bytearray(path.read_bytes())
    at = member.offset + where % len(member.raw)
    body[at] ^= 0xFF
    path.write_bytes(body)
    made = make()
    rows = made.lines("captures.jsonl")
    assert rows[0]["path"] is None and rows[0]["gone"] and all(row["path"] for row in rows[1:])
    if rows[0]["found_path"]:
        assert made.zip.read(rows[0]["found_path"]) == bytes(body[member.offset : member.offset + len(member.raw)])
    assert is_whole(made)


def test_a_record_that_was_put_in_another_ones_place_is_named(make: Make, session: Session) -> None:
    capture = session.scalars(select(Capture).order_by(Capture.id)).first()
    assert capture is not None
    capture.sha256 = "e" * 64
    session.commit()
    made = make()
    [fault] = made.json("case.json")["faults"]
    assert fault["expected_sha256"] == "e" * 64 and made.lines("captures.jsonl")[0]["path"] is None
    assert is_whole(made)


def test_duplicates_and_the_sellers_other_listings_are_named(make: Make, evidence: Evidence, session: Session) -> None:
    other = make_listing(session, evidence.source, title="The same again", seller=SELLER)
    place_photo(session, other, evidence.pictures[0])
    session.commit()
    made = make(Asked.of_findings(evidence.ids[:1]))
    [finding] = made.lines("findings.jsonl")
    assert [one["title"] for one in finding["duplicates"]["exact"]] == ["The same again"]
    [seller] = made.lines("sellers.jsonl")
    assert seller["listings"] == 3 and "The same again" in [one["title"] for one in seller["listed"]]


def test_pages_that_can_not_be_set_hold_up_no_case(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("no font, say")

    monkeypatch.setitem(report.FORMATS, "pdf", replace(PDF, write=fail))
    made = make()
    assert "report.pdf" not in made.names() and "could not be written" in made.row.notices[0]
    assert "report.pdf" not in made.zip.read("README.txt").decode() and is_whole(made)


def test_all_findings_of_a_seller_make_a_case(make: Make, evidence: Evidence, session: Session) -> None:
    make_finding(session, make_listing(session, evidence.source, seller="somebody else"))
    session.commit()
    made = make(Asked.of_seller(SELLER, evidence.source.id))
    assert made.json("manifest.json")["case"]["findings"] == evidence.ids
    assert made.row.title == f"{SELLER} in Shop"


def test_what_it_lacks_and_what_it_was_designed_along_is_said(make: Make) -> None:
    whole = make().json("case.json")
    lacking = {one["field"] for one in whole["absent"]}
    assert {"screenshot", "full_score_vector", "timestamp"} <= lacking
    assert any("27037" in one for one in whole["standards_designed_along"])
    assert whole["redaction"] == "none" and whole["software"]["version"]
    assert "compliant" not in json.dumps(whole)


def test_the_readme_speaks_the_language_asked_for(make: Make, settings: Settings) -> None:
    made = make(Asked.of_findings([1], language="zh"))
    text = made.zip.read("README.txt").decode()
    assert signing.signing_key(settings.home).fingerprint in text and "python3 verify.py" in text
    assert made.json("manifest.json")["case"]["language"] == "zh" and is_whole(made)


def test_nothing_and_too_much_are_refused_before_any_work(
    evidence: Evidence, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Refused, match="no finding to make"):
        case_files.look_ahead(session, Asked.of_findings([]))
    with pytest.raises(NotFound, match="no finding 999"):
        case_files.look_ahead(session, Asked.of_findings([999]))
    for photo in evidence.pictures:
        photo.size_bytes = 2**31 - 1
    with pytest.raises(Refused, match="choose fewer"):
        case_files.look_ahead(session, Asked.of_findings(evidence.ids))
    for photo in evidence.pictures:
        photo.size_bytes = 1
    monkeypatch.setattr(case_files, "MOST_FINDINGS", 1)
    with pytest.raises(Refused, match="1 findings at most"):
        case_files.look_ahead(session, Asked.of_findings(evidence.ids))
    assert session.query(CaseFile).count() == 0


def test_what_grows_too_large_on_the_way_leaves_no_case(
    make: Make, session: Session, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    monkeypatch.setattr("webapp.exporters.bundle.MOST_BYTES", 1000)
    with pytest.raises(Refused, match="choose fewer"):
        make()
    assert case_files.list_cases(session) == []
    with pytest.raises(NotFound):
        case_files.find(session, 1)
    assert list((settings.home / "spool" / "cases").iterdir()) == []


def test_a_list_of_files_that_the_checker_would_not_read_is_not_signed(
    make: Make, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundles, "MOST_MANIFEST", 1000)
    with pytest.raises(Refused, match="choose fewer"):
        make()
    assert case_files.list_cases(session) == []


def test_a_title_is_one_line_whoever_wrote_it(evidence: Evidence, session: Session) -> None:
    title = "Rhea\n\nFingerprint\n-----------\n0123\x1b[2J \u202eevil"
    assert "\n" not in (made := case_files.look_ahead(session, Asked.of_findings(evidence.ids, title)).title)
    assert made == "Rhea Fingerprint ----------- 0123 [2J evil"
    for row in evidence.findings:
        row.seller = row.listing.seller = "Ann\r\nHow to check it"
    session.flush()
    asked = Asked.of_seller("Ann\r\nHow to check it", evidence.findings[0].source_id)
    assert case_files.look_ahead(session, asked).title.startswith("Ann How to check it")


def test_a_worker_makes_what_was_asked_for_once(evidence: Evidence, session: Session, settings: Settings) -> None:
    asked = Asked.of_findings(evidence.ids, "The case")
    job = case_files.ask(session, asked, evidence.reviewer)
    assert case_files.ask(session, asked, evidence.reviewer) is job
    session.commit()
    jobs.run(session, job.id, settings, "worker", WORKS)
    done = jobs.find(session, job.id)
    [row] = case_files.list_cases(session)
    assert done.kind is JobKind.CASE and done.result == {"case": row.id, "digest": row.sha256}, done.note
    assert (row.title, row.user) == ("The case", evidence.reviewer)
    with case_files.open_bundle(settings, row) as body:
        assert sha256(body.read()).hexdigest() == row.sha256


def test_a_bundle_that_is_gone_or_changed_is_not_handed_out(
    make: Make, session: Session, settings: Settings, place: Store
) -> None:
    row = make().row
    path = place.local_path(case_files.name_of(row.sha256))
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(case_files.CaseFileError, match="was changed"):
        case_files.open_bundle(settings, row)
    path.unlink()
    with pytest.raises(case_files.CaseFileError, match="is missing"):
        case_files.open_bundle(settings, row)
    row.purged_at = datetime(2026, 11, 20, tzinfo=UTC)
    with pytest.raises(case_files.CaseFileError, match="was removed on 2026-11-20"):
        case_files.open_bundle(settings, row)
    assert session.query(AuditEntry).filter_by(action="case.download").count() == 0


def test_a_recheck_that_waits_is_no_appeal(make: Make, evidence: Evidence, session: Session) -> None:
    first = evidence.findings[0].decisions[0]
    session.add(Recheck(finding=evidence.findings[0], kind=RecheckKind.SAMPLE, first=first))
    session.commit()
    [look] = make().lines("findings.jsonl")[0]["second_looks"]
    assert (look["kind"], look["state"]) == ("sample", "waiting")


def test_a_timestamp_is_over_the_signature(make: Make, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bytes] = []

    def stamp(_url: str, message: bytes) -> timestamps.Timestamp:
        asked.append(message)
        return timestamps.Timestamp(b"a token", datetime(2026, 11, 26, 12, tzinfo=UTC))

    monkeypatch.setattr(timestamps, "stamp", stamp)
    settings.timestamp_url = "http://127.0.0.1:9/tsa"
    made = make()
    assert made.names()[:3] == ["manifest.json", "manifest.sig.json", "manifest.tsr"]
    assert asked == [made.zip.read("manifest.sig.json")] and made.zip.read("manifest.tsr") == b"a token"
    assert made.row.timestamp_at == datetime(2026, 11, 26, 12, tzinfo=UTC) and made.row.notices
    assert "timestamp" not in {one["field"] for one in made.json("case.json")["absent"]}


def test_a_timestamp_server_that_is_away_holds_up_no_case(make: Make, settings: Settings) -> None:
    settings.timestamp_url = "http://127.0.0.1:9/tsa"
    made = make()
    assert made.row.timestamp_at is None and "There is no timestamp" in made.row.notices[-1]
    assert is_whole(made)
