"""An archive's records can be taken out byte for byte, also around one that is damaged."""

import io
from datetime import UTC, datetime

import pytest

from scanner.warc.members import Member, read_members
from scanner.warc.records import Entry, describe_archive, new_id


@pytest.fixture
def packed() -> list[bytes]:
    """What describes the archive, then three records, of which the second is larger than what is read at once."""
    bodies = [b"one", bytes(range(256)) * 2000, b"three"]
    at = datetime(2026, 11, 26, tzinfo=UTC)
    entries = [Entry("metadata", body, at, {"WARC-Record-ID": new_id()}, body) for body in bodies]
    return [describe_archive("a.warc.gz", "").packed(), *(entry.packed() for entry in entries)]


def members_of(body: bytes) -> list[Member]:
    return list(read_members(io.BytesIO(body)))


def test_they_are_the_archive_piece_by_piece(packed: list[bytes]) -> None:
    found = members_of(b"".join(packed))
    assert [one.raw for one in found] == packed
    assert [one.kind for one in found] == ["warcinfo", "metadata", "metadata", "metadata"]
    assert found[1].block() == b"one" and found[2].block() == bytes(range(256)) * 2000
    assert len({one.record_id for one in found}) == 4 and not any(one.is_damaged for one in found)


@pytest.mark.parametrize("which", [0, 1, 2, 3])
@pytest.mark.parametrize("where", [0, 1, 12, 0.5, -1])
def test_a_changed_byte_damages_one_and_the_others_are_found(packed: list[bytes], which: int, where: float) -> None:
    body = bytearray(packed[which])
    body[int(len(body) * where) if isinstance(where, float) else where] ^= 0xFF
    found = members_of(b"".join([*packed[:which], bytes(body), *packed[which + 1 :]]))
    assert b"".join(one.raw for one in found if not one.is_damaged) == b"".join(
        raw for number, raw in enumerate(packed) if number != which
    )
    assert b"".join(one.raw for one in found if one.is_damaged) == bytes(body)


def test_one_that_is_cut_off_is_damaged(packed: list[bytes]) -> None:
    found = members_of(b"".join(packed)[:-4])
    assert [one.is_damaged for one in found] == [False, False, False, True]


def test_nothing_holds_nothing_and_rubbish_is_damaged() -> None:
    assert members_of(b"") == []
    assert [one.is_damaged for one in members_of(b"no archive at all")] == [True]
