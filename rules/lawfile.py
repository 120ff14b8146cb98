"""law/*.yaml to a Law: one file a place; see docs/rules.md for its words."""

import calendar
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import yaml

from rules.document import TEXT, WHOLE, Item, read_document
from rules.evidence import CONCEPTS
from rules.faults import Fault, shorten
from rules.law import Law, LawDate, LawEntry, LawKind
from rules.wordlist import STATUSES

LAW_FOLDER = "law"
PLATFORM_FOLDER = "platforms"
ALL_CONCEPTS = "all"
COUNTRY = re.compile(r"[A-Z]{2}\Z")
HOST = re.compile(r"(?:[a-z0-9-]{1,63}\.)+[a-z]{2,63}\Z")
DATE = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?\Z")
TIMESTAMP = "tag:yaml.org,2002:timestamp"
PLACE_REQUIRED = ("place", "name", "kind", "entries")
PLACE_OPTIONAL = ("applies_to", "hosts")
ENTRY_REQUIRED = ("id", "concepts", "text", "citation", "status")
ENTRY_OPTIONAL = ("questions", "in_force_from", "until", "checked_at", "note")


@dataclass(frozen=True, slots=True)
class Place:
    """The head of a file: whose entries they are, and where they speak."""

    code: str
    name: str
    kind: LawKind
    countries: tuple[str, ...]
    hosts: tuple[str, ...]


def read_law(folder: Path, faults: list[Fault]) -> Law:
    """All entries of the pack's `law` folder; those with a fault are left out, and the fault is in `faults`."""
    taken: dict[str, Path] = {}
    return Law(tuple(entry for path in law_paths(folder) for entry in read_place(path, faults, taken)))


def law_paths(folder: Path) -> list[Path]:
    law = folder / LAW_FOLDER
    return [*sorted(law.glob("*.yaml")), *sorted((law / PLATFORM_FOLDER).glob("*.yaml"))]


def read_place(path: Path, faults: list[Fault], taken: dict[str, Path]) -> list[LawEntry]:
    """The entries of one file. taken: the ids of the files read before; the file's own are added."""
    document = read_document(path, faults)
    fields = document.fields(PLACE_REQUIRED, PLACE_OPTIONAL) if document else {}
    place = read_head(fields)
    items = fields["entries"].entries() if "entries" in fields else []
    if "entries" in fields and not items:
        fields["entries"].fault("the file has no entry", "add one, or take the file out")
    entries = [read_entry(item, place, taken) for item in items]
    return [entry for entry in entries if entry is not None]


def read_head(fields: Mapping[str, Item]) -> Place | None:
    name = fields["name"].text(max_chars=80) if "name" in fields else None
    kind = fields["kind"].choice([*LawKind], "kind") if "kind" in fields else None
    if kind is None:
        return None
    code = read_place_code(fields["place"], LawKind(kind)) if "place" in fields else None
    countries = read_countries(fields, LawKind(kind), code)
    hosts = read_hosts(fields, LawKind(kind))
    return None if code is None or name is None else Place(code, name, LawKind(kind), countries, hosts)


def read_place_code(item: Item, kind: LawKind) -> str | None:
    value = item.text(max_chars=80)
    if value is None:
        return None
    if kind is LawKind.LAW and not COUNTRY.match(value):
        item.fault(f"place `{shorten(value)}` is no country code", "two capitals, as in GB; EU for the European Union")
        return None
    if kind is not LawKind.LAW and item.name("place") is None:
        return None
    if value.lower() != item.path.stem:
        item.fault(f"place `{value}` is not the file's name `{item.path.stem}`", f"rename to {value.lower()}.yaml")
    return value


def read_countries(fields: Mapping[str, Item], kind: LawKind, code: str | None) -> tuple[str, ...]:
    if "applies_to" not in fields:
        return (code,) if code is not None and kind is LawKind.LAW else ()
    item = fields["applies_to"]
    if kind is not LawKind.LAW:
        item.fault(f"a {kind} has no countries", "take `applies_to:` out")
    countries = item.texts()
    for country in countries:
        if not COUNTRY.match(country):
            item.fault(f"`{shorten(country)}` is no country code", "two capitals, as in GB")
    return countries


def read_hosts(fields: Mapping[str, Item], kind: LawKind) -> tuple[str, ...]:
    if "hosts" not in fields:
        if kind is LawKind.PLATFORM:
            fields["kind"].fault("a platform needs `hosts`", "list its domains, as in ebay.com")
        return ()
    item = fields["hosts"]
    if kind is not LawKind.PLATFORM:
        item.fault(f"a {kind} has no hosts", "take `hosts:` out")
    hosts = item.texts()
    for host in hosts:
        if not HOST.match(host):
            item.fault(f"`{shorten(host)}` is no domain", "small letters without `https://`, as in ebay.com")
    return hosts


