"""Whatever is done to a case file is found and rightly named; to one that nobody touched, nothing is said."""

import io
import random
import struct
import zipfile
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from tests.webapp.exporters.case_writer import (
    OTHER_KEY,
    CaseWriter,
    Row,
    is_rows,
    lines_of,
    make_answer,
    make_audit,
    pack,
    rows_in,
    sha256,
    signature_of,
    small_case,
    small_files,
)
from webapp.exporters import verify_case
from webapp.exporters.verify_case import ADDED, BROKEN, CHANGED, REMOVED, REORDERED, UNSIGNED, UNTRUE, Outcome
from webapp.services.chain import canonical

ROWS = [path for path in small_files() if is_rows(path)]
Judge = Callable[[bytes], Outcome]


@pytest.fixture(autouse=True)
def _signatures_checked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thousands of case files bear the same four signatures here; of the same key, words and signature it is one."""
    monkeypatch.setattr(verify_case, "is_signed", lru_cache(maxsize=64)(verify_case.is_signed))


@pytest.fixture
def judge(tmp_path: Path) -> Judge:
    path = tmp_path / "case.zip"

    def look(data: bytes) -> Outcome:
        path.write_bytes(data)
        return verify_case.check(str(path))

    return look


def named(outcome: Outcome) -> set[tuple[str, str]]:
    return {(fault.kind, fault.file) for fault in outcome.faults}


def entries_of(case: CaseWriter) -> dict[str, bytes]:
    return dict(case.entries())


# Nobody touched it --------------------------------------------------------------------------------------------------


def test_of_a_zip_that_nobody_touched_nothing_is_said(judge: Judge) -> None:
    outcome = judge(small_case().zip())
    assert outcome.faults == [] and outcome.is_whole and outcome.notices == []
    assert outcome.counts == {
        "files": 17, "bytes": sum(map(len, small_files().values())), "rows": 28, "findings": 3, "pictures": 2,
        "pictures gone": 1, "captures": 3, "captures gone": 1, "audit entries": 4, "seals": 3,
    }  # fmt: skip


def test_of_a_folder_that_nobody_touched_nothing_is_said(tmp_path: Path) -> None:
    assert verify_case.check(str(small_case().unpack(tmp_path))).faults == []


def test_it_is_what_a_zip_library_writes() -> None:
    """The one canonical form is not a form of our own: Python's zipfile writes the same bytes."""
    case, target = small_case(), io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as made:
        for name, data in case.entries():
            info = zipfile.ZipInfo(name)
            info.create_system, info.external_attr = 3, 0o100644 << 16
            made.writestr(info, data)
    assert target.getvalue() == case.zip()


# The bytes of the ZIP -----------------------------------------------------------------------------------------------


def tiny_case() -> CaseWriter:
    """As small as one can be, so that each of its bytes can be tried."""
    files = dict(small_files())
    audit = make_audit()
    tiny = {path: files[path] for path in verify_case.REQUIRED if path not in audit}
    findings = [{"id": 1, "listing": {"id": 4}, "photo": None, "photos": []}]
    tiny["findings.jsonl"], tiny["listings.jsonl"] = lines_of(findings), lines_of([{"id": 4}])
    tiny["history.jsonl"], tiny["captures.jsonl"] = lines_of([{"listing": 4}]), b""
    tiny |= {
        "audit/entries.jsonl": lines_of(rows_in(audit["audit/entries.jsonl"])[-1:]),
        "audit/sealed.jsonl": lines_of(rows_in(audit["audit/sealed.jsonl"])[-2:]),
        "audit/seals.jsonl": lines_of(rows_in(audit["audit/seals.jsonl"])[-1:]),
    }
    return CaseWriter(tiny)


def is_whole(data: bytes) -> bool:
    """As verify_case.check says, without a file in between."""
    outcome = Outcome()
    verify_case.Case(verify_case.Zip(io.BytesIO(data), len(data), outcome), outcome).verify((), ())
    return outcome.is_whole


