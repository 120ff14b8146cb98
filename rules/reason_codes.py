"""Why a reviewer decided as they did: short codes that can be counted, each for the verdicts that it fits."""

from dataclasses import dataclass
from pathlib import Path

from rules.document import Item, read_document
from rules.faults import Fault

REASON_CODES_NAME = "reason_codes.yaml"
VERDICTS = ("confirm", "dismiss", "escalate")
OTHER = "other"


@dataclass(frozen=True, slots=True)
class ReasonCode:
    """verdicts: of `confirm`, `dismiss` and `escalate` those that it may stand for. needs_note: the code alone does
    not say enough. help: one sentence that says when to take it."""

    code: str
    title: str
    verdicts: tuple[str, ...]
    help: str
    needs_note: bool = False


@dataclass(frozen=True, slots=True)
class ReasonCodes:
    """The codes of a pack in the order in which they are offered; empty where it has none."""

    codes: tuple[ReasonCode, ...] = ()

    def for_verdict(self, verdict: str) -> tuple[ReasonCode, ...]:
        return tuple(code for code in self.codes if verdict in code.verdicts)

    def find(self, code: str) -> ReasonCode | None:
        return next((one for one in self.codes if one.code == code), None)


def read_reason_codes(path: Path, faults: list[Fault]) -> ReasonCodes:
    """The codes in `path`; none where there is no such file. Faults are added."""
    found: list[Fault] = []
    document = read_document(path, found) if path.is_file() else None
    fields = document.fields(("reasons",)) if document else {}
    seen: set[str] = set()
    read = [read_reason(item, seen) for item in fields["reasons"].entries()] if "reasons" in fields else []
    codes = ReasonCodes(tuple(code for code in read if code is not None))
    if document is not None and not found:
        report_gaps(document, codes)
    faults.extend(found)
    return codes


def read_reason(item: Item, seen: set[str]) -> ReasonCode | None:
    fields = item.fields(("code", "title", "verdicts", "help"), ("needs_note",))
    code = fields["code"].new_name("code", seen) if "code" in fields else None
    title = fields["title"].text(max_chars=80) if "title" in fields else None
    verdicts = fields["verdicts"].choices(VERDICTS, "verdict") if "verdicts" in fields else ()
    help_text = fields["help"].text(max_chars=300) if "help" in fields else None
    needs_note = fields["needs_note"].truth() if "needs_note" in fields else False
    if "verdicts" in fields and not fields["verdicts"].node.value:
        fields["verdicts"].fault("the reason fits no verdict", "list at least one under `verdicts:`")
    if code is None or title is None or help_text is None or needs_note is None:
        return None
    return ReasonCode(code, title, verdicts, help_text, needs_note)


def report_gaps(document: Item, codes: ReasonCodes) -> None:
    """Nobody may be left without a true reason: `other` fits every verdict, and then a note says why."""
    other = codes.find(OTHER)
    if other is None or set(other.verdicts) != set(VERDICTS) or not other.needs_note:
        hint = f"add the code with `verdicts: [{', '.join(VERDICTS)}]` and `needs_note: true`"
        document.fault(f"`{OTHER}` is missing, or does not fit every verdict with a note", hint)
