import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rules import document
from rules.conditions import AllOf, AnyOf, Mentions, NoneOf, Price, Score
from rules.load import Fault, PackError, find_pack, load_pack
from tests.rules.packs import LEXICON, PACK, RULE, write_pack


def faults_of(folder: Path) -> list[Fault]:
    with pytest.raises(PackError) as raised:
        load_pack(folder)
    return list(raised.value.faults)


def rule_with(old: str, new: str) -> str:
    assert old in RULE
    return RULE.replace(old, new)


def test_a_good_pack_loads(tmp_path: Path) -> None:
    pack = load_pack(write_pack(tmp_path / "pack"))
    (rule,) = pack.rules
    assert (pack.id, pack.title, pack.version, len(pack.digest)) == ("small", "Suspected things", "1.0", 64)
    assert (rule.id, rule.version, rule.needs_picture) == ("elephant_seen", 1, True)
    assert rule.when_text == "elephant scores 0.30 or more (seen)"
    assert rule.path == tmp_path / "pack" / "elephant_seen.yaml"


def test_a_fault_reads_as_path_line_message_and_hint() -> None:
    assert str(Fault(Path("a/b.yaml"), 7, "it is wrong", "mend it")) == "a/b.yaml:7: it is wrong (mend it)"
    assert str(Fault(Path("a/b.yaml"), 7, "it is wrong")) == "a/b.yaml:7: it is wrong"


