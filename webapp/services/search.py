"""The full-text search over listings: what is indexed of their words, and how a person's words look it up.

Both sides are made of the same plain words, so that SQLite's FTS5 and PostgreSQL's text search find the same, and
nothing that a person writes is ever read as the syntax of either.
"""

import re
import unicodedata
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, String, column, exists, func, literal_column, select, table
from sqlalchemy.orm import Session

from rules.spelling import normalise
from webapp.db import insert_new
from webapp.models import ListingRow, ListingText

# PostgreSQL counts places in a text up to 16,383, and 256 of one word: behind them only single words are found.
WORDS_KEPT = 16_000
WORD_LETTERS = 60
ASKED_LETTERS = 200
ASKED_TERMS = 12
# A beginning shorter than this stands for too many words to look up all of them.
OPEN_LETTERS = 4
# Listings that hold a word, from which on SQLite looks for it in the words of each rather than list all that hold it.
EVERYWHERE = 50_000

# Scripts without spaces between words (Thai, Lao, Burmese, Khmer, kana, Han): each letter is a word of its own.
UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
WORD = re.compile(rf"[{UNSPACED}]|[^\W_{UNSPACED}]+")
ACCENTS = re.compile("[\u0300-\u036f]")
QUOTES = re.compile('["\u201c\u201d\u201e\u201f\u300c\u300d\u300e\u300f\u00ab\u00bb\uff02]')

SEARCH_TABLE = table("listing_search", column("rowid", Integer), column("listing_search", String))


@dataclass(frozen=True, slots=True)
class Term:
    """Words that stand next to one another. is_open: the last of them may go on."""

    words: tuple[str, ...]
    is_open: bool = False


def split_words(text: str) -> list[str]:
    """Plain words without case and accents; letters of scripts without spaces each alone."""
    bare = ACCENTS.sub("", unicodedata.normalize("NFD", normalise(text)))
    return [word[:WORD_LETTERS] for word in WORD.findall(unicodedata.normalize("NFC", bare)) if word.isalnum()]


def body_of(row: ListingRow) -> str:
    """What of a listing can be found; the seller goes first, as a long description is cut."""
    return " ".join(split_words("\n".join((row.title, row.seller or "", row.description)))[:WORDS_KEPT])


def keep(session: Session, row: ListingRow) -> None:
    """Bring what is indexed up to date with the listing's words."""
    body = body_of(row)
    if insert_new(session, ListingText, listing_id=row.id, body=body):
        return
    kept = session.get(ListingText, row.id)
    if kept is not None and kept.body != body:
        kept.body = body
        session.flush()


def read_terms(text: str) -> tuple[Term, ...]:
    """What a person asks for: words that all have to be there, and phrases in quotes; the last word may be unfinished.

    At most 12 terms; empty where the text holds no word.
    """
    pieces = QUOTES.split(text[:ASKED_LETTERS])
    terms: list[Term] = []
    for number, piece in enumerate(pieces):
        is_quoted = number % 2 == 1 and number < len(pieces) - 1
        chunks = [piece] if is_quoted else piece.split()
        terms += [Term(words) for chunk in chunks if (words := tuple(split_words(chunk)))]
    if terms and not text.rstrip().endswith(tuple('"\u201d\u300d\u00bb')):
        terms[-1] = open_end(terms[-1])
    return tuple(terms[:ASKED_TERMS])


def open_end(term: Term) -> Term:
    """A letter of a script without spaces is a whole word."""
    return Term(term.words, is_open=len(term.words[-1]) >= OPEN_LETTERS)


def for_sqlite(terms: tuple[Term, ...]) -> str:
    """In the query language of FTS5: every word quoted."""
    return " AND ".join(f'"{" ".join(term.words)}"{"*" if term.is_open else ""}' for term in terms)


def for_postgresql(terms: tuple[Term, ...]) -> str:
    """In the query language of to_tsquery: every word quoted."""
    return " & ".join(
        "({})".format(" <-> ".join(f"'{word}'" for word in term.words) + (":*" if term.is_open else ""))
        for term in terms
    )


def listing_ids(session: Session, terms: tuple[Term, ...], most: int) -> list[int]:
    """The ids of listings that hold all of the terms, in no order."""
    if is_sqlite(session):
        return list(session.scalars(matching_rows(terms).limit(most)))
    return list(session.scalars(select(ListingText.listing_id).where(indexed_match(terms)).limit(most)))


def holds(session: Session, terms: tuple[Term, ...], listing_id: ColumnElement[int]) -> ColumnElement[bool]:
    """Whether the listing holds all of the terms, as a condition on rows that are looked at one by one."""
    if not is_sqlite(session):
        return exists().where(ListingText.listing_id == listing_id, indexed_match(terms))
    if is_everywhere(session, terms):
        # One of a few rows holds it: they are read, where a list of all that hold it would be of millions.
        return exists().where(ListingText.listing_id == listing_id, *(stands_in_body(term) for term in terms))
    # Read once into a list of its own: asking the index anew for each row is a hundred times as slow.
    return listing_id.in_(matching_rows(terms))


def matching_rows(terms: tuple[Term, ...]) -> Select[tuple[int]]:
    """Of SQLite."""
    return select(SEARCH_TABLE.c.rowid).where(SEARCH_TABLE.c.listing_search.op("MATCH")(for_sqlite(terms)))


def is_everywhere(session: Session, terms: tuple[Term, ...]) -> bool:
    some = matching_rows(terms).limit(EVERYWHERE)
    return session.scalar(select(func.count()).select_from(some.subquery())) == EVERYWHERE


def stands_in_body(term: Term) -> ColumnElement[bool]:
    """As the index would have it: a body is plain words parted by spaces, which hold nothing that LIKE reads."""
    return (" " + ListingText.body + " ").like(f"% {' '.join(term.words)}{'' if term.is_open else ' '}%")


def indexed_match(terms: tuple[Term, ...]) -> ColumnElement[bool]:
    config: ColumnElement[Any] = literal_column("'simple'::regconfig")
    words = func.to_tsvector(config, ListingText.body)
    return words.bool_op("@@")(func.to_tsquery(config, for_postgresql(terms)))


def is_sqlite(session: Session) -> bool:
    return session.get_bind().dialect.name == "sqlite"
