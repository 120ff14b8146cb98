"""What is said on the pages before any of them is set."""

from collections import Counter
from datetime import date
from typing import Any

import pytest

from tests.webapp.exporters.pdf_scene import START, content, finding, head_of
from webapp.exporters.content import Choices
from webapp.exporters.typesetting import appendix, blocks, fonts, front
from webapp.exporters.typesetting.texts import BREAK, one_line, shown


@pytest.mark.parametrize(
    ("text", "stands"),
    [
        ("plain", "plain"),
        (None, ""),
        ("a\r\nb\u2028c", "a\nb\nc"),
        ("i\u200bvory", "i[U+200B]vory"),
        ("\u202eexe.gnp\u2066", "[U+202E]exe.gnp[U+2066]"),
        ("bell\x07\x00", "bell[U+0007][U+0000]"),
        ("lone \ud800", "lone [U+D800]"),
        ("क्\u200dष", "क्\u200dष"),
        ("Z" + "\u0301" * 50, "Z" + "\u0301" * 3),
    ],
)
def test_strangers_texts_hide_nothing(text: str | None, stands: str) -> None:
    assert shown(text) == stands
    shown(text).encode()


def test_a_long_text_says_how_much_is_left_out() -> None:
    assert shown("word " * 100, 20) == "word word word word … (479 more characters)"
    assert one_line("two\n\n lines") == "two lines"


def test_a_long_word_may_be_broken_and_loses_nothing() -> None:
    address = "https://market.example/item/" + "x" * 100 + "?a=b&c=d"
    told = shown(address)
    assert told.replace(BREAK, "") == address
    assert max(map(len, told.split(BREAK))) <= 15
    assert BREAK not in shown("象牙" * 60)


def test_days_become_weeks_and_months_as_the_period_grows() -> None:
    begin = date(2026, 11, 1)
    days = [{"day": "2026-11-02", "found": 3, "confirmed": 1, "dismissed": 0}]
    assert len(front.grouped(days, begin, date(2026, 11, 7), front.step_of(begin, date(2026, 11, 7))[0])) == 7
    weeks = front.grouped(days, begin, date(2026, 12, 31), front.step_of(begin, date(2026, 12, 31))[0])
    assert (len(weeks), weeks[1][1]) == (10, [3, 1, 0])
    assert len(front.grouped(days, begin, date(2028, 10, 31), front.step_of(begin, date(2028, 10, 31))[0])) == 24


def test_a_period_of_other_days_than_utcs_says_when_it_begins_and_counts_nothing_as_within() -> None:
    head = head_of([finding(0)])
    head["from"], head["to"] = "2026-10-31T17:00:00+00:00", "2026-11-30T17:00:00+00:00"
    assert front.period_words(head) == "31 Oct 2026, 17:00 to 30 Nov 2026, 17:00 (UTC)"
    head["figures"]["by_day"].insert(0, {"day": "2026-10-31", "found": 2, "confirmed": 0, "dismissed": 0})
    (chart,) = front.days_of(head)  # whether the two were found before 17:00 nobody can tell from the day
    assert "In the period" not in str(chart)


def test_a_period_without_an_end_is_drawn_as_far_as_there_is_something() -> None:
    head = head_of([finding(0)])
    head["from"], head["to"] = "0001-01-01T00:00:00+00:00", "9999-12-31T23:59:59+00:00"
    assert sum(len(chart["groups"]) for chart in front.days_of(head)) < 100


def test_what_was_found_before_the_period_is_told_and_not_drawn() -> None:
    head = head_of([finding(0)])
    head["figures"]["by_day"].insert(0, {"day": "2024-01-01", "found": 2, "confirmed": 0, "dismissed": 0})
    chart, aside = front.days_of(head)
    assert len(chart["groups"]) == 30
    assert "2 findings were found before the period" in aside["text"]


def test_a_chart_of_nothing_is_none() -> None:
    assert blocks.bars("title", "alt", ["a"], [("x", [0])]) is None
    assert blocks.columns("title", "alt", ["a"], []) is None


def test_bars_are_as_long_as_their_parts() -> None:
    chart = blocks.bars("title", "alt", ["a", "b"], [("x", [2, 6]), ("y", [1, 1])])
    assert chart is not None
    first, second = (row["parts"] for row in chart["rows"])
    assert first[1] == 3 * first[0] == 6 * second[0]


def test_figures_without_an_interval_say_why() -> None:
    precision, recall = front.quality(content(1).head)["blocks"][-1]["rows"]
    assert precision[:4] == [
        "Precision",
        "81.0\N{NO-BREAK SPACE}%",
        "70.0\N{NO-BREAK SPACE}% to 90.0\N{NO-BREAK SPACE}%",
        "40",
    ]
    assert recall[1:4] == [front.UNKNOWN] * 3
    assert recall[4] == "No recall audit covers this period."


def test_a_period_that_ends_within_a_day_says_when() -> None:
    head = head_of([]) | {"to": START.replace(hour=14, minute=5).isoformat()}
    assert front.period_words(head) == "01 Nov 2026 to 01 Nov 2026, 14:05 (UTC)"


def test_a_decision_that_was_taken_back_says_so() -> None:
    one: dict[str, Any] = finding(1)["decisions"][0] | {"undone_at": START.isoformat(), "stands": False}
    assert "taken back on 01 Nov 2026, 00:00 UTC" in appendix.decision_line(one)


def test_reasons_that_cannot_be_read_any_more_are_said_as_they_were_stored() -> None:
    assert appendix.reasons(finding(0, reasons={}))[0] == "Ivory 0.91 reached the threshold 0.50 (ivory_seen)."


def test_a_finding_without_a_picture_has_none() -> None:
    assert appendix.card(finding(0, photo=None, scores=[]), Choices(), {})["picture"] is None


def test_fonts_are_asked_for_what_stands_in_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "plain_faces", lambda: {"Noto Sans": fonts.Face("Noto Sans", "a", 0)})
    monkeypatch.setattr(fonts, "shown_by", lambda _face, wanted: wanted & set("abc"))
    monkeypatch.setattr(fonts, "without_embedded", lambda characters: characters - {"é"})
    choice = fonts.choose_fonts("en", Counter("abcé 象象牙ง\N{ELEPHANT}\u200d"))
    assert [(one.script, one.characters) for one in choice.lacks] == [("Hani", 3), ("Thai", 1), ("Zsye", 1)]
    assert fonts.packages_of(choice.lacks) == "fonts-noto-cjk fonts-noto-color-emoji fonts-noto-core"
    assert choice.families[:2] == ("Noto Sans", "Libertinus Serif")


def test_han_characters_are_of_the_languages_own_font_first() -> None:
    faces = {f"Noto Sans CJK {place}" for place in ("SC", "JP", "KR", "TC")}
    order = fonts.by_language([*fonts.LATIN, *sorted(faces), "Noto Sans Thai"])
    assert next(name for name in order["ja"] if name in faces) == "Noto Sans CJK JP"
    assert order["ja"][0] == order["zh"][0] == "Noto Sans"
    assert fonts.preferred("ja").index("Noto Sans CJK JP") < fonts.preferred("ja").index("Noto Sans CJK SC")
