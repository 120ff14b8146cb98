"""Every text of a pack that people read, with its place: what a translator gets to see.

Read from the files once more, because the records of a pack do not know their lines.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import yaml

from rules.document import Item, read_document
from rules.faults import Fault, PackError
from rules.model import Pack

RULE_KEYS = frozenset({"title", "basis", "citations", "name", "reason"})
# By the first part of a file's path inside the pack; what is not named here is a rule.
KEYS: Mapping[str, frozenset[str]] = {
    "pack.yaml": frozenset({"title"}),
    "cascade.yaml": frozenset({"basis"}),
    "lexicon": frozenset({"source"}),
    "law": frozenset({"name", "text", "questions", "citation", "note"}),
    "look_alikes.yaml": frozenset({"note", "note_source", "name", "text", "cues", "source"}),
    "reason_codes.yaml": frozenset({"title", "help"}),
}


class Phrase(NamedTuple):
    """One text, as the pack's records hold it. line: counts from 1, where the text begins."""

    text: str
    path: Path
    line: int


def phrases(pack: Pack) -> list[Phrase]:
    """Every text of the pack that people read, each as often as it stands, in the order of files and lines.

    A threshold that a person changed has a basis that is made up by the engine; the files hold the rest. Raises
    PackError where a file can't be read any more, ValueError for a pack that was read from no folder.
    """
    if pack.folder is None:
        raise ValueError(f"The pack {pack.id} was not read from a folder.")
    return [phrase for path in sorted(pack.folder.rglob("*.yaml")) for phrase in file_phrases(pack.folder, path)]


def file_phrases(folder: Path, path: Path) -> list[Phrase]:
    faults: list[Fault] = []
    document = read_document(path, faults)
    if document is None:
        raise PackError(faults)
    keys = KEYS.get(path.relative_to(folder).parts[0], RULE_KEYS)
    return list(find_texts(document, keys))


def find_texts(item: Item, keys: frozenset[str], is_text: bool = False) -> Iterator[Phrase]:
    """The texts below the item that stand under one of `keys`, alone or in a list."""
    node = item.node
    if isinstance(node, yaml.MappingNode):
        for key, _, value in item.pairs():
            yield from find_texts(value, keys, key in keys)
    elif isinstance(node, yaml.SequenceNode):
        for entry in item.entries():
            yield from find_texts(entry, keys, is_text)
    elif is_text and (text := str(node.value).strip()):
        yield Phrase(text, item.path, item.line)
