"""What a concept is taken for, and what to look at: a checklist for reviewers, no test of the pictures."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rules.document import Item, read_document
from rules.evidence import CONCEPTS
from rules.faults import Fault
from rules.wordlist import STATUSES

LOOK_ALIKES_NAME = "look_alikes.yaml"
SEEN = tuple(concept for concept in CONCEPTS if concept != "other")
REQUIRED = ("id", "concepts", "source", "status")


@dataclass(frozen=True, slots=True)
class Cue:
    """One thing to look at in a picture. status: `unverified` where no source that was read says so."""

    id: str
    concepts: tuple[str, ...]
    text: str
    source: str
    status: str


@dataclass(frozen=True, slots=True)
class LookAlike:
    """Another thing that passes for a concept; cues: how it differs, in a sentence each (may be none)."""

    id: str
    concepts: tuple[str, ...]
    name: str
    cues: tuple[str, ...]
    source: str
    status: str


@dataclass(frozen=True, slots=True)
class Checklist:
    """All that a reviewer is to look at for one concept. note: what looking at a picture can't settle."""

    concept: str
    note: str
    note_source: str
    cues: tuple[Cue, ...]
    confusers: tuple[LookAlike, ...]


@dataclass(frozen=True, slots=True)
class LookAlikes:
    """The look-alikes of a pack; empty where it has none."""

    note: str = ""
    note_source: str = ""
    cues: tuple[Cue, ...] = ()
    confusers: tuple[LookAlike, ...] = ()

    def checklist(self, concept: str) -> Checklist:
        """What to look at for the concept; without cues and confusers where the pack says nothing of it."""
        return Checklist(
            concept,
            self.note,
            self.note_source,
            tuple(cue for cue in self.cues if concept in cue.concepts),
            tuple(one for one in self.confusers if concept in one.concepts),
        )


def read_look_alikes(path: Path, faults: list[Fault]) -> LookAlikes:
    """The look-alikes in `path`; none where there is no such file. Faults are added."""
    document = read_document(path, faults) if path.is_file() else None
    if document is None:
        return LookAlikes()
    fields = document.fields(("note", "note_source", "cues", "confusers"))
    seen: set[str] = set()
    cues = [read_cue(item, seen) for item in fields["cues"].entries()] if "cues" in fields else []
    others = [read_look_alike(item, seen) for item in fields["confusers"].entries()] if "confusers" in fields else []
    return LookAlikes(
        (fields["note"].text() if "note" in fields else None) or "",
        (fields["note_source"].text() if "note_source" in fields else None) or "",
        tuple(cue for cue in cues if cue is not None),
        tuple(other for other in others if other is not None),
    )


def read_cue(item: Item, seen: set[str]) -> Cue | None:
    fields = item.fields((*REQUIRED, "text"))
    common = read_common(fields, seen)
    text = fields["text"].text(max_chars=500) if "text" in fields else None
    return None if common is None or text is None else Cue(text=text, **common)


def read_look_alike(item: Item, seen: set[str]) -> LookAlike | None:
    fields = item.fields((*REQUIRED, "name"), ("cues",))
    common = read_common(fields, seen)
    name = fields["name"].text(max_chars=120) if "name" in fields else None
    cues = fields["cues"].texts() if "cues" in fields else ()
    return None if common is None or name is None else LookAlike(name=name, cues=cues, **common)


def read_common(fields: Mapping[str, Item], seen: set[str]) -> dict[str, Any] | None:
    """id, concepts, source and status, which every entry has; ids are told apart by `seen`."""
    entry_id = fields["id"].new_name("id", seen) if "id" in fields else None
    concepts = fields["concepts"].choices(SEEN, "concept") if "concepts" in fields else ()
    source = fields["source"].text(max_chars=500) if "source" in fields else None
    status = fields["status"].choice(STATUSES, "status") if "status" in fields else None
    if "concepts" in fields and not fields["concepts"].node.value:
        fields["concepts"].fault("the entry stands for no concept", "list at least one under `concepts:`")
    if entry_id is None or source is None or status is None:
        return None
    return {"id": entry_id, "concepts": concepts, "source": source, "status": status}
