"""docs/rules.md tells the truth: its example rule checks clean, and it names every word, lint and concept."""

import re
from pathlib import Path

import pytest

from rules.evidence import CONCEPTS
from rules.grammar import WORDS
from rules.law import LawKind
from rules.lawfile import ENTRY_OPTIONAL, ENTRY_REQUIRED, PLACE_OPTIONAL, PLACE_REQUIRED
from rules.lint import LINTS, check_pack
from rules.load import load_pack
from rules.reason_codes import VERDICTS
from rules.rulefile import OPTIONAL, REQUIRED
from tests.rules.packs import LEXICON, write_pack

TEXT = (Path(__file__).parents[2] / "docs" / "rules.md").read_text(encoding="utf-8")


def yaml_block(number: int) -> str:
    return re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)[number]


def test_the_example_rule_checks_clean(tmp_path: Path) -> None:
    lexicon = LEXICON.replace("term: ox bone, concepts: [ivory]", "term: ox bone, concepts: [ivory, ivory_product]")
    assert check_pack(write_pack(tmp_path / "pack", lexicon=lexicon, ivory_bargain=yaml_block(0))) == []


def test_the_example_of_a_lexicon_can_be_read(tmp_path: Path) -> None:
    assert check_pack(write_pack(tmp_path / "pack", lexicon=yaml_block(2))) == []


def test_the_example_of_a_cascade_can_be_read(tmp_path: Path) -> None:
    folder = write_pack(tmp_path / "pack")
    (folder / "cascade.yaml").write_text(yaml_block(1), encoding="utf-8")
    assert check_pack(folder) == []
    assert load_pack(folder).cascade.weights == {"wildlife_starter": 2.0}


@pytest.mark.parametrize(
    ("number", "name"),
    [(3, "law/gb.yaml"), (4, "look_alikes.yaml"), (5, "reason_codes.yaml")],
    ids=lambda value: str(value),
)
def test_the_examples_of_what_helps_a_reviewer_can_be_read(tmp_path: Path, number: int, name: str) -> None:
    folder = write_pack(tmp_path / "pack")
    (folder / "law").mkdir()
    (folder / name).write_text(yaml_block(number), encoding="utf-8")
    assert check_pack(folder) == []
    pack = load_pack(folder)
    assert pack.law.entries or pack.look_alikes.cues or pack.reason_codes.codes


def test_every_name_is_told() -> None:
    names = {*CONCEPTS, *REQUIRED, *OPTIONAL, *(lint.id for lint in LINTS)}
    names |= {*PLACE_REQUIRED, *PLACE_OPTIONAL, *ENTRY_REQUIRED, *ENTRY_OPTIONAL, *LawKind} - {"entries"}
    names |= {"cues", "confusers", "note_source", *VERDICTS}
    assert [name for name in sorted(names) if f"`{name}`" not in TEXT] == []
    assert [word for word in WORDS if f"`{word}: " not in TEXT] == []
