"""When a cron expression comes, in the time zone that it is read in."""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import islice, pairwise, takewhile
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from babel.dates import format_date
from cronsim import CronSim, CronSimError

from webapp.language import ENGLISH, locale, say, say_later, say_many, spoken
from webapp.wording import clock_words, day_words
from webapp.wording import exact_time as exact_time
from webapp.wording import last_day_words as last_day_words

MAX_JITTER_S = 3600
CRON_LETTERS = 120
# What each field counts, and what may stand in it.
FIELDS = (
    (say_later("minute"), say_later("0 to 59, as in 0, */15 or 5,35")),
    (say_later("hour"), say_later("0 to 23, as in 3, */6 or 8-18")),
    (say_later("day of the month"), say_later("1 to 31, or L for the last")),
    (say_later("month"), say_later("1 to 12, or JAN to DEC")),
    (say_later("day of the week"), say_later("0 to 6 from Sunday on, or SUN to SAT, as in 1-5")),
)
# Runs that are looked at to learn how close together they come: enough for a whole day of the closest pattern.
GAPS_SEEN = 100
# Missed runs are counted up to here: a pattern of minutes over a year that nothing ran would be half a million.
MISSED_COUNTED = 1000
# A run that begins so long after its moment was missed, and is made up for.
LATE = timedelta(minutes=10)

# A due moment that lies so far ahead is looked at: whether a clock that ran ahead put it there.
FAR_AHEAD = timedelta(hours=1)
CLOCK_WORDS = "Its next run was brought back: the clock of a machine had run ahead."

Faults = dict[str, list[str]]


def check(cron: str, time_zone: str, jitter_s: int) -> Faults:
    """Everything that is wrong, as sentences by the name of the argument; empty where nothing is."""
    faults = {
        "cron": cron_faults(cron),
        "time_zone": zone_faults(time_zone),
        "jitter_s": jitter_faults(jitter_s),
    }
    if not any(faults.values()) and jitter_s:
        faults["jitter_s"] = gap_faults(cron, time_zone, jitter_s)
    return {name: sentences for name, sentences in faults.items() if sentences}


def zone_faults(time_zone: str) -> list[str]:
    if time_zone in zones():
        return []
    return [say("“%(time_zone)s” is no time zone; take one as Europe/Berlin.", time_zone=time_zone)]


def cron_faults(cron: str) -> list[str]:
    fields = cron.split()
    if len(fields) != len(FIELDS):
        return [say("Write five fields parted by spaces: minute, hour, day of the month, month, day of the week.")]
    if len(cron) > CRON_LETTERS:
        return [say("Shorten the expression to %(letters)s letters.", letters=CRON_LETTERS)]
    faults = [
        say("“%(written)s” is no %(name)s: use %(help)s.", written=written, name=name, help=help)
        for place, (written, (name, help)) in enumerate(zip(fields, FIELDS, strict=True))
        if not is_readable(" ".join(written if n == place else "*" for n in range(len(FIELDS))))
    ]
    if not faults and not ever_comes(cron):
        faults.append(say("There is no such day in any year, so that it would never come."))
    return faults


def is_readable(cron: str) -> bool:
    try:
        CronSim(cron, datetime.now(UTC))
    except CronSimError:
        return False
    return True


def ever_comes(cron: str) -> bool:
    """Whether it comes within fifty years; the fields must be right one by one."""
    return is_readable(cron) and next(moments(cron, "UTC", datetime.now(UTC)), None) is not None


def jitter_faults(jitter_s: int) -> list[str]:
    return [] if 0 <= jitter_s <= MAX_JITTER_S else [say("Put runs off by 0 to 60 minutes.")]


def gap_faults(cron: str, time_zone: str, jitter_s: int) -> list[str]:
    """A run that is put off beyond the next one would change places with it."""
    gap_s = shortest_gap_s(cron, time_zone)
    if jitter_s < gap_s:
        return []
    text = say(
        "Put runs off by less than %(minutes)s minutes: that is how close together they come.",
        minutes=f"{gap_s / 60:g}",
    )
    return [text]


def shortest_gap_s(cron: str, time_zone: str) -> float:
    """How close together its next runs come; infinite where there are not two."""
    runs = islice(moments(cron, time_zone, datetime.now(UTC)), GAPS_SEEN)
    return min(((later - sooner).total_seconds() for sooner, later in pairwise(runs)), default=math.inf)


def moments(cron: str, time_zone: str, after: datetime) -> Iterator[datetime]:
    """The moments after `after` at which `cron` comes, in order and in UTC; ends where none comes for fifty years.

    Where clocks are changed it does as cron does: an hour that is skipped is made up for at once, an hour that comes
    twice counts once; with a * for minute or hour the real time between runs stays the same.
    Raises CronSimError, and ZoneInfoNotFoundError or ValueError for a zone that is none.
    """
    last = after
    for local in CronSim(cron, after.astimezone(ZoneInfo(time_zone))):
        moment = local.astimezone(UTC)
        # In the hour that comes twice the library names the first of the two, also when asked within the second.
        if moment > last:
            last = moment
            yield moment


