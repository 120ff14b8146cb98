"""Pages of a list: a cursor says where the next begins, so that nothing is skipped or doubled while rows are added."""

import base64
import binascii
from collections.abc import Sequence
from typing import Annotated, Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator
from sqlalchemy import Select
from sqlalchemy.orm import InstrumentedAttribute, Session

from webapp.api.problems import Problem

T = TypeVar("T")

MOST = 200
WORDS_LETTERS = 2000

# A reason or a note that has to be given.
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=WORDS_LETTERS)]
# One that need not be.
Note = Annotated[str, StringConstraints(strip_whitespace=True, max_length=WORDS_LETTERS)]


class Strict(BaseModel):
    """What is sent: a name that is not known is a fault, not a silence."""

    model_config = ConfigDict(extra="forbid")

    @field_validator("*")
    @classmethod
    def refuse_nul(cls, value: Any) -> Any:
        """PostgreSQL keeps none in a text."""
        if isinstance(value, str) and "\0" in value:
            raise ValueError("Leave out the NUL character.")
        return value


class PageQuery(Strict):
    cursor: str | None = Field(None, max_length=400, description="`next_cursor` of the page before")
    limit: int = Field(50, ge=1, le=MOST, description="rows a page")


class Page(BaseModel, Generic[T]):
    """next_cursor: null on the last page."""

    items: list[T]
    next_cursor: str | None = None


def newest_first(
    session: Session, query: Select[Any], key: InstrumentedAttribute[int], asked: PageQuery
) -> tuple[Sequence[Any], str | None]:
    """The rows of one page by falling id, and the cursor of the next."""
    if asked.cursor is not None:
        query = query.where(key < read(asked.cursor))
    rows = list(session.scalars(query.order_by(key.desc()).limit(asked.limit + 1)).unique())
    shown = rows[: asked.limit]
    return shown, write(getattr(shown[-1], key.key)) if len(rows) > asked.limit else None


def write(number: int) -> str:
    return base64.urlsafe_b64encode(f"id:{number}".encode()).decode().rstrip("=")


def read(cursor: str) -> int:
    """Raises Problem for what no page gave."""
    try:
        word, _, number = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii").partition(":")
        if word == "id" and number.isdecimal() and len(number) < 12:
            return int(number)
    except (ValueError, binascii.Error, UnicodeError):
        pass
    raise Problem(422, "This cursor can't be read; begin again without one.")
