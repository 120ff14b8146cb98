"""What stands on which sheet of a workbook: columns with what they read from a row, and the rows of each."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from webapp.echoes import say_again
from webapp.exporters.content import COUNTED, Choices, Finding
from webapp.exporters.table import price_of, scores_of, standing_of, takedown_of
from webapp.figures import Figure, title_of
from webapp.language import ENGLISH, find_text, say, say_later, spoken
from webapp.wording import concept_words, country_words, why_words, word


class Kind(Enum):
    """How a value stands in its cell. CODE: a text that is not wrapped. SHARE: of [0, 1], shown as per cents."""

    HEADING = auto()
    TEXT = auto()
    CODE = auto()
    WHOLE = auto()
    COUNT = auto()
    SCORE = auto()
    SHARE = auto()
    HUNDREDTHS = auto()
    FLAG = auto()
    MOMENT = auto()
    DAY = auto()
    PICTURE = auto()


@dataclass(frozen=True, slots=True)
class Typed:
    """A value whose kind is not that of its column."""

    kind: Kind
    value: Any


@dataclass(frozen=True, slots=True)
class Column:
    """title: looked up when it is written. width: in letters. read: the value of a row, None for an empty cell."""

    title: str
    kind: Kind
    width: float
    read: Callable[[Any], Any]


def titles() -> dict[str, str]:
    """The sheets in their order, by key."""
    return {
        "summary": say("Summary"),
        "findings": say("Findings"),
        "decisions": say("Decisions"),
        "sources": say("Sources"),
        "concepts": say("Concepts"),
        "sellers": say("Sellers"),
        "days": say("Days"),
        "takedown": say("Takedown"),
        "quality": say("Quality"),
        "models": say("Models"),
        "rules": say("Rules"),
        "legal": say("Legal context"),
        "limits": say("Limits"),
    }


def field(*path: str) -> Callable[[Any], Any]:
    """What lies at the end of a path of keys; None where it breaks off."""

    def read(row: Any) -> Any:
        for name in path:
            row = row.get(name) if isinstance(row, Mapping) else None
        return row

    return read


def worded(words: Callable[[str], str], *path: str) -> Callable[[Any], str | None]:
    read = field(*path)
    return lambda row: words(value) if (value := read(row)) is not None else None


def first(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Of the first of two, the finding that a row belongs to."""
    return lambda pair: read(pair[0])


