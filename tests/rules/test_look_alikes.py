from pathlib import Path

import pytest

from rules.evidence import CONCEPTS
from rules.load import PackError, find_pack, load_pack
from tests.rules.packs import write_pack

LOOK_ALIKES = load_pack(find_pack("wildlife")).look_alikes
FILE = """\
note: Tentative at best.
note_source: a guide
cues:
  - {id: lines, concepts: [ivory], text: Crossing lines., source: a guide, status: verified}
confusers:
  - {id: bone, concepts: [ivory, ivory_product], name: Bone, cues: [Dark pits.], source: a list, status: unverified}
"""


def write(folder: Path, text: str) -> Path:
    (write_pack(folder) / "look_alikes.yaml").write_text(text, encoding="utf-8")
    return folder


def test_a_checklist_holds_what_belongs_to_its_concept(tmp_path: Path) -> None:
    look_alikes = load_pack(write(tmp_path / "pack", FILE)).look_alikes
    ivory, product, tiger = (look_alikes.checklist(name) for name in ("ivory", "ivory_product", "tiger"))
    assert ([cue.id for cue in ivory.cues], [one.name for one in ivory.confusers]) == (["lines"], ["Bone"])
    assert (product.cues, [one.cues for one in product.confusers]) == ((), [("Dark pits.",)])
    assert (tiger.cues, tiger.confusers, tiger.note, tiger.note_source) == ((), (), "Tentative at best.", "a guide")


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("note: Tentative at best.\n", "", 1, "`note` is missing"),
        ("text: Cr", "txt: Cr", 4, "unknown key `txt`"),
        ("id: bone", "id: lines", 6, "id `lines` comes twice"),
        ("id: bone", "id: Bone", 6, "id `Bone` is not a name"),
        ("concepts: [ivory]", "concepts: [other]", 4, "unknown concept `other`"),
        ("concepts: [ivory]", "concepts: []", 4, "stands for no concept"),
        ("status: verified", "status: yes", 4, "must be text"),
        ("confusers:", "others:", 1, "`confusers` is missing"),
    ],
)
def test_a_fault_is_told_with_its_line(tmp_path: Path, old: str, new: str, line: int, message: str) -> None:
    assert old in FILE
    with pytest.raises(PackError) as raised:
        load_pack(write(tmp_path / "pack", FILE.replace(old, new)))
    assert any(fault.line == line and message in fault.message for fault in raised.value.faults), raised.value


@pytest.mark.parametrize("concept", [concept for concept in CONCEPTS if concept != "other"])
def test_every_concept_has_its_look_alikes(concept: str) -> None:
    checklist = LOOK_ALIKES.checklist(concept)
    assert checklist.confusers
    assert "tentative" in checklist.note


def test_ivory_has_its_cues_and_none_pretends_to_be_checked() -> None:
    assert {"schreger_lines", "dark_pits", "even_grain"} <= {cue.id for cue in LOOK_ALIKES.checklist("ivory").cues}
    assert {cue.status for cue in LOOK_ALIKES.cues} == {"unverified"}
