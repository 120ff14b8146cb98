import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from webapp.services import signing
from webapp.services.errors import Refused


def test_a_key_is_made_once_and_read_by_its_owner_alone(tmp_path: Path) -> None:
    assert signing.find_key(tmp_path) is None
    with ThreadPoolExecutor(8) as threads:
        publics = {key.public for key in threads.map(signing.signing_key, [tmp_path] * 8)}
    found = signing.find_key(tmp_path)
    assert found is not None and publics == {found.public}
    assert stat.S_IMODE((tmp_path / signing.FILE).stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [signing.FILE]


def test_a_signature_is_of_one_key_and_one_message(tmp_path: Path) -> None:
    key, other = signing.signing_key(tmp_path / "a"), signing.signing_key(tmp_path / "b")
    signature = key.sign(b"message")
    assert signing.is_signed(key.public, signature, b"message")
    assert not signing.is_signed(key.public, signature, b"Message")
    assert not signing.is_signed(other.public, signature, b"message")
    assert not signing.is_signed(key.public, "zz", b"message")
    assert not signing.is_signed("00", signature, b"message")


def test_a_fingerprint_is_read_in_groups(tmp_path: Path) -> None:
    groups = signing.signing_key(tmp_path).fingerprint.split(" ")
    assert [len(group) for group in groups] == [8] * 8


def test_keys_of_other_machines_are_trusted_where_they_are_named(tmp_path: Path) -> None:
    key, other = signing.signing_key(tmp_path), signing.signing_key(tmp_path / "other")
    assert signing.trusted_keys(tmp_path) == {key.public}
    (tmp_path / signing.TRUSTED).write_text(f"{other.public.upper()}\n")
    assert signing.trusted_keys(tmp_path) == {key.public, other.public}


def test_a_key_that_can_not_be_read_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / signing.FILE).write_text("nonsense")
    with pytest.raises(Refused, match="bring it back from a backup"):
        signing.signing_key(tmp_path)
    assert (tmp_path / signing.FILE).read_text() == "nonsense"
