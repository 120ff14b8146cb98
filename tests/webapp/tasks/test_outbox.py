from sqlalchemy.orm import Session

from tests.factories import make_source
from webapp.tasks.outbox import enqueue


class Task:
    """Notes what was sent."""

    def __init__(self) -> None:
        self.sent: list[int] = []

    def delay(self, number: int) -> None:
        self.sent.append(number)


def test_a_task_is_sent_after_the_commit_that_makes_it_true(session: Session) -> None:
    task = Task()
    make_source(session)
    enqueue(session, task, 1)
    assert task.sent == []
    session.commit()
    assert task.sent == [1]
    make_source(session)
    session.commit()
    assert task.sent == [1]


def test_what_was_rolled_back_is_never_sent_not_even_with_the_next_commit(session: Session) -> None:
    task = Task()
    make_source(session)
    enqueue(session, task, 1)
    session.rollback()
    make_source(session)
    enqueue(session, task, 2)
    session.commit()
    assert task.sent == [2]
