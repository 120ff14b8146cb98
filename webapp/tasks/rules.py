"""Rules in the background."""

from webapp.services import rules
from webapp.tasks import app
from webapp.tasks.database import task_session


@app.task(name="rules.apply_pack")  # type: ignore[untyped-decorator]
def apply_pack() -> None:
    """Let the queue of findings follow the rules as they stand now."""
    with task_session() as session:
        rules.apply_pack(session, rules.current_pack(session, app.settings.pack))
