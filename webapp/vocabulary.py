"""The values that pages show as words: states, severities, roles, verdicts, kinds. `word` looks them up as they are."""

from rules.wording import sayable

# By where they come from; a test asks whether every value of every such enumeration stands here.
SEVERITIES = (sayable("low"), sayable("medium"), sayable("high"), sayable("critical"))
FINDING_STATES = (
    sayable("open"),
    sayable("escalated"),
    sayable("confirmed"),
    sayable("dismissed"),
    sayable("withdrawn"),
)
VERDICTS = (sayable("confirm"), sayable("dismiss"), sayable("escalate"))
RUNS = (
    sayable("queued"),
    sayable("running"),
    sayable("scoring"),
    sayable("paused"),
    sayable("done"),
    sayable("partial"),
    sayable("failed"),
    sayable("cancelled"),
    sayable("pending"),
    sayable("scored"),
)
ROLES = (sayable("viewer"), sayable("reviewer"), sayable("lead"), sayable("admin"))
MODEL_ROLES = (sayable("primary"), sayable("fallback"))
