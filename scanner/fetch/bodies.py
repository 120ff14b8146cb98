"""Read an answer's body without trusting its size, neither on the wire nor unpacked."""

import httpx2

from scanner.fetch.errors import FetchError

# What httpx2 unpacks in pieces of 1 MiB at most; with other packings a small answer could fill the memory.
ENCODINGS = ("gzip", "deflate")


def read_body(response: httpx2.Response, max_bytes: int) -> bytes:
    """The unpacked body of at most `max_bytes`. Raises FetchError when it, or what was sent for it, is larger."""
    _check_headers(response, max_bytes)
    body = bytearray()
    for piece in response.iter_bytes():
        body += piece
        if len(body) > max_bytes or response.num_bytes_downloaded > max_bytes:
            raise _too_large(max_bytes)
    return bytes(body)


def _check_headers(response: httpx2.Response, max_bytes: int) -> None:
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in (*ENCODINGS, "identity", ""):
        raise FetchError(f"The answer is packed as {encoding[:40]}, which was not asked for.")
    length = response.headers.get("content-length", "")
    if length.isdecimal() and int(length) > max_bytes:
        raise _too_large(max_bytes)


def _too_large(max_bytes: int) -> FetchError:
    return FetchError(f"The answer is larger than {max_bytes / 1024**2:.4g} MiB, so it was not read to its end.")
