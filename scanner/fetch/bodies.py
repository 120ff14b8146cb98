"""Read an answer's body without trusting its size, neither on the wire nor unpacked."""

import zlib
from collections.abc import Callable

import httpx2

from scanner.fetch.errors import FetchError

ENCODINGS = ("gzip", "deflate")  # what is asked for; zlib unpacks both in pieces as small as we like
_KNOWN = {"": "", "identity": "", "gzip": "gzip", "x-gzip": "gzip", "deflate": "deflate"}
_BROKEN = "The answer could not be unpacked."
_PIECE_BYTES = 64 * 1024
_MOST_MEMBERS = 10_000  # an archive of empty gzip members costs time and gives nothing
_GZIP_WBITS, _ZLIB_WBITS, _RAW_WBITS = 31, 15, -15


def read_body(response: httpx2.Response, max_bytes: int) -> bytes:
    """The unpacked body of at most `max_bytes`. Raises FetchError when it, or what was sent for it, is larger."""
    encoding = encoding_of(response.headers)
    return unpack(read_packed(response, max_bytes), encoding, max_bytes)


def read_packed(response: httpx2.Response, max_bytes: int, count: Callable[[int], None] = lambda _: None) -> bytes:
    """The body as it comes, at most `max_bytes`. count: told of every piece's bytes. Raises FetchError if larger."""
    if _says_more(response.headers.get("content-length", ""), max_bytes):
        raise _too_large(max_bytes)
    body, is_cut = read_start(response, max_bytes, count)
    if is_cut:
        raise _too_large(max_bytes)
    return body


def _says_more(length: str, max_bytes: int) -> bool:
    """As a fraction, for int() refuses a number of thousands of digits."""
    return length.isdecimal() and float(length) > max_bytes


def read_start(
    response: httpx2.Response,
    max_bytes: int,
    count: Callable[[int], None] = lambda _: None,
    is_lenient: bool = False,
) -> tuple[bytes, bool]:
    """(the first `max_bytes` of the body as it comes, whether there is more).

    is_lenient: a body that breaks off is one that has more, no failure.
    """
    body = bytearray()
    try:
        for piece in response.iter_raw():
            count(len(piece))
            body += piece
            if len(body) > max_bytes:
                return bytes(body[:max_bytes]), True
    except httpx2.HTTPError:
        if not is_lenient:
            raise
        return bytes(body), True
    return bytes(body), False


def encoding_of(headers: httpx2.Headers) -> str:
    """`gzip`, `deflate`, or empty where the body is not packed. Raises FetchError where it was packed otherwise."""
    named = headers.get("content-encoding", "").strip().lower()
    if named not in _KNOWN:
        raise FetchError(f"The answer is packed as {named[:40]}, which was not asked for.")
    return _KNOWN[named]


def unpack(packed: bytes, encoding: str, max_bytes: int) -> bytes:
    """The body of at most `max_bytes`; encoding: as encoding_of says. Raises FetchError if larger or broken."""
    body, is_whole = _unpack(packed, encoding, max_bytes)
    if len(body) > max_bytes:
        raise _too_large(max_bytes)
    if not is_whole:
        raise FetchError(_BROKEN)
    return body


def unpack_start(packed: bytes, encoding: str, max_bytes: int) -> tuple[bytes, bool]:
    """(the first `max_bytes` of the body, whether there is more); the packed bytes may break off. Raises FetchError."""
    body, is_whole = _unpack(packed, encoding, max_bytes)
    return body[:max_bytes], len(body) > max_bytes or not is_whole


def _unpack(packed: bytes, encoding: str, max_bytes: int) -> tuple[bytes, bool]:
    """(the body, cut one byte or more behind `max_bytes`; whether it came to its end). Raises FetchError if broken."""
    if not encoding or not packed:
        return packed, True
    try:
        return _unpack_gzip(packed, max_bytes) if encoding == "gzip" else _unpack_deflate(packed, max_bytes)
    except zlib.error:
        raise FetchError(_BROKEN) from None


def _unpack_gzip(packed: bytes, max_bytes: int) -> tuple[bytes, bool]:
    """All members, one after another; what follows the last and is no gzip is passed over, as browsers do."""
    body = bytearray()
    start = 0
    for _ in range(_MOST_MEMBERS):
        plain, start, is_whole = _unpack_member(packed, start, _GZIP_WBITS, max_bytes - len(body))
        body += plain
        if not is_whole or packed[start : start + 2] != b"\x1f\x8b":
            return bytes(body), is_whole
    raise zlib.error("too many members")


def _unpack_deflate(packed: bytes, max_bytes: int) -> tuple[bytes, bool]:
    """As the standard says, or else without its header, as some servers send it."""
    try:
        plain, _, is_whole = _unpack_member(packed, 0, _ZLIB_WBITS, max_bytes)
    except zlib.error:
        plain, _, is_whole = _unpack_member(packed, 0, _RAW_WBITS, max_bytes)
    return plain, is_whole


def _unpack_member(packed: bytes, start: int, wbits: int, max_bytes: int) -> tuple[bytes, int, bool]:
    """(what one member holds, cut one byte behind `max_bytes`; where it ends; whether it came to its end)."""
    unpacker = zlib.decompressobj(wbits)
    plain = bytearray()
    while not unpacker.eof and len(plain) <= max_bytes:
        piece = unpacker.unconsumed_tail or packed[start : start + _PIECE_BYTES]
        if not piece:
            break
        if not unpacker.unconsumed_tail:
            start += len(piece)
        plain += unpacker.decompress(piece, max_bytes + 1 - len(plain))
    return bytes(plain), start - len(unpacker.unused_data), unpacker.eof


def _too_large(max_bytes: int) -> FetchError:
    return FetchError(f"The answer is larger than {max_bytes / 1024**2:.4g} MiB, so it was not read to its end.")