def test_each_single_byte_is_accounted_for() -> None:
    whole, chance = tiny_case().zip(), random.Random(6)  # noqa: S311  # no secret
    assert is_whole(whole) and 5000 < len(whole) < 7000
    passed = []
    for place in range(len(whole)):
        bent = bytearray(whole)
        bent[place] ^= chance.randrange(1, 256)
        if is_whole(bytes(bent)):
            passed.append(place)
    assert passed == []


class Layout:
    """Where the structures of a ZIP stand."""

    def __init__(self, case: CaseWriter) -> None:
        self.data = bytearray(case.zip())
        self.headers: dict[str, int] = {}
        at = 0
        for name, data in case.entries():
            self.headers[name] = at
            at += 30 + len(name) + len(data)
        self.directory = at
        self.records: dict[str, int] = {}
        for name in self.headers:
            self.records[name] = at
            at += 46 + len(name)
        self.end = at

    def bend(self, at: int, length: int) -> bytes:
        """The field there becomes another."""
        bent = bytearray(self.data)
        value = int.from_bytes(bent[at : at + length], "little")
        bent[at : at + length] = (value ^ 1).to_bytes(length, "little")
        return bytes(bent)


LOCAL_FIELDS = {
    "mark": (0, 4), "version needed": (4, 2), "flags": (6, 2), "method": (8, 2), "time": (10, 2), "date": (12, 2),
    "CRC-32": (14, 4), "packed size": (18, 4), "size": (22, 4), "name length": (26, 2), "extra length": (28, 2),
    "name": (30, 1),
}  # fmt: skip
CENTRAL_FIELDS = {
    "mark": (0, 4), "made by": (4, 2), "version needed": (6, 2), "flags": (8, 2), "method": (10, 2), "time": (12, 2),
    "date": (14, 2), "CRC-32": (16, 4), "packed size": (20, 4), "size": (24, 4), "name length": (28, 2),
    "extra length": (30, 2), "comment length": (32, 2), "disk": (34, 2), "inner attributes": (36, 2),
    "attributes": (38, 4), "offset": (42, 4), "name": (46, 1),
}  # fmt: skip
END_FIELDS = {
    "mark": (0, 4), "disk": (4, 2), "directory's disk": (6, 2), "entries here": (8, 2), "entries": (10, 2),
    "directory's size": (12, 4), "directory's offset": (16, 4), "comment length": (20, 2),
}  # fmt: skip
PLACES = ["manifest.json", "manifest.sig.json", "findings.jsonl", "report.pdf"]


@pytest.mark.parametrize("name", PLACES)
@pytest.mark.parametrize("field", LOCAL_FIELDS)
def test_a_field_of_a_file_s_header_is_named(judge: Judge, field: str, name: str) -> None:
    layout, (at, length) = Layout(small_case()), LOCAL_FIELDS[field]
    outcome = judge(layout.bend(layout.headers[name] + at, length))
    assert named(outcome) == {(CHANGED, name)}
    assert f"its header in the ZIP was changed: {field}" in outcome.faults[0].words


@pytest.mark.parametrize("name", PLACES)
@pytest.mark.parametrize("field", CENTRAL_FIELDS)
def test_a_field_of_the_directory_is_named(judge: Judge, field: str, name: str) -> None:
    layout, (at, length) = Layout(small_case()), CENTRAL_FIELDS[field]
    outcome = judge(layout.bend(layout.records[name] + at, length))
    assert named(outcome) == {(CHANGED, name)}
    assert f"its record in the ZIP's directory was changed: {field}" in outcome.faults[0].words


@pytest.mark.parametrize("field", END_FIELDS)
def test_a_field_of_the_end_record_is_named(judge: Judge, field: str) -> None:
    layout, (at, length) = Layout(small_case()), END_FIELDS[field]
    outcome = judge(layout.bend(layout.end + at, length))
    assert named(outcome) == {(CHANGED, "")}
    assert outcome.faults[0].words == f"the ZIP's end record was changed: {field}"


