"""The card that comes along with a model: of a model that was trained elsewhere, or shipped with its figures."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

from rules.evidence import CONCEPTS
from scanner.zoo.cards import CARD_NAME, Card, CardError, read_card
from scanner.zoo.spec import MOST_CLASSES, ModelSpec, Role

MOST_BYTES = 1024**2
MOST_PIXELS = 1024
_TABLES = ("recall", "precision", "false_flags", "expected_precision", "average_precision", "auc")


def find_card(folder: Path) -> Card | None:
    """The card in the folder or one down (an archive's top folder); None where there is none.

    Raises CardError for one that can't be read.
    """
    found = next((path for path in (folder / CARD_NAME, *folder.glob(f"*/{CARD_NAME}")) if path.is_file()), None)
    if found is None:
        return None
    if found.stat().st_size > MOST_BYTES:
        raise CardError(f"its {CARD_NAME} is larger than {MOST_BYTES:,} bytes: refused")
    try:
        card = read_card(found.parent)
    except CardError as error:
        raise CardError(f"its {CARD_NAME} is no model card of this version ({error.__context__})") from None
    except RecursionError:
        raise CardError(f"its {CARD_NAME} is no model card of this version (it is nested without end)") from None
    if not isinstance(card.figures, dict) or not isinstance(card.training, dict):
        raise CardError(f"its {CARD_NAME} is no model card of this version (figures and training are no tables)")
    return card


def spec_of(name: str, card: Card | None) -> ModelSpec:
    """What the card says that the model is, under the name that its user gives it. Raises CardError."""
    if card is None:
        raise CardError(
            f"the catalogue has no model of that name, and no {CARD_NAME} lies beside the weights to say what it is"
        )
    fault = _find_fault(card.spec)
    if fault is not None:
        raise CardError(f"its {CARD_NAME} {fault}")
    return replace(card.spec, name=name)


def figures_of(card: Card) -> Mapping[str, Any] | None:
    """The card's figures; None where they are of other types than those that are shown of a model."""
    concepts = card.figures.get("concepts", {})
    if not isinstance(concepts, dict) or not all(isinstance(each, dict) for each in concepts.values()):
        return None
    return card.figures if all(_is_measured(each) for each in concepts.values()) else None


def _is_measured(figures: Mapping[str, Any]) -> bool:
    """Counts and the threshold are numbers, the others are tables or null (see evaluation.card)."""
    numbers = (figures.get(name) for name in ("n", "ordinary", "threshold"))
    tables = (figures.get(name) for name in _TABLES)
    return all(isinstance(one, int | float | None) for one in numbers) and all(
        isinstance(one, dict | None) for one in tables
    )


def _find_fault(spec: ModelSpec) -> str | None:
    """The first thing on which scores would stumble later; None where all is well."""
    how = spec.preprocessing
    texts = (spec.title, spec.licence, spec.caveat, spec.network or "")
    strange = sorted(set(spec.concepts.values()) - set(CONCEPTS))
    checks = (
        (not all(isinstance(text, str) for text in texts), "has a title, licence, caveat or network that is no text"),
        (spec.role not in get_args(Role), f"names the role {spec.role!r}; known are: {', '.join(get_args(Role))}"),
        (not 2 <= spec.classes <= MOST_CLASSES, f"names {spec.classes} classes"),
        (bool(strange), f"names the concept {', '.join(strange)}; known are: {', '.join(CONCEPTS)}"),
        (not _inside(spec), f"maps an index outside of its {spec.classes} classes"),
        (not 1 <= how.crop <= how.resize_short <= MOST_PIXELS, f"crops {how.crop} of {how.resize_short} pixels"),
        (0 in how.std, "divides by a standard deviation of 0"),
    )
    return next((words for is_fault, words in checks if is_fault), None)


def _inside(spec: ModelSpec) -> bool:
    return all(0 <= index < spec.classes for index in (*spec.concepts, *spec.counters))
