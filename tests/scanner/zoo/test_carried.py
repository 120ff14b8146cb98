"""A card that comes along with a model is a stranger's word: what scores would stumble over is refused."""

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from scanner.zoo.cards import CARD_NAME, Card, CardError, write_card
from scanner.zoo.carried import figures_of, find_card, spec_of
from scanner.zoo.catalogue import DEFAULT, find_spec

Change = Callable[[dict[str, Any]], object]


@pytest.fixture
def carried(tmp_path: Path) -> Path:
    """The default's card, one folder down as an archive has it."""
    (tmp_path / "top").mkdir()
    card = Card(find_spec(DEFAULT), "x", "2026-11-24", "A", "A", "p", "q", "label_list.txt", 0, "logits", [])
    write_card(tmp_path / "top", card)
    return tmp_path


def test_a_sound_card_gives_the_model_under_the_name_that_its_user_chose(carried: Path) -> None:
    spec = spec_of("mine", find_card(carried))
    assert (spec.name, spec.classes, spec.concepts) == ("mine", 1000, find_spec(DEFAULT).concepts)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda card: card.update(role="boss"), "names the role 'boss'"),
        (lambda card: card.update(classes=10**9), "names 1000000000 classes"),
        (lambda card: card["concepts"].update(unicorn="3"), "names the concept unicorn"),
        (lambda card: card["concepts"].update(tiger="1000"), "maps an index outside of its 1000 classes"),
        (lambda card: card["counters"].update(lion="0-99999999999"), "is no model card"),
        (lambda card: card["preprocessing"].update(crop=100_000), "crops 100000 of 256 pixels"),
        (lambda card: card["preprocessing"].update(std=[0, 1, 1]), "standard deviation of 0"),
        (lambda card: card["preprocessing"].update(mean=[1]), "is no model card"),
        (lambda card: card["preprocessing"].update(std=[math.nan, 1, 1]), "finite numbers"),
        (lambda card: card["preprocessing"].update(crop=240.5), "is no whole number"),
        (lambda card: card["preprocessing"].update(crop="240"), "is no whole number"),
        (lambda card: card["concepts"].update(tiger="5-3"), "runs backwards"),
        (lambda card: card["concepts"].update(tiger="7, 3-9"), "was named before"),
        (lambda card: card.update(concepts={f"c{n}": "0-99998" for n in range(3000)}), "was named before"),
        (lambda card: card.update(title=["x"]), "that is no text"),
        (lambda card: card.update(figures=[1]), "figures and training are no tables"),
        (lambda card: card.pop("files"), "is no model card"),
    ],
)
def test_a_faulty_card_is_refused_with_its_fault(carried: Path, change: Change, says: str) -> None:
    path = carried / "top" / CARD_NAME
    card = json.loads(path.read_text())
    change(card)
    path.write_text(json.dumps(card))
    with pytest.raises(CardError, match=says):
        spec_of("mine", find_card(carried))


@pytest.mark.parametrize("concepts", ["x", {"tiger": 3}, {"tiger": {"n": "many"}}, {"tiger": {"recall": 0.9}}])
def test_figures_of_other_types_are_not_taken(carried: Path, concepts: object) -> None:
    card = find_card(carried)
    assert card is not None
    assert figures_of(replace(card, figures={"concepts": concepts})) is None
    sound = {"concepts": {"tiger": {"n": 3, "recall": {"value": 0.9}, "auc": None}}}
    assert figures_of(replace(card, figures=sound)) == sound


def test_a_card_nested_without_end_is_refused(carried: Path) -> None:
    (carried / "top" / CARD_NAME).write_bytes(b"[" * 500_000)
    with pytest.raises(CardError, match="is no model card"):
        find_card(carried)


def test_an_endless_card_is_not_read(carried: Path) -> None:
    (carried / "top" / CARD_NAME).write_bytes(b" " * 2_000_000)
    with pytest.raises(CardError, match="larger than"):
        find_card(carried)


def test_no_card_is_no_fault_of_a_folder(tmp_path: Path) -> None:
    assert find_card(tmp_path) is None
