"""How far two people who look at the same finding agree, beyond what chance would give them."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy.orm import Session

from webapp.language import say, say_many
from webapp.models import Decision, Recheck
from webapp.services import rechecks
from webapp.services.rates import rate_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from scanner.zoo.evaluation.intervals import Interval, Rate

# Below this many pairs the normal approximation behind the interval holds for nothing.
FEWEST = 20

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Agreement:
    """name: of the rule, the concept, or the two people; empty for all. agreed: the raw share, None without any pair.

    kappa: Cohen's, in [-1, 1], with its 95 % interval; None where `reason` says why, in a sentence.
    """

    name: str
    n: int
    agreed: "Rate | None"
    kappa: "Interval | None"
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Agreements:
    overall: Agreement
    by_rule: tuple[Agreement, ...]
    by_concept: tuple[Agreement, ...]
    by_pair: tuple[Agreement, ...]


def agreements(session: Session, from_at: datetime, to_at: datetime) -> Agreements:
    """Of the second looks given in [from_at, to_at), whatever became of them since."""
    rows = rechecks.second_looks(session, from_at, to_at)
    return Agreements(
        measure("", [verdicts(row) for row in rows]),
        by(rows, lambda row: row.finding.rule),
        by(rows, lambda row: row.finding.concept),
        by_pair(rows),
    )


def verdicts(row: Recheck) -> Pair:
    """What the first and the second said."""
    return row.first.verdict.value, second_of(row).verdict.value


def second_of(row: Recheck) -> Decision:
    """Of a recheck that has one, as all do that rechecks.second_looks gives."""
    return cast(Decision, row.second)


def by(rows: Sequence[Recheck], name_of: Callable[[Recheck], str]) -> tuple[Agreement, ...]:
    parts = groupby(sorted(rows, key=name_of), name_of)
    return tuple(measure(name, [verdicts(row) for row in part]) for name, part in parts)


def by_pair(rows: Iterable[Recheck]) -> tuple[Agreement, ...]:
    """Whoever of the two decided first: a pair is two people, and each keeps their own column."""
    found: dict[tuple[str, str], list[Pair]] = {}
    for row in rows:
        said = {one.user.name: one.verdict.value for one in (row.first, second_of(row))}
        one, other = sorted(said)
        found.setdefault((one, other), []).append((said[one], said[other]))
    return tuple(
        measure(say("%(one)s and %(other)s", one=one, other=other), found[one, other]) for one, other in sorted(found)
    )


def measure(name: str, pairs: Sequence[Pair]) -> Agreement:
    agreed = rate_of([one == other for one, other in pairs])
    if len(pairs) < FEWEST:
        reason = say_many(
            "%(num)s pair is too few: it takes %(fewest)s.",
            "%(num)s pairs are too few: it takes %(fewest)s.",
            len(pairs),
            fewest=FEWEST,
        )
        return Agreement(name, len(pairs), agreed, None, reason)
    labels = sorted({label for pair in pairs for label in pair})
    if len(labels) == 1:
        return Agreement(
            name,
            len(pairs),
            agreed,
            None,
            say("Everybody always gave the same answer: chance can't be told from agreement."),
        )
    return Agreement(name, len(pairs), agreed, kappa_of(pairs, labels))


def kappa_of(pairs: Sequence[Pair], labels: Sequence[str]) -> "Interval":
    """Cohen's kappa (scikit-learn's), with the large-sample interval of Fleiss, Cohen and Everitt (1969, Psychol.
    Bull. 72:323), cut off at -1 and 1. Where all agree, that has no width: Wilson's limit of the agreement stands in.
    """
    from sklearn.metrics import cohen_kappa_score, confusion_matrix

    from scanner.zoo.evaluation.intervals import Interval, Z, wilson

    first, second = zip(*pairs, strict=True)
    kappa = float(cohen_kappa_score(first, second, labels=labels))
    counts = confusion_matrix(first, second, labels=labels)
    if counts.trace() == len(pairs):
        chance = by_chance(counts)
        least, _ = wilson(1.0, len(pairs))
        return Interval(1.0, max(-1.0, (least - chance) / (1 - chance)), 1.0)
    half = Z * standard_error(counts)
    return Interval(kappa, max(-1.0, kappa - half), min(1.0, kappa + half))


def by_chance(counts: "NDArray[Any]") -> float:
    """The agreement that chance alone gives."""
    return float(counts.sum(axis=1) @ counts.sum(axis=0) / counts.sum() ** 2)


def standard_error(counts: "NDArray[Any]") -> float:
    """Of kappa; counts: (k, k), what one said by what the other said."""
    import numpy as np

    shares = counts / counts.sum()
    one, other = shares.sum(axis=1), shares.sum(axis=0)
    seen, chance = float(np.trace(shares)), float(one @ other)
    own = np.diag(shares) @ ((1 - chance) - (one + other) * (1 - seen)) ** 2
    crossed = (one[np.newaxis, :] + other[:, np.newaxis]) ** 2
    cross = (1 - seen) ** 2 * float((shares * crossed)[~np.eye(len(shares), dtype=bool)].sum())
    last = (seen * chance - 2 * chance + seen) ** 2
    return float(np.sqrt(max(0.0, own + cross - last) / counts.sum()) / (1 - chance) ** 2)
