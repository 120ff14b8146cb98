"""Every deed on every kind of row of the audit log, with all rights on the database: found, and named by its row.

What each deed is called in words is test_chain's; here none may be missing.
"""

from datetime import timedelta

import pytest
from sqlalchemy import inspect
from sqlalchemy.orm import Session

from tests.webapp.services.test_chain import Change, attack, check, log, named, seal, write
from webapp.models import AuditEntry, AuditSeal, SealedEntry
from webapp.services import chain, signing
from webapp.services.verifying import FaultKind, Verification
from webapp.settings import Settings

__all__ = ["attack", "log"]  # fixtures

LONG_AGO = "'2020-01-01 00:00:00.000000'"
SEALED_AT = 5  # the entry at this place of `log` is in the middle of seal 2
# What every column becomes.
CHANGES = {
    "audit_entries": {
        "id": "id + 1000",
        "at": LONG_AGO,
        "actor": "'eve'",
        "action": "'decision.dismiss'",
        "subject": "'finding:99'",
        "facts": "'{}'",
        "content_sha256": "'f'",
    },
    "sealed_entries": {"entry_id": "entry_id + 1000", "seal_number": "3", "content_sha256": "'f'"},
    "audit_seals": {
        "number": "number + 1000",
        "first_id": "first_id + 1",
        "last_id": "last_id + 1",
        "count": "count + 1",
        "entries_sha256": "'f'",
        "previous_sha256": "'f'",
        "seal_sha256": "'f'",
        "sealed_at": LONG_AGO,
        "key": "'f'",
        "signature": "'f'",
    },
}
WHICH = {"audit_entries": "id = :id", "sealed_entries": "entry_id = :id", "audit_seals": "number = 2"}
EMPTIED = [("audit_entries", "content_sha256"), ("audit_seals", "key"), ("audit_seals", "signature")]  # all that may be
COLUMNS = [(table, column) for table, columns in CHANGES.items() for column in columns]


@pytest.fixture
def backend() -> str:
    """What the two databases do differently is test_chain's."""
    return "sqlite"


def names(result: Verification, entry_id: int, seal_number: int) -> bool:
    """Whether the entry or its seal is named."""
    return any(entry_id in fault.entries or seal_number in fault.seals for fault in result.faults)


def test_no_column_is_forgotten() -> None:
    for model in (AuditEntry, SealedEntry, AuditSeal):
        columns = {column.key for column in inspect(model).columns}
        assert columns == set(CHANGES[model.__tablename__])


@pytest.mark.parametrize(("table", "column"), COLUMNS)
def test_a_change_of_any_column_is_named(
    session: Session, settings: Settings, log: list[int], attack: Change, table: str, column: str
) -> None:
    attack(f"UPDATE {table} SET {column} = {CHANGES[table][column]} WHERE {WHICH[table]}", id=log[SEALED_AT])  # noqa: S608
    assert names(check(session, settings), log[SEALED_AT], 2)


@pytest.mark.parametrize(("table", "column"), EMPTIED)
def test_a_column_that_was_emptied_is_named(
    session: Session, settings: Settings, log: list[int], attack: Change, table: str, column: str
) -> None:
    attack(f"UPDATE {table} SET {column} = NULL WHERE {WHICH[table]}", id=log[SEALED_AT])  # noqa: S608
    assert names(check(session, settings), log[SEALED_AT], 2)


@pytest.mark.parametrize("place", range(10))
@pytest.mark.parametrize("table", ["audit_entries", "sealed_entries"])
def test_any_sealed_row_that_was_deleted_is_named(
    session: Session, settings: Settings, log: list[int], attack: Change, table: str, place: int
) -> None:
    attack(f"DELETE FROM {table} WHERE {WHICH[table]}", id=log[place])  # noqa: S608
    number = (1, 1, 1, 1, 2, 2, 2, 2, 3, 3)[place]
    assert (FaultKind.GONE, (number,), (log[place],)) in named(check(session, settings))


@pytest.mark.usefixtures("log")
@pytest.mark.parametrize("number", [1, 2, 3])
def test_any_seal_that_was_deleted_is_named(session: Session, settings: Settings, attack: Change, number: int) -> None:
    attack(f"DELETE FROM audit_seals WHERE number = {number}")  # noqa: S608
    assert any(fault.kind is FaultKind.SEAL_GONE and number in fault.seals for fault in check(session, settings).faults)


def swap(table: str, key: str, a: int, b: int, columns: str) -> list[str]:
    """Of the rows a and b, these columns change places."""
    other = f"(SELECT kept.{{0}} FROM kept WHERE kept.{key} = {a + b} - {table}.{key})"  # noqa: S608
    sets = ", ".join(f"{one} = {other.format(one)}" for one in columns.split(", "))
    return [
        f"CREATE TEMPORARY TABLE kept AS SELECT {key}, {columns} FROM {table} WHERE {key} IN ({a}, {b})",  # noqa: S608
        f"UPDATE {table} SET {sets} WHERE {key} IN ({a}, {b})",  # noqa: S608
        "DROP TABLE kept",
    ]


