"""Whether a staged model is what it should be: labels, network, outputs. If so, it gets its card."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from scanner.fingerprints import digest_file
from scanner.zoo.cards import Card, FileRecord, write_card
from scanner.zoo.formats.intake import LABELS
from scanner.zoo.formats.layouts import find_layout
from scanner.zoo.labels import read_labels
from scanner.zoo.predictor import ModelError
from scanner.zoo.probe import probe_network
from scanner.zoo.spec import ModelSpec


def accept(spec: ModelSpec, staged: Path, source: str, letter: str, more: Mapping[str, Any]) -> None:
    """Check what lies in `staged`, run it once, and write its card.

    letter: of the layout in which it came. more: figures and training, for the card.
    Raises LabelError, LayoutError and ModelError.
    """
    count = len(read_labels(staged / LABELS))
    if count != spec.classes:
        raise ModelError(f"its label file has {count} labels, but {spec.name} has {spec.classes}")
    layout = find_layout(staged)
    probe = probe_network(staged, layout, staged / LABELS, spec)
    card = Card(
        spec=spec,
        source=source,
        installed_at=datetime.now(UTC).isoformat(timespec="seconds"),
        source_layout=letter,
        layout=layout.kind,
        program=str(layout.program),
        params=str(layout.params) if layout.params else None,
        labels_file=LABELS,
        output_index=probe.output_index,
        output_kind=probe.output_kind,
        tuning=probe.tuning,
        files=list_files(staged),
        **more,
    )
    write_card(staged, card)


def list_files(folder: Path) -> list[FileRecord]:
    """Every file below the folder with its digest and size."""
    return [
        FileRecord(str(path.relative_to(folder)), digest_file(path), path.stat().st_size)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    ]
