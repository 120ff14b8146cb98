"""The web server with TLS in front of the pages, as docs/deploy.md has it: a real nginx, on loopback."""

import http.client
import logging
import re
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from waitress.server import create_server

from tests.functional.conftest import stop
from tests.servers import free_port
from tests.webapp.services.mail_server import make_certificate
from webapp import create_app
from webapp.cli.processes import trust_of
from webapp.logs import SECURITY
from webapp.settings import Settings

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
DEPLOY = Path(__file__).resolve().parents[2] / "docs" / "deploy.md"
NAME = "tuskline.example"
PATIENCE_S = 30.0
# Requests of which two readers could see two ends; what follows the first end is a second request, which nobody sent.
HIDDEN = b"GET /health/live HTTP/1.1\r\nHost: tuskline.example\r\n\r\n"
SMUGGLED = {
    "length and chunks": b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": b"Content-Length: 0\r\nContent-Length: %d\r\n\r\n" % len(HIDDEN),
    "a length with a sign": b"Content-Length: +0\r\n\r\n",
    "chunks by another name": b"Transfer-Encoding: xchunked\r\nContent-Length: %d\r\n\r\n" % len(HIDDEN),
    "chunks twice": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    "a space before the colon": b"Transfer-Encoding : chunked\r\nContent-Length: %d\r\n\r\n" % len(HIDDEN),
    "a line that goes on": b"Content-Length: 0\r\nX-Other: a\r\n Content-Length: %d\r\n\r\n" % len(HIDDEN),
    "a chunk with a sign": b"Transfer-Encoding: chunked\r\n\r\n-0\r\n\r\n",
}


@dataclass(frozen=True)
class Front:
    """The ports of nginx, that of the pages behind it, and the certificate that vouches for it."""

    plain: int
    safe: int
    behind: int
    certificate: Path

    def context(self, **versions: ssl.TLSVersion) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=str(self.certificate))
        for name, version in versions.items():
            setattr(context, name, version)
        return context

    @contextmanager
    def connected(self, context: ssl.SSLContext | None = None) -> Iterator[ssl.SSLSocket]:
        """Raises ssl.SSLError and OSError."""
        with (
            socket.create_connection(("127.0.0.1", self.safe), timeout=PATIENCE_S) as plain,
            (context or self.context()).wrap_socket(plain, server_hostname=NAME) as safe,
        ):
            yield safe

    def ask(self, path: str, *, is_safe: bool = True, **headers: str) -> http.client.HTTPResponse:
        port = self.safe if is_safe else self.plain
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)) as connection:
            connection.connect()
            if is_safe:
                connection.sock = self.context().wrap_socket(connection.sock, server_hostname=NAME)
            given = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request("GET", path, headers={"Host": NAME, **given})
            answer = connection.getresponse()
            answer.read()
            return answer


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory, migrated_file: Path) -> Iterator[Front]:
    if NGINX is None:
        pytest.skip("nginx is not installed: on Debian `apt-get install nginx-light` gives it, and starts it")
    folder = tmp_path_factory.mktemp("front")
    with pages(folder, migrated_file) as behind:
        made = Front(free_port(), free_port(), behind, make_certificate(folder, NAME))
        with nginx(folder, made):
            yield made


@contextmanager
def pages(folder: Path, migrated_file: Path) -> Iterator[int]:
    """As `tuskline web` serves them to a proxy on this machine."""
    home = folder / "home"
    home.mkdir()
    shutil.copy(migrated_file, home / "tuskline.db")
    settings = Settings(home=home, database_url=None, broker_url=None, public_url=f"https://{NAME}")
    app = create_app(settings)
    server = create_server(app, host="127.0.0.1", port=0, threads=4, ident=None, **trust_of("127.0.0.1"))
    thread = threading.Thread(target=server.run, name="pages")
    thread.start()
    try:
        yield server.effective_port
    finally:
        stop(server, thread)
        app.extensions["tuskline"].engine.dispose()


@contextmanager
def nginx(folder: Path, front: Front) -> Iterator[None]:
    places = "\n".join(
        f"{kind}_temp_path {folder / kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"daemon off;\nmaster_process off;\npid {folder / 'pid'};\nerror_log stderr;\nevents {{}}\n"
        f"http {{\naccess_log off;\n{places}\n{written(front)}\n}}\n"
    )
    command = [str(NGINX), "-p", str(folder), "-e", "stderr", "-c", str(folder / "nginx.conf")]
    with (folder / "nginx.log").open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        wait_for(front.safe, process, folder / "nginx.log")
        yield
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


