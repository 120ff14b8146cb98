"""cascade.yaml to a Cascade; see docs/rules.md for its words."""

import math
from collections.abc import Mapping
from pathlib import Path

from rules.cascade import ALL_CONCEPTS, Band, Calibration, Cascade, ConfirmTrigger, Counter, Level, Mode, WordsTrigger
from rules.conditions import Mentions
from rules.document import Item, read_document
from rules.evidence import CONCEPTS
from rules.faults import Fault
from rules.grammar import KINDS
from rules.lexicon import Lexicon

CASCADE_NAME = "cascade.yaml"
MOST_WEIGHT = 100
SEEN = tuple(concept for concept in CONCEPTS if concept != "other")


def read_cascade(path: Path, lexicon: Lexicon, faults: list[Fault]) -> Cascade:
    """The policy in `path`; where there is no such file, that of one model which speaks alone. Faults are added."""
    document = read_document(path, faults) if path.is_file() else None
    return build_cascade(document, lexicon) if document else Cascade()


def build_cascade(document: Item, lexicon: Lexicon) -> Cascade:
    fields = document.fields(required=("version", "primary", "fallbacks"), optional=("ask", "join"))
    fallbacks = read_section(fields, "fallbacks", ("mode", "at_most", "models"))
    ask = read_section(fields, "ask", (), ("unsure", "words", "disagree", "confirm"))
    join = read_section(fields, "join", (), ("weights", "calibrations", "counters"))
    mode = fallbacks["mode"].choice([*Mode], "mode") if "mode" in fallbacks else None
    return Cascade(
        version=(fields["version"].text(max_chars=40) if "version" in fields else None) or "0",
        primary=fields["primary"].text(max_chars=80) if "primary" in fields else None,
        fallbacks=read_models(fallbacks["models"]) if "models" in fallbacks else (),
        mode=Mode(mode) if mode else Mode.ORDER,
        at_most=read_count(fallbacks["at_most"]) if "at_most" in fallbacks else 0,
        unsure=read_band(ask["unsure"]) if "unsure" in ask else None,
        words=read_words(ask["words"], lexicon) if "words" in ask else None,
        disagree=read_level(ask["disagree"], "by") if "disagree" in ask else None,
        confirm=read_confirm(ask["confirm"]) if "confirm" in ask else None,
        weights=read_weights(join["weights"]) if "weights" in join else {},
        calibrations=read_calibrations(join["calibrations"]) if "calibrations" in join else {},
        counters=read_counters(join["counters"]) if "counters" in join else (),
    )


def read_section(
    fields: Mapping[str, Item], key: str, required: tuple[str, ...], optional: tuple[str, ...] = ()
) -> dict[str, Item]:
    return fields[key].fields(required, optional) if key in fields else {}


def read_models(item: Item) -> tuple[str, ...]:
    names = item.texts()
    for name in {name for name in names if names.count(name) > 1}:
        item.fault(f"model `{name}` comes twice", "keep one of them")
    return names


def read_count(item: Item) -> int:
    number = item.decimal()
    if number is not None and (number != int(number) or not 0 <= number <= MOST_WEIGHT):
        item.fault(f"{item.shown} is not a whole number from 0 to {MOST_WEIGHT}")
        return 0
    return int(number or 0)


def read_band(item: Item) -> Band | None:
    fields = item.fields(("from", "to", "basis"))
    low = fields["from"].share() if "from" in fields else None
    high = fields["to"].share() if "to" in fields else None
    basis = read_basis(fields)
    if low is not None and high is not None and low > high:
        item.fault(f"no score is from {low} to {high}", "swap the two")
    return None if low is None or high is None or basis is None else Band(low, high, basis)


def read_level(item: Item, key: str) -> Level | None:
    fields = item.fields((key, "basis"))
    value = fields[key].share() if key in fields else None
    basis = read_basis(fields)
    return None if value is None or basis is None else Level(value, basis)


def read_basis(fields: Mapping[str, Item]) -> str | None:
    return fields["basis"].text() if "basis" in fields else None


def read_words(item: Item, lexicon: Lexicon) -> WordsTrigger | None:
    fields = item.fields(("concepts", "below", "basis"), ("kind",))
    concepts = fields["concepts"].choices(SEEN, "concept") if "concepts" in fields else ()
    kind = fields["kind"].choice(KINDS, "kind") if "kind" in fields else "either"
    below = fields["below"].share() if "below" in fields else None
    basis = read_basis(fields)
    if not concepts or kind is None or below is None or basis is None:
        return None
    return WordsTrigger(Mentions(lexicon, concepts, KINDS[kind]), Level(below, basis))


def read_confirm(item: Item) -> ConfirmTrigger | None:
    fields = item.fields(("concepts", "from", "basis"))
    concepts = fields["concepts"].choices(SEEN, "concept") if "concepts" in fields else ()
    at_least = fields["from"].share() if "from" in fields else None
    basis = read_basis(fields)
    if not concepts or at_least is None or basis is None:
        return None
    return ConfirmTrigger(concepts, Level(at_least, basis))


def read_number(item: Item, low: float, high: float) -> float | None:
    number = item.decimal()
    if number is None:
        return None
    if not low <= number <= high or not math.isfinite(number):
        item.fault(f"{item.shown} is outside {low:g} to {high:g}")
        return None
    return float(number)


def read_weights(item: Item) -> dict[str, float]:
    weights: dict[str, float] = {}
    for entry in item.entries():
        fields = entry.fields(("model", "weight", "basis"))
        model = fields["model"].text(max_chars=80) if "model" in fields else None
        weight = read_number(fields["weight"], 0, MOST_WEIGHT) if "weight" in fields else None
        if model in weights:
            entry.fault(f"model `{model}` has two weights", "keep one of them")
        if model is not None and weight is not None and read_basis(fields) is not None:
            weights[model] = weight
    return weights


def read_calibrations(item: Item) -> dict[str, dict[str, Calibration]]:
    found: dict[str, dict[str, Calibration]] = {}
    for entry in item.entries():
        fields = entry.fields(("model", "concept", "basis"), ("slope", "offset"))
        model = fields["model"].text(max_chars=80) if "model" in fields else None
        concept = fields["concept"].choice((*SEEN, ALL_CONCEPTS), "concept") if "concept" in fields else None
        slope = read_number(fields["slope"], 0.01, MOST_WEIGHT) if "slope" in fields else 1.0
        offset = read_number(fields["offset"], -MOST_WEIGHT, MOST_WEIGHT) if "offset" in fields else 0.0
        basis = read_basis(fields)
        if model is None or concept is None or slope is None or offset is None or basis is None:
            continue
        if concept in found.setdefault(model, {}):
            entry.fault(f"model `{model}` has two calibrations of {concept}", "keep one of them")
        found[model][concept] = Calibration(slope, offset, basis)
    return found


def read_counters(item: Item) -> tuple[Counter, ...]:
    found = []
    for entry in item.entries():
        fields = entry.fields(("concept", "names", "weight", "basis"))
        concept = fields["concept"].choice(SEEN, "concept") if "concept" in fields else None
        names = fields["names"].texts() if "names" in fields else ()
        weight = read_number(fields["weight"], 0, MOST_WEIGHT) if "weight" in fields else None
        basis = read_basis(fields)
        if concept is not None and names and weight is not None and basis is not None:
            found.append(Counter(concept, names, weight, basis))
    return tuple(found)
