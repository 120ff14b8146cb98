"""Whether the models that are asked together have their pictures decoded smaller: as is wished, and as was checked."""

from collections.abc import Sequence
from dataclasses import replace

from scanner.zoo.precisions import Decoding
from scanner.zoo.registry import InstalledModel


def settle_decoding(
    models: Sequence[InstalledModel], wished: Decoding
) -> tuple[tuple[InstalledModel, ...], tuple[str, ...]]:
    """(The models as they decode here, sentences that say why that is not as was wished).

    A picture is decoded once for all of them: fast only where the card of each holds a check that passed.
    """
    faults = tuple(filter(None, map(lacks_check, models))) if wished == "fast" else ()
    decoding: Decoding = "exact" if faults else wished
    return tuple(replace(model, decoding=decoding) for model in models), faults


def lacks_check(model: InstalledModel) -> str | None:
    """One sentence; None where the newest check of the model passed."""
    checks = model.card.decoding_checks
    newest = max(checks, key=lambda check: check.checked_at, default=None)
    if newest is not None and newest.has_passed:
        return None
    why = "was never checked with it" if newest is None else f"did not pass its check: {newest.words}"
    return (
        f"pictures are decoded exactly though fast was asked for: {model.name} {why}; "
        f"run `tuskline models decoding {model.name} --on FOLDER`"
    )
