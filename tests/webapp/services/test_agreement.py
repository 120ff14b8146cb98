from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from tests.factories import make_finding, make_user
from webapp.db import now
from webapp.models import Recheck, RecheckState, User, Verdict
from webapp.services import adjudication, agreement, decisions, rechecks
from webapp.services.adjudication import Look
from webapp.services.agreement import FEWEST, Pair, kappa_of, measure, standard_error
from webapp.services.decisions import Choice

LABELS = ("confirm", "dismiss")


def pairs_of(both: int, first_alone: int, second_alone: int, neither: int) -> list[Pair]:
    """How often both confirmed, only the first did, only the second did, and both dismissed."""
    yes, no = LABELS
    return [(yes, yes)] * both + [(yes, no)] * first_alone + [(no, yes)] * second_alone + [(no, no)] * neither


def test_kappa_of_a_textbook_table() -> None:
    """20, 5, 10, 15 of 50: agreement 0.7 where chance gives 0.5, so kappa is 0.4."""
    found = kappa_of(pairs_of(20, 5, 10, 15), LABELS)
    assert found.value == pytest.approx(0.4)
    assert found.low < 0.4 < found.high


def test_the_standard_error_is_what_moving_one_pair_at_a_time_says() -> None:
    """The delta method by numbers: the gradient of kappa over the cell shares, in place of the formula."""
    counts = np.array([[40.0, 9, 3], [6, 30, 4], [2, 5, 21]])
    n = counts.sum()
    shares = counts / n

    def kappa(table: np.ndarray) -> float:
        chance = float(table.sum(axis=1) @ table.sum(axis=0)) / table.sum() ** 2
        return float((np.trace(table) / table.sum() - chance) / (1 - chance))

    step = 1e-6
    slopes = np.array([[kappa(shares + step * one(shape, shares)) for shape in np.ndindex(3, 3)]]).reshape(3, 3)
    slopes = (slopes - kappa(shares)) / step
    variance = (shares * slopes**2).sum() - (shares * slopes).sum() ** 2
    assert standard_error(counts) == pytest.approx(float(np.sqrt(variance / n)), rel=1e-3)


def one(shape: tuple[int, ...], like: np.ndarray) -> np.ndarray:
    unit = np.zeros_like(like)
    unit[shape] = 1
    return unit


@given(st.lists(st.tuples(st.sampled_from(LABELS), st.sampled_from(LABELS)), min_size=FEWEST, max_size=80))
def test_whatever_was_said_there_is_an_interval_or_a_reason(pairs: list[Pair]) -> None:
    found = measure("", pairs)
    assert found.agreed is not None and found.n == len(pairs)
    if found.kappa is None:
        assert found.reason
    else:
        assert -1 <= found.kappa.low <= found.kappa.value <= found.kappa.high <= 1


def test_too_few_and_always_the_same_say_so() -> None:
    few, same = measure("", pairs_of(3, 1, 0, 0)), measure("", pairs_of(50, 0, 0, 0))
    assert few.kappa is None and "too few" in few.reason
    assert few.agreed is not None and few.agreed.value == 0.75
    assert same.kappa is None and "same answer" in same.reason


def test_where_all_agree_the_interval_still_has_a_width() -> None:
    found = kappa_of(pairs_of(15, 0, 0, 15), LABELS)
    assert (found.value, found.high) == (1, 1)
    assert 0.7 < found.low < 0.9


def test_nothing_to_compare_is_no_agreement() -> None:
    nothing = measure("", [])
    assert (nothing.n, nothing.agreed, nothing.kappa) == (0, None, None)


@pytest.fixture(autouse=True)
def _always(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rechecks, "draw", lambda: 0.0)


def look_twice(session: Session, first: User, second: User, answer: str, **fields: str) -> Recheck:
    made = decisions.decide(session, first, make_finding(session, **fields).id, Choice(Verdict.CONFIRM))
    row = session.query(Recheck).filter_by(first_id=made.decisions[0].id).one()
    return adjudication.answer(session, second, row.id, Look(answer))


def test_agreement_is_told_by_rule_concept_and_pair(session: Session) -> None:
    ann, bob, cyd = (make_user(session, name) for name in ("ann", "bob", "cyd"))
    look_twice(session, ann, bob, "elephant", rule="elephant_seen")
    look_twice(session, bob, ann, "other", rule="elephant_seen")
    look_twice(session, ann, cyd, "tiger", rule="tiger_seen", concept="tiger")
    at = now()
    found = agreement.agreements(session, at - timedelta(hours=1), at + timedelta(hours=1))
    assert found.overall.n == 3
    assert [(one.name, one.n) for one in found.by_rule] == [("elephant_seen", 2), ("tiger_seen", 1)]
    assert [(one.name, one.n) for one in found.by_concept] == [("elephant", 2), ("tiger", 1)]
    assert [(one.name, one.n) for one in found.by_pair] == [("ann and bob", 2), ("ann and cyd", 1)]
    assert agreement.agreements(session, at - timedelta(days=2), at - timedelta(days=1)).overall.n == 0


def test_who_corrects_themselves_after_a_dispute_did_disagree(session: Session) -> None:
    ann, bob = make_user(session, "ann"), make_user(session, "bob")
    row = look_twice(session, ann, bob, "other")
    decisions.revise(session, ann, row.first_id, Choice(Verdict.DISMISS))
    session.refresh(row)
    assert row.state is RecheckState.VOID
    taken_back = look_twice(session, ann, bob, "other")
    decisions.undo(session, ann, taken_back.first.batch or "")
    at = now()
    found = agreement.agreements(session, at - timedelta(hours=1), at + timedelta(hours=1)).overall
    assert found.n == 1, "what was taken back is no answer"
    assert found.agreed is not None and found.agreed.value == 0
