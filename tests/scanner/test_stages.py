"""The arithmetic of stage times, and which stage was the limit."""

import pytest

from scanner.stages import NOTHING, StageName, StageTime, StageTimes, limit_of

EARLY = StageTime(pictures=10, busy_s=2.0, waited_s=1.0, blocked_s=0.5, workers=2)
LATER = StageTime(pictures=30, busy_s=5.0, waited_s=1.5, blocked_s=0.5, workers=2)


def test_since_gives_what_came_on_top() -> None:
    assert LATER.since(EARLY) == StageTime(20, 3.0, 0.5, 0.0, 2)


def test_since_another_scanner_is_never_below_nothing() -> None:
    assert EARLY.since(LATER) == StageTime(workers=2)


def test_sums_add_times_and_keep_the_most_workers() -> None:
    assert EARLY + StageTime(1, 1.0, 1.0, 1.0, 3) == StageTime(11, 3.0, 2.0, 1.5, 3)
    assert sum([EARLY, LATER], NOTHING) == StageTime(40, 7.0, 2.5, 1.0, 2)


def test_span_and_elapsed_count_worker_seconds() -> None:
    assert EARLY.span_s == 3.5
    assert EARLY.elapsed_s == 1.75
    assert NOTHING.elapsed_s == 0.0


def test_rate_is_that_of_all_workers_while_busy() -> None:
    assert EARLY.rate == 10.0  # 10 pictures in 2 worker-seconds are 5 a worker and second
    assert NOTHING.rate is None


def test_share_of_nothing_is_nothing() -> None:
    assert NOTHING.share(0.0) == 0.0
    assert EARLY.share(EARLY.waited_s) == pytest.approx(1 / 3.5)


def test_shares_make_the_whole_and_lose_no_picture() -> None:
    first, second, third = StageTime(10, 6.0, 3.0, 1.5, 2).shared([1, 1, 1])
    assert [first.pictures, second.pictures, third.pictures] == [3, 3, 4]
    assert (first.busy_s, first.waited_s, first.blocked_s, first.workers) == (2.0, 1.0, 0.5, 2)


def test_shares_of_all_stages_are_by_weight() -> None:
    small, large = StageTimes(LATER, EARLY, "cpu", "paddle", "fp32", "exact").shared([1, 4])
    assert (small.decode.pictures, large.decode.pictures) == (6, 24)
    assert small.predict.busy_s == pytest.approx(0.4)
    assert (large.device, large.decoding) == ("cpu", "exact")


def test_times_since_a_snapshot_keep_what_they_were_made_with() -> None:
    before = StageTimes(EARLY, NOTHING)
    now = StageTimes(LATER, EARLY, "cpu", "paddle", "fp32", "exact")
    assert now.since(before) == StageTimes(LATER.since(EARLY), EARLY, "cpu", "paddle", "fp32", "exact")


def test_times_of_two_scanners_add_up() -> None:
    both = StageTimes(EARLY, LATER, "cpu", "paddle", "fp32", "exact") + StageTimes(EARLY, LATER)
    assert both == StageTimes(EARLY + EARLY, LATER + LATER, "cpu", "paddle", "fp32", "exact")


def test_waiting_is_waited_by_every_worker() -> None:
    waited = StageTimes(EARLY, StageTime(workers=1)).waiting(3.0)
    assert waited.decode.waited_s == 7.0
    assert waited.predict.waited_s == 3.0


@pytest.mark.parametrize(
    ("decode", "predict", "limit"),
    [
        (StageTime(9, 1.0, 9.0, 0.0, 1), StageTime(9, 2.0, 8.0, 0.0, 1), StageName.FETCH),
        (StageTime(9, 9.0, 1.0, 0.0, 1), StageTime(9, 3.0, 7.0, 0.0, 1), StageName.DECODE),
        (StageTime(9, 2.0, 0.5, 7.5, 1), StageTime(9, 9.5, 0.5, 0.0, 1), StageName.PREDICT),
        (StageTime(9, 0.5, 9.5, 0.0, 1), StageTime(9, 9.0, 1.0, 0.0, 1), StageName.PREDICT),
        (StageTime(9, 2.0, 0.0, 8.0, 1), StageTime(9, 1.0, 0.0, 9.0, 1), StageName.WRITE),
    ],
)
def test_limit_is_what_the_neighbours_tell(decode: StageTime, predict: StageTime, limit: StageName) -> None:
    assert StageTimes(decode, predict).limit is limit
    assert limit_of({StageName.DECODE: decode, StageName.PREDICT: predict}) is limit


def test_no_limit_without_a_measurement() -> None:
    assert StageTimes().limit is None
    assert limit_of({StageName.FETCH: EARLY}) is None
