"""Mail over real connections on loopback."""

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy.orm import Session

from tests.webapp.services.mail_server import PASSWORD, USER, Server, mail_server, make_certificate
from webapp.models import AuditEntry
from webapp.services import mailing
from webapp.services.errors import Refused
from webapp.services.mailing import Attachment, Letter, MailError
from webapp.settings import Settings

LETTER = Letter("ann@team.example", "Report 3: 每周", "Suspected findings: 3\nขอบคุณ", "report-3.7.abc")
Open = Callable[..., Server]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def trusted(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The operator's system trusts the server's certificate."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    return certificate


@pytest.fixture
def open_server() -> Iterator[Open]:
    with ExitStack() as stack:
        yield lambda *args, **more: stack.enter_context(mail_server(*args, **more))


def settings_of(port: int, security: str = "starttls", **more: Any) -> Settings:
    values = {"smtp_host": "localhost", "smtp_port": port, "smtp_security": security, "mail_from": "a@team.example"}
    return Settings(**values | more)


SIGNED_IN = {"smtp_user": USER, "smtp_password": SecretStr(PASSWORD)}


@pytest.mark.parametrize("way", ["starttls", "tls"])
def test_a_mail_goes_over_tls_signed_in_with_the_headers_that_it_needs(
    open_server: Open, trusted: Path, way: str
) -> None:
    holder: dict[str, Any] = {}

    def check(*said: Any) -> Any:
        return holder["postbox"].sign_in(*said)

    is_at_once = way == "tls"
    server = open_server(
        trusted, is_at_once, authenticator=check, auth_required=not is_at_once, auth_require_tls=not is_at_once
    )
    holder["postbox"] = server.postbox
    mailing.send(settings_of(server.port, way, public_url="https://tusk.example", **SIGNED_IN), LETTER)
    (message,) = server.postbox.messages
    assert server.postbox.signed_in == [USER] and server.postbox.were_secret == [not is_at_once]
    assert (message["From"], message["To"]) == ("a@team.example", "ann@team.example")
    assert message["Subject"] == "Report 3: 每周"
    assert message["Message-ID"] == "<report-3.7.abc@tusk.example>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Date"].datetime.tzinfo is not None
    assert message.get_content().splitlines() == ["Suspected findings: 3", "ขอบคุณ"]


def test_attachments_arrive_byte_for_byte(open_server: Open) -> None:
    server = open_server()
    body = bytes(range(256)) * 10
    attached = [Attachment("报告 1.csv", "text/csv; charset=utf-8", body), Attachment("a.pdf", "application/pdf", body)]
    mailing.send(settings_of(server.port, "none"), Letter("ann@team.example", "s", "t", "k", attached))
    (message,) = server.postbox.messages
    found = [(one.get_filename(), one.get_content_type()) for one in message.iter_attachments()]
    assert found == [("报告 1.csv", "text/csv"), ("a.pdf", "application/pdf")]
    assert [one.get_payload(decode=True) for one in message.iter_attachments()] == [body, body]


@pytest.mark.parametrize("way", ["starttls", "tls"])
def test_a_certificate_that_nobody_vouches_for_gets_nothing(open_server: Open, certificate: Path, way: str) -> None:
    server = open_server(certificate, way == "tls")
    with pytest.raises(MailError, match="can't be trusted") as caught:
        mailing.send(settings_of(server.port, way, **SIGNED_IN), LETTER)
    assert not caught.value.is_final
    assert server.postbox.messages == [] and server.postbox.signed_in == []


