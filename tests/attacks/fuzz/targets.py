"""All targets by name, and the modules that need none."""

from tests.attacks.fuzz import markets, models, office, pictures, wire
from tests.attacks.fuzz.target import Target

TARGETS: dict[str, Target] = {
    target.name: target for room in (pictures, markets, wire, models, office) for target in room.TARGETS
}
OURS = "It is told by our own code alone what to do."
WORDS = "It holds kinds of faults and records alone."
# Modules of the rooms that must have a target which have no parser of their own, and why.
WITHOUT = {
    "scanner.fetch.budget": OURS,
    "scanner.fetch.connections": "What it looks up is checked by scanner.fetch.addresses, which has a target.",
    "scanner.fetch.deadlines": OURS,
    "scanner.fetch.door": OURS,
    "scanner.fetch.errands": WORDS,
    "scanner.fetch.errors": WORDS,
    "scanner.fetch.exchanges": "It keeps what came as it came.",
    "scanner.fetch.log": WORDS,
    "scanner.fetch.patience": OURS,
    "scanner.fetch.places": OURS,
    "scanner.markets.allowance": OURS,
    "scanner.markets.base": WORDS,
    "scanner.markets.folder": "It looks at names of files alone; scanner.markets.files opens them.",
    "scanner.markets.quota": OURS,
    "scanner.markets.registry": OURS,
    "scanner.markets.shape": OURS,
    "scanner.markets.tallies": OURS,
    "scanner.warc.records": "It writes.",
    "scanner.warc.writing": "It writes.",
    "scanner.zoo.fetching.downloads": "Its two halves, transfers and partials, have targets.",
    "scanner.zoo.formats.intake": "It puts layouts, completeness and conversion together, which have targets.",
    "scanner.zoo.formats.states.names": "It looks names up in tables of ours; what they come from has a target.",
    "scanner.zoo.formats.protocol": "It loads Paddle's own description.",
    "scanner.zoo.formats.portable": "hands files that the probe ran to paddle2onnx, in a process under limits",
}
