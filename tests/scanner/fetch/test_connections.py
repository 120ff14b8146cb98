"""These would fail if httpx2 moved its pool and the check were no longer asked."""

import hashlib
import ssl
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer, SimpleHTTPRequestHandler
from pathlib import Path

import pytest

from scanner.fetch import AddressError, Fetcher, FetchError
from tests.scanner.fetch.site import Site, answer


def loopback(*_: object) -> list[str]:
    return ["127.0.0.1"]


def test_a_name_that_changes_its_address_is_judged_at_each_connection(naps: list[float]) -> None:
    answers = iter([["203.0.113.1", "127.0.0.1"], ["127.0.0.1"], ["127.0.0.1"]])
    asked: list[str] = []

    def rebinding(host: str, _: int) -> list[str]:
        asked.append(host)
        return next(answers)

    with Fetcher(resolver=rebinding, sleep=naps.append) as fetcher:
        for _ in range(3):
            with pytest.raises(AddressError):
                fetcher.get("http://rebind.example/")
    assert asked == ["rebind.example"] * 3
    assert len(naps) == 2, "a host that is not on the allow-list is paced"


def test_a_name_that_changes_its_address_between_the_hops_is_caught(site: Site) -> None:
    """The first answer is from a public address, as it were; the second would come from our own network."""
    allowed = f"shop.example:{site.port}"
    site.answers["/a"] = answer(302, Location="http://shop.example/b", Connection="close")
    with (
        Fetcher(allowed_addresses=[allowed], resolver=loopback, sleep=lambda _: None) as fetcher,
        pytest.raises(AddressError, match=r"shop\.example is on a private network"),
    ):
        fetcher.get(f"http://{allowed}/a")
    assert site.paths() == ["/a"]


def test_a_connection_that_is_kept_open_is_to_the_address_that_was_judged(site: Site) -> None:
    allowed = f"shop.example:{site.port}"
    asked: list[str] = []

    def resolver(host: str, _: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    def keep_open(handler: BaseHTTPRequestHandler) -> None:
        handler.protocol_version = "HTTP/1.1"
        handler.close_connection = False
        answer(body=b"x", Connection="keep-alive")(handler)

    site.answers["/robots.txt"] = site.answers["/a"] = keep_open
    with Fetcher(allowed_addresses=[allowed], resolver=resolver) as fetcher:
        fetched = [fetcher.get(f"http://{allowed}/a") for _ in range(3)]
    assert [each.body for each in fetched] == [b"x"] * 3
    assert len(asked) < 4, "one lookup a connection"


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])
def test_a_proxy_in_the_environment_is_not_used(name: str, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "http://127.0.0.1:1")
    site.answers["/a"] = answer(body=b"straight")
    with Fetcher(allowed_addresses=[site.origin]) as fetcher:
        assert fetcher.get(site.url("/a")).body == b"straight"


def test_the_connection_goes_to_the_address_that_was_judged(site: Site) -> None:
    site.answers["/a"] = answer(body=b"here")
    allowed = f"shop.example:{site.port}"
    with Fetcher(allowed_addresses=[allowed], resolver=loopback) as fetcher:
        assert fetcher.get(f"http://{allowed}/a").body == b"here"
    assert site.asked[-1][1]["host"] == allowed


def test_a_name_without_an_address_is_one_sentence() -> None:
    def unknown(*_: object) -> list[str]:
        raise OSError("no such name")

    with Fetcher(resolver=unknown) as fetcher, pytest.raises(FetchError, match=r"nowhere\.example was not found\."):
        fetcher.get("http://nowhere.example/")


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    path = tmp_path / "shop.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=shop.example"]
    command += ["-addext", "subjectAltName=DNS:shop.example", "-keyout", str(path), "-out", str(tmp_path / "cert.pem")]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("openssl, which makes the certificate of this test, is not on this machine")
    path.write_bytes(path.read_bytes() + (tmp_path / "cert.pem").read_bytes())
    return path


@pytest.fixture
def secure_port(certificate: Path) -> Iterator[int]:
    class Handler(SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            answer(body=b"secret page")(self)

        def log_message(self, format: str, *args: object) -> None:
            pass

    class Quiet(HTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            pass  # a refused certificate ends the handshake; that is the point

    server = Quiet(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_certificate_that_nobody_vouches_for_is_refused(secure_port: int) -> None:
    allowed = f"shop.example:{secure_port}"
    with (
        Fetcher(allowed_addresses=[allowed], resolver=loopback) as fetcher,
        pytest.raises(FetchError, match="CERTIFICATE_VERIFY_FAILED"),
    ):
        fetcher.get(f"https://{allowed}/")


def test_the_certificate_is_part_of_what_is_kept(secure_port: int, certificate: Path) -> None:
    allowed = f"shop.example:{secure_port}"
    trusting = ssl.create_default_context(cafile=str(certificate))
    with Fetcher(allowed_addresses=[allowed], resolver=loopback, verify=trusting, keep_exchanges=True) as fetcher:
        (exchange,) = fetcher.get(f"https://{allowed}/").exchanges
    pem = certificate.read_text()
    der = ssl.PEM_cert_to_DER_cert(pem[pem.index("-----BEGIN CERTIFICATE") :])
    assert exchange.certificate_sha256 == hashlib.sha256(der).hexdigest()
    assert exchange.address == "127.0.0.1"


def test_over_a_pinned_address_the_certificate_is_checked_against_the_name(secure_port: int, certificate: Path) -> None:
    trusting = ssl.create_default_context(cafile=str(certificate))
    for name, reached in (("shop.example", True), ("other.example", False)):
        allowed = f"{name}:{secure_port}"
        with Fetcher(allowed_addresses=[allowed], resolver=loopback, verify=trusting) as fetcher:
            if reached:
                assert fetcher.get(f"https://{allowed}/").body == b"secret page"
            else:
                with pytest.raises(FetchError, match="Hostname mismatch"):
                    fetcher.get(f"https://{allowed}/")
