"""The verifier as a stranger runs it: alone, on any Python, on what somebody made to harm it."""

import ast
import json
import os
import shutil
import struct
import subprocess
import sys
import tracemalloc
import zlib
from pathlib import Path
from typing import Any

import pytest

from tests.webapp.exporters.case_writer import (
    CaseWriter,
    lines_of,
    make_answer,
    make_record,
    pack,
    public_of,
    rows_in,
    sha256,
    signature_of,
    small_case,
)
from webapp.exporters import verify_case
from webapp.exporters.verify_case import ADDED, BROKEN, CHANGED, REMOVED, UNTRUE, Outcome, Unreadable

PROGRAM = Path(verify_case.__file__)
VERSIONS = [f"python3.{minor}" for minor in range(8, 15)]


def check(case: CaseWriter, folder: Path, **more: Any) -> Outcome:
    return verify_case.check(str(case.write(folder / "case.zip")), **more)


def words_of(outcome: Outcome) -> str:
    return "\n".join(f"{fault.kind} {fault.file} {fault.words}" for fault in outcome.faults)


def packed(body: bytes, wbits: int) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, wbits)
    return packer.compress(body) + packer.flush()


# It stands alone ----------------------------------------------------------------------------------------------------


def test_it_imports_the_standard_library_alone() -> None:
    tree = ast.parse(PROGRAM.read_text(encoding="utf-8"))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in imported} <= sys.stdlib_module_names
    assert all(node.level == 0 for node in ast.walk(tree) if isinstance(node, ast.ImportFrom))
    asked = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    assert not asked & {"eval", "exec", "compile", "__import__", "globals"}


def test_it_can_reach_nothing_and_start_nothing() -> None:
    names = {node.id for node in ast.walk(ast.parse(PROGRAM.read_text())) if isinstance(node, ast.Name)}
    assert not names & {"socket", "subprocess", "urllib", "http", "ctypes", "importlib", "pickle"}


def test_it_is_ascii_and_its_help_tells_the_exit_codes() -> None:
    assert PROGRAM.read_bytes().isascii()
    done = subprocess.run([sys.executable, "-I", "-S", str(PROGRAM), "--help"], capture_output=True, text=True)
    assert done.returncode == 0 and "0 whole, 1 something is wrong, 2 no case file" in done.stdout


