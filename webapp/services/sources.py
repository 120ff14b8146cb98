"""The marketplaces that scans crawl."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.models import Source
from webapp.services import audit


def ensure_source(session: Session, name: str, kind: str, options: Mapping[str, Any]) -> Source:
    """The source of that name, made or brought up to date."""
    source = session.scalar(select(Source).where(Source.name == name))
    if source is None:
        source = Source(name=name, kind=kind, options=dict(options))
        session.add(source)
        session.flush()
        audit.record(session, audit.SYSTEM, "source.create", f"source:{source.id}", name=name, kind=kind)
    source.kind, source.options = kind, dict(options)
    return source


def list_sources(session: Session) -> list[Source]:
    return list(session.scalars(select(Source).order_by(Source.name)))
