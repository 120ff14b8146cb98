"""What a measurement comes to: tables, targets beside what was measured, and both written as JSON and as one page."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

FORMAT = 1
PAGE = "table.md"
Value = float | int | str | None


@dataclass(slots=True)
class Table:
    """rows: by column; a column that a row lacks stays empty. note: how to read it."""

    title: str
    columns: Sequence[str]
    rows: list[Mapping[str, Value]] = field(default_factory=list)
    note: str = ""


@dataclass(frozen=True, slots=True)
class Target:
    """One promise and what came of it. measured: None where it could not be; why: then the reason, else the cost.

    rounds: the single values of which `measured` is the median, where there are several.
    """

    name: str
    wanted: float
    measured: float | None
    sense: Literal["at least", "at most"] = "at least"
    unit: str = ""
    why: str = ""
    rounds: Sequence[float] = ()

    @property
    def met(self) -> bool | None:
        if self.measured is None:
            return None
        return self.measured >= self.wanted if self.sense == "at least" else self.measured <= self.wanted


@dataclass(slots=True)
class Part:
    """One part of the benchmark. notes: whole sentences for people. machine, options: what it was measured on, how."""

    name: str
    title: str
    tables: list[Table] = field(default_factory=list)
    targets: list[Target] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    machine: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """JSON values only; `format` counts up when a field changes its meaning or goes."""
        targets = [{**asdict(target), "met": target.met} for target in self.targets]
        return {"format": FORMAT, **asdict(self), "targets": targets}


def write_part(part: Part, folder: Path, name: str | None = None) -> Path:
    """Write folder/NAME.json, whole or not at all, and the page of all that lies there."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name or part.name}.json"
    aside = path.with_suffix(".part")
    aside.write_text(json.dumps(part.to_json(), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    aside.replace(path)
    write_page(folder)
    return path


def write_page(folder: Path) -> None:
    """Make folder/table.md anew of every part's JSON there."""
    parts = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]
    (folder / PAGE).write_text(show_page(parts), encoding="utf-8")


def show_page(parts: Sequence[Mapping[str, Any]]) -> str:
    lines = ["# Measured", ""]
    targets = [(part, target) for part in parts for target in part["targets"]]
    if targets:
        lines += ["## Targets", "", *show_targets(targets), ""]
    for part in parts:
        lines += show_part(part)
    return "\n".join(lines).rstrip() + "\n"


def show_part(part: Mapping[str, Any]) -> list[str]:
    lines = [f"## {part['title']}", "", *_show_machine(part), ""]
    for note in part["notes"]:
        lines += [f"- {note}"]
    lines += [""] if part["notes"] else []
    for table in part["tables"]:
        lines += [f"### {table['title']}", ""]
        lines += [table["note"], ""] if table["note"] else []
        lines += [*show_rows(table["columns"], table["rows"]), ""]
    return lines


def show_targets(targets: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]]) -> list[str]:
    columns = ("part", "target", "wanted", "measured", "", "where the time goes, or why not")
    rows = []
    for part, target in targets:
        wanted = f"{target['sense']} {show_value(target['wanted'])} {target['unit']}".strip()
        measured = "" if target["measured"] is None else f"{show_value(target['measured'])} {target['unit']}".strip()
        verdict = {True: "met", False: "**missed**", None: "not measured"}[target["met"]]
        values = (part["name"], target["name"], wanted, measured, verdict, target["why"])
        rows.append(dict(zip(columns, values, strict=True)))
    return show_rows(columns, rows)


def show_rows(columns: Sequence[str], rows: Sequence[Mapping[str, Value]]) -> list[str]:
    cells = [list(columns), *([show_value(row.get(column)) for column in columns] for row in rows)]
    texts = [[cell.replace("|", "/") for cell in line] for line in cells]
    widths = [max(len(line[at]) for line in texts) for at in range(len(columns))]
    shown = ["| " + " | ".join(cell.ljust(widths[at]) for at, cell in enumerate(line)) + " |" for line in texts]
    return [shown[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *shown[1:]]


def show_value(value: Value) -> str:
    """Three digits that count; thousands with a comma."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, int) or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"


def _show_machine(part: Mapping[str, Any]) -> list[str]:
    machine = part["machine"]
    if not machine:
        return []
    packages = ", ".join(f"{name} {found}" for name, found in machine["packages"].items())
    gpu = f", {machine['gpu']}" if machine["gpu"] else ""
    options = ", ".join(f"{name} {value}" for name, value in part["options"].items() if value not in (None, False))
    others = machine.get("cores_of_others")
    meanwhile = "" if others is None else f", others used {show_value(others)} cores meanwhile"
    return [
        f"{machine['processor']}, {machine['cores']} cores ({', '.join(machine['flags'])}), "
        f"{machine['memory_gib']} GiB{gpu}; load before {machine['load_before']}{meanwhile}; "
        f"{machine['measured_at']}, revision {machine['revision']}, {part['seconds']:.0f} s ({options}). "
        f"Python {machine['python']}, {packages}."
    ]
