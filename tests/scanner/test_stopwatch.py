"""A stage's idle time is told by its cause, summed over its workers."""

import pytest

from scanner.stages import StageTime
from scanner.stopwatch import Stopwatch


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_workers_without_a_task_wait_or_are_held_up(clock: Clock) -> None:
    watch = Stopwatch(3, clock)
    watch.run()
    clock.now += 2  # all three wait
    watch.send()
    clock.now += 4  # two wait
    watch.hold_up(True)
    clock.now += 5  # two are held up
    watch.receive(7, 8.5)
    clock.now += 1  # three are held up
    assert watch.time == StageTime(7, 8.5, waited_s=3 * 2 + 2 * 4, blocked_s=2 * 5 + 3 * 1, workers=3)


def test_tasks_that_queue_leave_nobody_idle(clock: Clock) -> None:
    watch = Stopwatch(2, clock)
    watch.run()
    for _ in range(5):
        watch.send()
    clock.now += 10
    assert watch.time.waited_s == 0


def test_it_stands_still_while_nothing_is_scanned(clock: Clock) -> None:
    watch = Stopwatch(1, clock)
    clock.now += 10
    watch.run()
    clock.now += 1
    watch.rest()
    clock.now += 10
    assert watch.time == StageTime(waited_s=1, workers=1)
    watch.run()
    clock.now += 1
    assert watch.time.waited_s == 2


def test_a_scan_that_was_left_holds_up_no_other(clock: Clock) -> None:
    watch = Stopwatch(1, clock)
    watch.run()
    watch.hold_up(True)
    watch.rest()
    watch.run()
    clock.now += 1
    assert watch.time == StageTime(waited_s=1, workers=1)


def test_other_workers_begin_with_nothing_under_way(clock: Clock) -> None:
    watch = Stopwatch(1, clock)
    watch.run()
    watch.send()
    watch.employ(4)
    clock.now += 1
    assert watch.time == StageTime(waited_s=4, workers=4)
    watch.receive(1, 0.5)  # of a process that is gone
    clock.now += 1
    assert watch.time.waited_s == 8