@pytest.mark.parametrize("path", [*small_files()])
def test_a_changed_byte_of_a_file_is_named_by_its_file_alone(judge: Judge, path: str) -> None:
    layout = Layout(small_case())
    place = layout.headers[path] + 30 + len(path) + len(small_files()[path]) // 2
    outcome = judge(layout.bend(place, 1))
    assert (CHANGED, path) in named(outcome)
    said = [fault for fault in outcome.faults if "ZIP" in fault.words or fault.kind in (REMOVED, ADDED)]
    assert said == []


@pytest.mark.parametrize("path", ["manifest.json", "README.txt", "photos/", "audit/seals.jsonl", None])
def test_bytes_between_two_files_are_named(judge: Judge, path: str | None) -> None:
    """The directory's offsets are made to fit, so that everyone who unpacks sees nothing of it."""
    layout, hidden = Layout(small_case()), b"hidden here"
    name = next((one for one in layout.headers if path and one.startswith(path)), None)
    at = layout.headers[name] if name else layout.directory
    data = layout.data[:at] + hidden + layout.data[at:]
    for other, start in layout.headers.items():
        if start >= at:
            struct.pack_into("<I", data, layout.records[other] + len(hidden) + 42, start + len(hidden))
    struct.pack_into("<I", data, layout.end + len(hidden) + 16, layout.directory + len(hidden))
    with zipfile.ZipFile(io.BytesIO(bytes(data))) as read:
        assert read.testzip() is None
    outcome = judge(bytes(data))
    assert named(outcome) == {(ADDED, "")}
    assert f"{len(hidden)} bytes at {at:,} of the ZIP" in outcome.faults[0].words


def test_bytes_inside_the_directory_are_named(judge: Judge) -> None:
    layout = Layout(small_case())
    at = layout.end
    outcome = judge(bytes(layout.data[:at] + b"hidden" + layout.data[at:]))
    assert (ADDED, "") in named(outcome)


@pytest.mark.parametrize("says_so", [False, True], ids=["a tail", "a comment"])
def test_what_stands_behind_the_end_is_named(judge: Judge, says_so: bool) -> None:
    layout = Layout(small_case())
    if says_so:
        struct.pack_into("<H", layout.data, layout.end + 20, 7)
    outcome = judge(bytes(layout.data) + b"hidden!")
    assert (ADDED, "") in named(outcome)
    assert any("7 bytes stand behind the end" in fault.words for fault in outcome.faults)


def test_an_extra_field_of_a_header_is_named(judge: Judge) -> None:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as made:
        for name, data in small_case().entries():
            info = zipfile.ZipInfo(name)
            info.create_system, info.external_attr = 3, 0o100644 << 16
            info.extra = b"\x99\x99\x02\x00hi" if name == "case.json" else b""
            made.writestr(info, data)
    outcome = judge(target.getvalue())
    assert named(outcome) == {(CHANGED, "case.json"), (CHANGED, "")}
    assert "extra length, what follows the name" in outcome.faults[0].words


def test_one_that_was_packed_anew_is_named(judge: Judge) -> None:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in small_case().entries():
            made.writestr(name, data)
    assert not judge(target.getvalue()).is_whole


@pytest.mark.parametrize("share", [0.999, 0.9, 0.5, 0.3])
def test_one_that_breaks_off_is_named(judge: Judge, share: float) -> None:
    data = small_case().zip()
    outcome = judge(data[: int(len(data) * share)])
    assert REMOVED in {fault.kind for fault in outcome.faults}


def test_a_record_that_is_gone_from_the_directory_is_named(judge: Judge) -> None:
    """The file is still in the ZIP, where nobody who unpacks it would see it."""
    layout = Layout(small_case())
    at, length = layout.records["case.json"], 46 + len("case.json")
    data = layout.data[:at] + layout.data[at + length :]
    count = len(layout.headers) - 1
    struct.pack_into("<HHI", data, layout.end - length + 8, count, count, layout.end - layout.directory - length)
    outcome = judge(bytes(data))
    assert (REMOVED, "case.json") in named(outcome)
    assert any("its record in the ZIP's directory is gone" in fault.words for fault in outcome.faults)


# Whole files --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [*small_files(), "manifest.json", "manifest.sig.json"])
def test_a_removed_file_is_named(judge: Judge, path: str) -> None:
    entries = entries_of(small_case())
    del entries[path]
    outcome = judge(pack(entries.items()))
    assert (REMOVED, path) in named(outcome)


