from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from markupsafe import Markup

from rules.conditions import AllOf, AnyOf, Mentions, NoneOf, Price, Score
from rules.evidence import Evidence
from rules.explain import sentence
from rules.lexicon import Kind, Lexicon, Term
from rules.load import find_pack, load_pack
from rules.model import Severity, Threshold
from scanner.zoo.catalogue import CATALOGUE
from webapp import filters
from webapp.language import ENGLISH, find_text, languages, speaking
from webapp.models import FindingState, JobState, Role, ScanState, Verdict
from webapp.services.moments import cron_words, day_words, exact_time, zone_words

AT = datetime(2026, 3, 30, 1, 5, tzinfo=UTC)
ELEPHANT = Score("elephant", Threshold("elephant_seen", 0.3, ""))
CODED = Mentions(Lexicon((Term("zh", "血牙", (), ("ivory",), Kind.CODED),)), ("ivory",), (Kind.CODED,))
PRICE = Price("USD", Decimal(100))
OTHERS = [code for code in languages() if code != ENGLISH]


@pytest.mark.parametrize(
    ("code", "said"),
    [("en", ["30 Mar 2026, 01:05 UTC", "30 Mar 2026"]), ("zh", ["2026年3月30日 01:05 UTC", "2026年3月30日"])],
)
def test_a_moment_is_in_utc_in_every_language(code: str, said: list[str]) -> None:
    with speaking(code):
        assert [exact_time(AT), day_words(date(2026, 3, 30))] == said


def test_a_moment_of_a_zone_names_the_zone() -> None:
    assert zone_words(AT, "Europe/Berlin") == "Mon 30 Mar 2026, 03:05 CEST"
    with speaking("zh"):
        assert zone_words(AT, "Europe/Berlin").endswith("03:05 CEST")


@pytest.mark.parametrize(
    ("age", "en", "zh"),
    [
        (timedelta(seconds=59), "just now", "刚刚"),
        (timedelta(minutes=59, seconds=59), "59 min ago", "59 分钟前"),
        (timedelta(minutes=119), "1 h ago", "1 小时前"),
        (timedelta(hours=47), "1 day ago", "1 天前"),
        (timedelta(days=20), "20 days ago", "20 天前"),
    ],
)
def test_an_age_is_its_larger_unit_never_rounded_up(age: timedelta, en: str, zh: str) -> None:
    assert filters.elapsed(age) == en
    with speaking("zh"):
        assert filters.elapsed(age) == zh


def test_numbers_sizes_and_prices() -> None:
    assert filters.number(1234567) == "1,234,567"
    assert filters.size_words(999) == "999 bytes"
    assert filters.size_words(12_340_000) == "12.3 MB"
    assert filters.price_words(Decimal("1234.5"), "USD") == "1,234.50 USD"
    assert filters.price_words(None, "USD") == "no price"
    assert filters.price_words(Decimal("24000000.00"), "VND") == "24,000,000 VND"
    assert filters.price_words(Decimal("2.50"), None) == "2.50"
    assert filters.span_of_time(3 * 86400 + 4 * 3600 + 60) == "3 days 4 h"
    with speaking("zh"):
        assert filters.span_of_time(3 * 86400 + 4 * 3600) == "3 天 4 小时"


def test_a_cell_carries_the_heading_of_its_column_and_what_people_wrote_adds_none() -> None:
    row = Markup('<tr>\n<th scope="row">{}</th><td class="number">1</td><td></td></tr>').format("<td>ann")
    headed = filters.with_headings(row + row, ["Name", "Tokens & more", "May"])
    assert headed.count('<th scope="row">&lt;td&gt;ann</th>') == 2
    assert headed.count('<td data-heading="Tokens &amp; more" class="number">1</td><td data-heading="May"></td>') == 2


def test_a_score_below_its_threshold_never_reads_as_the_threshold() -> None:
    assert filters.score_words(0.4996) == "0.499"


@pytest.mark.parametrize(
    ("share", "words"), [(0.95, "95\u00a0%"), (0.003, "0.3\u00a0%"), (None, "unknown"), (1, "100\u00a0%")]
)
def test_a_share_is_in_per_cent(share: float | None, words: str) -> None:
    assert filters.share_words(share) == words


def test_the_reasons_of_a_finding_are_told_in_the_readers_language() -> None:
    tree = AllOf((CODED, AnyOf((ELEPHANT,)))).check(Evidence({"elephant": 0.5}, "血牙")).to_json()
    assert "the coded word" in filters.why_words(tree)
    with speaking("zh"):
        assert filters.why_words(tree).startswith("文本中含有暗语")
        assert "大象得分 0.50" in filters.why_words(tree)
        assert filters.reason_lines(tree)[0] == (0, True, "以下各项全部成立")


@pytest.mark.parametrize("code", OTHERS)
def test_no_sentence_of_a_reason_is_left_in_english(code: str) -> None:
    conditions = (ELEPHANT, CODED, PRICE, NoneOf((ELEPHANT, PRICE)), AnyOf((ELEPHANT, CODED)), AllOf((CODED, PRICE)))
    evidence = (
        Evidence(),
        Evidence({"elephant": 0.5}, "血牙", price=Decimal(120), currency="USD"),
        Evidence({"elephant": 0.1}, "x", price=Decimal(1), currency="EUR"),
    )
    for condition in conditions:
        for one in evidence:
            english, said = sentence(condition.check(one)), None
            with speaking(code):
                said = sentence(condition.check(one), find_text)
                asked = condition.describe(find_text)
            assert said != english
            assert asked != condition.describe()


@pytest.mark.parametrize("code", OTHERS)
def test_every_rule_of_the_pack_tells_what_it_asks_for(code: str) -> None:
    for rule in load_pack(find_pack("wildlife")).rules:
        with speaking(code):
            assert filters.when_words(rule) != rule.when_text
            assert filters.translated(rule.title) != rule.title


@pytest.mark.parametrize("code", OTHERS)
def test_every_value_that_is_shown_as_a_word_has_one(code: str) -> None:
    enums = (Severity, FindingState, ScanState, JobState, Role, Verdict)
    values = [*(value for one in enums for value in one), *(spec.role for spec in CATALOGUE.values())]
    with speaking(code):
        assert [value for value in values if filters.word(value) == str(value)] == []


@pytest.mark.parametrize(
    ("cron", "words"),
    [
        ("0 3 * * *", "每天 03:00"),
        ("0 3 * * 1", "每星期一 03:00"),
        ("0 3 * * 0", "每星期日 03:00"),
        ("30 4 1 * *", "每月 1 日 04:30"),
        ("0 */6 * * *", "每 6 小时"),
        ("1 2 3 4 5", "按表达式 1 2 3 4 5"),
        ("a b", "a b"),
    ],
)
def test_a_rhythm_is_told_in_the_readers_language(cron: str, words: str) -> None:
    with speaking("zh"):
        assert cron_words(cron) == words


def test_a_sentence_gets_a_capital_and_the_stop_of_its_language() -> None:
    assert filters.as_sentence("the text holds ivory") == "The text holds ivory."
    assert filters.as_sentence("wildlife_starter saw it") == "wildlife_starter saw it."
    with speaking("zh"):
        assert filters.as_sentence("价格未知") == "价格未知。"
        assert filters.as_sentence("价格未知。") == "价格未知。"


def test_a_capital_that_was_put_before_a_kept_sentence_does_not_hide_it() -> None:
    with speaking("zh"):
        assert filters.translated("Not a file") == "不是文件"
