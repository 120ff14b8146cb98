"""What was fetched for a listing, kept byte for byte, and where it lies."""

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session

from scanner.fetch import Fetched
from webapp.models import Capture, ListingRow, Scan
from webapp.services.listings import URL_LETTERS
from webapp.settings import Settings


class KeepsAnswers(Protocol):
    def add(self, fetched: Fetched, facts: Mapping[str, Any]) -> Iterable[Any]: ...


class Archive:
    """One scan's archive. writer: scanner.warc.ArchiveWriter, or None where nothing is to be kept."""

    def __init__(self, writer: KeepsAnswers | None, facts: dict[str, Any], traffic: Any = None) -> None:
        self._writer = writer
        self._facts = facts
        self._traffic = traffic

    def keep(self, session: Session, row: ListingRow, answers: Iterable[Fetched]) -> None:
        """Archive the answers, and note under the listing where they lie; the caller commits."""
        if self._writer is None:
            return
        for answer in answers:
            for record in self._writer.add(answer, self._facts | {"listing": row.url}):
                self._note(session, row, record)

    def _note(self, session: Session, row: ListingRow, record: Any) -> None:
        session.add(
            Capture(
                listing_id=row.id,
                scan_id=self._facts.get("scan"),
                url=record.url[:URL_LETTERS],
                archive=record.archive,
                record_id=record.record_id,
                sha256=record.sha256,
                captured_at=record.captured_at,
            )
        )

    def traffic(self) -> dict[str, int]:
        return self._traffic() if self._traffic else {}


def captures_of(session: Session, listing_id: int) -> list[Capture]:
    """What is archived of the listing, the newest first."""
    query = select(Capture).where(Capture.listing_id == listing_id).order_by(Capture.id.desc())
    return list(session.scalars(query))


def open_archive(scan: Scan, settings: Settings) -> AbstractContextManager[Archive]:
    return nullcontext(Archive(None, {}))