def second(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda pair: read(pair[1])


def place(number: int) -> Callable[[Any], Any]:
    return lambda row: row[number]


def reason_of(finding: Finding) -> str:
    """In the language in force; of a report of before without its tree, the English sentence."""
    if spoken() == ENGLISH or not finding.get("reasons"):
        return str(finding["why"])
    try:
        return why_words(finding["reasons"])
    except (KeyError, TypeError):  # a tree of another version
        return str(finding["why"])


def picture_words(finding: Finding) -> str:
    return say("Picture of finding %(number)s", number=finding["id"])


def counted(title: str, name: str) -> Column:
    return Column(title, Kind.COUNT, 11, field("counts", name))


COUNTS = (
    counted(say_later("Findings"), "all"),
    *(
        counted(title, name)
        for title, name in zip(
            (
                say_later("Open"),
                say_later("Escalated"),
                say_later("Confirmed"),
                say_later("Dismissed"),
                say_later("Withdrawn"),
            ),
            COUNTED,
            strict=True,
        )
    ),
)
FINDING = Column(say_later("Finding"), Kind.WHOLE, 9, field("id"))
SHA = 20.0
COLUMNS: dict[str, Sequence[Column]] = {
    "summary": (
        Column(say_later("About"), Kind.TEXT, 24, place(0)),
        Column(say_later("Name"), Kind.TEXT, 36, place(1)),
        Column(say_later("Value"), Kind.TEXT, 72, place(2)),
    ),
    "findings": (
        FINDING,
        Column(say_later("Picture"), Kind.PICTURE, 14, picture_words),
        Column(say_later("Found at (UTC)"), Kind.MOMENT, 19, field("found_at")),
        Column(say_later("State"), Kind.TEXT, 12, worded(word, "state")),
        Column(say_later("Concept"), Kind.TEXT, 18, worded(concept_words, "concept")),
        Column(say_later("Severity"), Kind.TEXT, 10, worded(word, "severity")),
        Column(say_later("Suspicion"), Kind.TEXT, 30, worded(say_again, "title")),
        Column(say_later("Why"), Kind.TEXT, 44, reason_of),
        Column(say_later("Score"), Kind.SCORE, 9, field("score")),
        Column(say_later("Threshold"), Kind.SCORE, 10, field("threshold")),
        Column(say_later("Source"), Kind.TEXT, 20, field("source")),
        Column(say_later("Listing"), Kind.TEXT, 40, field("listing", "title")),
        Column(say_later("Description"), Kind.TEXT, 50, field("listing", "description")),
        Column(say_later("Address"), Kind.CODE, 36, field("listing", "url")),
        Column(say_later("Price"), Kind.HUNDREDTHS, 15, price_of),
        Column(say_later("Currency"), Kind.CODE, 9, field("listing", "currency")),
        Column(say_later("Seller"), Kind.TEXT, 24, field("listing", "seller")),
        Column(say_later("Country"), Kind.TEXT, 16, worded(country_words, "listing", "country")),
        Column(say_later("Posted at (UTC)"), Kind.MOMENT, 19, field("listing", "posted_at")),
        Column(say_later("First seen at (UTC)"), Kind.MOMENT, 19, field("listing", "first_seen_at")),
        Column(say_later("Last seen at (UTC)"), Kind.MOMENT, 19, field("listing", "last_seen_at")),
        Column(say_later("Removed at (UTC)"), Kind.MOMENT, 19, field("listing", "removed_at")),
        Column(say_later("Hours to takedown"), Kind.HUNDREDTHS, 11, takedown_of),
        Column(say_later("Decisions that stand"), Kind.COUNT, 11, lambda finding: len(standing_of(finding))),
        Column(say_later("Rule"), Kind.CODE, 24, field("rule")),
        Column(say_later("Rule version"), Kind.WHOLE, 9, field("rule_version")),
        Column(say_later("SHA-256 of the pack"), Kind.CODE, SHA, field("pack_digest")),
        Column(say_later("Model"), Kind.CODE, 26, field("model")),
        Column(say_later("SHA-256 of the model"), Kind.CODE, SHA, field("model_digest")),
        Column(say_later("Primary model absent"), Kind.FLAG, 11, field("primary_absent")),
        Column(say_later("Scores"), Kind.TEXT, 40, scores_of),
        Column(say_later("SHA-256 of the picture"), Kind.CODE, SHA, field("photo", "sha256")),
        Column(
            say_later("Legal context"), Kind.CODE, 30, lambda finding: ", ".join(finding.get("legal") or ()) or None
        ),
    ),
    "decisions": (
        Column(say_later("Finding"), Kind.WHOLE, 9, first(field("id"))),
        Column(say_later("At (UTC)"), Kind.MOMENT, 19, second(field("at"))),
        Column(say_later("By"), Kind.TEXT, 20, second(field("by"))),
        Column(say_later("Role"), Kind.TEXT, 12, second(worded(word, "role"))),
        Column(say_later("Look"), Kind.TEXT, 14, second(worded(word, "stage"))),
        Column(say_later("Decision"), Kind.TEXT, 12, second(worded(word, "verdict"))),
        Column(say_later("Stands"), Kind.FLAG, 9, lambda pair: pair[1].get("stands", True)),
        Column(say_later("Concept"), Kind.TEXT, 18, second(worded(concept_words, "concept"))),
        Column(say_later("Reason"), Kind.TEXT, 24, second(worded(find_text, "reason_title"))),
        Column(say_later("Code of the reason"), Kind.CODE, 24, second(field("reason"))),
        Column(say_later("Note"), Kind.TEXT, 60, second(field("note"))),
        Column(say_later("Taken back at (UTC)"), Kind.MOMENT, 19, second(field("undone_at"))),
    ),
    "sources": (
        Column(say_later("Source"), Kind.TEXT, 36, field("name")),
        Column(say_later("Kind"), Kind.CODE, 14, field("kind")),
        *COUNTS,
    ),
    "concepts": (Column(say_later("Concept"), Kind.TEXT, 36, worded(concept_words, "concept")), *COUNTS),
    "sellers": (
        Column(say_later("Seller"), Kind.TEXT, 36, field("seller")),
        Column(say_later("Source"), Kind.TEXT, 30, field("source")),
        Column(say_later("Listings"), Kind.COUNT, 11, field("listings")),
        *COUNTS,
    ),
    "days": (
        Column(say_later("Day (UTC)"), Kind.DAY, 12, field("day")),
        Column(say_later("Found"), Kind.COUNT, 11, field("found")),
        Column(say_later("Confirmed"), Kind.COUNT, 11, field("confirmed")),
        Column(say_later("Dismissed"), Kind.COUNT, 11, field("dismissed")),
    ),
    "takedown": (
        Column(say_later("Listing"), Kind.WHOLE, 9, first(field("listing", "id"))),
        Column(say_later("Source"), Kind.TEXT, 24, first(field("source"))),
        Column(say_later("Address"), Kind.CODE, 40, first(field("listing", "url"))),
        Column(say_later("Event"), Kind.TEXT, 14, second(worded(word, "kind"))),
        Column(say_later("At (UTC)"), Kind.MOMENT, 19, second(field("at"))),
        Column(say_later("Hours to takedown"), Kind.HUNDREDTHS, 11, lambda pair: hours_of(pair[1])),
        Column(say_later("Reason"), Kind.TEXT, 50, second(worded(say_again, "facts", "reason"))),
    ),
    "quality": (
        Column(say_later("Figure"), Kind.TEXT, 44, lambda figure: title_of(Figure.from_json(figure))),
        Column(say_later("Value"), Kind.SCORE, 12, lambda figure: figure_cell(figure, "value")),
        Column(say_later("From (95 %% interval)"), Kind.SCORE, 12, lambda figure: figure_cell(figure, "low")),
        Column(say_later("To (95 %% interval)"), Kind.SCORE, 12, lambda figure: figure_cell(figure, "high")),
        Column(say_later("Rests on"), Kind.COUNT, 11, field("n")),
        Column(say_later("Of"), Kind.TEXT, 50, worded(say_again, "basis")),
        Column(say_later("Why there is none"), Kind.TEXT, 50, worded(say_again, "reason")),
    ),
    "models": (
        Column(say_later("Model"), Kind.CODE, 30, field("name")),
        Column(say_later("Role"), Kind.TEXT, 14, worded(word, "role")),
        Column(say_later("Findings"), Kind.COUNT, 11, field("findings")),
        Column(say_later("SHA-256"), Kind.CODE, 66, field("digest")),
        Column(say_later("Came from"), Kind.TEXT, 40, field("card", "source")),
        Column(say_later("Installed at (UTC)"), Kind.MOMENT, 19, field("card", "installed_at")),
        Column(say_later("Measured precision"), Kind.SHARE, 12, lambda model: measured_of(model, "precision")),
        Column(say_later("Measured recall"), Kind.SHARE, 12, lambda model: measured_of(model, "recall")),
    ),
    "rules": (
        Column(say_later("Rule"), Kind.CODE, 30, field("rule")),
        Column(say_later("Version"), Kind.WHOLE, 9, field("version")),
        Column(say_later("Suspicion"), Kind.TEXT, 44, worded(say_again, "title")),
        Column(say_later("Concept"), Kind.TEXT, 20, worded(concept_words, "concept")),
        Column(say_later("Severity"), Kind.TEXT, 10, worded(word, "severity")),
        Column(say_later("Threshold"), Kind.SCORE, 10, field("threshold")),
        Column(say_later("Findings"), Kind.COUNT, 11, field("findings")),
        Column(say_later("SHA-256 of the pack"), Kind.CODE, 66, field("pack_digest")),
    ),
    "legal": (
        Column(say_later("Entry"), Kind.CODE, 28, field("id")),
        Column(say_later("Place"), Kind.TEXT, 20, worded(say_again, "place_name")),
        Column(say_later("Kind"), Kind.TEXT, 12, worded(word, "kind")),
        Column(say_later("Findings"), Kind.COUNT, 11, field("findings")),
        Column(say_later("What it says"), Kind.TEXT, 60, worded(say_again, "text")),
        Column(say_later("Questions to ask"), Kind.TEXT, 50, lambda entry: lines_of(entry.get("questions") or ())),
        Column(say_later("Concepts"), Kind.TEXT, 30, lambda entry: listed(map(concept_words, entry["concepts"]))),
        Column(say_later("In force from"), Kind.CODE, 12, field("in_force_from")),
        Column(say_later("Until"), Kind.CODE, 12, field("until")),
        Column(say_later("Checked"), Kind.TEXT, 14, worded(word, "status")),
        Column(say_later("Checked at"), Kind.CODE, 12, field("checked_at")),
        Column(say_later("Citation"), Kind.TEXT, 44, worded(say_again, "citation")),
        Column(say_later("Note"), Kind.TEXT, 44, worded(say_again, "note")),
    ),
    "limits": (
        Column(say_later("About"), Kind.TEXT, 24, place(0)),
        Column(say_later("Sentence"), Kind.TEXT, 110, place(1)),
    ),
}


def rows_of(head: Mapping[str, Any], choices: Choices, legal: Mapping[str, int]) -> dict[str, Iterable[Any]]:
    """Rows by sheet, of all but the findings'. legal: on how many findings each entry speaks."""
    figures = head.get("figures") or {}
    entries = head.get("legal") or {}
    return {
        "summary": summary_of(head, choices),
        "sources": head.get("sources") or (),
        "concepts": concepts_of(figures),
        "sellers": figures.get("by_seller") or (),
        "days": figures.get("by_day") or (),
        "quality": head.get("quality") or (),
        "models": head.get("models") or (),
        "rules": head.get("rules") or (),
        "legal": ({"id": name, "findings": legal.get(name, 0)} | entry for name, entry in entries.items()),
        "limits": limits_of(head),
    }


def concepts_of(figures: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """In a report of before, a concept has its number alone."""
    for concept, counts in (figures.get("by_concept") or {}).items():
        yield {"concept": concept, "counts": counts if isinstance(counts, Mapping) else {"all": counts}}


def summary_of(head: Mapping[str, Any], choices: Choices) -> Iterator[tuple[str, str, Any]]:
    """(about, name, value) of each line."""
    figures = head.get("figures") or {}
    for name, value in (*facts_of(head), *file_facts(head, choices)):
        yield say("Report"), name, value
    for name, value in counts_of(figures):
        yield say("Findings"), name, Typed(Kind.COUNT, value)
    for state, count in (figures.get("by_state") or {}).items():
        yield say("By state"), word(state), Typed(Kind.COUNT, count)
    for severity, count in (figures.get("by_severity") or {}).items():
        yield say("By severity"), word(severity), Typed(Kind.COUNT, count)
    for name, kind, value in takedown_facts(figures.get("takedown") or {}):
        yield say("Time to takedown"), name, Typed(kind, value)


def facts_of(head: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    made, corrects = head.get("built_with") or {}, head.get("corrects")
    yield say("Title"), head.get("title")
    yield say("From (UTC)"), Typed(Kind.MOMENT, head.get("from"))
    yield say("To (UTC), not included"), Typed(Kind.MOMENT, head.get("to"))
    yield say("Built at (UTC)"), Typed(Kind.MOMENT, head.get("built_at"))
    yield say("Built by"), head.get("built_by")
    yield say("Built with Tuskline"), made.get("version")
    yield say("Commit"), made.get("commit")
    yield say("Saved filter"), head.get("filters_name")
    for name, value in (head.get("filters") or {}).items():
        yield say("Filter: %(name)s", name=filter_words(name)), str(value)
    if corrects:
        yield say("Corrects report"), Typed(Kind.WHOLE, corrects.get("report"))
        yield say("SHA-256 of the corrected report"), corrects.get("sha256")
        yield say("What was wrong with it"), corrects.get("why")
    yield say("Scans in the period"), Typed(Kind.COUNT, head.get("scans"))
    yield say("Primary model absent"), Typed(Kind.FLAG, head.get("primary_absent"))


def filter_words(name: str) -> str:
    """The name of a filter of the queue's page."""
    words = {
        "q": say("Search listings"),
        "state": say("State"),
        "concept": say("Concept"),
        "severity": say("Severity"),
        "source": say("Source"),
        "rule": say("Rule"),
        "language": say("Language of the listing"),
        "seller": say("Seller"),
        "score_from": say("Score from"),
        "score_to": say("Score to"),
        "found_from": say("Found from"),
        "found_to": say("Found to"),
    }
    return words.get(name, name)


def file_facts(head: Mapping[str, Any], choices: Choices) -> Iterator[tuple[str, Any]]:
    """What this file is made from, and what was chosen for it."""
    yield say("Report number"), Typed(Kind.WHOLE, choices.report_id)
    yield say("SHA-256 of the report"), choices.sha256
    yield say("Format of the report"), head.get("format")
    yield say("People's data"), redaction_words(choices.redaction)
    yield say("Pictures"), picture_choice_words(choices.pictures if choices.shows_pictures else "none")


def redaction_words(level: str) -> str:
    words = {
        "none": say("as recorded"),
        "hashed": say("sellers as a keyed hash, ways to reach people masked"),
        "minimal": say("nothing of sellers and reviewers, no free text"),
    }
    return words.get(level, level)


def picture_choice_words(choice: str) -> str:
    words = {"blurred": say("blurred"), "plain": say("as they are"), "none": say("none")}
    return words.get(choice, choice)


def counts_of(figures: Mapping[str, Any]) -> Iterator[tuple[str, int | None]]:
    names = {
        "findings": say("Findings"),
        "listings": say("Listings"),
        "sellers": say("Sellers"),
        "sellers_left_out": say("Sellers that are not named"),
        "pictures": say("Pictures"),
        "decisions": say("Decisions that stand"),
    }
    return ((title, figures.get(name)) for name, title in names.items())


def takedown_facts(figures: Mapping[str, Any]) -> Iterator[tuple[str, Kind, Any]]:
    yield say("Listings removed"), Kind.COUNT, figures.get("removed")
    yield say("Listings that still stand"), Kind.COUNT, figures.get("standing")
    yield say("A quarter within, in hours"), Kind.HUNDREDTHS, figures.get("quarter_hours")
    yield say("Half within, in hours"), Kind.HUNDREDTHS, figures.get("median_hours")
    yield say("Three quarters within, in hours"), Kind.HUNDREDTHS, figures.get("three_quarter_hours")
    yield say("The longest, in hours"), Kind.HUNDREDTHS, figures.get("longest_hours")


def limits_of(head: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for sentence in head.get("statement") or ():
        yield say("The method"), say_again(sentence)
    for sentence in (head.get("redaction") or {}).get("removed") or ():
        yield say("People's data"), say_again(sentence)


def figure_cell(figure: Mapping[str, Any], name: str) -> Typed:
    """Shares as per cents; misses are listings, and kappa is no share."""
    kind = {"misses": Kind.HUNDREDTHS, "kappa": Kind.HUNDREDTHS}.get(figure["name"], Kind.SHARE)
    return Typed(kind, figure.get(name))


def measured_of(model: Mapping[str, Any], name: str) -> float | None:
    """Of the model's card, where it was measured and is one number."""
    value = field("card", "figures", name)(model)
    return float(value) if isinstance(value, int | float) else None


def hours_of(event: Mapping[str, Any]) -> float | None:
    seconds = event.get("takedown_s")
    return None if seconds is None else round(seconds / 3600, 2)


def lines_of(sentences: Iterable[str]) -> str:
    return "\n".join(map(say_again, sentences))


def listed(words: Iterable[str]) -> str:
    return ", ".join(words)
