"""What alembic runs; the connection comes from webapp.migrations.upgrade."""

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy import Enum

import webapp.models  # noqa: F401  # fills the metadata
from webapp.db import Base, UtcDateTime
from webapp.migrations import is_of_models


def render_plainly(kind: str, item: Any, _context: AutogenContext) -> str | Literal[False]:
    """A revision names no class of ours: it must still run when the class has changed."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(item, Enum):
        return f"sa.String(length={item.length})"
    return False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_item=render_plainly,
    include_object=is_of_models,
    # SQLite can't alter a column in place: alembic copies the table.
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
