"""A timestamp is asked for as RFC 3161 says, and an answer to something else is none."""

import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from rfc3161_client import decode_timestamp_response

from webapp.services import timestamps
from webapp.services.timestamps import TimestampError

MESSAGE = b'{"signature":"..."}'
CONFIG = """
[tsa]
default_tsa = authority
[authority]
serial = {folder}/serial
signer_cert = {folder}/authority.pem
signer_key = {folder}/authority.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
ess_cert_id_alg = sha256
"""
openssl = shutil.which("openssl")
needs_openssl = pytest.mark.skipif(openssl is None, reason="the openssl command is missing")


class Authority:
    """An authority made with openssl; answers by HTTP. asked: the requests so far. answer: what it makes of one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.asked: list[bytes] = []
        self.answer: Callable[[bytes], tuple[int, bytes]] = lambda query: (200, self.reply(query))
        (folder / "serial").write_text("01\n")
        (folder / "tsa.cnf").write_text(CONFIG.format(folder=folder))
        subject = ["-subj", "/CN=Timestamps of a test", "-addext", "extendedKeyUsage=critical,timeStamping"]
        made = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
        self.run("req", *made, *subject, "-keyout", "authority.key", "-out", "authority.pem")

    def run(self, *words: str) -> str:
        asked = [str(openssl), *words]
        return subprocess.run(asked, cwd=self.folder, capture_output=True, check=True, text=True, timeout=60).stdout

    def reply(self, query: bytes) -> bytes:
        (self.folder / "query.tsq").write_bytes(query)
        self.run("ts", "-reply", "-config", "tsa.cnf", "-queryfile", "query.tsq", "-out", "reply.tsr")
        return (self.folder / "reply.tsr").read_bytes()


@contextmanager
def serving(authority: Authority) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            authority.asked.append(self.rfile.read(int(self.headers["Content-Length"])))
            status, body = authority.answer(authority.asked[-1])
            self.send_response(status)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/tsa"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def made_authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def authority(made_authority: Authority) -> Iterator[Authority]:
    made_authority.asked.clear()
    own = made_authority.answer
    yield made_authority
    made_authority.answer = own


@needs_openssl
def test_the_token_is_of_the_message_and_of_the_request(authority: Authority) -> None:
    with serving(authority) as url:
        stamped = timestamps.stamp(url, MESSAGE)
        again = timestamps.stamp(url, MESSAGE)
    token = decode_timestamp_response(stamped.answer).tst_info
    assert token.message_imprint.message == sha256(MESSAGE).digest()
    assert abs(stamped.at - datetime.now(UTC)) < timedelta(minutes=5)
    # A nonce for each request, which the token holds.
    assert token.nonce and token.nonce != decode_timestamp_response(again.answer).tst_info.nonce
    assert MESSAGE not in b"".join(authority.asked)


@needs_openssl
def test_openssl_checks_the_token(authority: Authority) -> None:
    with serving(authority) as url:
        (authority.folder / "token.tsr").write_bytes(timestamps.stamp(url, MESSAGE).answer)
    (authority.folder / "message").write_bytes(MESSAGE)
    words = ["ts", "-verify", "-data", "message", "-in", "token.tsr", "-CAfile", "authority.pem"]
    assert "Verification: OK" in authority.run(*words)


@needs_openssl
def test_an_answer_to_another_request_is_none(authority: Authority) -> None:
    with serving(authority) as url:
        earlier = timestamps.stamp(url, MESSAGE).answer
        authority.answer = lambda _query: (200, earlier)
        with pytest.raises(TimestampError, match="another request"):
            timestamps.stamp(url, MESSAGE)
        with pytest.raises(TimestampError, match="something else"):
            timestamps.stamp(url, MESSAGE + b".")


@needs_openssl
@pytest.mark.parametrize(("status", "body"), [(200, b"no timestamp"), (404, b""), (200, b"0" * 200_000)])
def test_an_answer_that_is_no_timestamp_is_told(authority: Authority, status: int, body: bytes) -> None:
    authority.answer = lambda _query: (status, body)
    with serving(authority) as url, pytest.raises(TimestampError):
        timestamps.stamp(url, MESSAGE)
    assert len(authority.asked) == 1


@needs_openssl
def test_a_server_that_is_ill_is_asked_once_more(authority: Authority) -> None:
    good = authority.answer
    authority.answer = lambda query: (503, b"") if len(authority.asked) == 1 else good(query)
    with serving(authority) as url:
        assert timestamps.stamp(url, MESSAGE).answer
    assert len(authority.asked) == 2 and authority.asked[0] == authority.asked[1]


def test_a_server_that_is_away_is_told() -> None:
    with pytest.raises(TimestampError, match="does not answer"):
        timestamps.stamp("http://127.0.0.1:9/tsa", MESSAGE)


def test_what_lets_us_in_at_the_server_is_told_to_nobody() -> None:
    with pytest.raises(TimestampError) as told:
        timestamps.stamp("http://tuskline:hunter2@127.0.0.1:9/tsa?key=hunter3", MESSAGE)
    assert "http://127.0.0.1:9/tsa " in str(told.value)
    assert "hunter" not in str(told.value) and "tuskline:" not in str(told.value)