@pytest.mark.parametrize("name", ["extra.txt", "photos/0.jpg", "manifest.tsr.bak", "../evil", "/etc/passwd", "a\\b"])
def test_an_added_file_is_named(judge: Judge, name: str) -> None:
    outcome = judge(pack([*small_case().entries(), (name, b"more")]))
    assert named(outcome) == {(ADDED, name)}


def test_a_file_that_stands_there_twice_is_named(judge: Judge) -> None:
    outcome = judge(pack([*small_case().entries(), ("case.json", b"{}")]))
    assert named(outcome) == {(ADDED, "case.json")}


@pytest.mark.parametrize("path", ["README.txt", "findings.jsonl", "report.pdf"])
def test_a_renamed_file_is_named_with_its_new_name(judge: Judge, path: str) -> None:
    entries = [("other.txt" if name == path else name, data) for name, data in small_case().entries()]
    outcome = judge(pack(entries))
    assert {(REMOVED, path), (ADDED, "other.txt")} <= named(outcome)
    assert any(fault.words == "is gone; other.txt holds what it held" for fault in outcome.faults)


def test_files_that_changed_places_in_the_zip_are_named(judge: Judge) -> None:
    entries = small_case().entries()
    entries[5], entries[9] = entries[9], entries[5]
    assert named(judge(pack(entries))) == {(REORDERED, entries[5][0]), (REORDERED, entries[9][0])}


def test_files_that_changed_contents_are_named_with_each_other(judge: Judge) -> None:
    entries = entries_of(small_case())
    entries["README.txt"], entries["verify.py"] = entries["verify.py"], entries["README.txt"]
    outcome = judge(pack(entries.items()))
    assert named(outcome) == {(CHANGED, "README.txt"), (CHANGED, "verify.py")}
    assert "it holds what verify.py should" in outcome.faults[0].words


def test_a_manifest_that_is_not_first_is_named(judge: Judge) -> None:
    entries = small_case().entries()
    assert (REORDERED, "manifest.json") in named(judge(pack([*entries[1:], entries[0]])))


# Rows ---------------------------------------------------------------------------------------------------------------


def with_rows(path: str, rows: list[bytes]) -> bytes:
    entries = entries_of(small_case())
    entries[path] = b"".join(row + b"\n" for row in rows)
    return pack(entries.items())


def lines(path: str) -> list[bytes]:
    return small_files()[path].splitlines()


def rows_named(outcome: Outcome, kind: str, path: str) -> list[tuple[int, ...]]:
    said = {CHANGED: "changed: ", REMOVED: "removed: ", ADDED: "added: ", REORDERED: "reordered: "}[kind]
    return [fault.rows for fault in outcome.faults if (fault.kind, fault.file) == (kind, path) and said in fault.words]


def bent_values(row: Row) -> Iterator[tuple[str, Row]]:
    """The row with each of its values changed, one at a time, deep ones too."""
    for name, value in row.items():
        if isinstance(value, dict) and value:
            yield from ((f"{name}.{deep}", {**row, name: bent}) for deep, bent in bent_values(value))
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            yield from ((f"{name}.{deep}", {**row, name: [bent, *value[1:]]}) for deep, bent in bent_values(value[0]))
        else:
            yield name, {**row, name: [value, "bent"]}
            yield name, {**row, name: value + 1 if isinstance(value, (int, float)) else f"{value}0"}
        yield name, {other: kept for other, kept in row.items() if other != name}


@pytest.mark.parametrize("path", ROWS)
def test_each_value_of_each_row_that_was_changed_is_named(judge: Judge, path: str) -> None:
    before = lines(path)
    for place, line in enumerate(before):
        (row,) = rows_in(line)
        for what, bent in bent_values(row):
            outcome = judge(with_rows(path, [*before[:place], canonical(bent), *before[place + 1 :]]))
            assert rows_named(outcome, CHANGED, path) == [(place + 1,)], (place, what)
            assert not {REMOVED, ADDED, REORDERED} & {kind for kind, file in named(outcome) if file == path and not
                                                      path.startswith("audit/")}, (place, what)  # fmt: skip


