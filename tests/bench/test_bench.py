"""The benchmark itself: it runs, says what it found in a form that programs and people read, and reckons rightly."""

import json
from pathlib import Path

import pytest
from PIL import Image

from bench.__main__ import main
from bench.harness import Sample, interleave, median, ratios
from bench.results import Part, Table, Target, show_page, write_part


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(2):
        Image.linear_gradient("L").rotate(90 * number).convert("RGB").save(folder / f"{number}.jpg")
    return folder


def test_the_quick_part_on_decoding_gives_tables_targets_and_the_machine(tmp_path: Path, photos: Path) -> None:
    out = tmp_path / "out"
    given = ["--quick", "--only", "decode", "--rounds", "1", "--photos", str(photos), "--out", str(out)]
    assert main([*given, "--cache", str(tmp_path / "cache")]) == 0

    part = json.loads((out / "decode.json").read_text(encoding="utf-8"))
    assert part["format"] == 1
    assert part["machine"]["cores"] >= 1
    assert part["options"] == {"rounds": 1, "quick": True, "full": False}
    rows = {row["way"]: row for row in part["tables"][0]["rows"]}
    assert rows["hub"]["times the hub"] == 1
    assert rows["ours, exact"]["ms a picture"] > 0
    assert {target["name"] for target in part["targets"]} == {"decode, exact, 1,600 px", "decode, fast, 1,600 px"}
    for target in part["targets"]:
        assert target["met"] == (target["measured"] >= target["wanted"])
        assert target["measured"] == pytest.approx(median(target["rounds"]))
    page = (out / "table.md").read_text(encoding="utf-8")
    assert "decode, exact, 1,600 px" in page
    assert "| ours, exact" in page


def test_what_is_compared_takes_turns_and_each_is_first_in_turn() -> None:
    order: list[str] = []

    def work(name: str) -> int:
        order.append(name)
        return 1

    samples = interleave({name: lambda name=name: work(name) for name in "abc"}, 3)  # type: ignore[misc]
    assert "".join(order) == "abc" + "bca" + "cab"
    assert [len(taken) for taken in samples.values()] == [3, 3, 3]


def test_a_ratio_is_taken_within_each_round() -> None:
    def taken(*seconds: float) -> list[Sample]:
        return [Sample(10, one, {}) for one in seconds]

    # The second round was disturbed, for both alike.
    assert ratios(taken(1, 4, 1), taken(2, 8, 2)) == [2, 2, 2]


def test_a_page_says_met_missed_and_not_measured(tmp_path: Path) -> None:
    part = Part("speed", "Speed", notes=["One sentence."])
    part.tables.append(Table("500 px", ("way", "rate"), [{"way": "a|b", "rate": 1234.5}, {"way": "c"}]))
    part.targets += [
        Target("faster", 1.5, 1.6, unit="times"),
        Target("slower", 1.5, 1.4, unit="times", why="decoding takes it"),
        Target("wait", 50, 12, "at most", "ms"),
        Target("absent", 2, None, why="not to be had here"),
    ]
    write_part(part, tmp_path)
    page = (tmp_path / "table.md").read_text(encoding="utf-8")
    lines = {line.split("|")[2].strip(): line for line in page.splitlines() if line.startswith("| speed")}
    assert "| met" in lines["faster"]
    assert "**missed**" in lines["slower"]
    assert "decoding takes it" in lines["slower"]
    assert "| met" in lines["wait"]
    assert "not measured" in lines["absent"]
    assert "| a/b" in page  # a bar would end the cell
    assert "1,234" in page


def test_parts_of_several_runs_stand_on_one_page() -> None:
    parts = [Part("a", "First").to_json(), Part("b", "Second").to_json()]
    page = show_page(parts)
    assert page.index("## First") < page.index("## Second")
