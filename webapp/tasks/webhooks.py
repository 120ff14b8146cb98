"""Messages to other systems in the background."""

from webapp.services import webhooks
from webapp.tasks import app
from webapp.tasks.database import task_session


@app.task(name="webhooks.deliver")  # type: ignore[untyped-decorator]
def deliver() -> None:
    with task_session() as session:
        webhooks.deliver_due(session, app.settings)


@app.task(name="webhooks.forget")  # type: ignore[untyped-decorator]
def forget() -> None:
    with task_session() as session:
        webhooks.forget_old(session)