@pytest.mark.parametrize("path", ROWS)
def test_a_row_that_was_deleted_is_named(judge: Judge, path: str) -> None:
    before = lines(path)
    for place in range(len(before)):
        outcome = judge(with_rows(path, before[:place] + before[place + 1 :]))
        assert rows_named(outcome, REMOVED, path) == [(place + 1,)]
        assert rows_named(outcome, CHANGED, path) == rows_named(outcome, ADDED, path) == []


@pytest.mark.parametrize("path", ROWS)
def test_a_row_that_was_put_in_is_named(judge: Judge, path: str) -> None:
    before = lines(path)
    for place in range(len(before) + 1):
        outcome = judge(with_rows(path, [*before[:place], b'{"id":999}', *before[place:]]))
        assert rows_named(outcome, ADDED, path) == [(place + 1,)]
        assert rows_named(outcome, CHANGED, path) == rows_named(outcome, REMOVED, path) == []


@pytest.mark.parametrize("path", ROWS)
def test_a_row_that_was_put_in_twice_is_named_as_a_copy(judge: Judge, path: str) -> None:
    before = lines(path)
    for place, line in enumerate(before):
        outcome = judge(with_rows(path, [*before, line]))
        assert rows_named(outcome, ADDED, path) == [(len(before) + 1,)]
        assert any(f"a copy of row {place + 1}" in fault.words for fault in outcome.faults)


@pytest.mark.parametrize("path", ROWS)
def test_rows_that_changed_places_are_named_as_reordered(judge: Judge, path: str) -> None:
    before = lines(path)
    for one in range(len(before)):
        for other in range(one + 1, len(before)):
            swapped = list(before)
            swapped[one], swapped[other] = before[other], before[one]
            outcome = judge(with_rows(path, swapped))
            (moved,) = rows_named(outcome, REORDERED, path)
            assert set(moved) <= {one + 1, other + 1} and moved
            assert rows_named(outcome, CHANGED, path) == rows_named(outcome, ADDED, path) == []


@pytest.mark.parametrize("path", ROWS)
def test_a_file_of_rows_that_was_emptied_is_named(judge: Judge, path: str) -> None:
    outcome = judge(with_rows(path, []))
    assert rows_named(outcome, REMOVED, path) == [tuple(range(1, len(lines(path)) + 1))]


def test_other_line_ends_are_named(judge: Judge) -> None:
    entries = entries_of(small_case())
    entries["history.jsonl"] = entries["history.jsonl"].replace(b"\n", b"\r\n")
    outcome = judge(pack(entries.items()))
    assert rows_named(outcome, CHANGED, "history.jsonl") == [(1, 2, 3, 4)]


def test_a_last_newline_that_is_gone_is_named(judge: Judge) -> None:
    entries = entries_of(small_case())
    entries["history.jsonl"] = entries["history.jsonl"].rstrip(b"\n")
    outcome = judge(pack(entries.items()))
    assert [fault.words for fault in outcome.faults] == ["the newline behind its last row is gone"]


# The manifest and its signature -------------------------------------------------------------------------------------


def every_change(value: Any) -> Iterator[Any]:
    """`value` with one thing in it changed, gone or more, at every depth."""
    if isinstance(value, dict):
        for name in value:
            yield {other: kept for other, kept in value.items() if other != name}
            yield from ({**value, name: bent} for bent in every_change(value[name]))
        yield {**value, "more": 1}
    elif isinstance(value, list):
        for place in range(len(value)):
            yield value[:place] + value[place + 1 :]
            yield from ([*value[:place], bent, *value[place + 1 :]] for bent in every_change(value[place]))
        yield [*value, value[-1] if value else 1]
    else:
        yield value + 1 if isinstance(value, int) else f"{value}0"
        yield None if value is not None else 0


