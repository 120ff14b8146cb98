"""A folder of YAML to a Pack: every fault at once, each with its file and line."""

import re
from dataclasses import dataclass, replace
from pathlib import Path

from rules.cascadefile import CASCADE_NAME, read_cascade
from rules.document import read_document
from rules.engine import pack_digest
from rules.faults import Fault, PackError, suggest
from rules.lawfile import read_law
from rules.lexicon import Lexicon
from rules.look_alikes import LOOK_ALIKES_NAME, read_look_alikes
from rules.model import Pack
from rules.reason_codes import REASON_CODES_NAME, read_reason_codes
from rules.rulefile import RuleFile, read_rule
from rules.wordlist import read_lexicon

__all__ = ["Fault", "PackError", "PackFiles", "find_pack", "load_pack", "read_pack"]

PACKS_DIR = Path(__file__).parent / "packs"
NO_RULES = ("pack.yaml", CASCADE_NAME, LOOK_ALIKES_NAME, REASON_CODES_NAME)
STRAY_HINTS = {
    "lexicon.yaml": "move it to lexicon/<language>.yaml",
    "lexicon.yml": "move it to lexicon/<language>.yaml",
    "law.yaml": "move it to law/<place>.yaml",
    "law.yml": "move it to law/<place>.yaml",
}
PACK_NAME = re.compile(r"[a-z][a-z0-9_-]*\Z")


@dataclass(frozen=True, slots=True)
class PackFiles:
    """What was read of a folder. pack: None where there is any fault; rule_files: the rules without a fault."""

    folder: Path
    pack: Pack | None
    rule_files: tuple[RuleFile, ...]
    faults: tuple[Fault, ...]


def find_pack(name: str) -> Path:
    """The folder of a pack that comes with Tuskline ("wildlife"), or of one of your own (a path).

    Raises PackError where there is none.
    """
    shipped = PACKS_DIR / name
    if PACK_NAME.match(name) and (shipped / "pack.yaml").is_file():
        return shipped
    folder = Path(name)
    if name and "\0" not in name and (folder / "pack.yaml").is_file():
        return folder
    known = [path.parent.name for path in PACKS_DIR.glob("*/pack.yaml")]
    hint = f"{suggest(name, known)} A pack of your own is a folder with a pack.yaml"
    raise PackError([Fault(folder, 1, "there is no such pack", hint.strip())])


def load_pack(folder: Path) -> Pack:
    """The pack in `folder`. Raises PackError with all faults of all its files at once."""
    files = read_pack(folder)
    if files.pack is None:
        raise PackError(files.faults)
    return files.pack


def read_pack(folder: Path) -> PackFiles:
    """The pack in `folder`, or as much of it as could be read and every fault; never raises."""
    faults: list[Fault] = []
    names = read_names(folder / "pack.yaml", faults)
    report_strays(folder, faults)
    lexicon = read_lexicon(folder / "lexicon", faults)
    cascade = read_cascade(folder / CASCADE_NAME, lexicon, faults)
    law = read_law(folder, faults)
    look_alikes = read_look_alikes(folder / LOOK_ALIKES_NAME, faults)
    reason_codes = read_reason_codes(folder / REASON_CODES_NAME, faults)
    rule_files = read_rules(folder, lexicon, faults)
    pack = None
    if names is not None and not faults:
        rules = tuple(rule_file.rule for rule_file in rule_files)
        pack = Pack(*names, rules, "", lexicon, cascade, law, look_alikes, reason_codes, folder)
        pack = replace(pack, digest=pack_digest(pack))
    return PackFiles(folder, pack, rule_files, tuple(sorted(faults)))


def read_rules(folder: Path, lexicon: Lexicon, faults: list[Fault]) -> tuple[RuleFile, ...]:
    """The rules without a fault."""
    paths = sorted(path for path in folder.glob("*.yaml") if path.name not in NO_RULES)
    taken: dict[str, Path] = {}
    found = [read_rule(path, lexicon, faults, taken) for path in paths]
    if not paths:
        faults.append(Fault(folder, 1, "the pack has no rule", "add one YAML file a rule beside pack.yaml"))
    return tuple(rule_file for rule_file in found if rule_file is not None)


def read_names(path: Path, faults: list[Fault]) -> tuple[str, str, str] | None:
    """(id, title, version) of pack.yaml."""
    document = read_document(path, faults)
    if document is None:
        return None
    fields = document.fields(required=("id", "title", "version"))
    pack_id = fields["id"].name("id") if "id" in fields else None
    title = fields["title"].text(max_chars=200) if "title" in fields else None
    version = fields["version"].text(max_chars=40) if "version" in fields else None
    return None if pack_id is None or title is None or version is None else (pack_id, title, version)


def report_strays(folder: Path, faults: list[Fault]) -> None:
    """A file that its writer takes for part of the pack and that would silently not be read."""
    late = ("*.yml", "lexicon/*.yml", "law/*.yml", "law/platforms/*.yml", "lexicon.yaml", "law.yaml")
    for path in sorted(path for pattern in late for path in folder.glob(pattern)):
        hint = STRAY_HINTS.get(path.name, f"rename to {path.stem}.yaml")
        faults.append(Fault(path, 1, "this file is not read", hint))