WHEN = "  score: {concept: elephant, threshold: seen}"
BROKEN = {
    "unknown key": ("severity: medium", "severty: medium", 4, "unknown key `severty`", "did you mean `severity`?"),
    "missing key": ("severity: medium\n", "", 1, "`severity` is missing", "add `severity:`"),
    "bad severity": ("medium", "hgih", 4, "unknown severity `hgih`", "did you mean `high`?"),
    "unknown concept": ("concept: elephant\ns", "concept: elefant\ns", 3, "unknown concept `elefant`", "`elephant`"),
    "value too large": ("0.30", "30", 7, "`30` is outside 0 to 1", "0.30, not 30"),
    "value not a number": ("0.30", "high", 7, "`high` must be a number", ""),
    "value infinite": ("0.30", ".inf", 7, "`.inf` must be a number", ""),
    "threshold unknown": ("threshold: seen", "threshold: sene", 10, "threshold `sene` is not defined", "`seen`"),
    "threshold unused": ("when:", "  idle: {value: 0.5, basis: b}\nwhen:", 9, "threshold `idle` is not used", "take"),
    "other file name": (
        "id: elephant_seen",
        "id: elephant",
        1,
        "id `elephant` is not the file's name",
        "elephant.yaml",
    ),
    "bad id": ("id: elephant_seen", "id: Elephant-1", 1, "id `Elephant-1` is not a name", "small letters"),
    "title is a number": ("Suspected elephant", "12", 2, "`12` must be text", "quotes"),
    "empty title": ("Suspected elephant", '""', 2, "the text is empty", ""),
    "key twice": ("severity: medium", "severity: medium\nseverity: low", 5, "key `severity` comes twice", "one"),
    "unknown condition": ("  score:", "  scoer:", 10, "unknown condition `scoer`", "did you mean `score`?"),
    "two conditions": (WHEN, WHEN + "\n  all: []", 10, "a condition has one word", "all:"),
    "empty group": (WHEN, "  all: []", 10, "`all` holds nothing", "at least one"),
    "group no list": (WHEN, "  any: elephant", 10, "`elephant` must be a list", "- "),
    "score under none": (WHEN, f"  none:\n    - {WHEN.strip()}", 11, "`score` cannot stand under `none`", "raising"),
    "no term": (WHEN, "  mentions: {concepts: [tiger]}", 10, "no term of the lexicon is asked for", "kind"),
    "unknown kind": (WHEN, "  mentions: {concepts: [ivory], kind: code}", 10, "unknown kind `code`", "`coded`"),
    "price without bound": (WHEN, "  price: {currency: USD}", 10, "`price` has no bound", "at_least"),
    "price upside down": (WHEN, "  price: {currency: USD, at_least: 5, at_most: 1}", 10, "no price is", "swap"),
    "bad currency": (WHEN, "  price: {currency: usd, at_least: 5}", 10, "unknown currency `usd`", "USD"),
    "example flags": ("flags: true", "flags: maybe", 15, "`maybe` must be true or false", ""),
    "example concept": ("{elephant: 0.8}", "{elephnat: 0.8}", 16, "unknown concept `elephnat`", "`elephant`"),
    "example price": ("    scores: {elephant: 0.8}", "    price: dear", 16, "`dear` must be a number", ""),
    "citations no list": ("\n  - CITES Appendix I", " CITES", 11, "`CITES` must be a list", "- "),
    "tag": ("Suspected elephant", "!!python/name:os.system x", 2, "tags (`!`) are not allowed", "quotes"),
    "anchor": ("Suspected elephant", "&a Suspected", 2, "anchors and aliases", ""),
    "syntax": ("severity: medium", "severity: [medium", 5, "YAML syntax: ", "above"),
    "tab": ("severity: medium", "severity:\n\tx: medium", 5, "YAML syntax: ", ""),
    "control character": ("Suspected elephant", '"Suspected \\u0007"', 2, "control character", "take it out"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_rule_file_is_told_with_its_line(tmp_path: Path, name: str) -> None:
    old, new, line, message, hint = BROKEN[name]
    found = faults_of(write_pack(tmp_path / "pack", elephant_seen=rule_with(old, new)))
    assert any(fault.line == line and message in fault.message and hint in fault.hint for fault in found), found


def test_all_faults_of_all_files_come_at_once(tmp_path: Path) -> None:
    bad = rule_with("0.30", "30").replace("medium", "hgih").replace("title:", "titel:")
    pack = PACK.replace("title:", "titel:")
    found = faults_of(write_pack(tmp_path / "pack", pack=pack, elephant_seen=bad, second="[]", third="a: ["))
    assert {fault.path.name for fault in found} == {"elephant_seen.yaml", "pack.yaml", "second.yaml", "third.yaml"}
    assert len([fault for fault in found if fault.path.name == "elephant_seen.yaml"]) == 4
    assert found == sorted(found)


def test_a_fault_in_a_threshold_is_told_once(tmp_path: Path) -> None:
    assert len(faults_of(write_pack(tmp_path / "pack", elephant_seen=rule_with("0.30", "30")))) == 1


def test_an_id_that_another_file_has_is_a_fault(tmp_path: Path) -> None:
    found = faults_of(write_pack(tmp_path / "pack", elephant_seen=RULE, zebra=RULE))
    assert [fault.message for fault in found if fault.path.name == "zebra.yaml"] == [
        "id `elephant_seen` is not the file's name `zebra`",
        "id `elephant_seen` is taken by elephant_seen.yaml",
    ]


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("language: en", "language: fr", 1, "language `fr` is not the file's name"),
        ("language: en", "language: English", 1, "is not a language code"),
        ("kind: plain", "kind: open", 3, "unknown kind `open`"),
        ("concepts: [ivory], kind: coded", "concepts: [], kind: coded", 4, "stands for no concept"),
        ("concepts: [ivory], kind: coded", "kind: coded", 4, "`concepts` is missing"),
        ("term: ox bone", "term: Ivory", 4, "`Ivory` comes twice"),
        ("not: [ivory lace]", "not: [white lace]", 3, "`white lace` does not hold the term"),
        ("status: unverified", "status: perhaps", 4, "unknown status `perhaps`"),
        ("term: ox bone", 'term: "\\u200b\\u00e9"', 4, ""),
    ],
)
def test_a_broken_lexicon_is_told_with_its_line(tmp_path: Path, old: str, new: str, line: int, message: str) -> None:
    assert old in LEXICON
    folder = write_pack(tmp_path / "pack", lexicon=LEXICON.replace(old, new))
    if not message:
        assert load_pack(folder)
        return
    assert [(fault.line, message in fault.message) for fault in faults_of(folder)][:1] == [(line, True)]


def test_every_word_of_the_grammar_is_read(tmp_path: Path) -> None:
    when = """\
  any:
    - all:
        - score: {concept: elephant, threshold: seen}
        - price: {currency: USD, at_least: 5}
    - all:
        - mentions: {concepts: [ivory], kind: either, languages: [en], terms: [ivory, ox bone]}
        - none:
            - mentions: {concepts: [ivory], kind: coded}"""
    (rule,) = load_pack(write_pack(tmp_path / "pack", elephant_seen=rule_with(WHEN, when))).rules
    assert isinstance(rule.when, AnyOf)
    seen, words = rule.when.children
    assert isinstance(seen, AllOf) and [type(child) for child in seen.children] == [Score, Price]
    assert isinstance(words, AllOf) and [type(child) for child in words.children] == [Mentions, NoneOf]


def test_a_folder_without_rules_is_a_fault(tmp_path: Path) -> None:
    folder = write_pack(tmp_path / "pack")
    (folder / "elephant_seen.yaml").unlink()
    assert [fault.message for fault in faults_of(folder)] == ["the pack has no rule"]


