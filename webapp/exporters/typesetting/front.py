"""The first pages of a report: its cover, and a section a question that people ask of it."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from babel.dates import format_skeleton

from rules.model import Severity
from rules.wording import listed
from webapp.charts import count_axis
from webapp.echoes import say_again
from webapp.exporters.content import Choices
from webapp.exporters.typesetting import blocks
from webapp.exporters.typesetting.blocks import Block
from webapp.exporters.typesetting.texts import one_line, shown
from webapp.figures import Figure, number_words, title_of
from webapp.language import find_text, locale, number, say, say_later, say_many
from webapp.wording import (
    clock_words,
    concept_words,
    day_words,
    exact_time,
    last_day_words,
    score_words,
    share_words,
    span_of_time,
)

Head = Mapping[str, Any]
DAYS, WEEKS = 31, 27  # as many columns as a chart can hold of each
LONGEST = timedelta(days=366 * 20)  # a longer period is drawn as far as something is in it
STATES = ("confirmed", "dismissed", "escalated", "open", "withdrawn")
PRINTED_FILTERS = 400
LONG_HOURS = 96  # times beyond are drawn in days
COUNTED_TILES = ("findings", "listings", "sellers", "pictures", "decisions")
UNKNOWN = "\N{EN DASH}"
REDACTIONS = {
    "none": say_later("left in: sellers and reviewers are named"),
    "hashed": say_later("sellers stand as a keyed hash, without ways to reach them"),
    "minimal": say_later("minimal: nothing of sellers, reviewers or free text"),
}
PICTURES = {
    "blurred": say_later("blurred"),
    "plain": say_later("as they were offered, not blurred"),
    "none": say_later("left out"),
}
LAW_KINDS = {
    "treaty": say_later("Treaty"),
    "law": say_later("Law"),
    "platform": say_later("Rule of the marketplace"),
}


def figures_of(head: Head) -> Mapping[str, Any]:
    figures: Mapping[str, Any] = head.get("figures") or {}
    return figures


def moment(written: str) -> datetime:
    return datetime.fromisoformat(written)


def time_words(written: str | None) -> str:
    return exact_time(moment(written)) if written else say("unknown")


def word(value: object) -> str:
    return find_text(str(value))


# The cover


def title_words(head: Head) -> str:
    return one_line(head.get("title")) or say("Suspected wildlife trade on marketplaces")


def period_words(head: Head) -> str:
    if not head.get("from") or not head.get("to"):
        return ""
    begin, end = moment(head["from"]), moment(head["to"])
    # Midnight is the end of the day before; a period that begins or ends in the middle of a day says when.
    first = day_words(begin) if is_midnight(begin) else day_and_time(begin)
    last = last_day_words(end) if is_midnight(end) else day_and_time(end)
    return say("%(from_day)s to %(to_day)s (UTC)", from_day=first, to_day=last)


def is_midnight(at: datetime) -> bool:
    return at.time() == at.min.time()


def day_and_time(at: datetime) -> str:
    return say("%(date)s, %(time)s", date=day_words(at), time=clock_words(at))


def report_words(choices: Choices) -> str:
    return say("Report %(number)s", number=choices.report_id) if choices.report_id else say("Report")


def cover(head: Head, choices: Choices, notices: Sequence[str]) -> Block:
    return {
        "kicker": say("Report of suspected wildlife trade"),
        "title": title_words(head),
        "period": period_words(head),
        "facts": list(cover_facts(head, choices)),
        "notices": [*correction(head), *(note(say("Characters that can't be shown"), text) for text in notices)],
        "statement": say(
            "Everything in this report is suspected, and nothing is proven by it. A score says how alike a picture is "
            "to pictures that a model learned from; a decision is what a reviewer saw. Visual identification is "
            "tentative."
        ),
    }


def note(title: str, text: str) -> Block:
    return {"title": title, "text": text}


def correction(head: Head) -> Iterator[Block]:
    older = head.get("corrects")
    if not older:
        return
    yield note(
        say("This report corrects report %(number)s", number=older.get("report")),
        say(
            "What was wrong there: %(why)s Do not use the older one any more; its digest is %(digest)s.",
            why=shown(older.get("why"), 600),
            digest=older.get("sha256"),
        ),
    )


def cover_facts(head: Head, choices: Choices) -> Iterator[list[Any]]:
    """Label, words, and whether they are code."""
    if period := period_words(head):
        yield [say("Period"), period, False]
    if head.get("filters"):
        yield [say("Narrowed by"), filter_words(head), False]
    if head.get("built_at"):
        yield [say("Built"), built_words(head), False]
    if made := made_words(head):
        yield [say("Built with"), made, False]
    yield [say("People's data"), str(REDACTIONS.get(choices.redaction, choices.redaction)), False]
    yield [say("Pictures"), str(PICTURES.get(choices.pictures, choices.pictures)), False]
    if choices.sha256:
        yield [say("SHA-256 of the content"), choices.sha256, True]


def built_words(head: Head) -> str:
    who = head.get("built_by")
    by = say("Tuskline itself") if who == "system" or not who else one_line(who, 80)
    return say("%(time)s, by %(name)s", time=time_words(head["built_at"]), name=by)


def made_words(head: Head) -> str:
    made = head.get("built_with") or {}
    if not made.get("version"):
        return ""
    if made.get("commit"):
        return say("Tuskline %(version)s, commit %(commit)s", version=made["version"], commit=made["commit"])
    return say("Tuskline %(version)s", version=made["version"])


def filter_words(head: Head) -> str:
    pairs = ", ".join(f"{name}: {value}" for name, value in sorted(head["filters"].items()))
    told = shown(pairs, PRINTED_FILTERS)
    name = one_line(head.get("filters_name"), 80)
    return say("“%(name)s”: %(filters)s", name=name, filters=told) if name else told


# The sections


def sections(head: Head) -> list[Block]:
    """Those of which the content holds something; an older one holds less."""
    figures = figures_of(head)
    made = [
        summary(head),
        by_concept(figures),
        by_source(head),
        by_seller(figures) if "by_seller" in figures else None,
        takedown(figures) if "takedown" in figures else None,
        quality(head) if head.get("quality") is not None else None,
        versions(head) if head.get("models") or head.get("rules") else None,
        limits(head) if head.get("statement") else None,
        legal(head) if "legal" in head else None,
    ]
    return [one for one in made if one and one["blocks"]]


def summary(head: Head) -> Block:
    figures = figures_of(head)
    return blocks.section(
        say("Summary"),
        blocks.tiles(list(tiles_of(figures))) if figures else None,
        blocks.paragraph(summary_words(head)) if figures else None,
        *days_of(head),
        severity(figures),
    )


def tiles_of(figures: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    told = {name: figures[name] for name in COUNTED_TILES if name in figures}
    names = {
        "findings": say_many("suspected finding", "suspected findings", told.get("findings", 0)),
        "listings": say_many("listing", "listings", told.get("listings", 0)),
        "sellers": say_many("seller", "sellers", told.get("sellers", 0)),
        "pictures": say_many("picture", "pictures", told.get("pictures", 0)),
        "decisions": say_many("decision", "decisions", told.get("decisions", 0)),
    }
    yield from ((number(count), names[name]) for name, count in told.items())
    if confirmed := (figures.get("by_state") or {}).get("confirmed"):
        yield number(confirmed), say("confirmed by a reviewer")


def summary_words(head: Head) -> str:
    figures = figures_of(head)
    if not figures.get("findings"):
        return say(
            "Nothing was found or decided in this period. That nothing was flagged does not say that there is nothing."
        )
    states = figures.get("by_state") or {}
    told = [
        say_many("%(num)s is %(state)s", "%(num)s are %(state)s", states[name], state=word(name))
        for name in STATES
        if states.get(name)
    ]
    parts = [
        say_many(
            "Of %(num)s suspected finding %(states)s.",
            "Of %(num)s suspected findings %(states)s.",
            figures["findings"],
            states=listed(told, find_text),
        )
    ]
    if head.get("scans") is not None:
        parts.append(say_many("%(num)s scan ran in the period.", "%(num)s scans ran in the period.", head["scans"]))
    return " ".join(parts)


def days_of(head: Head) -> Iterator[Block]:
    """Findings and decisions by day, week or month, as the period is long; days outside of it are told.

    Days are those of UTC: of a period of other days' borders they tell no sum, which would be of other findings.
    """
    days = figures_of(head).get("by_day")
    if not days or not head.get("from") or not head.get("to"):
        return
    begin, end = moment(head["from"]).date(), (moment(head["to"]) - timedelta(microseconds=1)).date()
    inside = [one for one in days if begin <= date.fromisoformat(one["day"]) <= end]
    if end - begin > LONGEST and inside:
        begin, end = (date.fromisoformat(one["day"]) for one in (inside[0], inside[-1]))
    is_whole = is_midnight(moment(head["from"])) and is_midnight(moment(head["to"]))
    step, title = step_of(begin, end)
    groups = grouped(inside, begin, end, step)
    names = [say("found"), word("confirmed"), word("dismissed")]
    totals = [sum(parts[place] for _, parts in groups) for place in range(3)]
    alt = say(
        "In the period %(found)s were found, %(confirmed)s confirmed and %(dismissed)s dismissed.",
        found=number(totals[0]),
        confirmed=number(totals[1]),
        dismissed=number(totals[2]),
    )
    chart = blocks.columns(title, alt if is_whole else title, names, groups)
    if chart:
        yield chart
    earlier = sum(one["found"] for one in days) - totals[0]
    if chart and is_whole and earlier > 0:
        yield blocks.aside(
            say_many(
                "%(num)s finding was found before the period and decided in it; the chart leaves it out.",
                "%(num)s findings were found before the period and decided in it; the chart leaves them out.",
                earlier,
            )
        )


def step_of(begin: date, end: date) -> tuple[str, str]:
    length = (end - begin).days + 1
    if length <= DAYS:
        return "day", say("Findings and decisions by day")
    if length <= WEEKS * 7:
        return "week", say("Findings and decisions by week, named by its Monday")
    return "month", say("Findings and decisions by month")


def grouped(days: Sequence[Mapping[str, Any]], begin: date, end: date, step: str) -> list[tuple[str, list[int]]]:
    groups: dict[date, list[int]] = {}
    day = begin
    while day <= end:
        groups.setdefault(start_of(day, step), [0, 0, 0])
        day += timedelta(days=1)
    for one in days:
        parts = groups[start_of(date.fromisoformat(one["day"]), step)]
        for place, name in enumerate(("found", "confirmed", "dismissed")):
            parts[place] += one[name]
    return [(label_of(day, step), parts) for day, parts in groups.items()]


def start_of(day: date, step: str) -> date:
    if step == "month":
        return day.replace(day=1)
    return day - timedelta(days=day.weekday()) if step == "week" else day


def label_of(day: date, step: str) -> str:
    return str(format_skeleton("yMMM" if step == "month" else "MMMd", day, locale=locale()))


def severity(figures: Mapping[str, Any]) -> Block | None:
    found = figures.get("by_severity")
    if not found:
        return None
    rows = [(word(one.value), [found.get(one.value, 0)]) for one in reversed(Severity)]
    return blocks.bars(say("Findings by severity"), counted_words(rows), [""], rows)


def counted_words(rows: Sequence[tuple[str, Sequence[int]]]) -> str:
    """The rows of a chart in words, for those who hear it."""
    told = [say("%(name)s: %(count)s", name=name, count=number(sum(parts))) for name, parts in rows[:20]]
    return listed(told, find_text)


def state_names() -> list[str]:
    return [word(name) for name in STATES]


def parts_of(counts: Mapping[str, int]) -> list[int]:
    return [counts.get(name, 0) for name in STATES]


def counts_table(
    title: str, first: Sequence[Block], rows: Sequence[tuple[Sequence[str], Mapping[str, int]]], empty: str
) -> Block:
    """Rows with a number a state behind their own first cells."""
    heads = [*first, *(blocks.numbers(words[:1].upper() + words[1:]) for words in (say("all"), *map(word, STATES)))]
    told = [[*cells, *(number(counts.get(name, 0)) for name in ("all", *STATES))] for cells, counts in rows]
    return blocks.table(title, heads, told, empty)


def by_concept(figures: Mapping[str, Any]) -> Block | None:
    found = figures.get("by_concept")
    if found is None:
        return None
    title, none = say("By concept"), say("There is no finding in this period.")
    names = {concept: concept_words(concept) for concept in found}
    if any(not isinstance(counts, Mapping) for counts in found.values()):
        plain = [[names[concept], number(count)] for concept, count in found.items()]
        heads = [blocks.column(say("Concept"), "1fr"), blocks.numbers(say("Findings"))]
        return blocks.section(title, blocks.table(say("Findings by concept"), heads, plain, none))
    rows = [(names[concept], parts_of(counts)) for concept, counts in found.items()]
    told = [([names[concept]], counts) for concept, counts in found.items()]
    return blocks.section(
        title,
        blocks.bars(say("Findings by suspected concept and state"), counted_words(rows), state_names(), rows),
        counts_table(say("Findings by suspected concept"), [blocks.column(say("Concept"), "1fr")], told, none),
    )


def by_source(head: Head) -> Block | None:
    sources = head.get("sources")
    if sources is None:
        return None
    rows = [(one_line(one["name"], 60), parts_of(one["counts"])) for one in sources]
    told = [([one_line(one["name"], 80), word(one["kind"])], one["counts"]) for one in sources]
    first = [blocks.column(say("Source"), "1fr"), blocks.column(say("Kind"))]
    return blocks.section(
        say("By source"),
        blocks.bars(say("Findings by source and state"), counted_words(rows), state_names(), rows[:20]),
        counts_table(say("Findings by source"), first, told, say("There is no finding in this period.")),
    )


def by_seller(figures: Mapping[str, Any]) -> Block:
    told = [
        ([one_line(one["seller"], 60), one_line(one["source"], 40), number(one["listings"])], one["counts"])
        for one in figures["by_seller"]
    ]
    first = [
        blocks.column(say("Seller"), "1.4fr"),
        blocks.column(say("Source"), "1fr"),
        blocks.numbers(say("Listings")),
    ]
    left = figures.get("sellers_left_out") or 0
    return blocks.section(
        say("By seller"),
        counts_table(say("Findings by seller"), first, told, say("No listing of these findings names a seller.")),
        blocks.aside(
            say_many(
                "%(num)s more seller with fewer findings is in the other formats of this report, finding by finding.",
                "%(num)s more sellers with fewer findings are in the other formats of this report, finding by finding.",
                left,
            )
        )
        if left
        else None,
        blocks.aside(say("A seller is a name on one source: the same name elsewhere may be another person."))
        if told
        else None,
    )


def takedown(figures: Mapping[str, Any]) -> Block:
    """Hours from the first suspicion to the noticed removal."""
    found = figures["takedown"]
    names = {
        "quarter_hours": say("a quarter was gone within"),
        "median_hours": say("half were gone within"),
        "three_quarter_hours": say("three quarters were gone within"),
        "longest_hours": say("the longest took"),
    }
    pairs = [(number(found["removed"]), say("listings were removed")), (number(found["standing"]), say("still stand"))]
    rows = [[title, hours_words(found[name])] for name, title in names.items() if found.get(name) is not None]
    heads = [blocks.column(say("Of the removed listings"), "1fr"), blocks.numbers(say("Time to takedown"))]
    none = say("No listing of these findings is known to be removed, so that there is no time to takedown yet.")
    return blocks.section(
        say("Time to takedown"),
        blocks.tiles(pairs),
        spread(found),
        blocks.table(say("Time from the first suspicion to the noticed removal"), heads, rows, none),
        blocks.aside(say("A removal is noticed at the next visit: the true time is at most the one given."))
        if rows
        else None,
    )


def hours_words(hours: float) -> str:
    return span_of_time(hours * 3600)


def spread(found: Mapping[str, Any]) -> Block | None:
    named = ("quarter_hours", "median_hours", "three_quarter_hours", "longest_hours")
    values = [found.get(name) for name in named]
    if found.get("removed", 0) < 2 or any(value is None for value in values):
        return None
    hours = [float(value or 0.0) for value in values]
    is_long = hours[3] > LONG_HOURS
    unit = 24.0 if is_long else 1.0
    axis = count_axis(hours[3] / unit)
    return {
        "kind": "spread",
        "title": say("The middle half of the times to takedown, their median and the longest, in days")
        if is_long
        else say("The middle half of the times to takedown, their median and the longest, in hours"),
        "alt": say(
            "Half of the removed listings were gone within %(median)s, the longest took %(longest)s.",
            median=hours_words(hours[1]),
            longest=hours_words(hours[3]),
        ),
        "ticks": [{"at": tick.at, "words": blocks.number_words(tick.words)} for tick in axis.ticks],
        "places": [axis.place(value / unit) for value in hours],
    }


def quality(head: Head) -> Block:
    found = [Figure(**one) for one in head["quality"]]
    heads = [
        blocks.column(say("Measure"), "1.3fr"),
        blocks.column(say("Value"), align="right"),
        blocks.column(say("95 %% interval"), align="right"),
        blocks.column(say("n"), align="right"),
        blocks.column(say("Basis, or why there is none"), "2fr"),
    ]
    known = [one for one in found if one.low is not None]
    return blocks.section(
        say("How good the findings are"),
        blocks.paragraph(
            say(
                "Precision is the share of decided findings that reviewers confirmed; recall is the share of suspected "
                "listings that were found, estimated by an audit of listings that nothing flagged. An interval holds "
                "the true value 95 times in 100."
            )
        ),
        intervals([one for one in known if one.name not in ("misses", "kappa")]),
        blocks.table(
            say("Measures with their 95 %% intervals"),
            heads,
            [quality_row(one) for one in found],
            say("Nothing was measured."),
        ),
    )


def quality_row(one: Figure) -> list[str]:
    value = number_words(one, one.value) if one.value is not None else UNKNOWN
    span = UNKNOWN
    if one.low is not None and one.high is not None:
        span = say("%(low)s to %(high)s", low=number_words(one, one.low), high=number_words(one, one.high))
    told = [say_again(part) for part in (one.basis if one.low is not None else "", one.reason) if part]
    return [title_of(one), value, span, number(one.n) if one.n else UNKNOWN, " · ".join(told)]


def intervals(found: Sequence[Figure]) -> Block | None:
    if not found:
        return None
    told = [say("%(name)s: %(count)s", name=title_of(one), count=quality_row(one)[2]) for one in found]
    return {
        "kind": "intervals",
        "title": say("Shares with their 95 %% intervals"),
        "alt": listed(told, find_text),
        "ticks": [{"at": at, "words": share_words(at / 100)} for at in (0, 25, 50, 75, 100)],
        "rows": [
            {
                "name": title_of(one),
                "low": round((one.low or 0.0) * 100, 2),
                "high": round((one.high or 0.0) * 100, 2),
                "at": None if one.value is None else round(one.value * 100, 2),
            }
            for one in found
        ],
    }


def versions(head: Head) -> Block:
    models = [
        [
            one_line(one["name"], 60),
            word(one["role"]) if one.get("role") else UNKNOWN,
            number(one["findings"]) if "findings" in one else UNKNOWN,
            one["digest"] or say("unknown"),
            card_words(one),
        ]
        for one in head.get("models") or []
    ]
    rules = [
        [
            say("%(rule)s, version %(version)s", rule=one_line(one["rule"], 60), version=one["version"]),
            say_again(one["title"]),
            word(one["severity"]),
            score_words(one["threshold"]) if one["threshold"] is not None else say("no score"),
            number(one["findings"]),
        ]
        for one in head.get("rules") or []
    ]
    packs = sorted({one["pack_digest"] for one in head.get("rules") or []})
    model_heads = [
        blocks.column(say("Model"), "1fr", look="strong"),
        blocks.column(say("Role")),
        blocks.numbers(say("Findings")),
        blocks.column(say("SHA-256 of its files"), look="digest"),
        blocks.column(say("From its card"), "1fr"),
    ]
    rule_heads = [
        blocks.column(say("Rule"), "1.1fr", look="strong"),
        blocks.column(say("What it suspects"), "1.3fr"),
        blocks.column(say("Severity")),
        blocks.numbers(say("Threshold")),
        blocks.numbers(say("Findings")),
    ]
    return blocks.section(
        say("Models and rules"),
        blocks.table(
            say("Models that spoke in the period"), model_heads, models, say("No model spoke in this period.")
        ),
        blocks.table(
            say("Rules that opened these findings"), rule_heads, rules, say("No rule opened a finding of this report.")
        )
        if "rules" in head
        else None,
        blocks.table(
            say("Rule packs"),
            [blocks.column(say("SHA-256 of the pack"), "1fr", look="code")],
            [[one] for one in packs],
            "",
        )
        if packs
        else None,
    )


def card_words(model: Mapping[str, Any]) -> str:
    if "card" not in model:
        return UNKNOWN
    card = model["card"]
    if not card:
        return say("no longer installed")
    parts = [one_line(card.get("source"), 160)]
    if card.get("installed_at"):
        try:
            parts.append(say("installed %(day)s", day=day_words(moment(str(card["installed_at"])))))
        except ValueError:
            parts.append(one_line(card["installed_at"], 40))
    return " · ".join(part for part in parts if part)


def limits(head: Head) -> Block:
    return blocks.section(say("Limits of the method"), blocks.items([say_again(one) for one in head["statement"]]))


def legal(head: Head) -> Block:
    entries = head["legal"]
    if not entries:
        return blocks.section(
            say("Legal context"),
            blocks.paragraph(say("The rule pack holds no legal context that fits these findings.")),
        )
    return blocks.section(
        say("Legal context"),
        blocks.paragraph(
            say(
                "What laws, treaties and marketplaces said of the suspected concept in the listing's country on its "
                "day. It helps to ask the right questions and is no legal advice. What is called unverified was not "
                "compared with a source."
            )
        ),
        {"kind": "laws", "entries": [law(place, one) for place, one in enumerate(entries.values(), 1)]},
    )


def law_numbers(head: Head) -> dict[str, str]:
    """By an entry's id, how findings name it."""
    entries = (head.get("legal") or {}).items()
    return {name: law_name(place, one) for place, (name, one) in enumerate(entries, 1)}