def previous(cron: str, time_zone: str, before: datetime) -> datetime:
    """The last moment before `before`, in UTC; `before` itself where none came for fifty years. Raises as moments."""
    backwards = CronSim(cron, before.astimezone(ZoneInfo(time_zone)), reverse=True)
    return next(iter(backwards), before).astimezone(UTC)


def missed(cron: str, time_zone: str, due_at: datetime, over: datetime) -> list[datetime]:
    """The moments after `due_at` whose time is over too, MISSED_COUNTED of them at most."""
    later = islice(moments(cron, time_zone, due_at), MISSED_COUNTED)
    return list(takewhile(lambda moment: moment <= over, later))


def brought_back(cron: str, time_zone: str, due_at: datetime, at: datetime) -> datetime | None:
    """The next moment after `at`, where `due_at` lies beyond it: a clock that ran ahead put it there; else None.

    Also None for what can't be read.
    """
    try:
        following = next(moments(cron, time_zone, at), due_at)
    except (CronSimError, ZoneInfoNotFoundError, ValueError):
        return None
    return following if following < due_at else None


def late_words(missed_count: int, is_late: bool) -> str:
    """What became of runs that nothing began, in a sentence to be stored; empty where all is as it should be."""
    if missed_count:
        count = missed_count + 1
        some = f"More than {MISSED_COUNTED:,}" if count > MISSED_COUNTED else str(count)
        return f"{some} runs were missed while nothing ran; one was to make up for all."
    return "The run is late, since nothing ran when it was due." if is_late else ""


def zone_words(moment: datetime, time_zone: str) -> str:
    """As clocks in the zone show it: `Mon 30 Mar 2026, 03:00 CEST`."""
    local = moment.astimezone(ZoneInfo(time_zone))
    return say(
        "%(weekday)s %(date)s, %(time)s %(zone)s",
        weekday=format_date(local, "EEE", locale()),
        date=day_words(local),
        time=clock_words(local),
        zone=local.tzname(),
    )


def cron_words(cron: str) -> str:
    """`At 03:00 every day`; as written where it can't be read."""
    if spoken() != ENGLISH and is_readable(cron):
        return rhythm(cron)
    try:
        return CronSim(cron, datetime.now(UTC)).explain()
    except CronSimError:
        return cron


def rhythm(cron: str) -> str:
    """The same in any language, for the expressions that people mostly write; the library speaks English alone."""
    for shape, words in RHYTHMS:
        if match := shape.fullmatch(" ".join(cron.split())):
            return words(match.groupdict())
    return say("by the expression %(cron)s", cron=cron)


def clock_of(parts: Mapping[str, str]) -> str:
    return clock_words(datetime(2000, 1, 1, int(parts["hour"]), int(parts["minute"])))  # noqa: DTZ001 (its clock alone)


def weekday_of(parts: Mapping[str, str]) -> str:
    """cron counts from Sunday on, with 7 for Sunday too; Babel from Monday on."""
    return str(locale().days["format"]["wide"][(int(parts["weekday"]) - 1) % 7])


AT = r"(?P<minute>\d+) (?P<hour>\d+)"
RHYTHMS: tuple[tuple[re.Pattern[str], Callable[[Mapping[str, str]], str]], ...] = (
    (re.compile(rf"{AT} \* \* \*"), lambda parts: say("every day at %(time)s", time=clock_of(parts))),
    (
        re.compile(rf"{AT} \* \* (?P<weekday>[0-7])"),
        lambda parts: say("every %(weekday)s at %(time)s", weekday=weekday_of(parts), time=clock_of(parts)),
    ),
    (
        re.compile(rf"{AT} (?P<day>\d+) \* \*"),
        lambda parts: say("on day %(day)s of each month at %(time)s", day=parts["day"], time=clock_of(parts)),
    ),
    (
        re.compile(r"(?P<minute>\d+) \*/(?P<count>\d+) \* \* \*"),
        lambda parts: say_many("every hour", "every %(num)s hours", int(parts["count"])),
    ),
    (
        re.compile(r"\*/(?P<count>\d+) \* \* \* \*"),
        lambda parts: say_many("every minute", "every %(num)s minutes", int(parts["count"])),
    ),
    (
        re.compile(r"(?P<minute>\d+) \* \* \* \*"),
        lambda parts: say("every hour at minute %(minute)s", minute=parts["minute"]),
    ),
)


@cache
def zones() -> tuple[str, ...]:
    """Every time zone by its IANA name, in order; not those that name no place, which mean another on each machine."""
    return tuple(sorted(available_timezones() - {"Factory", "localtime", "posixrules"}))