def written(front: Front) -> str:
    """What the document says, with this machine's ports and files."""
    [text] = re.findall(r"With nginx:\n\n```\n(.*?)```", DEPLOY.read_text(encoding="utf-8"), re.DOTALL)
    for theirs, ours in {
        "listen 80;": f"listen 127.0.0.1:{front.plain};",
        "listen 443 ": f"listen 127.0.0.1:{front.safe} ",
        "/etc/ssl/tuskline.pem": str(front.certificate),
        "/etc/ssl/private/tuskline.key": str(front.certificate),
        "127.0.0.1:8000": f"127.0.0.1:{front.behind}",
    }.items():
        assert text.count(theirs) == 1, theirs
        text = text.replace(theirs, ours)
    return text


def wait_for(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert process.poll() is None, log.read_text()
        time.sleep(0.05)
    raise AssertionError(log.read_text())


def test_pages_lead_to_https_and_the_api_refuses_without(front: Front) -> None:
    led = front.ask("/queue?q=ivory", is_safe=False)
    assert (led.status, led.headers["Location"]) == (308, f"https://{NAME}/queue?q=ivory")
    assert front.ask("/api/v1/me", is_safe=False, Authorization="Bearer tusk_x").status == 403


def test_pages_come_over_https_with_what_browsers_are_told(front: Front) -> None:
    page = front.ask("/sign-in")
    assert page.status == 200
    assert page.headers["Strict-Transport-Security"].startswith("max-age=63072000")
    assert page.headers["Set-Cookie"].startswith("__Host-tuskline=") and "Secure" in page.headers["Set-Cookie"]
    assert front.ask("/queue").headers["Location"].startswith("/sign-in")
    assert front.ask("/api/v1/me").status == 401


def test_who_calls_is_what_the_server_in_front_saw(front: Front, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, SECURITY):
        front.ask("/api/v1/me", X_Forwarded_For="198.51.100.7", Forwarded="for=198.51.100.7", X_Forwarded_Proto="http")
    [line] = [record.getMessage() for record in caplog.records if record.name == SECURITY]
    assert "address=127.0.0.1" in line and "198.51.100.7" not in line


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_tls_of_today_is_spoken_with_forward_secrecy(front: Front, version: ssl.TLSVersion) -> None:
    with front.connected(front.context(minimum_version=version, maximum_version=version)) as connection:
        name, _, _ = connection.cipher() or ("", "", 0)
    assert re.search(r"GCM|CHACHA20", name) and name.startswith(("ECDHE-", "TLS_")), name


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
def test_older_tls_and_weaker_suites_are_refused(front: Front) -> None:
    old = front.context(minimum_version=ssl.TLSVersion.TLSv1, maximum_version=ssl.TLSVersion.TLSv1_1)
    old.set_ciphers("ALL:@SECLEVEL=0")
    weak = front.context(maximum_version=ssl.TLSVersion.TLSv1_2)
    weak.set_ciphers("AES128-SHA:AES256-SHA:AES128-GCM-SHA256:ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0")
    for context in (old, weak):
        with pytest.raises(ssl.SSLError, match=r"(?i)alert|version|handshake"), front.connected(context):
            pass


@pytest.mark.parametrize("name", SMUGGLED)
def test_a_request_within_a_request_is_answered_by_nobody(front: Front, name: str) -> None:
    sent = b"POST /sign-in HTTP/1.1\r\nHost: tuskline.example\r\n" + SMUGGLED[name] + HIDDEN
    with front.connected() as connection:
        heard = answers(connection, sent)
    assert heard in ([b"400"], [b"501"])


def test_two_requests_that_follow_one_another_are_two_answers(front: Front) -> None:
    """Else the test above could not fail."""
    sent = b"POST /sign-in HTTP/1.1\r\nHost: tuskline.example\r\nContent-Length: 0\r\n\r\n" + HIDDEN
    with front.connected() as connection:
        assert answers(connection, sent) == [b"400", b"200"]


def answers(connection: socket.socket, sent: bytes) -> list[bytes]:
    """The status of each answer to what is sent, until the other side has said all."""
    connection.sendall(sent)
    connection.settimeout(2.0)
    said = b""
    try:
        while piece := connection.recv(65536):
            said += piece
    except TimeoutError:
        pass
    return re.findall(rb"HTTP/1\.[01] (\d{3}) ", said)
