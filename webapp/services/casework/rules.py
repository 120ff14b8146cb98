"""The rules of a case: the pack's files where they are those that judged, and the thresholds of that time."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from rules.engine import with_thresholds
from rules.load import PackError
from rules.model import Pack
from webapp.language import say
from webapp.models import ThresholdChange
from webapp.services.casework.parts import Gathering
from webapp.services.describing import stamp
from webapp.services.packs import kept_pack
from webapp.services.rules import changes_after
from webapp.settings import Settings

UNSAFE = re.compile(r"[^A-Za-z0-9_./-]")
MOST_LETTERS = 150


@dataclass(frozen=True, slots=True)
class PackThen:
    """A pack as it was in force once: the files of today under the changes of before."""

    pack: Pack
    changes: Sequence[ThresholdChange]


class Packs:
    """Every state that the pack's files of today had under the thresholds that people set one after the other."""

    def __init__(self, session: Session, settings: Settings) -> None:
        self._session = session
        self._settings = settings

    @cached_property
    def today(self) -> Pack | None:
        """As its files say it; None where they can't be read."""
        try:
            return kept_pack(self._settings.pack)
        except PackError:
            return None

    @cached_property
    def by_digest(self) -> dict[str, PackThen]:
        if self.today is None:
            return {}
        people = (joinedload(ThresholdChange.user), joinedload(ThresholdChange.approved_by))
        made = self._session.scalars(select(ThresholdChange).order_by(ThresholdChange.id).options(*people)).all()
        found: dict[str, PackThen] = {}
        for count in range(len(made) + 1):
            pack = with_thresholds(self.today, changes_after(made[:count]))
            found.setdefault(pack.digest, PackThen(pack, made[:count]))
        return found


def copy_packs(gathering: Gathering, packs: Packs, digests: Iterable[str]) -> list[dict[str, Any]]:
    """What is known of each pack that judged here."""
    gathering.tell("copying the rules", 0, None)
    return [copy_pack(gathering, packs, digest) for digest in sorted(set(digests))]


def copy_pack(gathering: Gathering, packs: Packs, digest: str) -> dict[str, Any]:
    folder = f"rules/{digest[:12]}"
    then = packs.by_digest.get(digest)
    if then is None or then.pack.folder is None:
        why = say("The pack's files are no longer those that judged: the findings' own reasons tell what was asked.")
        gathering.packing.add_json(f"{folder}/gone.json", "a rule pack that is gone", {"digest": digest, "why": why})
        gathering.miss(f"pack {digest}", why)
        return {"digest": digest, "folder": folder, "gone": why}
    root, pack = then.pack.folder, then.pack
    taken: set[str] = set()
    for path in sorted(root.rglob("*.yaml")):
        name = plain_name(path.relative_to(root).as_posix(), taken)
        gathering.packing.add(f"{folder}/{name}", "application/yaml", "a file of the rule pack", [path.read_bytes()])
    facts = {"id": pack.id, "title": pack.title, "version": pack.version, "digest": digest}
    gathering.packing.add_json(f"{folder}/thresholds.json", "thresholds in force then", facts | describe_state(then))
    return facts | {"folder": folder, "gone": None}


def plain_name(name: str, taken: set[str]) -> str:
    """A name that every system can have, and that is not in `taken` yet, whatever the case of its letters."""
    plain = "/".join(part.strip(".") or "_" for part in UNSAFE.sub("_", name).split("/"))
    if len(plain) > MOST_LETTERS or plain.lower() in taken:
        plain = f"file-{sha256(name.encode()).hexdigest()[:16]}.yaml"
    taken.add(plain.lower())
    return plain


def describe_state(then: PackThen) -> dict[str, Any]:
    return {
        "rules": {
            rule.id: {
                "version": rule.version,
                "concept": rule.concept,
                "severity": rule.severity.value,
                "citations": list(rule.citations),
                "thresholds": {
                    name: {"value": one.value, "basis": one.basis} for name, one in sorted(rule.thresholds.items())
                },
            }
            for rule in then.pack.rules
        },
        "changes": [describe_change(change) for change in then.changes],
    }


def describe_change(row: ThresholdChange) -> dict[str, Any]:
    same = ("rule", "version", "threshold", "value", "reason", "shadow_run_id", "restores_version")
    return {name: getattr(row, name) for name in same} | {
        "by": row.user.name,
        "approved_by": row.approved_by.name if row.approved_by else None,
        "at": stamp(row.changed_at),
    }