def find_python(name: str) -> str | None:
    """One that runs; a version manager may answer to names that it has no Python for."""
    path = shutil.which(name)
    if path is None:
        return None
    code = "import sys; print(sys.executable, sys.version_info[:2])"
    done = subprocess.run([path, "-I", "-c", code], capture_output=True, text=True)
    if done.returncode == 0 and f"(3, {name.partition('.')[2]})" in done.stdout:
        return done.stdout.split()[0]
    found = sorted(Path(path).parents[1].glob(f"versions/{name.removeprefix('python')}.*/bin/python3"))
    return str(found[-1]) if found else None


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An unpacked case file with the real verifier in it."""
    folder = tmp_path_factory.mktemp("bare")
    case = small_case()
    case.files["verify.py"] = PROGRAM.read_bytes()
    case.unpack(folder / "case")
    case.write(folder / "case.zip")
    bent = dict(case.entries()) | {"report.pdf": b"another"}
    (folder / "bent.zip").write_bytes(pack(bent.items()))
    return folder


@pytest.mark.parametrize("version", VERSIONS)
def test_it_runs_with_nothing_but_python(unpacked: Path, version: str) -> None:
    """In an empty environment, without site-packages, in a folder of its own."""
    python = find_python(version)
    if python is None:
        pytest.skip(f"{version} is not on this machine")
    run = [python, "-I", "-S", str(unpacked / "case" / "verify.py")]

    def ask(*words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run([*run, *words], env={}, cwd=unpacked, capture_output=True, text=True, timeout=60)

    whole = ask()
    assert (whole.returncode, whole.stderr) == (0, "")
    assert "WHOLE: every file, every row and the signature are as they were" in whole.stdout
    assert verify_case.fingerprint_of(bytes.fromhex(public_of(small_case().key))) in whole.stdout
    bent = ask("bent.zip", "--quiet")
    assert (bent.returncode, bent.stderr) == (1, "")
    assert bent.stdout.startswith("CHANGED    report.pdf: is not what was signed")
    assert not list(unpacked.rglob("__pycache__"))


# What it says -------------------------------------------------------------------------------------------------------


def test_a_report_ends_with_the_fingerprint_and_with_what_is_not_proved(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert verify_case.main([str(small_case().write(tmp_path / "case.zip"))]) == 0
    text = capsys.readouterr().out
    assert text.isascii()
    assert text.index("WHOLE:") < text.index("with the fingerprint") < text.index("What this does not prove:")
    assert verify_case.own_sha256() == sha256(PROGRAM.read_bytes()) and verify_case.own_sha256() in text
    assert "Head of the audit log: seal 4" in text


def test_a_result_as_json_has_all_of_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = small_case().write(tmp_path / "case.zip")
    assert verify_case.main([str(path), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["whole"] and said["faults"] == [] and said["key"] == public_of(small_case().key)
    assert said["case"] == {"id": 7, "title": "A case", "language": "en"} and len(said["does_not_prove"]) > 4
    path.write_bytes(path.read_bytes() + b"!")
    assert verify_case.main([str(path), "--json"]) == 1
    said = json.loads(capsys.readouterr().out)
    assert [(fault["kind"], fault["file"]) for fault in said["faults"]] == [("added", "")]


@pytest.mark.parametrize(
    "spelling", [str, lambda digits: digits.replace(" ", ""), str.upper, lambda d: d.replace(" ", ":")]
)
def test_a_fingerprint_may_be_written_in_groups_or_not(tmp_path: Path, spelling: Any) -> None:
    path, key = str(small_case().write(tmp_path / "case.zip")), public_of(small_case().key)
    own = verify_case.fingerprint_of(bytes.fromhex(key))
    assert verify_case.main([path, "--quiet", "--fingerprint", spelling(own)]) == 0
    assert verify_case.main([path, "--quiet", "--key", key]) == 0
    assert verify_case.main([path, "--quiet", "--fingerprint", "0" * 64]) == 1
    assert verify_case.main([path, "--quiet", "--key", "0" * 64]) == 1


@pytest.mark.parametrize("words", [["--fingerprint", "12"], ["--key", "xyz"], ["--key", ""], ["--fly"], ["a", "b"]])
def test_a_command_that_makes_no_sense_ends_with_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        verify_case.main(words)
    assert ended.value.code == 2 and "usage:" in capsys.readouterr().err


@pytest.mark.parametrize("content", [b"", b"PK", b"%PDF-1.7", b"\0" * 10_000, b"PK\5\6" + bytes(18)])
def test_what_is_no_case_file_ends_with_2(tmp_path: Path, content: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x").write_bytes(content)
    assert verify_case.main([str(tmp_path / "x")]) == 2
    assert verify_case.main([str(tmp_path / "none")]) == 2
    assert verify_case.main([str(tmp_path)]) == 2
    assert verify_case.main(["/dev/null"]) == 2
    assert capsys.readouterr().err.count("can't be verified") == 4


def test_a_zip_that_is_something_else_is_no_case_file(tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(pack([("letter.txt", b"Dear")]))
    with pytest.raises(Unreadable, match=r"no manifest\.json"):
        verify_case.check(str(tmp_path / "x.zip"))


# Folders ------------------------------------------------------------------------------------------------------------


def test_a_folder_is_verified_as_a_zip_is(tmp_path: Path) -> None:
    folder = small_case().unpack(tmp_path / "case")
    assert verify_case.check(str(folder)).faults == []
    (folder / "report.pdf").write_bytes(b"another")
    (folder / "pages" / "4-1.txt").unlink()
    (folder / ".DS_Store").write_bytes(b"")
    (folder / "empty").mkdir()
    outcome = verify_case.check(str(folder))
    assert {(fault.kind, fault.file) for fault in outcome.faults} == {
        (CHANGED, "report.pdf"), (REMOVED, "pages/4-1.txt"), (ADDED, ".DS_Store"), (ADDED, "empty/"), (ADDED, "pages/"),
    }  # fmt: skip


def test_links_and_pipes_in_a_folder_are_named_and_not_followed(tmp_path: Path) -> None:
    folder = small_case().unpack(tmp_path / "case")
    os.mkfifo(folder / "pipe")
    (folder / "loop").symlink_to(folder)
    (folder / "secret").symlink_to("/etc/passwd")
    (folder / "case.json").rename(tmp_path / "case.json")
    (folder / "case.json").symlink_to(tmp_path / "case.json")
    outcome = verify_case.check(str(folder))
    added = {fault.file: fault.words for fault in outcome.faults if fault.kind == ADDED}
    assert added.keys() == {"pipe", "loop", "secret", "case.json"}
    assert "not a plain file" in added["pipe"] and "a link" in added["loop"]
    assert (REMOVED, "case.json") in {(fault.kind, fault.file) for fault in outcome.faults}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_named(tmp_path: Path) -> None:
    folder = small_case().unpack(tmp_path / "case")
    (folder / "report.pdf").chmod(0)
    assert "unreadable report.pdf can't be read" in words_of(verify_case.check(str(folder)))


# Made to harm -------------------------------------------------------------------------------------------------------

DEEP = b"[" * 200_000
HOSTILE = {
    "deep": DEEP,
    "deep objects": b'{"a":' * 100_000,
    "not a number": b'{"a":NaN}',
    "infinite": b'{"a":1e999}',
    "many digits": b'{"a":' + b"9" * 100_000 + b"}",
    "a long fraction": b'{"a":0.' + b"9" * 100_000 + b"}",
    "twice": b'{"a":1,"a":2}',
    "not UTF-8": b'{"a":"\xff"}',
    "a mark before it": b'\xef\xbb\xbf{"a":1}',
    "half a pair": b'{"a":"\\ud800"}',
    "a list": b"[]",
    "a word": b'"manifest"',
    "nothing": b"",
    "blanks": b" " * 1000,
    "zeros": bytes(1000),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_manifest_that_is_no_json_of_ours_is_a_fault(tmp_path: Path, name: str) -> None:
    body, case = HOSTILE[name], small_case()
    entries = [("manifest.json", body), ("manifest.sig.json", signature_of(body, case.key)), *case.files.items()]
    (tmp_path / "x.zip").write_bytes(pack(entries))
    outcome = verify_case.check(str(tmp_path / "x.zip"))
    assert (BROKEN, "manifest.json") in {(fault.kind, fault.file) for fault in outcome.faults}
    assert words_of(outcome).isascii()


@pytest.mark.parametrize("name", HOSTILE)
def test_a_signature_that_is_no_json_of_ours_is_a_fault(tmp_path: Path, name: str) -> None:
    case = small_case()
    entries = dict(case.entries()) | {"manifest.sig.json": HOSTILE[name]}
    (tmp_path / "x.zip").write_bytes(pack(entries.items()))
    assert (BROKEN, "manifest.sig.json") in {
        (f.kind, f.file) for f in verify_case.check(str(tmp_path / "x.zip")).faults
    }


@pytest.mark.parametrize("path", ["findings.jsonl", "captures.jsonl", "audit/entries.jsonl", "audit/seals.jsonl"])
@pytest.mark.parametrize("name", [name for name in HOSTILE if name not in ("nothing", "half a pair")])
def test_a_signed_row_that_is_no_json_of_ours_is_a_fault(tmp_path: Path, path: str, name: str) -> None:
    case = small_case()
    findings = case.files["findings.jsonl"]
    case.files[path] += HOSTILE[name] + b"\n"
    case.change = lambda manifest: manifest
    manifest = CaseWriter({**case.files, "findings.jsonl": findings}).manifest() if path == "findings.jsonl" else None
    if manifest is not None:
        case.manifest = lambda: manifest | {"files": files_of(case), "rows": rows_of(case)}  # type: ignore[method-assign]
    elif path == "audit/seals.jsonl":
        good = small_case().manifest()
        case.manifest = lambda: good | {"files": files_of(case), "rows": rows_of(case)}  # type: ignore[method-assign]
    outcome = check(case, tmp_path)
    number = len(small_case().files[path].splitlines()) + 1
    assert any(f.kind == BROKEN and f.file == path and f"row {number}" in f.words for f in outcome.faults), (
        outcome.faults
    )


def files_of(case: CaseWriter) -> list[dict[str, Any]]:
    return [
        {"path": path, "sha256": sha256(data), "size_bytes": len(data), "media_type": "x", "what": "x"}
        for path, data in case.files.items()
    ]


def rows_of(case: CaseWriter) -> dict[str, list[str]]:
    return {
        path: [sha256(line) for line in data.removesuffix(b"\n").split(b"\n")]
        for path, data in case.files.items()
        if path.endswith(".jsonl")
    }


@pytest.mark.parametrize(
    "path",
    ["../x", "/x", "a/../x", "./x", "a//x", "a\\x", "C:/x", "C:x", "a/.", "x.", "a./x", "x ", "x\0", "x\n", "\u0445",
     "manifest.json", "manifest.tsr", "x" * 300, "", ".x", "con:"],
)  # fmt: skip
def test_a_name_that_leads_elsewhere_is_a_fault(tmp_path: Path, path: str) -> None:
    case = small_case()
    case.change = lambda manifest: manifest["files"][-1].update(path=path)
    assert "names files in a way that a case file does not" in words_of(check(case, tmp_path))


def test_names_that_are_one_on_some_systems_are_a_fault(tmp_path: Path) -> None:
    case = small_case()
    case.files["README.TXT"] = b"another"
    assert "names a file twice" in words_of(check(case, tmp_path))


@pytest.mark.parametrize(
    "change",
    [{"size_bytes": -1}, {"size_bytes": True}, {"size_bytes": 1.5}, {"sha256": "x"}, {"sha256": "A" * 64},
     {"sha256": None}, {"what": 1}, {"more": 1}],
)  # fmt: skip
def test_an_entry_of_the_manifest_that_is_none_is_a_fault(tmp_path: Path, change: dict[str, Any]) -> None:
    case = small_case(change=lambda manifest: manifest["files"][0].update(change))
    assert "names files in a way that a case file does not" in words_of(check(case, tmp_path))


@pytest.mark.parametrize(
    "change",
    [{"files": {}}, {"files": None}, {"files": ["x"]}, {"rows": []}, {"rows": {}}, {"case": []}, {"made_at": 1},
     {"audit_head": []}, {"audit_head": None}, {"format": ["x"]}, {"case": {"findings": [[1]], "id": [[[]]]}}],
)  # fmt: skip
def test_a_manifest_of_another_shape_is_a_fault(tmp_path: Path, change: dict[str, Any]) -> None:
    outcome = check(small_case(change=lambda manifest: manifest.update(change)), tmp_path)
    assert not outcome.is_whole
    assert list(verify_case.report(outcome)) and json.dumps(outcome.to_json())


def test_sizes_beyond_all_measure_are_a_fault_and_take_no_memory(tmp_path: Path) -> None:
    data = bytearray(small_case().zip())
    for at in (18, 22):
        struct.pack_into("<I", data, at, 0xFFFFFFFF)
    directory = data.index(b"PK\1\2")
    for at in (20, 24):
        struct.pack_into("<I", data, directory + at, 0xFFFFFFF0)
    (tmp_path / "x.zip").write_bytes(data)
    tracemalloc.start()
    outcome = verify_case.check(str(tmp_path / "x.zip"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert not outcome.is_whole and peak < 20 << 20


def measured(path: Path) -> tuple[Outcome, int]:
    tracemalloc.start()
    try:
        return verify_case.check(str(path)), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_an_archive_that_unpacks_without_end_is_not_read_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify_case, "UNPACKED_BASE", 8 << 20)
    case = small_case()
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    head = b"WARC/1.1\r\nWARC-Record-ID: <b>\r\nContent-Length: 99999999999\r\n\r\n"
    bomb = packer.compress(head) + b"".join(packer.compress(bytes(1 << 20)) for _ in range(64)) + packer.flush()
    case.files["archives/1.warc.gz"] += bomb
    assert len(bomb) < 100_000
    outcome, peak = measured(case.write(tmp_path / "x.zip"))
    assert "unpacks to far more than an archive of its size may hold" in words_of(outcome)
    assert peak < 40 << 20


def test_a_page_that_unpacks_without_end_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify_case, "UNPACKED_BASE", 4 << 20)
    case = small_case()
    body = zlib.compress(bytes(32 << 20), 9)
    case.files["archives/1.warc.gz"] += make_answer("<b>", body, "Content-Encoding: deflate\r\n")
    rows = rows_in(case.files["captures.jsonl"])
    case.files["captures.jsonl"] = lines_of([*rows, rows[0] | {"record_id": "<b>", "sha256": sha256(bytes(32 << 20))}])
    outcome, peak = measured(case.write(tmp_path / "x.zip"))
    assert outcome.is_whole and "row 5: the digest of the page could not be recomputed" in outcome.notices[0]
    assert peak < 20 << 20


@pytest.mark.parametrize(
    ("member", "words"),
    [(b"garbage", "is packed in a way that can't be read"), (b"\x1f\x8b\x08", "breaks off in the midst of a record"),
     (make_record("response", "<x>", b"x", None)[:-9], "breaks off in the midst of a record"),
     (packed(b"", 31), "has a record that breaks off"),
     (packed(b"WARC/1.1\r\n\r\n", 31), "has a record without a length"),
     (packed(b"HTTP/1.1 200 OK\r\n\r\n", 31), "has a record that is none of a web archive"),
     (packed(b"WARC/1.1\r\nContent-Length: 2\r\n\r\nx", 31), "has a record that breaks off"),
     (packed(b"WARC/1.1\r\nContent-Length: 2\r\n\r\nxx\r\n\r\n!", 31), "has bytes behind the record"),
     (packed(b"WARC/1.1\r\nx: " + b"x" * (2 << 20), 31), "has a record whose head does not end"),
     (make_record("response", "<x>", b"A: b\r\n" * 200_000, None), "has a record whose HTTP head does not end: <x>")],
)  # fmt: skip
def test_an_archive_that_is_none_is_a_fault(tmp_path: Path, member: bytes, words: str) -> None:
    case = small_case()
    case.files["archives/1.warc.gz"] += member
    assert f"unreadable archives/1.warc.gz {words}" in words_of(check(case, tmp_path))


def test_a_row_that_is_too_long_is_a_fault_and_takes_no_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify_case, "MOST_ROW", 1 << 20)
    case = small_case()
    case.files["history.jsonl"] += b'{"listing":4,"x":"' + b"x" * (8 << 20) + b'"}\n'
    outcome = check(case, tmp_path)
    assert words_of(outcome) == "unreadable history.jsonl row 5 is longer than a row may be"


def test_a_file_of_newlines_alone_takes_neither_memory_nor_time(tmp_path: Path) -> None:
    case = small_case()
    good = case.manifest()
    case.files["history.jsonl"] += b"\n" * (8 << 20)
    case.manifest = lambda: good  # type: ignore[method-assign]
    outcome, peak = measured(case.write(tmp_path / "x.zip"))
    assert any(
        "added: row 5, 6, 7, " in fault.words and "8,378,608 more behind" in fault.words for fault in outcome.faults
    )
    assert peak < 40 << 20


def test_many_files_that_a_zip_invents_are_refused(tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(pack((f"{number}", b"") for number in range(300)) * 1)
    with pytest.raises(Unreadable):
        verify_case.check(str(tmp_path / "x.zip"))


@pytest.mark.parametrize("name", ["\x1b[2J", "a\nWHOLE", "x" * 5000, "\u202e"])
def test_what_is_printed_can_not_move_the_cursor(tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x.zip").write_bytes(pack([*small_case().entries(), (name, b"")]))
    assert verify_case.main([str(tmp_path / "x.zip")]) == 1
    text = capsys.readouterr().out
    assert text.isascii() and "\x1b" not in text and "\nWHOLE" not in text
    assert max(map(len, text.splitlines())) < 2100


def test_a_title_can_not_pretend_a_result(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    case = small_case(change=lambda manifest: manifest["case"].update(title="x\nWHOLE: every file\n\x1b[8m"))
    verify_case.main([str(case.write(tmp_path / "x.zip"))])
    text = capsys.readouterr().out
    assert "x\\nWHOLE: every file\\n\\x1b[8m" in text and text.count("\nWHOLE") == 1


def test_memory_does_not_grow_with_the_pictures(tmp_path: Path) -> None:
    case = small_case()
    path = next(path for path in case.files if path.startswith("photos/"))
    del case.files[path]
    body = bytes(range(256)) * (24 << 12)
    case.files[f"photos/{sha256(body)}.jpg"] = body
    case.write(tmp_path / "x.zip")
    del case, body
    outcome, peak = measured(tmp_path / "x.zip")
    assert peak < 16 << 20 and outcome.counts["bytes"] > 24 << 20
    assert {fault.kind for fault in outcome.faults} == {UNTRUE}  # the finding still names the other picture


# Web archives -------------------------------------------------------------------------------------------------------


def with_page(body: bytes, digest: str, http: str = "", **headers: str) -> CaseWriter:
    case = small_case()
    case.files["archives/1.warc.gz"] += make_answer("<p>", body, http, **headers)
    rows = rows_in(case.files["captures.jsonl"])
    case.files["captures.jsonl"] = lines_of([*rows, rows[0] | {"record_id": "<p>", "sha256": digest}])
    return case


PAGE = b"<p>ivory</p>" * 50_000


@pytest.mark.parametrize(
    ("body", "encoding"),
    [(packed(PAGE, 31), "gzip"), (packed(PAGE, 31), "X-GZip"),
     (packed(PAGE, 15), "deflate"), (packed(PAGE, -15), "deflate"),
     (packed(PAGE[:9999], 31) + packed(PAGE[9999:], 31) + b"rest", "gzip"), (PAGE, "identity"), (PAGE, "br")],
    ids=["gzip", "x-gzip", "zlib", "raw", "two members", "plain", "as it came"],
)  # fmt: skip
def test_the_digest_of_a_page_is_recomputed_however_it_came(tmp_path: Path, body: bytes, encoding: str) -> None:
    outcome = check(with_page(body, sha256(PAGE), f"Content-Encoding: {encoding}\r\n"), tmp_path)
    assert outcome.faults == [] and outcome.counts["captures"] == 4


def test_a_page_that_the_standard_library_can_not_unpack_is_said_to_be_unchecked(tmp_path: Path) -> None:
    outcome = check(with_page(b"brotli", sha256(PAGE), "Content-Encoding: br\r\n"), tmp_path)
    assert outcome.is_whole and outcome.counts["captures not checked"] == 1
    assert "packed as br, which Python's standard library can't unpack" in outcome.notices[0]


def test_a_page_that_was_cut_off_when_it_was_captured_is_said_to_be_unchecked(tmp_path: Path) -> None:
    outcome = check(with_page(b"half", sha256(PAGE), WARC_Truncated="length"), tmp_path)
    assert outcome.is_whole and "was cut off when it was captured" in outcome.notices[0]


# Differences of lists -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("abcde", "abcde", ([], [], [], [])),
        ("abcde", "abXde", ([(2, 2)], [], [], [])),
        ("abcde", "abde", ([], [2], [], [])),
        ("abcde", "abXcde", ([], [], [2], [])),
        ("abcde", "adcbe", ([], [], [], [(1, 3), (3, 1)])),
        ("abcde", "bcdea", ([], [], [], [(0, 4)])),
        ("abcde", "eabcd", ([], [], [], [(4, 0)])),
        ("abcde", "abcdeb", ([], [], [5], [])),
        ("abcde", "aXcYe", ([(1, 1), (3, 3)], [], [], [])),
        ("abcde", "XcdYe", ([(0, 0)], [1], [3], [])),
        ("aaaa", "aaa", ([], [3], [], [])),
        ("", "ab", ([], [], [0, 1], [])),
        ("ab", "", ([], [0, 1], [], [])),
    ],
)
def test_what_was_done_to_a_list_is_said_in_few_words(old: str, new: str, said: tuple[Any, ...]) -> None:
    assert tuple(verify_case.difference(old, new)) == said


# Timestamps ---------------------------------------------------------------------------------------------------------


def der(tag: int, *inside: bytes) -> bytes:
    body = b"".join(inside)
    length = len(body)
    size = bytes([length]) if length < 128 else bytes([0x82]) + struct.pack(">H", length)
    return bytes([tag]) + size + body


def make_timestamp(imprint: bytes, at: bytes = b"20261103083100Z", status: int = 0, **other: bytes) -> bytes:
    algorithm = der(0x30, der(0x06, other.get("algorithm", verify_case.SHA256)), der(0x05))
    info = der(
        0x30, der(2, b"\1"), der(6, b"\x2a\3"), der(0x30, algorithm, der(4, imprint)), der(2, b"\5"), der(0x18, at)
    )
    inner = der(0x30, der(6, other.get("inner", verify_case.TST_INFO)), der(0xA0, der(4, info)))
    signed = der(0x30, der(2, b"\3"), der(0x31), inner, der(0x31))
    token = der(0x30, der(6, other.get("outer", verify_case.SIGNED_DATA)), der(0xA0, signed))
    return der(0x30, der(0x30, der(2, bytes([status]))), token)


def test_a_timestamp_of_the_signature_is_told_with_the_command_that_verifies_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case = small_case()
    signature = case.sides()["manifest.sig.json"]
    case.timestamp = make_timestamp(bytes.fromhex(sha256(signature)))
    assert verify_case.main([str(case.write(tmp_path / "x.zip"))]) == 0
    text = capsys.readouterr().out
    assert "2026-11-03T08:31:00+00:00" in text
    assert "openssl ts -verify -in manifest.tsr -data manifest.sig.json -CAfile roots.pem" in text


def test_a_timestamp_that_was_asked_for_and_is_not_there_is_told(tmp_path: Path) -> None:
    without, lost = small_case(), small_case()
    lost.change = lambda manifest: manifest.update(timestamp_asked=True)
    assert "One was asked for" in "\n".join(verify_case.timestamp_lines(check(lost, tmp_path)))
    assert "One was asked for" not in "\n".join(verify_case.timestamp_lines(check(without, tmp_path)))


def test_a_timestamp_of_something_else_is_a_fault(tmp_path: Path) -> None:
    outcome = check(small_case(timestamp=make_timestamp(bytes(32))), tmp_path)
    assert words_of(outcome) == "mismatch manifest.tsr is a timestamp of something else than manifest.sig.json"


@pytest.mark.parametrize(
    ("data", "words"),
    [(make_timestamp(bytes(32), status=2), "no timestamp was granted"), (make_timestamp(bytes(20)), "another digest"),
     (make_timestamp(bytes(32), b"yesterday"), "bears no time"),
     (make_timestamp(bytes(32), outer=b"x"), "no signed data"),
     (make_timestamp(bytes(32), inner=b"x"), "something else than a timestamp"),
     (make_timestamp(bytes(32), algorithm=b"x"), "another digest"), (b"", "not one thing of DER"),
     (make_timestamp(bytes(32))[:-3], "breaks off"), (b"\x30\x80\0\0", "is not DER"), (b"\x30" * 1000, ""),
     (b"\x30\xff" + b"\xff" * 127, "breaks off"), (b"\x30\x00", "not built like a timestamp"),
     (b"x" * (2 << 20), "larger")],
)  # fmt: skip
def test_a_timestamp_that_is_none_is_a_fault(tmp_path: Path, data: bytes, words: str) -> None:
    outcome = check(small_case(timestamp=data), tmp_path)
    assert {fault.file for fault in outcome.faults} == {"manifest.tsr"} and words in words_of(outcome)


def test_every_cut_of_a_timestamp_is_a_fault() -> None:
    whole = make_timestamp(bytes(32))
    assert verify_case.read_timestamp(whole) == ("00" * 32, "2026-11-03T08:31:00+00:00")
    for length in range(len(whole)):
        with pytest.raises(verify_case.Bad):
            verify_case.read_timestamp(whole[:length])


OPENSSL = shutil.which("openssl")
CONFIG = """
[tsa]
serial = {folder}/serial
crypto_device = builtin
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
ess_cert_id_alg = sha256
"""


@pytest.mark.skipif(OPENSSL is None, reason="openssl is not on this machine")
def test_a_timestamp_that_openssl_made_is_read_and_the_printed_command_verifies_it(tmp_path: Path) -> None:
    def ask(*words: str) -> str:
        done = subprocess.run(["openssl", *words], cwd=tmp_path, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    (tmp_path / "tsa.cnf").write_text(CONFIG.format(folder=tmp_path))
    (tmp_path / "serial").write_text("01\n")
    ask("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "tsa.key", "-out",
        "roots.pem", "-subj", "/CN=test", "-days", "1", "-addext", "extendedKeyUsage=critical,timeStamping",
        "-addext", "basicConstraints=critical,CA:false", "-addext", "keyUsage=critical,digitalSignature")  # fmt: skip
    case = small_case()
    (tmp_path / "manifest.sig.json").write_bytes(case.sides()["manifest.sig.json"])
    ask("ts", "-query", "-data", "manifest.sig.json", "-sha256", "-cert", "-out", "query.tsq")
    ask("ts", "-reply", "-config", "tsa.cnf", "-section", "tsa", "-queryfile", "query.tsq", "-inkey", "tsa.key",
        "-signer", "roots.pem", "-out", "manifest.tsr")  # fmt: skip
    case.timestamp = (tmp_path / "manifest.tsr").read_bytes()
    outcome = check(case, tmp_path)
    assert outcome.faults == []
    (command,) = (line.strip() for line in verify_case.report(outcome) if "openssl ts" in line)
    assert "Verification: OK" in ask(*command.split()[1:])


def test_faults_are_counted_beyond_those_that_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify_case, "FAULTS_KEPT", 3)
    outcome = Outcome()
    for number in range(5):
        outcome.note(CHANGED, f"{number}", "is another")
    assert (len(outcome.faults), outcome.faults_count, outcome.is_whole) == (3, 5, False)
    assert list(verify_case.fault_lines(outcome))[-1].strip() == "and 2 more"
