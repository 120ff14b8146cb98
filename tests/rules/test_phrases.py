"""A translator gets every text of a pack that people read, and nothing that a program reads."""

from dataclasses import fields, is_dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
import yaml

from rules.load import find_pack, load_pack
from rules.phrases import phrases

PACK = load_pack(find_pack("wildlife"))
PHRASES = phrases(PACK)
# What a program reads, or what a listing says: nobody translates it. Any other key must be known to `phrases`.
MACHINE_KEYS = {
    *("id", "version", "concept", "concepts", "severity", "kind", "status", "language", "languages", "term", "terms"),
    *("variants", "not", "needs", "models", "model", "names", "mode", "primary", "threshold", "currency", "country"),
    *("place", "applies_to", "hosts", "in_force_from", "until", "checked_at", "code", "verdicts", "seller", "price"),
    "lint",
}
LISTING_KEYS = {("examples", "text")}


def leaves(value: Any, keys: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], str]]:
    """Each text of a YAML value with the keys above it."""
    if isinstance(value, dict):
        return [leaf for key, part in value.items() for leaf in leaves(part, (*keys, key))]
    if isinstance(value, list):
        return [leaf for part in value for leaf in leaves(part, keys)]
    return [(keys, value.strip())] if isinstance(value, str) else []


def is_for_people(keys: tuple[str, ...]) -> bool:
    return keys[-1] not in MACHINE_KEYS and (keys[0], keys[-1]) not in LISTING_KEYS


@pytest.mark.parametrize("path", sorted(PACK.folder.rglob("*.yaml")) if PACK.folder else (), ids=lambda path: path.stem)
def test_no_text_of_a_file_is_missed_and_none_is_too_many(path: Path) -> None:
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    wanted = sorted(text for keys, text in leaves(document) if is_for_people(keys))
    assert sorted(phrase.text for phrase in PHRASES if phrase.path == path) == wanted


def texts_in(value: Any) -> set[str]:
    """Every text in the records of a pack, however deep."""
    if isinstance(value, str) and not isinstance(value, Enum):
        return {value}
    if is_dataclass(value) and not isinstance(value, type):
        return {text for one in fields(value) for text in texts_in(getattr(value, one.name))}
    if isinstance(value, dict):
        return {text for part in value.values() for text in texts_in(part)}
    return {text for part in value for text in texts_in(part)} if isinstance(value, list | tuple) else set()


def test_every_sentence_in_the_records_of_the_pack_is_among_them() -> None:
    """Seen from the other side: whatever has blanks in it and is no listing's, no term's and no look-alike's name."""
    known = {phrase.text for phrase in PHRASES}
    words = {word for term in PACK.lexicon.terms for word in (term.term, *term.variants, *term.not_in, *term.needs)}
    words |= {name for counter in PACK.cascade.counters for name in counter.names}
    listings = {rule_example.evidence.text for rule in PACK.rules for rule_example in rule.examples}
    rules = [replace(rule, when=None) for rule in PACK.rules]  # type: ignore[arg-type]
    sources = [(term.source, *term.needs) for term in PACK.lexicon.terms]
    found = texts_in([rules, sources, PACK.law, PACK.look_alikes, PACK.reason_codes, PACK.title])
    assert {text for text in found if " " in text} - known - words - listings == set()


def test_a_phrase_says_where_it_stands() -> None:
    for text, path, line in PHRASES:
        lines = path.read_text(encoding="utf-8").splitlines()
        assert text[:12] in lines[line - 1] or lines[line - 1].rstrip().endswith(("|", ">", ">-")), (path, line)


def test_titles_bases_questions_and_reasons_are_among_them() -> None:
    known = {phrase.text for phrase in PHRASES}
    for rule in PACK.rules:
        assert {rule.title, *rule.citations, *(threshold.basis for threshold in rule.thresholds.values())} <= known
        assert {example.name for example in rule.examples} <= known
    for entry in PACK.law.entries:
        assert {entry.text, entry.citation, entry.place_name, *entry.questions} <= known
    for code in PACK.reason_codes.codes:
        assert {code.title, code.help} <= known


def test_a_pack_from_no_folder_is_refused() -> None:
    with pytest.raises(ValueError, match="folder"):
        phrases(replace(PACK, folder=None))
