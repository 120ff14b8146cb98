import gzip
import os
import time
import tracemalloc
import zlib

import httpx2
import pytest

from scanner.fetch import FetchError
from scanner.fetch.bodies import encoding_of, unpack

BODY = b"page " * 1000
MAX_BYTES = 1_000_000


def raw_deflate(body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(body) + packer.flush()


@pytest.mark.parametrize(
    ("packed", "encoding"),
    [
        (BODY, ""),
        (gzip.compress(BODY, mtime=0), "gzip"),
        (gzip.compress(BODY[:700], mtime=0) + gzip.compress(BODY[700:], mtime=0), "gzip"),
        (gzip.compress(BODY[:700], mtime=0) + gzip.compress(b"", mtime=0) + gzip.compress(BODY[700:], mtime=0), "gzip"),
        (gzip.compress(BODY, mtime=0) + b"\0" * 40, "gzip"),
        (gzip.compress(BODY, mtime=0) + b"tail", "gzip"),
        (zlib.compress(BODY), "deflate"),
        (raw_deflate(BODY), "deflate"),
    ],
)
def test_bodies_are_unpacked(packed: bytes, encoding: str) -> None:
    assert unpack(packed, encoding, MAX_BYTES) == BODY
    assert unpack(packed, encoding, max(len(BODY), len(packed))) == BODY


def test_a_body_longer_than_one_piece_is_unpacked() -> None:
    body = os.urandom(300_000)
    assert unpack(gzip.compress(body, mtime=0) + gzip.compress(body, mtime=0), "gzip", MAX_BYTES) == body * 2


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_nothing_unpacks_to_nothing(encoding: str) -> None:
    assert unpack(b"", encoding, MAX_BYTES) == b""


@pytest.mark.parametrize(
    ("packed", "encoding"),
    [
        (b"no gzip", "gzip"),
        (gzip.compress(BODY, mtime=0)[:-1], "gzip"),
        (gzip.compress(BODY, mtime=0)[:30], "gzip"),
        (gzip.compress(BODY, mtime=0) + gzip.compress(BODY, mtime=0)[:20], "gzip"),
        (b"\xff\xff\xff", "deflate"),
        (zlib.compress(BODY)[:-5], "deflate"),
        (gzip.compress(b"", mtime=0) * 20_000, "gzip"),
    ],
)
def test_a_body_that_is_broken_or_cut_is_one_sentence(packed: bytes, encoding: str) -> None:
    with pytest.raises(FetchError, match=r"^The answer could not be unpacked\.$"):
        unpack(packed, encoding, MAX_BYTES)


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_body_of_one_byte_too_many_is_too_large(encoding: str) -> None:
    packed = gzip.compress(BODY, mtime=0) if encoding == "gzip" else raw_deflate(BODY)
    with pytest.raises(FetchError, match="larger than"):
        unpack(packed, encoding, len(BODY) - 1)


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_bomb_takes_no_more_memory_than_is_allowed(encoding: str) -> None:
    zeros = b"\0" * 300_000_000
    bomb = gzip.compress(zeros, 1, mtime=0) if encoding == "gzip" else zlib.compress(zeros, 1)
    del zeros
    tracemalloc.start()
    try:
        with pytest.raises(FetchError, match="larger than"):
            unpack(bomb, encoding, MAX_BYTES)
        assert tracemalloc.get_traced_memory()[1] < 5 * MAX_BYTES
    finally:
        tracemalloc.stop()


def test_many_small_members_take_no_time_without_end() -> None:
    began = time.process_time()
    with pytest.raises(FetchError):
        unpack(gzip.compress(b"", mtime=0) * 800_000, "gzip", 16 * 1024**2)
    assert time.process_time() - began < 10


@pytest.mark.parametrize(
    ("named", "encoding"),
    [("", ""), ("identity", ""), ("GZIP", "gzip"), ("x-gzip", "gzip"), (" deflate ", "deflate")],
)
def test_packings_are_known_by_their_names(named: str, encoding: str) -> None:
    assert encoding_of(httpx2.Headers({"Content-Encoding": named})) == encoding


@pytest.mark.parametrize("named", ["br", "zstd", "gzip, gzip", "deflate,gzip", "compress"])
def test_other_packings_are_refused(named: str) -> None:
    with pytest.raises(FetchError, match="which was not asked for"):
        encoding_of(httpx2.Headers({"Content-Encoding": named}))
