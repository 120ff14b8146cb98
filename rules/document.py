"""A YAML file as values that know their line. A hostile file is a fault, never a crash or a hang."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path

import yaml

from rules.faults import Fault, shorten, suggest

MAX_BYTES = 128 * 1024
MAX_DEPTH = 16
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
TEXT, WHOLE, FRACTION, TRUTH = (f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool"))
NAME = re.compile(r"[a-z][a-z0-9_]{0,79}\Z")
NAME_HINT = "small letters, digits and `_`, at most 80, a letter first"
# What PyYAML lets through besides its own error, e.g. for an escape beyond Unicode.
YAML_ERRORS = (yaml.YAMLError, ValueError, OverflowError)


@dataclass(frozen=True, slots=True)
class Item:
    """One value of a file. Reading it as the wrong type adds a fault and gives None or nothing; it never raises."""

    node: yaml.Node
    path: Path
    faults: list[Fault]

    @property
    def line(self) -> int:
        return int(self.node.start_mark.line) + 1

    @property
    def shown(self) -> str:
        if isinstance(self.node, yaml.ScalarNode):
            return f"`{shorten(self.node.value)}`"
        return "a list" if isinstance(self.node, yaml.SequenceNode) else "a mapping"

    def fault(self, message: str, hint: str = "") -> None:
        self.faults.append(Fault(self.path, self.line, message, hint))

    def text(self, max_chars: int = 2000) -> str | None:
        """The value as text without blanks around it; 1 to `max_chars` characters."""
        if self.node.tag != TEXT or not isinstance(self.node, yaml.ScalarNode):
            is_scalar = isinstance(self.node, yaml.ScalarNode)
            self.fault(f"{self.shown} must be text", "put it in quotes" if is_scalar else "")
            return None
        value = str(self.node.value).strip()
        if not value or len(value) > max_chars:
            self.fault("the text is empty" if not value else f"the text is longer than {max_chars} characters")
            return None
        return value if self._is_clean(value) else None

    def _is_clean(self, value: str) -> bool:
        is_clean = all(char in "\n\t" or (char >= " " and not "\ud800" <= char <= "\udfff") for char in value)
        if not is_clean:
            self.fault("the text holds a control character", "take it out")
        return is_clean

    def name(self, noun: str) -> str | None:
        """The value as a name that files and addresses can bear; `noun` says in the fault what it names ("id")."""
        value = self.text()
        if value is not None and not NAME.match(value):
            self.fault(f"{noun} `{shorten(value)}` is not a name", NAME_HINT)
            return None
        return value

    def new_name(self, noun: str, seen: set[str]) -> str | None:
        """A name that is not in `seen` yet; it is added. One that comes again is a fault, and is given all the same."""
        value = self.name(noun)
        if value in seen:
            self.fault(f"{noun} `{value}` comes twice in this file", f"give each entry its own {noun}")
        if value is not None:
            seen.add(value)
        return value

    def share(self) -> float | None:
        """The value as a number in [0, 1]."""
        number = self.decimal()
        if number is not None and not 0 <= number <= 1:
            self.fault(f"{self.shown} is outside 0 to 1", "scores and thresholds are shares: 0.30, not 30")
            return None
        return None if number is None else float(number)

    def decimal(self) -> Decimal | None:
        """The value as a finite number, exactly as written (bare or in quotes)."""
        if isinstance(self.node, yaml.ScalarNode) and self.node.tag in (TEXT, WHOLE, FRACTION):
            try:
                number = Decimal(self.node.value)
            except InvalidOperation:
                number = Decimal("NaN")
            if number.is_finite() and abs(number) < Decimal("1e18"):
                return number
        self.fault(f"{self.shown} must be a number")
        return None

    def truth(self) -> bool | None:
        if self.node.tag == TRUTH and isinstance(self.node, yaml.ScalarNode):
            return str(self.node.value).lower() in ("true", "yes", "on")
        self.fault(f"{self.shown} must be true or false")
        return None

    def choice(self, known: Collection[str], noun: str) -> str | None:
        """The value as one of `known`; `noun` names it in the fault ("severity")."""
        value = self.text()
        if value is not None and value not in known:
            self.fault(f"unknown {noun} `{shorten(value)}`", suggest(value, known))
            return None
        return value

    def entries(self) -> list["Item"]:
        if not isinstance(self.node, yaml.SequenceNode):
            self.fault(f"{self.shown} must be a list", "begin each entry with `- `")
            return []
        return [Item(node, self.path, self.faults) for node in self.node.value]

    def texts(self) -> tuple[str, ...]:
        return tuple(text for entry in self.entries() if (text := entry.text()) is not None)

    def choices(self, known: Collection[str], noun: str) -> tuple[str, ...]:
        return tuple(value for entry in self.entries() if (value := entry.choice(known, noun)) is not None)

    def pairs(self) -> Iterator[tuple[str, "Item", "Item"]]:
        """Each (key, key's item, value's item) of a mapping; a key that is no text or comes twice is a fault."""
        if not isinstance(self.node, yaml.MappingNode):
            self.fault(f"{self.shown} must be a mapping", "write `key: value`")
            return
        seen: set[str] = set()
        for key_node, value_node in self.node.value:
            key_item = Item(key_node, self.path, self.faults)
            key = key_item.text()
            if key is not None and key in seen:
                key_item.fault(f"key `{shorten(key)}` comes twice", "keep one of them")
            elif key is not None:
                seen.add(key)
                yield key, key_item, Item(value_node, self.path, self.faults)

    def key_lines(self) -> dict[str, int]:
        """The line of each key of a mapping; adds no fault."""
        pairs = self.node.value if isinstance(self.node, yaml.MappingNode) else []
        return {str(key.value).strip(): key.start_mark.line + 1 for key, _ in pairs}

    def fields(self, required: Collection[str], optional: Collection[str] = ()) -> dict[str, "Item"]:
        """The values of a mapping by key; unknown and missing keys are faults."""
        known, found = {*required, *optional}, dict[str, Item]()
        for key, key_item, item in self.pairs():
            if key in known:
                found[key] = item
            else:
                key_item.fault(f"unknown key `{shorten(key)}`", suggest(key, known))
        if isinstance(self.node, yaml.MappingNode):
            for key in required:
                if key not in found:
                    self.fault(f"`{key}` is missing", f"add `{key}:`")
        return found


def read_document(path: Path, faults: list[Fault]) -> Item | None:
    """The file's one value; None where it cannot be read, and then why is in `faults`."""
    text = read_text(path, faults)
    if text is None:
        return None
    try:
        refused = find_hostile(text)
        node = None if refused else yaml.compose(text, Loader=LOADER)
    except YAML_ERRORS as error:
        faults.append(syntax_fault(path, text, error))
        return None
    if refused:
        faults.append(Fault(path, *refused))
    elif node is None:
        faults.append(Fault(path, 1, "the file is empty", "see docs/rules.md for what belongs in it"))
    return None if node is None else Item(node, path, faults)


