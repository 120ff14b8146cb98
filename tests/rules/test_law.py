"""Law files are read whole or refused with their line, and speak of the right country on the right day."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from rules.engine import pack_digest
from rules.evidence import CONCEPTS
from rules.law import Law, LawEntry
from rules.lint import check_pack
from rules.load import Fault, PackError, find_pack, load_pack
from tests.rules.packs import write_pack

WILDLIFE = load_pack(find_pack("wildlife"))
LAW = WILDLIFE.law
GB = """\
place: GB
name: United Kingdom
kind: law
entries:
  - id: gb_act
    concepts: [ivory]
    text: Dealing depends on an exemption.
    questions:
      - Is it old?
    citation: Ivory Act 2018
    in_force_from: 2022-06-06
    until: 2030
    checked_at: 2026-11
    status: verified
"""
EBAY = GB.replace("GB", "ebay").replace("kind: law", "kind: platform\nhosts: [ebay.com]").replace("gb_act", "ebay_act")


def write_law(folder: Path, **files: str) -> Path:
    write_pack(folder)
    for name, text in files.items():
        target = folder / "law" / ("platforms" if "kind: platform" in text else "") / f"{name}.yaml"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    return folder


def read(folder: Path, **files: str) -> Law:
    return load_pack(write_law(folder, **files)).law


def faults_of(folder: Path) -> list[Fault]:
    with pytest.raises(PackError) as raised:
        load_pack(folder)
    return list(raised.value.faults)


def ids(entries: tuple[LawEntry, ...]) -> list[str]:
    return [entry.id for entry in entries]


def test_a_good_file_is_read(tmp_path: Path) -> None:
    (entry,) = read(tmp_path / "pack", gb=GB).entries
    assert (entry.place, entry.place_name, entry.countries, entry.kind) == ("GB", "United Kingdom", ("GB",), "law")
    assert (entry.questions, entry.citation, entry.is_verified) == (("Is it old?",), "Ivory Act 2018", True)
    assert (str(entry.in_force_from), str(entry.until), str(entry.checked_at)) == ("2022-06-06", "2030", "2026-11")


def test_all_stands_for_every_concept(tmp_path: Path) -> None:
    (entry,) = read(tmp_path / "pack", gb=GB.replace("[ivory]", "[all]")).entries
    assert entry.concepts == CONCEPTS


BROKEN = {
    "unknown key": ("    text:", "    nte: odd\n    text:", 7, "unknown key `nte`", "did you mean `note`?"),
    "no citation": ("    citation: Ivory Act 2018\n", "", 5, "`citation` is missing", "add `citation:`"),
    "no sentence": ("an exemption.", "an exemption", 7, "the text is no sentence", "full stop"),
    "no question": ("Is it old?", "Old", 9, "`Old` is no question", "depends on"),
    "no concept": ("[ivory]", "[]", 6, "the entry speaks of no concept", "[all]"),
    "odd concept": ("[ivory]", "[ivry]", 6, "unknown concept `ivry`", "`ivory`"),
    "no day": ("2022-06-06", "2022-06-31", 11, "`2022-06-31` is no date", "2022-06"),
    "date in words": ("2022-06-06", "6 June 2022", 11, "`6 June 2022` is no date", "2022-06-06"),
    "ends before it begins": ("until: 2030", "until: 2021", 5, "no day is from 2022-06-06 until 2021", "swap"),
    "verified and never checked": ("    checked_at: 2026-11\n", "", 5, "says when it was checked", "checked_at"),
    "checked and unverified": ("status: verified", "status: unverified", 5, "was not checked", "take"),
    "odd status": ("status: verified", "status: sure", 14, "unknown status `sure`", "verified"),
    "place no code": ("place: GB", "place: Britain", 1, "place `Britain` is no country code", "two capitals"),
    "place no file": ("place: GB", "place: UK", 1, "place `UK` is not the file's name `gb`", "uk.yaml"),
    "odd kind": ("kind: law", "kind: rule", 3, "unknown kind `rule`", "known here"),
    "odd country": ("kind: law", "kind: law\napplies_to: [gb]", 4, "`gb` is no country code", "two capitals"),
    "hosts of a law": ("kind: law", "kind: law\nhosts: [ebay.com]", 4, "a law has no hosts", "take"),
    "place in small letters": ("place: GB\nname", "place: gb\nname", 1, "place `gb` is no country code", ""),
    "no entry": (GB[GB.index("entries:") :], "entries: []\n", 4, "the file has no entry", "add one"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_fault_is_told_with_its_line(tmp_path: Path, name: str) -> None:
    old, new, line, message, hint = BROKEN[name]
    assert old in GB
    (fault,) = faults_of(write_law(tmp_path / "pack", gb=GB.replace(old, new)))
    assert (fault.path.name, fault.line) == ("gb.yaml", line), fault
    assert message in fault.message and hint in fault.hint, fault


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("hosts: [ebay.com]\n", "", "a platform needs `hosts`"),
        ("ebay.com", "https://ebay.com/", "is no domain"),
        ("hosts: [ebay.com]", "hosts: [ebay.com]\napplies_to: [GB]", "a platform has no countries"),
        ("place: ebay", "place: eBay", "place `eBay` is not a name"),
    ],
)
def test_a_broken_platform_is_told(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert any(message in fault.message for fault in faults_of(write_law(tmp_path / "p", ebay=EBAY.replace(old, new))))


def test_every_fault_of_every_file_is_told_at_once(tmp_path: Path) -> None:
    twice = GB.replace("place: GB", "place: FR").replace("text: Dealing", "txt: Dealing")
    found = faults_of(write_law(tmp_path / "pack", fr=twice, gb=GB.replace("2018", "2018\n    odd: 1")))
    assert [(fault.path.name, fault.message) for fault in found] == [
        ("fr.yaml", "`text` is missing"),
        ("fr.yaml", "unknown key `txt`"),
        ("gb.yaml", "id `gb_act` is taken in fr.yaml"),
        ("gb.yaml", "unknown key `odd`"),
    ]


def test_a_verdict_in_a_text_is_a_fault_of_the_check(tmp_path: Path) -> None:
    folder = write_law(tmp_path / "pack", gb=GB.replace("Dealing depends on an exemption", "Dealing is illegal"))
    (fault,) = check_pack(folder)
    assert (fault.path.name, fault.line) == ("gb.yaml", 7)
    assert "\u201cillegal\u201d" in fault.message


@pytest.mark.parametrize(
    ("at", "in_force"),
    [(date(2022, 6, 5), False), (date(2022, 6, 6), True), (date(2030, 12, 31), True), (date(2031, 1, 1), False)],
)
def test_an_entry_speaks_while_it_is_in_force(tmp_path: Path, at: date, in_force: bool) -> None:
    law = read(tmp_path / "pack", gb=GB)
    assert bool(law.context("GB", "ivory", at)) is in_force


def test_the_law_of_another_country_and_another_concept_says_nothing(tmp_path: Path) -> None:
    law, at = read(tmp_path / "pack", gb=GB), date(2025, 1, 1)
    assert ids(law.context("gb", "ivory", at)) == ["gb_act"]
    assert law.context("FR", "ivory", at) == law.context("GB", "tiger", at) == law.context(None, "ivory", at) == ()
    assert law.countries == ("GB",)


@pytest.mark.parametrize(
    ("host", "speaks"),
    [
        ("ebay.com", True),
        ("WWW.eBay.com", True),
        ("www.ebay.com.", True),
        ("notebay.com", False),
        ("ebay.com.evil.example", False),
    ],
)
def test_a_platform_speaks_on_its_own_hosts_alone(tmp_path: Path, host: str, speaks: bool) -> None:
    law = read(tmp_path / "pack", ebay=EBAY)
    assert bool(law.policies(host, "ivory", date(2025, 1, 1))) is speaks
    assert law.context("GB", "ivory", date(2025, 1, 1)) == ()


def test_a_member_of_the_union_has_its_law_and_the_treaty_after_it() -> None:
    found = LAW.context("FR", "ivory_product", date(2026, 1, 1))
    assert [entry.place for entry in found][:1] == ["EU"]
    assert {"eu_worked_ivory", "cites_scope", "cites_cop20_ivory"} <= set(ids(found))
    assert LAW.context("FR", "ivory_product", date(2021, 1, 1))[0].place == "cites"


def test_a_country_without_a_file_and_an_unknown_one_have_the_treaty() -> None:
    for country in ("BR", None):
        assert {entry.place for entry in LAW.context(country, "ivory", date(2026, 1, 1))} == {"cites"}


def test_the_law_of_a_listing_is_that_of_its_day() -> None:
    before, after = (set(ids(LAW.context("GB", "ivory", day))) for day in (date(2025, 1, 27), date(2025, 1, 28)))
    assert after - before == {"gb_ivory_act_other_teeth"}
    assert "cites_pangolin_before_2017" in ids(LAW.context(None, "pangolin", date(2017, 1, 1)))
    assert "cites_pangolin" in ids(LAW.context(None, "pangolin", date(2017, 1, 2)))


def test_every_place_that_the_reviewer_may_choose_is_there() -> None:
    places = {entry.place for entry in LAW.entries}
    assert places >= {"cites", "EU", "GB", "US", "CN", "JP", "TH", "HK", "SG", "VN", "ID"}
    assert len(LAW.countries) == 27 + 9
    assert LAW.policies("www.ebay.co.uk", "ivory", date(2026, 1, 1))[0].place_name == "eBay"


def test_what_was_not_checked_says_so() -> None:
    assert {"hk_ivory", "sg_ivory", "vn_penal_code", "id_conservation_law"} <= {
        entry.id for entry in LAW.entries if not entry.is_verified
    }
    assert all((entry.checked_at is not None) == entry.is_verified for entry in LAW.entries)


def test_no_text_gives_a_verdict_and_each_concept_has_a_question() -> None:
    for concept in set(CONCEPTS) - {"other"}:
        assert any(entry.questions for entry in LAW.context(None, concept, date(2026, 1, 1))), concept
    for entry in LAW.entries:
        assert not {"illegal", "unlawful", "legal"} & set(entry.text.lower().replace(",", "").split()), entry.id


def test_what_helps_a_person_is_no_part_of_the_digest() -> None:
    bare = load_pack(find_pack("wildlife"))
    assert pack_digest(replace(bare, law=Law())) == bare.digest
