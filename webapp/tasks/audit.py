"""The audit log in the background: sealing what was written, and reading it through."""

from webapp.services import audit, chain, signing, verifying
from webapp.tasks import app
from webapp.tasks.database import task_session


@app.task(name="audit.seal")  # type: ignore[untyped-decorator]
def seal() -> None:
    """A machine whose home folder has no signing key leaves it to those that share the installation's."""
    key = signing.find_key(app.settings.home)
    if key is None:
        return
    with task_session() as session:
        chain.seal_all(session, app.settings.home, key)


@app.task(name="audit.verify")  # type: ignore[untyped-decorator]
def verify(actor: str) -> None:
    """For a log that is too long for a page to wait for; the result stands in the log itself."""
    with task_session() as session:
        result = verifying.verify_home(session, app.settings.home)
        audit.note_verification(session, actor, result)
        session.commit()