@pytest.mark.parametrize("places", [(0, 1), (0, 7), (3, 4), (8, 9)])
def test_two_entries_that_changed_what_they_say_are_named_as_reordered(
    session: Session, settings: Settings, log: list[int], attack: Change, places: tuple[int, int]
) -> None:
    a, b = (log[place] for place in places)
    attack(*swap("audit_entries", "id", a, b, "at, actor, action, subject, facts, content_sha256"))
    assert (FaultKind.MOVED, (), (a, b)) in named(check(session, settings))


@pytest.mark.parametrize("places", [(0, 1), (3, 4), (5, 9)])
def test_two_rows_of_seals_lists_that_changed_places_are_named(
    session: Session, settings: Settings, log: list[int], attack: Change, places: tuple[int, int]
) -> None:
    a, b = (log[place] for place in places)
    attack(*swap("sealed_entries", "entry_id", a, b, "content_sha256"))
    faults = check(session, settings).faults
    assert {a, b} <= {entry for fault in faults for entry in fault.entries}


def test_an_entry_that_changed_seals_is_named(
    session: Session, settings: Settings, log: list[int], attack: Change
) -> None:
    attack("UPDATE sealed_entries SET seal_number = 1 WHERE entry_id = :id", id=log[6])
    faults = named(check(session, settings))
    assert (FaultKind.INSERTED, (1,), (log[6],)) in faults and (FaultKind.GONE, (2,), (log[6],)) in faults


@pytest.mark.usefixtures("log")
@pytest.mark.parametrize("number", [0, 4])
def test_a_seal_that_was_put_in_is_named(session: Session, settings: Settings, attack: Change, number: int) -> None:
    """A copy of another one, as the key's holder alone could make one that holds."""
    columns = "first_id, last_id, count, entries_sha256, previous_sha256, sealed_at, key, signature"
    attack(f"INSERT INTO audit_seals (number, seal_sha256, {columns}) SELECT {number}, 'f', {columns} "  # noqa: S608
           "FROM audit_seals WHERE number = 3")  # fmt: skip
    assert any(number in fault.seals for fault in check(session, settings).faults)


def test_an_entry_of_before_that_was_put_in_is_named(
    session: Session, settings: Settings, log: list[int], attack: Change
) -> None:
    """Under a number that was free, and with a hash that fits."""
    at = session.get_one(AuditEntry, log[5]).at - timedelta(hours=3)
    content = chain.content_sha256(at, "eve", "decision.dismiss", "finding:1", {})
    with session.begin_nested():
        session.add(AuditEntry(id=log[5] + 500, at=at, actor="eve", action="decision.dismiss", subject="finding:1",
                               facts={}, content_sha256=content))  # fmt: skip
    session.commit()
    assert (FaultKind.MISDATED, (), (log[5] + 500,)) in named(check(session, settings))
    attack("INSERT INTO sealed_entries VALUES (:id, 2, :content)", id=log[5] + 500, content=content)
    assert (FaultKind.INSERTED, (2,), (log[5] + 500,)) in named(check(session, settings))


CUTS = {
    "the last seal's entries": ["DELETE FROM audit_entries WHERE id >= :id"],
    "the last seal's list": ["DELETE FROM sealed_entries WHERE entry_id >= :id"],
    "the last seal": ["DELETE FROM audit_seals WHERE number = 3"],
    "its entries and their list": ["DELETE FROM audit_entries WHERE id >= :id",
                                   "DELETE FROM sealed_entries WHERE entry_id >= :id"],
    "its list and itself": ["DELETE FROM sealed_entries WHERE entry_id >= :id",
                            "DELETE FROM audit_seals WHERE number = 3"],
    "all of it": ["DELETE FROM audit_entries WHERE id >= :id", "DELETE FROM sealed_entries WHERE entry_id >= :id",
                  "DELETE FROM audit_seals WHERE number = 3"],
}  # fmt: skip


@pytest.mark.parametrize("cut", CUTS)
def test_any_way_to_cut_the_end_off_is_named(
    session: Session, settings: Settings, log: list[int], attack: Change, cut: str
) -> None:
    head = chain.head(session)
    assert head is not None
    attack(*CUTS[cut], id=log[8])
    result = check(session, settings, head)
    assert names(result, log[8], 3), named(result)


@pytest.mark.usefixtures("log")
def test_a_log_that_was_emptied_is_named_by_a_head(session: Session, settings: Settings, attack: Change) -> None:
    head = chain.head(session)
    assert head is not None
    attack("DELETE FROM sealed_entries", "DELETE FROM audit_seals", "DELETE FROM audit_entries")
    assert named(check(session, settings, head)) == [(FaultKind.TRUNCATED, (1, 2, 3), ())]


def test_what_was_sealed_anew_after_a_cut_is_named_by_a_head(
    session: Session, settings: Settings, log: list[int], attack: Change
) -> None:
    """By somebody who has the key, too: the head that was kept elsewhere names another third seal."""
    head = chain.head(session)
    assert head is not None and signing.find_key(settings.home) is not None
    attack(*CUTS["all of it"], id=log[8])
    session.rollback()
    write(session, 2, first=90)
    seal(session, settings)
    assert (FaultKind.OTHER_HEAD, (3,), ()) in named(check(session, settings, head))
