"""How values read for people, on a page and in a file alike, in the language in force."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from babel.dates import format_date, format_time
from babel.numbers import format_decimal, format_percent, get_currency_precision
from babel.units import format_unit

from rules.explain import sentence
from rules.model import Result
from rules.wording import spell
from webapp.language import ENGLISH, find_text, locale, say, say_later, say_many, spoken

CONCEPT_WORDS = {
    "other": say_later("none of these"),
    "tiger_tooth_claw_bone": say_later("tiger tooth, claw or bone"),
}
SIZES = (("gigabyte", 1e9), ("megabyte", 1e6), ("kilobyte", 1e3))
SENTENCE_ENDS = (".", "!", "?", "…", "\u3002", "\uff01", "\uff1f")


def day_words(day: date) -> str:
    """`30 Mar 2026`; a moment by its day in UTC."""
    return format_date(day, "dd MMM y" if spoken() == ENGLISH else "medium", locale())


def last_day_words(end_at: datetime) -> str:
    """The last day of a period that ends before `end_at`: midnight is the end of the day before."""
    return day_words(end_at - timedelta(microseconds=1))


def clock_words(moment: datetime) -> str:
    """`14:05`, in the zone that the moment is given in."""
    return format_time(moment.time(), "HH:mm", locale=locale())


def exact_time(at: datetime | None) -> str:
    """`30 Mar 2026, 14:05 UTC`."""
    if at is None:
        return say("never")
    return say("%(date)s, %(time)s UTC", date=day_words(at), time=clock_words(at))


def word(value: object) -> str:
    """A state, severity, role, verdict or kind in the reader's language; what the catalogue has not, as it is."""
    return find_text(str(value))


def concept_words(concept: str) -> str:
    return str(CONCEPT_WORDS.get(concept) or spell(concept, find_text))


def country_words(code: str) -> str:
    """The name of a country (ISO 3166-1 alpha-2); the code itself where it is none."""
    return str(locale().territories.get(code, code))


def score_words(score: float | None) -> str:
    """Three digits, cut off and not rounded: 0.4996 under a threshold of 0.5 must not read as 0.500."""
    if score is None:
        return say("no score")
    return format_decimal(int(score * 1000 + 1e-9) / 1000, "0.000", locale())


def share_words(share: float | None) -> str:
    """`95 %`, `0.3 %`: whole per cents, and one digit more near the ends, where it matters."""
    if share is None:
        return say("unknown")
    return format_percent(share, f"{digits_of(share)}\N{NO-BREAK SPACE}%", locale())


def digits_of(share: float) -> str:
    per_cent = share * 100
    return "0.0" if 0 < per_cent < 2 or 98 < per_cent < 100 else "0"


def span_words(low: float, high: float) -> str:
    """An interval of shares, as `90 to 98 %`."""
    from_low = format_decimal(low * 100, digits_of(low), locale())
    return say("%(low)s to %(high)s", low=from_low, high=share_words(high))


def size_words(size_bytes: float) -> str:
    """`12.3 MB`, `512 bytes`; a kilobyte is 1000 bytes."""
    for unit, length in SIZES:
        if size_bytes >= length:
            return format_unit(size_bytes / length, f"digital-{unit}", "short", "#,##0.0", locale())
    return format_unit(size_bytes, "digital-byte", "long", locale=locale())


def span_of_time(seconds: float) -> str:
    """Two units at most: `3 days 4 h`, `25 min`."""
    days, hours, minutes = units_of(seconds)
    spans = (
        say_many("%(num)s day", "%(num)s days", days) if days else "",
        say_many("%(num)s h", "%(num)s h", hours) if hours else "",
        say_many("%(num)s min", "%(num)s min", minutes) if minutes else "",
    )
    told = [span for span in spans if span][:2]
    if not told:
        return say("less than a minute")
    return told[0] if len(told) == 1 else say("%(larger)s %(smaller)s", larger=told[0], smaller=told[1])


def short_span(seconds: float) -> str:
    """`0.4 s`, `95 s`, then minutes, hours and days as span_of_time has them."""
    if seconds >= 120:
        return span_of_time(seconds)
    return say("%(seconds)s s", seconds=format_decimal(seconds, "0" if seconds >= 10 else "0.0", locale()))


def rate_words(a_second: float | None) -> str:
    """Pictures or pages a second, `0.25`, `19.4`, `1,200`; `not measured`."""
    if a_second is None:
        return say("not measured")
    return format_decimal(a_second, "#,##0" if a_second >= 100 else "0.0" if a_second >= 10 else "0.00", locale())


def units_of(seconds: float) -> tuple[int, int, int]:
    """Days, hours, minutes; nothing is rounded up."""
    minutes = max(int(seconds), 0) // 60
    return minutes // 1440, minutes // 60 % 24, minutes % 60


def price_words(price: Decimal | None, currency: str | None) -> str:
    """The currency by its code: a sign such as $ or ¥ is that of several. VND and others have no parts."""
    if price is None:
        return say("no price")
    is_whole = get_currency_precision(currency or "") == 0 and price == int(price)
    pattern = "#,##0" if is_whole else "#,##0.00"
    return f"{format_decimal(price, pattern, locale())} {currency or ''}".strip()


def why_words(reasons: Mapping[str, Any]) -> str:
    """Why a finding is one, from its stored tree: the stored sentence is the same in English."""
    return sentence(Result.from_json(reasons), find_text)


def as_sentence(text: str) -> str:
    """A capital and a full stop around a reason, which comes without; the name of a model or a rule stays as it is."""
    if not text:
        return ""
    ended = text if text.endswith(SENTENCE_ENDS) else say("%(sentence)s.", sentence=text)
    return ended if "_" in ended.split(maxsplit=1)[0] else ended[:1].upper() + ended[1:]


def digest_head(digest: str | None) -> str:
    return digest[:12] if digest else say("unknown")