def test_each_value_of_the_manifest_is_signed(judge: Judge) -> None:
    case = tiny_case()
    sides, count = case.sides(), 0
    for bent in every_change(case.manifest()):
        sides["manifest.json"] = canonical(bent)
        outcome = judge(pack([*sides.items(), *case.files.items()]))
        assert (CHANGED, "manifest.json") in named(outcome)
        assert any(fault.words == "was changed after it was signed" for fault in outcome.faults)
        count += 1
    assert count > 200


@pytest.mark.parametrize(
    ("field", "kind", "words"),
    [("manifest_sha256", CHANGED, "manifest_sha256 was changed"), ("fingerprint", CHANGED, "the fingerprint in it"),
     ("signature", UNSIGNED, "the signature is not this key's"), ("key", UNSIGNED, "the signature is not this key's"),
     ("format", BROKEN, "does not have the fields"), ("algorithm", BROKEN, "does not have the fields")],
)  # fmt: skip
def test_each_value_of_the_signature_is_held_against_the_rest(judge: Judge, field: str, kind: str, words: str) -> None:
    case = small_case()
    sides = case.sides()
    (said,) = rows_in(sides["manifest.sig.json"])
    said[field] = ("0" if said[field][0] != "0" else "1") + said[field][1:]
    sides["manifest.sig.json"] = canonical(said)
    outcome = judge(pack([*sides.items(), *case.files.items()]))
    assert {file for _, file in named(outcome)} == {"manifest.sig.json"}
    assert any(fault.kind == kind and words in fault.words for fault in outcome.faults), outcome.faults


def test_a_manifest_that_was_signed_anew_by_somebody_else_is_told_by_its_fingerprint(tmp_path: Path) -> None:
    """Nothing inside can tell: so the fingerprint is what people compare."""
    path = str(small_case(key=OTHER_KEY).write(tmp_path / "case.zip"))
    ours, theirs = (verify_case.check(str(one)) for one in (small_case().write(tmp_path / "ours.zip"), path))
    assert theirs.faults == [] and theirs.fingerprint != ours.fingerprint
    assert "signed by another key than the case file" in theirs.notices[0]  # the seals are still ours
    digits = ours.fingerprint.replace(" ", "")
    assert named(verify_case.check(path, fingerprints=[digits])) == {(UNSIGNED, "manifest.sig.json")}
    assert named(verify_case.check(path, keys=[ours.facts["key"]])) == {(UNSIGNED, "manifest.sig.json")}
    assert verify_case.check(path, keys=[ours.facts["key"], theirs.facts["key"]]).is_whole


def test_a_manifest_that_is_not_canonical_is_named_though_it_is_signed(judge: Judge) -> None:
    case = small_case()
    body = case.sides()["manifest.json"].replace(b'":', b'": ', 1)
    entries = [("manifest.json", body), ("manifest.sig.json", signature_of(body, case.key)), *case.files.items()]
    outcome = judge(pack(entries))
    assert named(outcome) == {(CHANGED, "manifest.json")} and "canonical JSON" in outcome.faults[0].words


# What only whoever holds the key could do: the parts do not agree --------------------------------------------------


def signed_with(path: str, change: Callable[[list[Row]], object]) -> bytes:
    case = small_case()
    rows = rows_in(case.files[path])
    change(rows)
    case.files[path] = lines_of(rows)
    return case.zip()


def set_value(place: int, **values: Any) -> Callable[[list[Row]], object]:
    return lambda rows: rows[place].update(values)


