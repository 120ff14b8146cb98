"""When a cron expression comes, also where clocks are changed."""

from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from webapp.services import moments

BERLIN = "Europe/Berlin"
# In Berlin clocks go from 02:00 to 03:00 on 29 March 2026, and from 03:00 back to 02:00 on 25 October 2026.
BEFORE_SPRING = datetime(2026, 3, 27, 12, tzinfo=UTC)
BEFORE_AUTUMN = datetime(2026, 10, 23, 12, tzinfo=UTC)


def runs(cron: str, zone: str, after: datetime, count: int) -> list[str]:
    return [f"{one:%d %H:%M}" for one in islice(moments.moments(cron, zone, after), count)]


@pytest.mark.parametrize(
    ("cron", "after", "expected"),
    [
        ("0 4 * * *", BEFORE_SPRING, ["28 03:00", "29 02:00", "30 02:00"]),
        ("0 4 * * *", BEFORE_AUTUMN, ["24 02:00", "25 03:00", "26 03:00"]),
        # 02:30 is skipped on the 29th: it runs at 03:00, an hour that there is.
        ("30 2 * * *", BEFORE_SPRING, ["28 01:30", "29 01:00", "30 00:30"]),
        # 02:30 comes twice on the 25th: it runs once, at the first.
        ("30 2 * * *", BEFORE_AUTUMN, ["24 00:30", "25 00:30", "26 01:30"]),
        ("0 2,3 * * *", BEFORE_SPRING, ["28 01:00", "28 02:00", "29 01:00", "30 00:00"]),
    ],
)
def test_runs_keep_the_clock_of_their_zone_over_its_changes(cron: str, after: datetime, expected: list[str]) -> None:
    assert runs(cron, BERLIN, after, len(expected)) == expected


@pytest.mark.parametrize("day", [datetime(2026, 3, 29, tzinfo=UTC), datetime(2026, 10, 25, tzinfo=UTC)])
def test_a_run_of_every_hour_stays_an_hour_apart(day: datetime) -> None:
    hourly = list(islice(moments.moments("0 * * * *", BERLIN, day), 6))
    assert {later - sooner for sooner, later in pairwise(hourly)} == {timedelta(hours=1)}


def test_asked_within_the_hour_that_comes_twice_no_run_lies_before_the_question() -> None:
    second_0215 = datetime(2026, 10, 25, 1, 15, tzinfo=UTC)
    assert second_0215.astimezone(ZoneInfo(BERLIN)).fold == 1
    assert runs("30 2 * * *", BERLIN, second_0215, 1) == ["26 01:30"]


@given(
    hour=st.sampled_from(["*", "0", "2", "2,3", "*/2", "1-3"]),
    minute=st.sampled_from(["*", "0", "30", "*/20", "59"]),
    zone=st.sampled_from([BERLIN, "UTC", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo", "Asia/Kathmandu"]),
    minutes=st.integers(0, 270 * 24 * 60),
)
@settings(max_examples=60, deadline=None)
def test_runs_are_ahead_and_in_order_at_any_time_in_any_zone(hour: str, minute: str, zone: str, minutes: int) -> None:
    after = datetime(2026, 3, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    found = [after, *islice(moments.moments(f"{minute} {hour} * * *", zone, after), 8)]
    assert len(found) == 9
    assert all(sooner < later for sooner, later in pairwise(found))
    assert {one.utcoffset() for one in found} == {timedelta(0)}


@pytest.mark.parametrize(
    ("cron", "says"),
    [
        ("", "five fields"),
        ("0 3 * *", "five fields"),
        ("0 0 3 * * *", "five fields"),
        ("@daily", "five fields"),
        ("60 3 * * *", "“60” is no minute: use 0 to 59"),
        ("0 24 * * *", "“24” is no hour"),
        ("0 3 0 * *", "“0” is no day of the month"),
        ("0 3 * 13 *", "“13” is no month"),
        ("0 3 * * 8", "“8” is no day of the week"),
        ("0 3 * * MOON", "“MOON” is no day of the week"),
        ("0 1-0 * * *", "“1-0” is no hour"),
        ("*/0 3 * * *", "“*/0” is no minute"),
        ("٣ 3 * * *", "“٣” is no minute"),
        ("0 0 30 2 *", "never come"),
        ("0 0 31 4,6,9,11 *", "never come"),
        (",".join(["0"] * 80) + " 3 * * *", "Shorten"),
    ],
)
def test_a_faulty_expression_is_told_in_a_sentence(cron: str, says: str) -> None:
    (sentence,) = moments.check(cron, "UTC", 0)["cron"]
    assert says in sentence
    assert sentence.endswith(".")


def test_every_fault_is_told_at_once() -> None:
    faults = moments.check("61 25 * * *", "Europe/Atlantis", 3601)
    assert [len(faults[name]) for name in ("cron", "time_zone", "jitter_s")] == [2, 1, 1]


@pytest.mark.parametrize("zone", ["", "Europe", "../UTC", "/etc/localtime", "europe/berlin\n", "UTC\x00"])
def test_what_is_no_zone_is_refused(zone: str) -> None:
    assert "time_zone" in moments.check("0 3 * * *", zone, 0)


@pytest.mark.parametrize(
    ("cron", "jitter_s", "is_right"),
    [
        ("0 3 * * *", 0, True),
        ("0 3 * * *", 3600, True),
        ("0 3 * * *", -1, False),
        ("*/15 * * * *", 899, True),
        ("*/15 * * * *", 900, False),
        ("0,50 3 * * *", 3000, False),
    ],
)
def test_runs_are_not_put_off_beyond_the_next(cron: str, jitter_s: int, is_right: bool) -> None:
    assert ("jitter_s" not in moments.check(cron, "UTC", jitter_s)) is is_right


def test_a_leap_day_is_waited_for() -> None:
    assert moments.check("0 0 29 2 *", "UTC", 0) == {}
    assert next(moments.moments("0 0 29 2 *", "UTC", BEFORE_SPRING)) == datetime(2028, 2, 29, tzinfo=UTC)


def test_an_expression_is_told_in_words_and_a_broken_one_as_it_stands() -> None:
    assert moments.cron_words("0 3 * * *") == "At 03:00 every day"
    assert moments.cron_words("a b") == "a b"
