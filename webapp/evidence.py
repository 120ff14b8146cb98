"""Who looked at which evidence: noted in the audit log, once an hour, after the answer has been sent."""

import logging
from collections.abc import Callable, Iterable
from typing import Any, cast

from flask import after_this_request
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.wrappers import Response
from werkzeug.wsgi import ClosingIterator

from webapp.extensions import app_state
from webapp.services import audit

logger = logging.getLogger(__name__)


def note_view(name: str, subject: str, **facts: Any) -> None:
    """name: of the person. Nobody waits for it: it is written once the answer is out, in its own transaction."""
    sessions = app_state().sessions

    def write() -> None:
        try:
            with sessions() as session:
                audit.note_view(session, name, subject, **facts)
                session.commit()
        except SQLAlchemyError:
            logger.exception("the audit log lacks that %s looked at %s", name, subject)

    @after_this_request
    def write_later(answer: Response) -> Response:
        if answer.status_code < 400:
            call_after(answer, write)
        return answer


def call_after(answer: Response, work: Callable[[], None]) -> None:
    """Once the answer is sent; a file that is passed through as it is knows no end of its own."""
    if answer.direct_passthrough:
        answer.response = ClosingIterator(cast(Iterable[bytes], answer.response), work)
    else:
        answer.call_on_close(work)
