"""The findings that a person walked through, so that `previous` leads back without a script."""

from flask import session

STEPS_KEPT = 30


def step_back(finding_id: int, *, is_ahead: bool = False) -> int | None:
    """Note that `finding_id` is looked at; the one looked at before it, if any. is_ahead: it will be, perhaps."""
    trail = list(session.get("trail", []))
    if finding_id not in trail:
        trail = [*trail, finding_id][-STEPS_KEPT:]
        if not is_ahead:
            session["trail"] = trail
    place = trail.index(finding_id)
    return trail[place - 1] if place else None