def read_entry(item: Item, place: Place | None, taken: dict[str, Path]) -> LawEntry | None:
    fields = item.fields(ENTRY_REQUIRED, ENTRY_OPTIONAL)
    entry_id = read_entry_id(fields["id"], taken) if "id" in fields else None
    concepts = read_concepts(fields["concepts"]) if "concepts" in fields else ()
    text = read_rule_text(fields["text"]) if "text" in fields else None
    questions = read_questions(fields["questions"]) if "questions" in fields else ()
    citation = fields["citation"].text(max_chars=500) if "citation" in fields else None
    status = fields["status"].choice(STATUSES, "status") if "status" in fields else None
    begins, ends, checked = (read_key_date(fields, key) for key in ("in_force_from", "until", "checked_at"))
    note = fields["note"].text(max_chars=500) if "note" in fields else ""
    report_times(item, begins, ends)
    report_check(item, status, checked, "checked_at" in fields)
    if place is None or entry_id is None or text is None or citation is None or status is None or note is None:
        return None
    return LawEntry(
        id=entry_id,
        kind=place.kind,
        place=place.code,
        place_name=place.name,
        concepts=concepts,
        text=text,
        questions=questions,
        citation=citation,
        status=status,
        checked_at=checked,
        in_force_from=begins,
        until=ends,
        note=note,
        countries=place.countries,
        hosts=place.hosts,
        path=item.path,
    )


def read_entry_id(item: Item, taken: dict[str, Path]) -> str | None:
    value = item.name("id")
    if value in taken:
        item.fault(f"id `{value}` is taken in {taken[value].name}", "give each entry its own id")
    if value is not None:
        taken.setdefault(value, item.path)
    return value


def read_concepts(item: Item) -> tuple[str, ...]:
    """Concepts by name; `[all]` stands for every one."""
    concepts = item.choices((*CONCEPTS, ALL_CONCEPTS), "concept")
    if not item.node.value:
        item.fault("the entry speaks of no concept", "list at least one, or `[all]`")
    return CONCEPTS if ALL_CONCEPTS in concepts else concepts


def read_rule_text(item: Item) -> str | None:
    text = item.text(max_chars=500)
    if text is not None and not text.endswith("."):
        item.fault("the text is no sentence", "write one sentence that ends with a full stop")
    return text


def read_questions(item: Item) -> tuple[str, ...]:
    questions = item.texts()
    for entry, question in zip(item.entries(), questions, strict=False):
        if not question.endswith("?"):
            entry.fault(f"`{shorten(question)}` is no question", "ask what the legality depends on, with a `?`")
    return questions


def read_key_date(fields: Mapping[str, Item], key: str) -> LawDate | None:
    return read_date(fields[key]) if key in fields else None


def read_date(item: Item) -> LawDate | None:
    """A day, a month or a year, as far as it is known."""
    is_scalar = isinstance(item.node, yaml.ScalarNode) and item.node.tag in (TEXT, WHOLE, TIMESTAMP)
    match = DATE.match(str(item.node.value)) if is_scalar else None
    found = make_date(*match.groups()) if match else None
    if found is None:
        item.fault(f"{item.shown} is no date", "write 2022-06-06, 2022-06 or 2022")
    return found


def make_date(year: str, month: str | None, day: str | None) -> LawDate | None:
    written = "-".join(part for part in (year, month, day) if part)
    try:
        first = date(int(year), int(month or 1), int(day or 1))
    except ValueError:
        return None
    last_month = int(month or 12)
    last_day = int(day or calendar.monthrange(first.year, last_month)[1])
    return LawDate(first, date(first.year, last_month, last_day), written)


def report_times(item: Item, begins: LawDate | None, ends: LawDate | None) -> None:
    if begins is not None and ends is not None and begins.first > ends.last:
        item.fault(f"no day is from {begins} until {ends}", "swap the two")


def report_check(item: Item, status: str | None, checked: LawDate | None, is_given: bool) -> None:
    """A check has a date, and what nobody checked has none."""
    if status == "verified" and checked is None and not is_given:
        item.fault("a verified entry says when it was checked", "add `checked_at:`, or write `status: unverified`")
    if status == "unverified" and checked is not None:
        item.fault("an unverified entry was not checked", "take `checked_at:` out, or write `status: verified`")
