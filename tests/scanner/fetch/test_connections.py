"""These would fail if httpx2 moved its pool and the check were no longer asked."""

import ssl
import subprocess
import threading
from collections.abc import Iterator
from http.server import HTTPServer, SimpleHTTPRequestHandler
from pathlib import Path

import pytest

from scanner.fetch import AddressError, Fetcher, FetchError
from tests.scanner.fetch.site import Site, answer

LOOPBACK_FORMS = [
    "http://127.0.0.1/",
    "http://127.1/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0177.0.0.1/",
    "http://0/",
    "http://localhost/",
    "http://127.0.0.1.:80/",
    "http://[::1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[64:ff9b::7f00:1]/",
    "http://[2002:7f00:1::]/",
    "http://169.254.169.254/latest/meta-data/",
    "http://100.64.0.1/",
    "https://10.0.0.1/",
]


def loopback(*_: object) -> list[str]:
    return ["127.0.0.1"]


@pytest.mark.parametrize("url", LOOPBACK_FORMS)
def test_every_way_to_write_a_private_address_is_refused(url: str) -> None:
    with Fetcher() as fetcher, pytest.raises(AddressError):
        fetcher.get(url)


@pytest.mark.parametrize("url", LOOPBACK_FORMS)
def test_a_redirect_to_a_private_address_is_refused(url: str, site: Site, fetcher: Fetcher) -> None:
    site.answers["/go"] = answer(302, Location=url)
    with pytest.raises(AddressError):
        fetcher.get(site.url("/go"))


@pytest.mark.parametrize("url", ["file:///etc/passwd", "http://user@example.org/", "http://example.org:22/", "/a\\b"])
def test_a_redirect_is_held_to_the_same_rules_as_an_address(url: str, site: Site, fetcher: Fetcher) -> None:
    site.answers["/go"] = answer(302, Location=url)
    with pytest.raises(AddressError):
        fetcher.get(site.url("/go"))


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
