"""The verifier's own Ed25519, held against RFC 8032 and against the library that signs."""

import hashlib
import random

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from webapp.exporters.verify_case import (
    NEUTRAL,
    ORDER,
    P,
    add_points,
    base_table,
    decode_point,
    encode_point,
    is_signed,
    is_signed_hex,
    multiply,
)

# RFC 8032, section 7.1: tests 1, 2, 3 and SHA(abc) as (public key, message, signature).
VECTORS = {
    "nothing": (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24"
        "655141438e7a100b",
    ),
    "one byte": (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aee"
        "b00d291612bb0c00",
    ),
    "two bytes": (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28d"
        "c027beceea1ec40a",
    ),
    "a digest": (
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        hashlib.sha512(b"abc").hexdigest(),
        "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17a"
        "d9bef1177331a704",
    ),
}
# Every point whose eightfold is the neutral one, in its one right spelling.
SMALL_ORDER = [
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
]
KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
PUBLIC = KEY.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def library_says(key: bytes, message: bytes, signature: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


@pytest.mark.parametrize("name", VECTORS)
def test_the_vectors_of_the_standard_are_right(name: str) -> None:
    key, message, signature = map(bytes.fromhex, VECTORS[name])
    assert library_says(key, message, signature) and is_signed(key, message, signature)
    assert not is_signed(key, message + b"!", signature)


def test_a_long_message_is_signed_too() -> None:
    message = random.Random(1).randbytes(1023)  # noqa: S311  # no secret
    assert is_signed(PUBLIC, message, KEY.sign(message))


def test_what_the_library_takes_is_taken_and_what_it_refuses_is_refused() -> None:
    chance, agreed = random.Random(8032), 0  # noqa: S311  # no secret
    privates = [Ed25519PrivateKey.from_private_bytes(chance.randbytes(32)) for _ in range(20)]
    for private in [one for one in privates for _ in range(8)]:
        key = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        message = chance.randbytes(chance.randrange(80))
        signature = private.sign(message)
        assert is_signed(key, message, signature)
        for bent in bend(chance, key, message, signature):
            assert is_signed(*bent) == library_says(*bent), [part.hex() for part in bent]
            agreed += 1
    assert agreed == 480


def bend(chance: random.Random, *parts: bytes) -> list[tuple[bytes, ...]]:
    """One bit of each part turned over; of the message, one is put behind it."""
    bent = []
    for place, part in enumerate(parts):
        changed = bytearray(part or b"\0")
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
        bent.append((*parts[:place], bytes(changed), *parts[place + 1 :]))
    return bent


@pytest.mark.parametrize("key", SMALL_ORDER)
def test_a_key_of_small_order_signs_nothing(key: str) -> None:
    """Whoever publishes one could later show signatures of anything: R = S = 0 would fit many messages."""
    point = decode_point(bytes.fromhex(key))
    assert point is not None
    for _ in range(3):
        point = add_points(point, point)
    assert encode_point(point) == encode_point(NEUTRAL)
    for message in (str(number).encode() for number in range(20)):
        for nonce in SMALL_ORDER[:2]:
            assert not is_signed(bytes.fromhex(key), message, bytes.fromhex(nonce) + bytes(32))


def test_the_same_signature_in_another_spelling_is_refused() -> None:
    """S + L is congruent to S; whoever takes it lets others change a signature that still fits."""
    signature = KEY.sign(b"message")
    s = int.from_bytes(signature[32:], "little")
    assert is_signed(PUBLIC, b"message", signature)
    for other in (s + ORDER, s + 7 * ORDER):
        assert not is_signed(PUBLIC, b"message", signature[:32] + other.to_bytes(32, "little"))
    assert not is_signed(PUBLIC, b"message", signature[:32] + ORDER.to_bytes(32, "little"))


def test_a_point_has_one_spelling() -> None:
    for y in range(P, 2**255):  # what is beyond P stands for a small number, too
        assert decode_point(y.to_bytes(32, "little")) is None
        assert decode_point((y | 1 << 255).to_bytes(32, "little")) is None
    for y in (1, P - 1):  # x is 0 there, and 0 has no other sign
        assert decode_point(y.to_bytes(32, "little")) is not None
        assert decode_point((y | 1 << 255).to_bytes(32, "little")) is None


def test_half_of_all_numbers_are_no_point() -> None:
    chance = random.Random(7)  # noqa: S311  # no secret
    numbers = [chance.randrange(P).to_bytes(32, "little") for _ in range(60)]
    points = [(data, decode_point(data)) for data in numbers]
    assert 10 < sum(point is not None for _, point in points) < 50
    assert all(encode_point(point) == data for data, point in points if point)


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_a_key_of_another_length_is_refused(length: int) -> None:
    assert not is_signed((PUBLIC * 2)[:length], b"message", KEY.sign(b"message"))


@pytest.mark.parametrize("length", [0, 63, 65, 128])
def test_a_signature_of_another_length_is_refused(length: int) -> None:
    assert not is_signed(PUBLIC, b"message", (KEY.sign(b"message") * 2)[:length])


@pytest.mark.parametrize("word", [None, 5, "", "zz" * 32, "D7" * 32, "00" * 31, ["00" * 32]])
def test_what_is_no_key_in_hexadecimal_digits_is_refused(word: object) -> None:
    assert not is_signed_hex(word, b"message", KEY.sign(b"message").hex())
    assert not is_signed_hex(PUBLIC.hex(), b"message", word)
    assert is_signed_hex(PUBLIC.hex(), b"message", KEY.sign(b"message").hex())


def test_the_group_has_the_order_that_it_should() -> None:
    assert encode_point(multiply(base_table(), ORDER)) == encode_point(NEUTRAL)
    assert encode_point(multiply(base_table(), ORDER + 1)) == encode_point(multiply(base_table(), 1))
