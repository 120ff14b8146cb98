"""Rules in the background."""

from webapp.services import rules
from webapp.tasks import app
from webapp.tasks.database import task_session


@app.task(name="rules.apply_pack")  # type: ignore[untyped-decorator]
def apply_pack() -> None:
    """Let the queue of findings follow the rules as they stand now; does nothing where it does already."""
    with task_session() as session:
        pack = rules.current_pack(session, app.settings.pack)
        if not rules.is_applied(session, pack):
            rules.apply_pack(session, pack)