def law_name(place: int, one: Mapping[str, Any]) -> str:
    values = {"number": law_number(place), "place": say_again(one["place_name"])}
    if one["status"] == "verified":
        return say("%(number)s %(place)s", **values)
    return say("%(number)s %(place)s (unverified)", **values)


def law_number(place: int) -> str:
    return say("L%(number)s", number=place)


def law(place: int, one: Mapping[str, Any]) -> Block:
    verified = one["status"] == "verified"
    checked = (
        say("checked against its source on %(day)s", day=one["checked_at"])
        if one["checked_at"]
        else say("checked against its source")
    )
    return {
        "number": law_number(place),
        "title": say(
            "%(kind)s, %(place)s", kind=str(LAW_KINDS.get(one["kind"], one["kind"])), place=say_again(one["place_name"])
        ),
        "verified": verified,
        "status": checked if verified else say("UNVERIFIED: not checked against a source"),
        "text": say_again(one["text"]),
        "facts": list(law_facts(one)),
        "questions_title": say("Questions to ask"),
        "questions": [say_again(text) for text in one["questions"]],
    }


def law_facts(one: Mapping[str, Any]) -> Iterator[list[str]]:
    yield [say("Concepts"), listed((concept_words(concept) for concept in one["concepts"]), find_text)]
    yield [say("In force"), force_words(one)]
    if one["citation"]:
        yield [say("Citation"), shown(one["citation"], 400)]
    if one["note"]:
        yield [say("Note"), shown(say_again(one["note"]), 600)]


def force_words(one: Mapping[str, Any]) -> str:
    begun, until = one["in_force_from"], one["until"]
    if begun and until:
        return say("from %(from_day)s until %(to_day)s", from_day=begun, to_day=until)
    if begun:
        return say("since %(from_day)s", from_day=begun)
    return say("until %(to_day)s", to_day=until) if until else say("since a day that is not known")