def read_text(path: Path, faults: list[Fault]) -> str | None:
    try:
        if not path.is_file():
            raise OSError("it is no file")
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise OSError(f"it is larger than {MAX_BYTES // 1024} KiB")
        return content.decode("utf-8-sig")
    except OSError as error:
        faults.append(Fault(path, 1, f"cannot be read: {error.strerror or error}"))
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        faults.append(Fault(path, line, "the text is not UTF-8", "save the file as UTF-8"))
    return None


def find_hostile(text: str) -> tuple[int, str, str] | None:
    """What a rule file never needs and a bomb does, as (line, message, hint); found before anything is built."""
    depth = 0
    for event in yaml.parse(text, Loader=LOADER):
        line = event.start_mark.line + 1 if event.start_mark else 1
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            return line, f"nested deeper than {MAX_DEPTH} levels", "make it flatter"
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            return line, "anchors and aliases (`&`, `*`) are not allowed", "write the value out, or put it in quotes"
        if getattr(event, "tag", None):
            return line, "tags (`!`) are not allowed", "write plain values, or put the value in quotes"
    return None


def syntax_fault(path: Path, text: str, error: Exception) -> Fault:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    line = mark.line + 1 if mark else text[: getattr(error, "position", 0)].count("\n") + 1
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "it cannot be read"
    return Fault(path, line, f"YAML syntax: {problem}", "look at this line and the one above it")
