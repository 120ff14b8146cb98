"""The golden content is what the code would freeze today, and its figures are those of its findings."""

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy.orm import Session

from tests.webapp.exporters import dataset
from tests.webapp.exporters.golden_rows import MODEL, MODEL_DIGEST
from webapp.exporters.content import COUNTED, FORMAT, Content
from webapp.services import freezing
from webapp.services.reports import lines_of, read_head
from webapp.settings import Settings
from webapp.storage import open_store

# Whose keys are data: names of sellers, concepts, entries.
MAPS = {
    "filters",
    "figures.by_state",
    "figures.by_severity",
    "figures.by_concept",
    "figures.by_source",
    "models.card.figures",
    "legal",
    "reasons.facts",
    "reasons.children.facts",
    "events.facts",
    "scores.by_concept",
    "scores.counters",
}


def test_what_is_frozen_today_has_the_same_fields(
    session: Session, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = SimpleNamespace(card=SimpleNamespace(**dataset.CARD), **dataset.CARD["run"])
    monkeypatch.setattr(freezing, "variant_of", lambda one, digest: one if digest == MODEL_DIGEST else None)
    monkeypatch.setattr(freezing, "find_installed", lambda _folder, name: model if name == MODEL else None)
    store = open_store(settings)
    store.put_file("frozen", dataset.freeze_rows(session, settings, tmp_path))
    real, golden = Content(read_head(store, "frozen"), lines_of(store, "frozen")), dataset.content()
    assert set(fields_of(golden.head)) == set(fields_of(real.head))
    assert [set(fields_of(one)) for one in golden.findings()] == [set(fields_of(one)) for one in real.findings()]
    assert [one["listing"] for one in golden.findings()] == [one["listing"] for one in real.findings()]


def fields_of(value: Any, path: str = "") -> Iterator[str]:
    """The paths of all keys; `*` for a key that is data."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            inside = f"{path}.*" if path in MAPS else f"{path}.{key}".lstrip(".")
            yield inside
            yield from fields_of(inner, inside)
    if isinstance(value, list):
        for inner in value:
            yield from fields_of(inner, path)


def test_the_golden_figures_are_those_of_its_findings() -> None:
    content = dataset.content()
    found, figures = list(content.findings()), content.head["figures"]
    assert content.head["format"] == FORMAT
    assert figures["findings"] == len(found) == 12
    assert {state: count for state, count in figures["by_state"].items() if count} == Counter(
        one["state"] for one in found
    )
    assert figures["decisions"] == sum(said["stands"] for one in found for said in one["decisions"])
    assert figures["pictures"] == len({one["photo"]["sha256"] for one in found if one["photo"]})
    assert figures["listings"] == len({one["listing"]["id"] for one in found})
    for concept, counts in figures["by_concept"].items():
        states = Counter(one["state"] for one in found if one["concept"] == concept)
        assert counts == {"all": states.total()} | {state: states[state] for state in COUNTED}
    for seller in figures["by_seller"]:
        of_seller = [one for one in found if one["listing"]["seller"] == seller["seller"]]
        assert seller["counts"]["all"] == len(of_seller)
        assert seller["listings"] == len({one["listing"]["id"] for one in of_seller})


def test_the_golden_content_has_what_reports_stumble_over() -> None:
    content = dataset.content()
    found = list(content.findings())
    assert {one["state"] for one in found} == set(COUNTED)
    assert {len(one["listing"]["url"]) > 0 for one in found} == {True}
    assert {entry["status"] for entry in content.head["legal"].values()} == {"verified", "unverified"}
    assert {model["card"] is None for model in content.head["models"]} == {True, False}
    assert {one["photo"] is None for one in found} == {True, False}
    assert any(not said["stands"] and said["undone_at"] for one in found for said in one["decisions"])
    assert any(said["revises_id"] for one in found for said in one["decisions"])
    assert {said["stage"] for one in found for said in one["decisions"]} == {"first", "second", "adjudication"}
    assert {figure["value"] is None for figure in content.head["quality"]} == {True, False}


def test_pictures_are_made_small_and_one_is_gone() -> None:
    digests = [one["photo"]["sha256"] for one in dataset.findings() if one["photo"]]
    bodies = [dataset.picture(digest, 40) for digest in digests]
    assert bodies.count(None) == 1
    assert all(body.startswith(b"\xff\xd8") for body in bodies if body)
    assert dataset.picture("0" * 64, 40) is None
