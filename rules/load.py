"""A folder of YAML to a Pack: every fault at once, each with its file and line."""

import re
from dataclasses import dataclass, replace
from pathlib import Path

from rules.cascade import Cascade
from rules.cascadefile import CASCADE_NAME, read_cascade
from rules.document import read_document
from rules.engine import pack_digest
from rules.faults import Fault, PackError, suggest
from rules.lexicon import Lexicon
from rules.model import Pack
from rules.rulefile import RuleFile, read_name, read_rule
from rules.wordlist import read_lexicon

__all__ = ["Fault", "PackError", "PackFiles", "find_pack", "load_pack", "read_pack"]

PACKS_DIR = Path(__file__).parent / "packs"
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
    paths = sorted(path for path in folder.glob("*.yaml") if path.name not in ("pack.yaml", CASCADE_NAME))
    taken: dict[str, Path] = {}
    found = [read_rule(path, lexicon, faults, taken) for path in paths]
    rule_files = tuple(rule_file for rule_file in found if rule_file is not None)
    if not paths:
        faults.append(Fault(folder, 1, "the pack has no rule", "add one YAML file a rule beside pack.yaml"))
    pack = None if faults or names is None else build_pack(names, rule_files, lexicon, cascade)
    return PackFiles(folder, pack, rule_files, tuple(sorted(faults)))


def read_names(path: Path, faults: list[Fault]) -> tuple[str, str, str] | None:
    """(id, title, version) of pack.yaml."""
    document = read_document(path, faults)
    if document is None:
        return None
    fields = document.fields(required=("id", "title", "version"))
    pack_id = read_name(fields["id"], "id") if "id" in fields else None
    title = fields["title"].text(max_chars=200) if "title" in fields else None
    version = fields["version"].text(max_chars=40) if "version" in fields else None
    return None if pack_id is None or title is None or version is None else (pack_id, title, version)


def report_strays(folder: Path, faults: list[Fault]) -> None:
    """A file that its writer takes for part of the pack and that would silently not be read."""
    for path in sorted([*folder.glob("*.yml"), *folder.glob("lexicon/*.yml"), *folder.glob("lexicon.yaml")]):
        hint = "move it to lexicon/<language>.yaml" if path.stem == "lexicon" else f"rename to {path.stem}.yaml"
        faults.append(Fault(path, 1, "this file is not read", hint))


def build_pack(
    names: tuple[str, str, str], rule_files: tuple[RuleFile, ...], lexicon: Lexicon, cascade: Cascade
) -> Pack:
    rules = tuple(rule_file.rule for rule_file in rule_files)
    pack = Pack(*names, rules, "", lexicon, cascade)
    return replace(pack, digest=pack_digest(pack))