def test_a_certificate_of_another_host_gets_nothing(
    open_server: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = make_certificate(tmp_path, "mail.other.example")
    monkeypatch.setenv("SSL_CERT_FILE", str(other))
    server = open_server(other)
    with pytest.raises(MailError, match="can't be trusted"):
        mailing.send(settings_of(server.port), LETTER)
    assert server.postbox.messages == []


def test_a_server_without_starttls_gets_neither_password_nor_report(open_server: Open) -> None:
    server = open_server()
    with pytest.raises(MailError, match="does not offer what is asked"):
        mailing.send(settings_of(server.port, **SIGNED_IN), LETTER)
    assert server.postbox.messages == []


def test_no_password_goes_in_the_clear_even_on_loopback(open_server: Open) -> None:
    server = open_server()
    with pytest.raises(MailError, match="in the clear"):
        mailing.send(settings_of(server.port, "none", **SIGNED_IN), LETTER)


def test_a_wrong_password_is_told_without_it_and_may_be_put_right(open_server: Open, trusted: Path) -> None:
    server = open_server(trusted, authenticator=lambda *_: mailing_refused())
    wrong = {"smtp_user": USER, "smtp_password": SecretStr("a wrong word")}
    with pytest.raises(MailError, match="refuses our sign-in") as caught:
        mailing.send(settings_of(server.port, **wrong), LETTER)
    assert "a wrong word" not in str(caught.value) and not caught.value.is_final


def mailing_refused() -> Any:
    from aiosmtpd.smtp import AuthResult

    return AuthResult(success=False, handled=False)


@pytest.mark.parametrize(
    ("answer", "is_final"),
    [("550 5.1.1 No such user here", True), ("552 Too large", True), ("451 4.3.0 Try again later", False)],
)
@pytest.mark.parametrize("at", ["recipient", "data"])
def test_a_refusal_is_told_with_the_server_s_words(open_server: Open, at: str, answer: str, is_final: bool) -> None:
    server = open_server()
    server.postbox.refuse = lambda to: answer if (to is None) == (at == "data") else None
    with pytest.raises(MailError, match=answer[:3]) as caught:
        mailing.send(settings_of(server.port, "none"), LETTER)
    assert caught.value.is_final == is_final
    assert answer[4:] in str(caught.value)


def test_a_server_that_is_not_there_is_told() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(MailError, match="does not answer as it should") as caught:
        mailing.send(settings_of(port, "none"), LETTER)
    assert not caught.value.is_final


def test_a_server_that_says_nothing_is_told(open_server: Open, trusted: Path) -> None:
    server = open_server(trusted, is_tls_at_once=True)  # it waits for us to begin
    with pytest.raises(MailError, match="does not answer as it should"):
        mailing.send(settings_of(server.port, "none", smtp_host="127.0.0.1"), LETTER, patience_s=0.2)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"smtp_host": None}, "TUSKLINE_SMTP_HOST"),
        ({"mail_from": "Tuskline <a@team.example>"}, "TUSKLINE_MAIL_FROM"),
        ({"mail_from": "a@team.example\nBcc: b@team.example"}, "TUSKLINE_MAIL_FROM"),
    ],
)
def test_settings_that_lack_something_are_told(values: dict[str, Any], says: str) -> None:
    with pytest.raises(MailError, match=says):
        mailing.send(settings_of(25, "none", **values), LETTER)


@pytest.mark.parametrize(
    "address", ["ann@team.example", "a.b+c@x-y.example", "o'hara@localhost", "a" * 64 + "@b.example"]
)
def test_a_plain_address_is_one(address: str) -> None:
    assert mailing.is_address(address)


@pytest.mark.parametrize(
    "address",
    ["", "ann", "@team.example", "ann@", "ann@@team.example", "Ann <ann@team.example>", "ann@team.example\n",
     "ann@team.example\r\nBcc: b@team.example", "a b@team.example", "a,b@team.example", "a@b.example,c@d.example",
     ".a@b.example", "a..b@c.example", '"a b"@c.example', "a@[127.0.0.1]", "a@-b.example", "a@b-.example", "a@b..c",
     "ann@täm.example", "anñ@team.example", "a(x)@b.example", "a" * 65 + "@b.example", "a@" + "b" * 64 + ".example",
     "a@" + ".".join(["b" * 60] * 5)],
)  # fmt: skip
def test_what_is_no_plain_address_is_refused(address: str) -> None:
    assert not mailing.is_address(address)
    with pytest.raises(MailError, match="no e-mail address") as caught:
        mailing.send(settings_of(1, "none"), Letter(address, "s", "t", "k"))
    assert caught.value.is_final


@pytest.mark.parametrize("title", ["x\r\nBcc: eve@evil.example", "x\nSubject: y", "x\x00y\x85z\u2028w", "\r\n\r\nbody"])
def test_no_title_ends_a_header(open_server: Open, title: str) -> None:
    server = open_server()
    mailing.send(settings_of(server.port, "none"), Letter("ann@team.example", title, "text", "k"))
    (message,) = server.postbox.messages
    assert message["Bcc"] is None and len(message.get_all("Subject")) == 1
    assert message.get_content().strip() == "text"
    assert set(message.keys()) >= {"From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted"}


def test_a_test_mail_names_who_asked_and_says_what_went_wrong(session: Session, open_server: Open) -> None:
    server = open_server()
    mailing.send_test(session, settings_of(server.port, "none"), "ann@team.example", None)
    (message,) = server.postbox.messages
    assert "the command line" in message.get_content()
    server.postbox.refuse = lambda _: "550 No"
    with pytest.raises(Refused, match="550 No"):
        mailing.send_test(session, settings_of(server.port, "none"), "ann@team.example", None)
    assert [entry.facts for entry in session.query(AuditEntry)] == [{"to": "ann@team.example"}]
