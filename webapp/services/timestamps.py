"""A timestamp server's word (RFC 3161) on when something was there, kept by whoever made it.

The server sees a SHA-256 and nothing else. Its answer is kept as it came; here it is looked at whether it speaks of
this very request (status, digest, nonce). Whether its certificate is to be trusted, and thus its signature, is checked
by whoever relies on it, with the certificate of that server's authority (docs/case_files.md).
"""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from urllib.parse import urlsplit

import httpx2
from rfc3161_client import HashAlgorithm, TimestampRequestBuilder, TimeStampResponse, decode_timestamp_response
from rfc3161_client.tsp import PKIStatus, TimeStampRequest

from webapp.language import say

DEADLINE_S = 10.0
TRIES = 2
MOST_BYTES = 100_000
ASKED, ANSWERED = "application/timestamp-query", "application/timestamp-reply"
GRANTED = (PKIStatus.GRANTED, PKIStatus.GRANTED_WITH_MODS)


class TimestampError(Exception):
    """No timestamp was to be had; the message is one sentence for people."""


@dataclass(frozen=True, slots=True)
class Timestamp:
    """answer: the server's response (DER) as it came; at: the time that it confirms."""

    answer: bytes
    at: datetime


def stamp(url: str, message: bytes) -> Timestamp:
    """Have the server confirm that `message` is there now. Raises TimestampError."""
    builder = TimestampRequestBuilder().data(message).hash_algorithm(HashAlgorithm.SHA256)
    request = builder.nonce(nonce=True).cert_request(cert_request=True).build()
    body = ask(url, request.as_bytes())
    try:
        response = decode_timestamp_response(body)
        check(response, request, message)
        return Timestamp(body, response.tst_info.gen_time)
    except ValueError as error:
        raise TimestampError(
            say("The answer of the timestamp server %(url)s can't be read (%(why)s).", url=shown(url), why=error)
        ) from None


def ask(url: str, query: bytes) -> bytes:
    """The answer's body; where the server does not answer it is asked once more."""
    with httpx2.Client(timeout=DEADLINE_S, follow_redirects=False, trust_env=False) as client:
        for tries_left in reversed(range(TRIES)):
            try:
                answer = client.post(url, content=query, headers={"Content-Type": ASKED, "Accept": ANSWERED})
            except httpx2.HTTPError as error:
                if not tries_left:
                    raise TimestampError(
                        say("The timestamp server %(url)s does not answer (%(why)s).", url=shown(url), why=error)
                    ) from None
                continue
            if answer.status_code < 500 or not tries_left:
                return read(url, answer)
    raise AssertionError("the last try gives an answer or raises")


def shown(url: str) -> str:
    """Without name, password and query, which let in: what is said here stands in case files, too."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def read(url: str, answer: httpx2.Response) -> bytes:
    if answer.status_code != 200 or len(answer.content) > MOST_BYTES:
        why = str(answer.status_code) if answer.status_code != 200 else say("it is too long")
        raise TimestampError(say("The timestamp server %(url)s gave no timestamp (%(why)s).", url=shown(url), why=why))
    return answer.content


def check(response: TimeStampResponse, request: TimeStampRequest, message: bytes) -> None:
    """That the answer is one to this request. Raises TimestampError."""
    if response.status not in GRANTED:
        words = "; ".join(response.status_string) or str(response.status)
        raise TimestampError(say("The timestamp server refused (%(why)s).", why=words))
    if response.tst_info.message_imprint.message != sha256(message).digest():
        raise TimestampError(say("The timestamp server answered about something else than it was asked about."))
    if response.tst_info.nonce != request.nonce:
        raise TimestampError(say("The timestamp server gave an answer to another request."))
