"""Which passwords are refused: short ones, those that leaked, and what a stranger tries first."""

from pathlib import Path

import pytest
from argon2 import PasswordHasher, Type, extract_parameters

from webapp.services import passwords
from webapp.services.passwords import WeakPassword, hash_checked, is_common, is_guessed, is_right, make_password

LEAKED = ["123456789012", "qwertyuiop123", "Password1234", "1qaz2wsx3edc", "LeaveMeAlone", "passwordpassword"]


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "hash_password", lambda password: f"hash of {password}")


@pytest.mark.parametrize("password", LEAKED)
def test_what_leaked_is_refused_whatever_its_capitals(password: str) -> None:
    with pytest.raises(WeakPassword, match="first that others guess"):
        hash_checked(password)


@pytest.mark.parametrize(
    "password",
    ["Tuskline2027!", "mirela-mirela-1", "wildlife-admin", "aaaabbbbaaaabbbb", "PangolinTiger99", "Elephant!2027"],
)
def test_words_of_the_house_and_the_own_name_are_no_password(password: str) -> None:
    with pytest.raises(WeakPassword):
        hash_checked(password, "mirela")


@pytest.mark.parametrize(
    "password",
    [
        "a tusk is not a trophy",
        "an elephant never forgets",
        "всё хорошо, прекрасная",
        "象牙不是装饰品请勿购买谢谢你们",
        " spaces count  here ",
    ],
)
def test_a_sentence_of_any_letters_will_do_and_is_taken_as_it_is(password: str) -> None:
    assert hash_checked(password, "mirela") == f"hash of {password}"


def test_there_are_bounds_and_a_long_one_is_within_them() -> None:
    assert hash_checked("word " * 40)
    for faulty in ("elevenchars", "x" * 1001):
        with pytest.raises(WeakPassword):
            hash_checked(faulty)


def test_what_is_made_up_here_is_always_taken() -> None:
    made = [make_password() for _ in range(300)]
    assert not any(is_common(one) or is_guessed(one, "admin") for one in made)
    assert len(set(made)) == 300


def test_the_list_holds_thousands_that_this_length_allows() -> None:
    digests = passwords.common_digests()
    assert len(digests) > 3000 and {len(one) for one in digests} == {passwords.DIGEST_BYTES}


def test_a_password_counts_to_its_last_letter() -> None:
    kept = passwords._hasher.hash("a very long sentence that nobody knows " * 5 + "end")
    assert is_right(kept, "a very long sentence that nobody knows " * 5 + "end")
    assert not is_right(kept, "a very long sentence that nobody knows " * 5 + "enD")
    assert not is_right(kept, "a very long sentence that nobody knows " * 5)


def test_the_hash_is_argon2id_at_the_strength_of_rfc_9106() -> None:
    assert "_hasher = PasswordHasher()" in Path(str(passwords.__file__)).read_text(), "the library's own parameters"
    parameters = extract_parameters(PasswordHasher().hash("a sentence"))
    assert (parameters.type, parameters.memory_cost, parameters.time_cost) == (Type.ID, 65536, 3)