@pytest.mark.parametrize(
    ("path", "change", "words"),
    [
        ("findings.jsonl", set_value(0, listing={"id": 99}), "row 1: of a listing that listings.jsonl does not have"),
        ("history.jsonl", set_value(3, listing=99), "row 4: of a listing that listings.jsonl does not have"),
        ("captures.jsonl", set_value(1, listing=99), "row 2: of a listing that listings.jsonl does not have"),
        ("findings.jsonl", set_value(0, photo={"sha256": "1" * 64}), "a picture that is not one of its listing's"),
        ("findings.jsonl", lambda rows: rows[0]["photos"][2].update(gone=None), "names the picture eeee"),
        ("findings.jsonl", lambda rows: rows[0]["photos"][0].update(path=None), "nor said to be gone"),
        ("findings.jsonl", lambda rows: rows[0]["photos"][0].update(sha256="1" * 64), "nor said to be gone"),
        ("findings.jsonl", lambda rows: rows[0].update(photos=None), "does not list the pictures"),
        ("findings.jsonl", lambda rows: [row.update(photo=None, photos=[]) for row in rows], "no finding names"),
        ("captures.jsonl", set_value(0, sha256="1" * 64), "<urn:uuid:0> in archives/1.warc.gz holds other bytes"),
        ("captures.jsonl", set_value(1, sha256="1" * 64), "<urn:uuid:1> in archives/1.warc.gz holds other bytes"),
        ("captures.jsonl", set_value(0, record_id="<x>"), "archives/1.warc.gz has no record <x>"),
        ("captures.jsonl", set_value(3, gone=None), "row 4 names a record that is neither"),
        ("captures.jsonl", set_value(0, path="archives/9.warc.gz"), "row 1 names a record that is neither"),
    ],
)  # fmt: skip
def test_parts_that_do_not_agree_are_named(judge: Judge, path: str, change: Any, words: str) -> None:
    outcome = judge(signed_with(path, change))
    assert any(words in fault.words for fault in outcome.faults), outcome.faults
    assert {fault.kind for fault in outcome.faults} <= {UNTRUE, BROKEN}


def test_findings_other_than_the_manifest_names_are_named(judge: Judge) -> None:
    outcome = judge(small_case(change=lambda manifest: manifest["case"].update(findings=[11, 12])).zip())
    assert named(outcome) == {(UNTRUE, "findings.jsonl")}


def test_a_picture_under_another_digest_is_named(judge: Judge) -> None:
    case = small_case()
    path = next(path for path in case.files if path.startswith("photos/"))
    case.files[path] = b"another picture"
    outcome = judge(case.zip())
    assert (UNTRUE, path) in named(outcome) and (UNTRUE, "findings.jsonl") in named(outcome)


@pytest.mark.parametrize(
    ("path", "change", "kind", "words"),
    [
        ("audit/entries.jsonl", set_value(1, actor="eve"), CHANGED, "row 2: entry 104 does not say what its hash says"),
        ("audit/entries.jsonl", set_value(0, facts={}), CHANGED, "row 1: entry 102 does not say what its hash says"),
        ("audit/entries.jsonl", set_value(0, v=1), CHANGED, "row 1: entry 102 does not say what its hash says"),
        ("audit/entries.jsonl", set_value(0, content_sha256="1" * 64), UNTRUE, "sealed with another content"),
        ("audit/entries.jsonl", set_value(0, v=2), BROKEN, "row 1 is no entry of an audit log"),
        ("audit/entries.jsonl", set_value(0, id=103), UNTRUE, "sealed with another content"),
        ("audit/entries.jsonl", set_value(0, id=999), UNTRUE, "entry 999 is in the list of no seal"),
        ("audit/entries.jsonl", lambda rows: rows.reverse(), REORDERED, "is out of order"),
        ("audit/sealed.jsonl", lambda rows: rows.pop(1), UNTRUE, "seal 2 does not fit its list"),
        ("audit/sealed.jsonl", lambda rows: rows.pop(0), UNTRUE, "entry 102 is in the list of no seal"),
        ("audit/sealed.jsonl", set_value(1, content_sha256="1" * 64), UNTRUE, "seal 2 does not fit its list"),
        ("audit/sealed.jsonl", set_value(0, content_sha256="1" * 64), UNTRUE, "sealed with another content"),
        ("audit/sealed.jsonl", set_value(1, entry_id=7), REORDERED, "seal 2, entry 7 is out of order"),
        ("audit/sealed.jsonl", set_value(6, seal=9), REMOVED, "seal 9 is not there"),
        ("audit/sealed.jsonl", set_value(6, seal=2), REORDERED, "seal 2, entry 108 is out of order"),
        ("audit/seals.jsonl", set_value(1, count=3), CHANGED, "seal 3 does not say what its hash says"),
        ("audit/seals.jsonl", set_value(1, first_id=1), UNTRUE, "seal 3 does not fit its list"),
        ("audit/seals.jsonl", set_value(1, last_id=1), UNTRUE, "seal 3 does not fit its list"),
        ("audit/seals.jsonl", set_value(1, entries_sha256="1" * 64), UNTRUE, "seal 3 does not fit its list"),
        ("audit/seals.jsonl", set_value(1, sealed_at="2020"), CHANGED, "seal 3 does not say what its hash says"),
        ("audit/seals.jsonl", set_value(1, previous_sha256="1" * 64), UNTRUE, "seal 3 is not linked"),
        ("audit/seals.jsonl", set_value(1, seal_sha256="1" * 64), UNSIGNED, "signature of seal 3 is not its key's"),
        ("audit/seals.jsonl", set_value(1, signature="1" * 128), UNSIGNED, "signature of seal 3 is not its key's"),
        ("audit/seals.jsonl", set_value(1, key="1" * 64), UNSIGNED, "signature of seal 3 is not its key's"),
        ("audit/seals.jsonl", set_value(1, key=None), BROKEN, "row 2 is no seal"),
        ("audit/seals.jsonl", set_value(1, number=9), REMOVED, "seal 9 follows seal 2"),
        ("audit/seals.jsonl", lambda rows: rows.pop(1), REMOVED, "seal 4 follows seal 2"),
        ("audit/seals.jsonl", lambda rows: rows.pop(0), REMOVED, "seal 2 is not there, though audit/sealed.jsonl"),
        ("audit/seals.jsonl", lambda rows: rows.insert(0, rows.pop(1)), REORDERED, "seal 2 follows seal 3"),
        ("audit/seals.jsonl", lambda rows: rows.append(rows[0]), REORDERED, "seal 2 follows seal 4"),
    ],
)  # fmt: skip
def test_a_chain_that_does_not_hold_is_named(judge: Judge, path: str, change: Any, kind: str, words: str) -> None:
    """All of it signed anew by whoever holds the key of the case file."""
    outcome = judge(signed_with(path, change))
    assert any(fault.kind == kind and words in fault.words for fault in outcome.faults), outcome.faults


