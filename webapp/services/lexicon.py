"""The words of the trade as people look them up: what each says, and how often those who met it were right."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from rules.lexicon import Kind, Lexicon, Term
from rules.spelling import normalise
from webapp.models import FindingRow, FindingTerm
from webapp.services.rates import Estimate, share_by_group
from webapp.services.verdicts import count_by_seller

Named = tuple[str, str]  # language and term


@dataclass(frozen=True, slots=True)
class TermFilters:
    """None is any; query: letters that the term, a variant or a context holds, however they are spelt."""

    language: str | None = None
    concept: str | None = None
    kind: str | None = None
    query: str = ""


@dataclass(frozen=True, slots=True)
class TermFigures:
    """flagged: findings whose reasons name the term, in any state. precision: of the decided ones; None without any."""

    flagged: int = 0
    decided: int = 0
    confirmed: int = 0
    precision: Estimate | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    term: Term
    figures: TermFigures

    @property
    def is_coded(self) -> bool:
        return self.term.kind is Kind.CODED


def entries(session: Session, lexicon: Lexicon, filters: TermFilters) -> list[Entry]:
    """In the order of the lexicon: by language, then as its file has them."""
    figures = term_figures(session)
    chosen = (term for term in lexicon.terms if matches(term, filters))
    return [Entry(term, figures.get((term.language, term.term), TermFigures())) for term in chosen]


def matches(term: Term, filters: TermFilters) -> bool:
    return (
        filters.language in (None, term.language)
        and (filters.concept is None or filters.concept in term.concepts)
        and filters.kind in (None, term.kind.value)
        and holds_query(term, normalise(filters.query).strip())
    )


def holds_query(term: Term, query: str) -> bool:
    return not query or any(query in normalise(phrase) for phrase in phrases_of(term))


def phrases_of(term: Term) -> Iterable[str]:
    return (term.term, *term.variants, *term.needs, *term.not_in)


def languages_of(lexicon: Lexicon) -> list[str]:
    return sorted({term.language for term in lexicon.terms})


def concepts_of(lexicon: Lexicon) -> list[str]:
    return sorted({concept for term in lexicon.terms for concept in term.concepts})


def term_figures(session: Session) -> Mapping[Named, TermFigures]:
    """By language and term, from the findings that name it: sellers are independent, one seller's items are not."""
    flagged = {
        (language, term): count
        for language, term, count in session.execute(
            select(FindingTerm.language, FindingTerm.term, func.count()).group_by(
                FindingTerm.language, FindingTerm.term
            )
        )
    }
    groups = decided_groups(session)
    return {named: make_figures(count, groups.get(named, [])) for named, count in flagged.items()}


def decided_groups(session: Session) -> dict[Named, list[tuple[int, int]]]:
    """(confirmed, dismissed) of each seller."""
    return count_by_seller(
        session,
        lambda decided: decided.select_from(FindingRow).join(FindingTerm, FindingTerm.finding_id == FindingRow.id),
        FindingTerm.language,
        FindingTerm.term,
    )


def make_figures(flagged: int, groups: list[tuple[int, int]]) -> TermFigures:
    confirmed = sum(right for right, _ in groups)
    decided = confirmed + sum(wrong for _, wrong in groups)
    return TermFigures(flagged, decided, confirmed, share_by_group(groups))
