"""The audit log's chain: what an attacker with all rights on the database does is found and named."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from tests.factories import add
from webapp.db import now, open_engine, session_factory
from webapp.models import AuditEntry, AuditSeal, Purge, SealedEntry
from webapp.services import audit, chain, signing, verifying
from webapp.services.chain import Head
from webapp.services.errors import Refused
from webapp.services.verifying import FaultKind, Verification
from webapp.settings import Settings

GUARDED = ("audit_entries", "audit_seals", "sealed_entries", "purges")
STRANGE = {"share": 0.1 + 0.2, "tiny": 5e-324, "large": 2**80, "words": "„Elfenbein“ 象牙 \u2028\u0000", "none": None}

Change = Callable[..., None]


def write(session: Session, count: int, first: int = 0) -> None:
    for number in range(first, first + count):
        audit.record(session, "ann", "decision.confirm", f"finding:{number}", before="open", number=number, score=0.1)
    session.commit()


def seal(session: Session, settings: Settings) -> int:
    return chain.seal_all(session, settings.home, signing.signing_key(settings.home))


def check(session: Session, settings: Settings, *heads: Head) -> Verification:
    session.rollback()
    session.expire_all()
    return verifying.verify(session, signing.trusted_keys(settings.home), heads)


def named(result: Verification) -> list[tuple[FaultKind, tuple[int, ...], tuple[int, ...]]]:
    return sorted((fault.kind, fault.seals, fault.entries) for fault in result.faults)


@pytest.fixture
def log(session: Session, settings: Settings) -> list[int]:
    """Three seals of four, four and two entries, one entry unsealed; the ids."""
    for count in (4, 4, 2):
        write(session, count)
        assert seal(session, settings) == count
    write(session, 1)
    return [row.id for row in audit.recent(session, 20)][::-1]


@pytest.fixture
def attack(engine: Engine) -> Iterator[Change]:
    """Runs statements as someone for whom triggers and foreign keys are no hindrance."""

    def run(*statements: str, **values: Any) -> None:
        with engine.connect() as connection:
            disarm(connection)
            for statement in statements:
                connection.execute(text(statement), values)
            connection.commit()
            if connection.dialect.name == "sqlite":
                connection.execute(text("PRAGMA foreign_keys=ON"))

    yield run


def disarm(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET session_replication_role = replica"))
        return
    connection.execute(text("PRAGMA foreign_keys=OFF"))
    for table in GUARDED:
        for verb in ("update", "delete"):
            connection.execute(text(f"DROP TRIGGER IF EXISTS {table}_no_{verb}"))


@pytest.mark.usefixtures("log")
def test_what_nobody_touched_is_whole(session: Session, settings: Settings) -> None:
    result = check(session, settings)
    assert result.is_whole and result.words == "10 entries are as they were written."
    assert (result.seals, result.entries, result.unsealed) == (3, 10, 1)
    assert result.head == chain.head(session) and result.head.number == 3


def test_an_empty_log_is_whole(session: Session, settings: Settings) -> None:
    assert seal(session, settings) == 0
    assert check(session, settings) == Verification()


def test_strange_facts_come_back_as_they_were_hashed(session: Session, settings: Settings) -> None:
    facts = {name: value for name, value in STRANGE.items() if "\u0000" not in str(value)}
    audit.record(session, "„ann“", "test.strange", "nothing:0", **facts, nested=({"b": 1, "a": (1, 2)},))
    session.commit()
    seal(session, settings)
    assert check(session, settings).is_whole


def test_what_json_does_not_know_is_refused_before_it_is_written(session: Session) -> None:
    for value in (float("nan"), object()):
        with pytest.raises((ValueError, TypeError)):
            audit.record(session, "ann", "test", "nothing:0", value=value)


@pytest.mark.parametrize(
    "change",
    ["at = '2020-01-01 00:00:00+00:00'", "actor = 'bob'", "action = 'decision.dismiss'", "subject = 'finding:99'",
     "facts = '{}'", "content_sha256 = 'f'", "content_sha256 = NULL"],
)  # fmt: skip
def test_a_changed_column_of_an_entry_is_named(
    session: Session, settings: Settings, log: list[int], attack: Change, change: str
) -> None:
    if session.get_bind().dialect.name == "sqlite":
        change = change.replace("+00:00", ".000000")
    attack(f"UPDATE audit_entries SET {change} WHERE id = :id", id=log[5])  # noqa: S608
    faults = named(check(session, settings))
    assert (FaultKind.CHANGED, (2,), (log[5],)) in faults
    assert {entries for _, _, entries in faults} == {(log[5],)}


def test_an_entry_that_was_changed_along_with_its_hash_is_named(
    session: Session, settings: Settings, log: list[int], attack: Change
) -> None:
    entry = session.get_one(AuditEntry, log[5])
    content = chain.content_sha256(entry.at, "bob", entry.action, entry.subject, entry.facts)
    attack("UPDATE audit_entries SET actor = 'bob', content_sha256 = :c WHERE id = :id", c=content, id=log[5])
    assert named(check(session, settings)) == [(FaultKind.CHANGED, (2,), (log[5],))]
    attack("UPDATE sealed_entries SET content_sha256 = :c WHERE entry_id = :id", c=content, id=log[5])
    assert named(check(session, settings)) == [(FaultKind.LIST, (2,), tuple(log[4:8]))]


def test_an_unsealed_entry_that_was_changed_is_named(
    session: Session, settings: Settings, log: list[int], attack: Change
) -> None:
    attack("UPDATE audit_entries SET actor = 'bob' WHERE id = :id", id=log[-1])
    assert named(check(session, settings)) == [(FaultKind.CHANGED, (), (log[-1],))]


@pytest.mark.parametrize("place", [0, 5, 7, 9])
def test_a_deleted_entry_is_named(
    session: Session, settings: Settings, log: list[int], attack: Change, place: int
) -> None:
    number = (1, 1, 1, 1, 2, 2, 2, 2, 3, 3)[place]
    attack("DELETE FROM audit_entries WHERE id = :id", id=log[place])
    assert named(check(session, settings)) == [(FaultKind.GONE, (number,), (log[place],))]
    attack("DELETE FROM sealed_entries WHERE entry_id = :id", id=log[place])
    assert named(check(session, settings)) == [(FaultKind.GONE, (number,), (log[place],))]


def test_an_entry_that_was_taken_from_its_seal_is_named(
    session: Session, settings: Settings, log: list[int], attack: Change
) -> None:
    attack("DELETE FROM sealed_entries WHERE entry_id = :id", id=log[5])
    assert (FaultKind.GONE, (2,), (log[5],)) in named(check(session, settings))


@pytest.mark.usefixtures("log")
def test_an_entry_of_today_that_says_it_is_older_is_named_sealed_or_not(session: Session, settings: Settings) -> None:
    at = now() - timedelta(days=9)
    content = chain.content_sha256(at, "ann", "decision.dismiss", "finding:1", {})
    said = {"actor": "ann", "action": "decision.dismiss", "subject": "finding:1", "facts": {}}
    entry = add(session, AuditEntry(at=at, content_sha256=content, **said))
    session.commit()
    assert named(check(session, settings)) == [(FaultKind.MISDATED, (), (entry.id,))]
    seal(session, settings)
    assert named(check(session, settings)) == [(FaultKind.MISDATED, (), (entry.id,))]


@pytest.mark.usefixtures("log")
def test_an_entry_that_was_written_past_the_application_is_named(session: Session, settings: Settings) -> None:
    entry = add(session, AuditEntry(actor="ann", action="decision.dismiss", subject="finding:1", facts={}))
    session.commit()
    seal(session, settings)
    assert named(check(session, settings)) == [(FaultKind.UNHASHED, (), (entry.id,))]


def test_an_entry_that_was_put_into_a_seal_is_named(
    session: Session, settings: Settings, log: list[int], attack: Change
) -> None:
    content = session.get_one(AuditEntry, log[-1]).content_sha256
    attack("INSERT INTO sealed_entries VALUES (:id, 2, :content)", id=log[-1], content=content)
    assert named(check(session, settings)) == [(FaultKind.INSERTED, (2,), (log[-1],))]


def test_entries_that_changed_places_are_named_as_reordered(
    session: Session, settings: Settings, log: list[int], attack: Change
) -> None:
    swap = "UPDATE audit_entries SET id = {} WHERE id = {}"
    one, other = log[1], log[6]
    attack(swap.format(-1, one), swap.format(one, other), swap.format(other, -1))
    assert named(check(session, settings)) == [(FaultKind.MOVED, (), (one, other))]


def test_an_entry_under_another_id_is_named_as_moved(
    session: Session, settings: Settings, log: list[int], attack: Change
) -> None:
    attack("UPDATE audit_entries SET id = 999 WHERE id = :id", id=log[1])
    assert named(check(session, settings)) == [(FaultKind.MOVED, (), (log[1], 999))]


@pytest.mark.parametrize(
    "change",
    ["first_id = first_id + 1", "last_id = last_id + 1", "count = 5", "entries_sha256 = 'f'", "previous_sha256 = 'f'",
     "sealed_at = '2020-01-01 00:00:00+00:00'", "seal_sha256 = 'f'"],
)  # fmt: skip
@pytest.mark.usefixtures("log")
def test_a_changed_column_of_a_seal_is_named(session: Session, settings: Settings, attack: Change, change: str) -> None:
    if session.get_bind().dialect.name == "sqlite":
        change = change.replace("+00:00", ".000000")
    attack(f"UPDATE audit_seals SET {change} WHERE number = 2")  # noqa: S608
    assert (FaultKind.SEAL_CHANGED, (2,), ()) in named(check(session, settings))


@pytest.mark.parametrize(
    ("change", "kind"),
    [("key = NULL", FaultKind.UNSIGNED), ("signature = NULL", FaultKind.UNSIGNED),
     ("signature = 'f'", FaultKind.FORGED), ("key = seal_sha256", FaultKind.FORGED)],
)  # fmt: skip
@pytest.mark.usefixtures("log")
def test_a_seal_without_its_signature_is_named(
    session: Session, settings: Settings, attack: Change, change: str, kind: FaultKind
) -> None:
    attack(f"UPDATE audit_seals SET {change} WHERE number = 2")  # noqa: S608
    assert named(check(session, settings)) == [(kind, (2,), ())]


def test_a_seal_of_a_key_that_is_not_ours_is_named(session: Session, settings: Settings, tmp_path: Path) -> None:
    write(session, 1)
    chain.seal_all(session, tmp_path, signing.signing_key(tmp_path / "another"))
    signing.signing_key(settings.home)
    assert named(check(session, settings)) == [(FaultKind.UNKNOWN_KEY, (1,), ())]


@pytest.mark.usefixtures("log")
def test_a_deleted_seal_is_named(session: Session, settings: Settings, attack: Change) -> None:
    attack("DELETE FROM audit_seals WHERE number = 2")
    assert named(check(session, settings)) == [(FaultKind.SEAL_GONE, (2,), ())]


@pytest.mark.usefixtures("log")
def test_seals_that_changed_places_are_named_as_reordered(session: Session, settings: Settings, attack: Change) -> None:
    swap = "UPDATE audit_seals SET number = {} WHERE number = {}"
    attack(swap.format(-1, 2), swap.format(2, 3), swap.format(3, -1))
    assert (FaultKind.SEAL_MOVED, (2, 3), ()) in named(check(session, settings))


@pytest.mark.usefixtures("log")
def test_a_seal_that_was_made_anew_by_somebody_else_is_named(
    session: Session, settings: Settings, attack: Change, tmp_path: Path
) -> None:
    """With another key, and without rewriting what follows."""
    first, second = session.get_one(AuditSeal, 1), session.get_one(AuditSeal, 2)
    contents = [(row.id, str(row.content_sha256)) for row in audit.recent(session, 20)[::-1]][4:7]
    forged = chain.make_seal(first, contents, signing.signing_key(tmp_path / "another"))
    assert second.number == forged["number"]
    sets = ", ".join(f"{name} = :{name}" for name in forged if name not in ("number", "sealed_at"))
    attack(f"UPDATE audit_seals SET {sets} WHERE number = 2", **{k: v for k, v in forged.items() if k in sets})  # noqa: S608
    faults = check(session, settings).faults
    assert {fault.kind for fault in faults} >= {FaultKind.UNKNOWN_KEY, FaultKind.SEAL_CHANGED}


def test_a_cut_end_is_named_where_a_head_was_kept(
    session: Session, settings: Settings, log: list[int], attack: Change
) -> None:
    head = chain.head(session)
    assert head is not None
    cut = ("DELETE FROM sealed_entries WHERE seal_number = 3", "DELETE FROM audit_seals WHERE number = 3")
    attack(cut[1])
    assert named(check(session, settings)) == [(FaultKind.SEAL_GONE, (3,), tuple(log[8:10]))]
    attack(cut[0], "DELETE FROM audit_entries WHERE id >= :id", id=log[8])
    assert check(session, settings).is_whole  # nothing in the database tells
    assert named(check(session, settings, head)) == [(FaultKind.TRUNCATED, (3,), ())]
    session.rollback()
    assert named(verifying.verify_home(session, settings.home)) == [(FaultKind.TRUNCATED, (3,), ())]


@pytest.mark.usefixtures("log")
def test_another_history_does_not_replace_the_kept_head(session: Session, settings: Settings, attack: Change) -> None:
    attack(*(f"DELETE FROM {table}" for table in ("sealed_entries", "audit_seals", "audit_entries")))  # noqa: S608
    session.rollback()
    for _ in range(4):
        write(session, 1)
        seal(session, settings)
    assert named(verifying.verify_home(session, settings.home)) == [(FaultKind.OTHER_HEAD, (3,), ())]


@pytest.mark.usefixtures("log")
def test_a_forged_head_is_named(session: Session, settings: Settings) -> None:
    head = chain.head(session)
    assert head is not None
    said = head.to_json() | {"number": 2}
    assert named(check(session, settings, Head.from_json(json.dumps(said)))) == [(FaultKind.FORGED_HEAD, (2,), ())]


def test_a_file_that_is_no_head_is_refused() -> None:
    for words in ("", "[]", "{}", '{"format": "tuskline-audit-head/1"}', '{"format": 1}'):
        with pytest.raises(Refused, match="no head of an audit log"):
            Head.from_json(words)


def test_entries_of_before_the_chain_are_taken_in_and_guarded(
    session: Session, settings: Settings, attack: Change
) -> None:
    for number in range(3):
        add(session, AuditEntry(actor="ann", action="old", subject=f"x:{number}", at=now() - timedelta(days=9)))
    session.commit()
    write(session, 2)
    assert seal(session, settings) == 5
    assert check(session, settings).is_whole
    first = session.query(AuditEntry).order_by(AuditEntry.id).first()
    assert first is not None
    attack("UPDATE audit_entries SET actor = 'bob' WHERE id = :id", id=first.id)
    assert named(check(session, settings)) == [(FaultKind.CHANGED, (1,), (first.id,))]


def test_an_entry_that_was_committed_late_is_picked_up(engine: Engine, session: Session, settings: Settings) -> None:
    """On PostgreSQL an id is given before the commit; SQLite has one writer, so there the order is made by hand."""
    write(session, 1)
    if engine.dialect.name == "postgresql":
        with session_factory(engine)() as slow:
            audit.record(slow, "late", "decision.confirm", "finding:7")
            write(session, 2)
            seal(session, settings)
            slow.commit()
    else:
        write(session, 1)
        entry = AuditEntry(id=9, actor="x", action="x", subject="x", content_sha256="0", at=now())
        content = chain.content_sha256(entry.at, "x", "x", "x", {})
        entry.content_sha256, entry.facts = content, {}
        add(session, entry)
        session.commit()
        seal(session, settings)
        write(session, 0)
        late_at = now()
        said = chain.content_sha256(late_at, "late", "x", "x", {})
        add(session, AuditEntry(id=5, at=late_at, actor="late", action="x", subject="x", facts={}, content_sha256=said))
        session.commit()
    assert check(session, settings).unsealed == 1
    assert seal(session, settings) == 1
    result = check(session, settings)
    assert result.is_whole and result.unsealed == 0


def test_of_two_sealers_the_second_gives_way(
    engine: Engine, session: Session, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(session, 2)
    key, read_last = signing.signing_key(settings.home), chain.last_seal

    def overtaken(asking: Session) -> AuditSeal | None:
        last = read_last(asking)
        monkeypatch.setattr(chain, "last_seal", read_last)
        with session_factory(engine)() as other:
            assert chain.seal_batch(other, key) is not None
            other.commit()
        return last

    monkeypatch.setattr(chain, "last_seal", overtaken)
    assert chain.seal_batch(session, key) is None
    session.rollback()
    assert check(session, settings).is_whole


def test_fifty_writers_and_three_sealers_at_once_do_not_fork_it(settings: Settings, session: Session) -> None:
    key = signing.signing_key(settings.home)

    @contextmanager
    def own_session() -> Iterator[Session]:
        """No pool stands between fifty writers and the database."""
        engine = open_engine(settings.sqlalchemy_url)
        with session_factory(engine)() as one:
            yield one
        engine.dispose()

    def write_some(number: int) -> None:
        with own_session() as one:
            for step in range(3):
                audit.record(one, f"writer{number}", "decision.confirm", f"finding:{step}")
                one.commit()

    def seal_some(_number: int) -> None:
        with own_session() as one:
            for _ in range(8):
                chain.seal_batch(one, key, limit=7)
                one.commit()

    with ThreadPoolExecutor(53) as threads:
        work = [threads.submit(write_some, number) for number in range(50)]
        work += [threads.submit(seal_some, number) for number in range(3)]
        for each in work:
            each.result()
    seal(session, settings)
    result = check(session, settings)
    assert result.is_whole, named(result)
    assert (result.entries, result.unsealed) == (150, 0)
    assert session.query(SealedEntry).count() == 150


def test_the_log_is_sealed_in_batches_that_a_long_one_needs(
    session: Session, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(session, 7)
    key = signing.signing_key(settings.home)
    while chain.seal_batch(session, key, limit=3):
        session.commit()
    monkeypatch.setattr(verifying, "FETCHED", 2)
    result = check(session, settings)
    assert (result.seals, result.entries) == (3, 7) and result.is_whole


def test_a_role_that_may_only_read_and_add_is_enough(engine: Engine, settings: Settings) -> None:
    if engine.dialect.name != "postgresql":
        pytest.skip("SQLite knows no roles; there triggers refuse (test_append_only)")
    role = f"clerk_{settings.sqlalchemy_url.rpartition('/')[2].partition('?')[0]}"
    with engine.begin() as connection:
        connection.execute(text(f"CREATE ROLE {role}"))
        connection.execute(text(f"GRANT USAGE ON SCHEMA public TO {role}"))
        connection.execute(text(f"GRANT SELECT, INSERT ON {', '.join(GUARDED)} TO {role}"))
        connection.execute(text(f"GRANT USAGE ON SEQUENCE audit_entries_id_seq, purges_id_seq TO {role}"))
    try:
        limited = open_engine(settings.sqlalchemy_url)
        event.listen(limited, "begin", lambda connection: connection.execute(text(f"SET LOCAL ROLE {role}")))
        with session_factory(limited)() as session:
            write(session, 3)
            session.add(Purge(name="photos/x", sha256="0" * 64, size_bytes=1, reason="a test", actor="ann"))
            session.commit()
            assert seal(session, settings) == 3
            assert check(session, settings).is_whole
            for table in GUARDED:
                for statement in (f"UPDATE {table} SET {columns_of(table)}", f"DELETE FROM {table}"):  # noqa: S608
                    with pytest.raises(DBAPIError, match="permission denied"):
                        session.execute(text(statement))
                    session.rollback()
        limited.dispose()
    finally:
        with engine.begin() as connection:
            connection.execute(text(f"DROP OWNED BY {role}"))
            connection.execute(text(f"DROP ROLE {role}"))


def columns_of(table: str) -> str:
    column = {"audit_entries": "actor", "audit_seals": "count", "sealed_entries": "seal_number", "purges": "name"}[
        table
    ]
    return f"{column} = {column}"
