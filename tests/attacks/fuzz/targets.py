"""All targets by name, and the modules that need none."""

from tests.attacks.fuzz import markets, models, office, pictures, wire
from tests.attacks.fuzz.target import Target

TARGETS: dict[str, Target] = {
    target.name: target for room in (pictures, markets, wire, models, office) for target in room.TARGETS
}
