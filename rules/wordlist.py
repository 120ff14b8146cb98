"""The lexicon of a pack: a folder `lexicon/` with one YAML file a language."""

import re
from pathlib import Path

from rules.document import Item, read_document
from rules.evidence import CONCEPTS
from rules.faults import Fault, shorten
from rules.lexicon import Kind, Lexicon, Term
from rules.spelling import holds, normalise

LANGUAGE = re.compile(r"[a-z]{2,3}\Z")
STATUSES = ("verified", "unverified")


def read_lexicon(folder: Path, faults: list[Fault]) -> Lexicon:
    """All terms of `folder`'s files; those with a fault are left out, and the fault is in `faults`."""
    terms = [term for path in sorted(folder.glob("*.yaml")) for term in read_language(path, faults)]
    return Lexicon(tuple(terms))


def read_language(path: Path, faults: list[Fault]) -> list[Term]:
    document = read_document(path, faults)
    fields = document.fields(required=("language", "terms")) if document else {}
    language = read_code(fields["language"]) if "language" in fields else None
    entries = fields["terms"].entries() if "terms" in fields else []
    seen: set[str] = set()
    terms = [read_term(entry, language or path.stem, seen) for entry in entries]
    return [term for term in terms if term is not None]


def read_code(item: Item) -> str | None:
    value = item.text()
    if value is None:
        return None
    if not LANGUAGE.match(value):
        item.fault(f"`{shorten(value)}` is not a language code", "two or three small letters, as in `en`")
    elif value != item.path.stem:
        item.fault(f"language `{value}` is not the file's name `{item.path.stem}`", f"rename to {value}.yaml")
    return value


def read_term(item: Item, language: str, seen: set[str]) -> Term | None:
    fields = item.fields(("term", "concepts", "kind", "source"), ("variants", "not", "needs", "status"))
    lists = {key: fields[key].texts() if key in fields else () for key in ("variants", "not", "needs")}
    word = fields["term"].text(max_chars=80) if "term" in fields else None
    concepts = fields["concepts"].choices(CONCEPTS, "concept") if "concepts" in fields else ()
    kind = fields["kind"].choice([*Kind], "kind") if "kind" in fields else None
    source = fields["source"].text() if "source" in fields else None
    status = fields["status"].choice(STATUSES, "status") if "status" in fields else "verified"
    if word is None or kind is None or source is None or status is None or "concepts" not in fields:
        return None
    report_empty(item, fields)
    report_repeats(item, (word, *lists["variants"]), seen)
    report_idle(item, (word, *lists["variants"]), lists["not"])
    return Term(
        language=language,
        term=word,
        variants=lists["variants"],
        concepts=concepts,
        kind=Kind(kind),
        not_in=lists["not"],
        needs=lists["needs"],
        source=source,
        status=status,
    )


def report_empty(item: Item, fields: dict[str, Item]) -> None:
    if not fields["concepts"].node.value:
        item.fault("the term stands for no concept", "list at least one under `concepts:`")
    for key in ("variants", "not", "needs"):
        if key in fields and not fields[key].node.value:
            fields[key].fault(f"`{key}` is empty", "fill it or take it out")


def report_repeats(item: Item, phrases: tuple[str, ...], seen: set[str]) -> None:
    """A phrase that reads the same as an earlier one of this language, or as nothing at all."""
    for phrase in phrases:
        tidy = normalise(phrase).strip()
        if not tidy or tidy in seen:
            why = "comes twice in this file" if tidy else "has no letters to look for"
            item.fault(f"`{shorten(phrase)}` {why}", "case, hyphens and width do not count; take it out")
        seen.add(tidy)


def report_idle(item: Item, phrases: tuple[str, ...], contexts: tuple[str, ...]) -> None:
    """A negative context can only act where the term itself stands in it."""
    tidy = [normalise(phrase).strip() for phrase in phrases]
    for context in contexts:
        if not any(holds(normalise(context), phrase) for phrase in tidy):
            item.fault(f"negative context `{shorten(context)}` does not hold the term", "write the whole phrase")