@pytest.mark.parametrize("name", ["number", "seal_sha256", "sealed_at", "key", "signature", "format"])
def test_a_head_that_is_not_the_last_seal_is_named(judge: Judge, name: str) -> None:
    outcome = judge(small_case(change=lambda manifest: manifest["audit_head"].update({name: "x"})).zip())
    assert {file for _, file in named(outcome)} <= {"audit/seals.jsonl", "manifest.json"} and not outcome.is_whole


def test_a_cut_end_of_the_chain_is_named_by_the_head(judge: Judge) -> None:
    case = small_case()
    head = case.manifest()["audit_head"]
    for path in ("audit/entries.jsonl", "audit/sealed.jsonl", "audit/seals.jsonl"):
        rows = rows_in(case.files[path])
        case.files[path] = lines_of(
            row for row in rows if row.get("seal", row.get("number", 0)) < 4 and row.get("id", 0) < 107
        )
    case.change = lambda manifest: manifest.update(audit_head=head)
    assert named(judge(case.zip())) == {(UNTRUE, "audit/seals.jsonl")}


def test_a_record_that_does_not_fit_its_own_digests_is_named(judge: Judge) -> None:
    case = small_case()
    case.files["archives/1.warc.gz"] += make_answer("<y>", b"body", WARC_Payload_Digest="sha256:" + "A" * 52 + "====")
    outcome = judge(case.zip())
    assert named(outcome) == {(UNTRUE, "archives/1.warc.gz")} and "<y>" in outcome.faults[0].words


def test_the_digest_of_the_whole_is_not_what_it_hangs_on(judge: Judge) -> None:
    """A file changed, and the manifest with it, but not the signature: the manifest is named, and nothing else."""
    case = small_case()
    sides = case.sides()
    case.files["report.pdf"] = b"%PDF another"
    sides["manifest.json"] = case.sides()["manifest.json"]
    outcome = judge(pack([*sides.items(), *case.files.items()]))
    assert named(outcome) == {(CHANGED, "manifest.json")}
    assert sha256(sides["manifest.json"]) not in outcome.faults[0].words