def test_a_folder_that_is_not_there_is_a_fault(tmp_path: Path) -> None:
    assert "cannot be read" in str(faults_of(tmp_path / "nowhere")[1])


@pytest.mark.parametrize(
    "name", ["late.yml", "lexicon.yaml", "lexicon/fr.yml", "law.yaml", "law/fr.yml", "law/platforms/etsy.yml"]
)
def test_a_file_that_would_not_be_read_is_a_fault(tmp_path: Path, name: str) -> None:
    folder = write_pack(tmp_path / "pack")
    (folder / "law" / "platforms").mkdir(parents=True)
    (folder / name).write_text("x")
    assert "this file is not read" in [fault.message for fault in faults_of(folder)]


BOMB = "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n"
HOSTILE = {
    "alias bomb": BOMB,
    "loop": "&a [*a]",
    "deep lists": "[" * 100_000,
    "deep mappings": "{a: " * 20_000,
    "deep blocks": "- " * 5_000 + "x",
    "python object": "!!python/object/apply:os.system ['true']",
    "huge": "# " + "x" * (document.MAX_BYTES + 1),
    "many keys": "? " * 50_000,
    "long key": "x" * 100_000 + ": 1",
    "huge number": "id: " + "9" * 50_000,
    "bad escape": 'id: "\\UFFFFFFFF"',
    "surrogate": 'id: "\\ud800"',
    "sexagesimal": "id: 1:30:00",
    "date": "id: 2017-99-99",
    "two documents": "a: 1\n---\nb: 2",
    "merge key": "<<: {id: x}",
    "empty": "",
    "only a comment": "# nothing",
    "a null byte": "id: a\0b",
    "a directive": "%YAML 9.9\n--- a",
}


@pytest.mark.parametrize("loader", ["CSafeLoader", "SafeLoader"])
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_a_fault_and_quick(
    tmp_path: Path, name: str, loader: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(document, "LOADER", getattr(document.yaml, loader, document.yaml.SafeLoader))
    folder = write_pack(tmp_path / "pack", elephant_seen=RULE, hostile=HOSTILE[name])
    start = time.perf_counter()
    found = faults_of(folder)
    assert time.perf_counter() - start < 5
    assert {fault.path.name for fault in found} == {"hostile.yaml"}
    assert all(len(str(fault)) < 600 + len(str(tmp_path)) for fault in found)


def test_a_file_that_is_not_utf_8_is_told_with_its_line(tmp_path: Path) -> None:
    folder = write_pack(tmp_path / "pack")
    (folder / "elephant_seen.yaml").write_bytes(b"id: x\ntitle: \xff\n")
    assert [(fault.line, fault.message) for fault in faults_of(folder)] == [(2, "the text is not UTF-8")]


def test_a_shipped_pack_is_found_by_name_and_another_by_its_folder(tmp_path: Path) -> None:
    assert find_pack("wildlife").name == "wildlife"
    folder = write_pack(tmp_path / "pack")
    assert find_pack(str(folder)) == folder


@pytest.mark.parametrize("name", ["wildlfe", "", "../packs", "nul\0", "/nowhere"])
def test_a_pack_that_is_not_there_is_an_error_that_says_what_is(name: str) -> None:
    with pytest.raises(PackError, match="wildlife"):
        find_pack(name)


HELPS = ("law/gb.yaml", "law/platforms/ebay.yaml", "look_alikes.yaml", "reason_codes.yaml")
SHIPPED = [(find_pack("wildlife") / name).read_text(encoding="utf-8") for name in HELPS]
LINES = [line for text in (RULE, LEXICON, *SHIPPED) for line in text.splitlines(keepends=True)]
PIECES = st.sampled_from([*LINES, ": ", "- ", "{", "]", "'", "\t", "\n", "? ", "|"])
ANY_YAML = st.text(max_size=200) | st.lists(PIECES | st.text(max_size=5), max_size=25).map("".join)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
@given(ANY_YAML, st.sampled_from(["pack.yaml", "elephant_seen.yaml", "lexicon/en.yaml", *HELPS]))
def test_loading_any_text_raises_nothing_but_a_pack_error(tmp_path: Path, text: str, name: str) -> None:
    folder = tmp_path / "pack"
    if not folder.exists():
        write_pack(folder)
        (folder / "law" / "platforms").mkdir(parents=True)
        for helper, shipped in zip(HELPS, SHIPPED, strict=True):
            (folder / helper).write_text(shipped, encoding="utf-8")
    original = (folder / name).read_bytes()
    (folder / name).write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        load_pack(folder)
    except PackError as error:
        assert error.faults
    finally:
        (folder / name).write_bytes(original)
