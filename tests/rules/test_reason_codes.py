from pathlib import Path

import pytest

from rules.load import PackError, find_pack, load_pack
from rules.reason_codes import VERDICTS
from tests.rules.packs import write_pack

CODES = load_pack(find_pack("wildlife")).reason_codes
FILE = """\
reasons:
  - {code: toy, title: A toy, verdicts: [dismiss], help: It is a toy.}
  - {code: other, title: Other, verdicts: [confirm, dismiss, escalate], help: Say why., needs_note: true}
"""


def write(folder: Path, text: str) -> Path:
    (write_pack(folder) / "reason_codes.yaml").write_text(text, encoding="utf-8")
    return folder


def test_codes_are_offered_for_their_verdicts_in_order(tmp_path: Path) -> None:
    codes = load_pack(write(tmp_path / "pack", FILE)).reason_codes
    assert [code.code for code in codes.for_verdict("dismiss")] == ["toy", "other"]
    assert [code.code for code in codes.for_verdict("confirm")] == ["other"]
    toy, other = codes.find("toy"), codes.find("other")
    assert toy is not None and not toy.needs_note
    assert other is not None and other.needs_note
    assert codes.find("toys") is None


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("code: toy", "code: other", 3, "code `other` comes twice"),
        ("code: toy", "code: a toy", 2, "code `a toy` is not a name"),
        ("[dismiss]", "[dismis]", 2, "unknown verdict `dismis`"),
        ("[dismiss]", "[]", 2, "fits no verdict"),
        ("help: It", "hlp: It", 2, "unknown key `hlp`"),
        ("needs_note: true", "needs_note: 1", 3, "must be true or false"),
        ("[confirm, dismiss, escalate]", "[dismiss]", 1, "`other` is missing"),
        (", needs_note: true", "", 1, "`other` is missing"),
        (FILE.splitlines(keepends=True)[2], "", 1, "`other` is missing"),
    ],
)
def test_a_fault_is_told_with_its_line(tmp_path: Path, old: str, new: str, line: int, message: str) -> None:
    assert old in FILE
    with pytest.raises(PackError) as raised:
        load_pack(write(tmp_path / "pack", FILE.replace(old, new)))
    assert any(fault.line == line and message in fault.message for fault in raised.value.faults), raised.value


def test_a_pack_without_the_file_has_no_codes(tmp_path: Path) -> None:
    assert load_pack(write_pack(tmp_path / "pack")).reason_codes.codes == ()


@pytest.mark.parametrize("verdict", VERDICTS)
def test_every_verdict_has_several_reasons_and_other_is_the_last(verdict: str) -> None:
    codes = [code.code for code in CODES.for_verdict(verdict)]
    assert len(codes) >= 5 and codes[-1] == "other"


def test_titles_are_short_and_told_apart() -> None:
    titles = [code.title for code in CODES.codes]
    assert len(set(titles)) == len(titles) and max(map(len, titles)) <= 60
