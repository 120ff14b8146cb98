"""Known secrets go through everything that uses them, well and ill; then none may stand in any log, answer or page.

What is looked at is what the code itself writes: the records before webapp.logs hides anything in them.
"""

import logging
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest
from click.testing import CliRunner
from cryptography.fernet import Fernet
from flask.testing import FlaskClient
from pydantic import SecretStr, ValidationError
from sqlalchemy.orm import Session

from tests.factories import PASSWORD, make_user
from tests.provider import CLIENT_ID, Provider
from tests.servers import free_port
from tests.webapp.services.mail_server import mail_server, make_certificate
from tests.webapp.views.conftest import app, backend, client, post  # noqa: F401  (fixtures)
from webapp import create_app
from webapp.cli import doctor, main
from webapp.models import AuditEntry, Role, User
from webapp.services import mailing, second_factor, signing, tokens, users, webhooks
from webapp.services.errors import Refused
from webapp.services.mailing import Letter, MailError
from webapp.services.sealing import seal, unseal
from webapp.services.tokens import Scope
from webapp.settings import Settings, kept_secret

WORDS = {
    "database": "swordfish-of-the-database", "broker": "swordfish-of-the-broker", "smtp": "swordfish-of-the-mail",
    "oidc": "swordfish-of-the-provider", "metrics": "swordfish-of-the-metrics", "person": "swordfish of a person",
    "wrong": "swordfish that was wrong", "address": "swordfish-of-an-address",
}  # fmt: skip


class Said:
    """All that was said anywhere, and the secrets that came up meanwhile."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.secrets = set(WORDS.values())

    def check(self, records: list[logging.LogRecord]) -> None:
        formatter = logging.Formatter()
        told = "\n".join([*self.texts, *(formatter.format(one) for one in records)])
        assert len(told) > 1000
        for secret in self.secrets:
            assert secret not in told, f"{secret} at: {told[max(0, told.index(secret) - 200) :][:400]}"


@pytest.fixture
def said() -> Said:
    return Said()


@pytest.fixture
def whole(settings: Settings) -> Iterator[FlaskClient]:
    """Pages with every secret set, a provider that does not know ours, and a mail server that takes none."""
    with Provider() as provider:
        values = {
            "oidc_issuer": provider.issuer, "oidc_client_id": CLIENT_ID, "oidc_client_secret": SecretStr(WORDS["oidc"]),
            "metrics_token": SecretStr(WORDS["metrics"]), "smtp_host": "localhost", "smtp_port": free_port(),
            "smtp_user": "tuskline", "smtp_password": SecretStr(WORDS["smtp"]), "mail_from": "a@team.example",
            "broker_url": f"redis://:{WORDS['broker']}@127.0.0.1:{free_port()}/0",
        }  # fmt: skip
        made = create_app(settings.model_copy(update=values))
        yield made.test_client()
        made.extensions["tuskline"].engine.dispose()


def test_no_secret_is_in_a_log_an_answer_or_a_page(
    whole: FlaskClient,
    settings: Settings,
    session: Session,
    said: Said,
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
) -> None:
    caplog.set_level(logging.INFO)
    used = whole.application.extensions["tuskline"].settings
    said.secrets |= {used.secret_key}
    use_pages(whole, session, said)
    use_api(whole, session, said)
    use_provider(whole, said)
    use_webhooks(session, settings, said)
    use_mail(used, said, tmp_path)
    said.texts.append(str([entry.facts for entry in session.query(AuditEntry)]))
    said.check(caplog.records)


def use_pages(pages: FlaskClient, session: Session, said: Said) -> None:
    user = make_user(session, "ann", Role.ADMIN, WORDS["person"])
    said.secrets.add(second_factor.begin(session, pages.application.config["SECRET_KEY"], user))
    session.commit()
    for name, password in (
        ("ann", WORDS["wrong"]),
        ("nobody", WORDS["wrong"]),
        (WORDS["wrong"], "x"),
        ("ann", WORDS["person"]),
    ):
        answer = post(pages, "/sign-in", name=name, password=password)
        if name != WORDS["wrong"]:  # what was typed as a name stays in its field, for whoever typed it
            said.texts.append(answer.text)
    wrong = {"current": WORDS["wrong"], "password": WORDS["wrong"], "again": "another"}
    said.texts.append(post(pages, "/account/password", **wrong).text)
    said.texts += [pages.get(page).text for page in ("/account", "/users", "/webhooks", "/audit", "/nothing")]
    said.texts.append(pages.get("/metrics", headers={"Authorization": f"Bearer {WORDS['wrong']}"}).text)
    said.texts.append(pages.get("/health/ready").text)

    def crash() -> str:
        raise RuntimeError("something else")

    pages.application.view_functions["hosts.index"] = crash
    said.texts.append(pages.get("/hosts", headers={"Authorization": f"Bearer {WORDS['wrong']}"}).text)


def use_api(pages: FlaskClient, session: Session, said: Said) -> None:
    user = session.query(User).filter_by(name="ann").one()
    _, text = tokens.create(session, user, user, "program", [Scope.READ], 1)
    session.commit()
    said.secrets |= {text, text.removeprefix("tusk_")}
    asked = {"Authorization": f"Bearer {text}"}
    for address in ("/api/v1/me", "/api/v1/findings?limit=x", "/api/v1/users", "/api/v1/nothing"):
        said.texts.append(pages.get(address, headers=asked).text)
    said.texts.append(pages.get("/api/v1/me", headers={"Authorization": f"Bearer {WORDS['wrong']}"}).text)
    said.texts.append(pages.post("/api/v1/users", json={"password": WORDS["wrong"]}, headers=asked).text)


def use_provider(pages: FlaskClient, said: Said) -> None:
    """It refuses our secret."""
    stranger = pages.application.test_client()
    begun = stranger.get("/sign-in/openid")
    back = urlsplit(httpx2.get(begun.location).headers["Location"])
    answer = stranger.get(f"{back.path}?{back.query}")
    assert answer.status_code == 401
    said.texts += [begun.text, answer.text]


def use_webhooks(session: Session, settings: Settings, said: Said) -> None:
    place = f"127.0.0.1:{free_port()}"
    open_to = settings.model_copy(update={"allowed_addresses": [place]})
    user = session.query(User).filter_by(name="ann").one()
    url = f"http://{place}/{WORDS['address']}"
    hook, secret = webhooks.create(session, user, open_to, "desk", url, ["scan.ended"])
    said.secrets |= {secret, secret.removeprefix("whsec_")}
    webhooks.ping(session, user, hook)
    session.commit()
    assert webhooks.deliver_due(session, open_to) == 0
    said.texts += [str(one.failure) for one in webhooks.recent(session, hook)]


def use_mail(settings: Settings, said: Said, folder: Path) -> None:
    letter = Letter("ann@team.example", "Report", "Text", "key")
    for server in (None, make_certificate(folder)):
        with pytest.raises(MailError) as failed, mail_server(server) as there:
            mailing.send(settings.model_copy(update={"smtp_port": there.port} if server else {}), letter)
        said.texts.append(str(failed.value))


FAULTY = {
    "a database that is away": {"DATABASE_URL": "postgresql+psycopg://tusk:{database}@127.0.0.1:1/tuskline"},
    "a database of no kind": {"DATABASE_URL": "nonsense://tusk:{database}@127.0.0.1/tuskline"},
    "an address that is none": {"DATABASE_URL": "postgresql+psycopg://tusk:{database}@127.0.0.1:x/tuskline"},
    "a password with a slash": {"DATABASE_URL": "postgresql+psycopg://tusk:{database}/x@127.0.0.1:1/tuskline"},
    "words": {"DATABASE_URL": "{database}"},
    "a broker that is away": {"BROKER_URL": "redis://:{broker}@127.0.0.1:1/0"},
    "a broker of no kind": {"BROKER_URL": "nonsense://:{broker}@127.0.0.1/0"},
    "a setting out of range": {"SMTP_PORT": "{smtp}", "SMTP_PASSWORD": "{smtp}", "OIDC_CLIENT_SECRET": "{oidc}"},
    "a public address with a password": {"PUBLIC_URL": "https://u:{address}@tusk.example/x"},
    "an issuer with a password": {"OIDC_ISSUER": "ftp://u:{address}@tusk.example"},
    "a timestamp server with a password": {"TIMESTAMP_URL": "ftp://u:{address}@stamps.example"},
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTY.values(), ids=FAULTY)
def test_no_command_tells_a_secret_of_a_faulty_setting(
    fault: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setenv("TUSKLINE_HOME", str(tmp_path))
    monkeypatch.setattr(doctor, "CHECKS", {name: doctor.CHECKS[name] for name in ("database", "queue", "store")})
    for name, value in fault.items():
        monkeypatch.setenv(f"TUSKLINE_{name}", value.format(**WORDS))
    told = []
    for command in (["status"], ["doctor"], ["users", "list"], ["db", "upgrade"]):
        result = CliRunner().invoke(main, command)
        told.append(f"{command}: {result.output} {result.exception!r}")
    told += [logging.Formatter().format(one) for one in caplog.records]
    assert not [line for line in told if "swordfish" in line]


def test_a_faulty_setting_is_told_without_its_value() -> None:
    with pytest.raises(ValidationError) as refused:
        Settings(smtp_port="swordfish", public_url="https://u:swordfish@tusk.example/")  # type: ignore[arg-type]
    assert "swordfish" not in str(refused.value)


def test_a_first_run_makes_keys_of_its_owner_alone(tmp_path: Path) -> None:
    home = tmp_path / "new" / "home"
    made = Settings(home=home, database_url=None, broker_url=None)
    signing.signing_key(home)
    assert len(made.secret_key) == 64
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert {stat.S_IMODE((home / name).stat().st_mode) for name in ("secret.key", "signing.key")} == {0o600}
    assert sorted(path.name for path in home.iterdir()) == ["secret.key", "signing.key"], "nothing half made is left"


def test_of_many_that_start_at_once_all_have_one_whole_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: kept_secret(tmp_path / "secret.key"), range(64)))
    assert len(keys) == 1 and len(keys.pop()) == 64


@pytest.mark.parametrize("held", ["", "short", "a" * 63])
def test_a_key_that_is_short_or_empty_is_refused(tmp_path: Path, held: str) -> None:
    (tmp_path / "secret.key").write_text(held)
    with pytest.raises(ValueError, match="no secret of 64 letters"):
        kept_secret(tmp_path / "secret.key")


def test_a_command_says_in_a_sentence_that_a_key_is_short(tmp_path: Path) -> None:
    (tmp_path / "secret.key").write_text("short")
    done = CliRunner(env={"TUSKLINE_HOME": str(tmp_path)}).invoke(main, ["status"])
    assert done.exit_code == 1 and "no secret of 64 letters" in done.output and "Traceback" not in done.output


def test_doctor_names_a_key_that_others_can_read(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    assert settings.secret_key and doctor.CHECKS["keys"] is doctor.check_keys
    assert list(doctor.check_keys(settings)) == [(True, "secret.key is yours alone")]
    (tmp_path / "secret.key").chmod(0o644)
    [(is_well, words)] = doctor.check_keys(settings)
    assert not is_well and f"chmod 600 {tmp_path}" in words


def test_a_sealed_value_is_of_one_purpose_and_can_not_be_changed() -> None:
    key = "0" * 64
    sealed = seal(key, "the word", "webhook")
    assert unseal(key, sealed, "webhook") == "the word" and "word" not in sealed
    assert seal(key, "the word", "webhook") != sealed
    assert Fernet.generate_key() != Fernet.generate_key()
    changed = sealed[:-10] + ("A" if sealed[-10] != "A" else "B") + sealed[-9:]
    for one, purpose, under in (
        (sealed, "second factor", key),
        (changed, "webhook", key),
        (sealed, "webhook", "1" * 64),
    ):
        with pytest.raises(Refused):
            unseal(under, one, purpose)


def test_the_first_admin_has_a_password_of_its_own(session: Session) -> None:
    first = users.ensure_first_admin(session)
    assert first and first[1] not in str([entry.facts for entry in session.query(AuditEntry)])
    assert session.query(User).one().password_hash != first[1]
    for known in ("admin", "password", "tuskline", ""):
        assert users.authenticate(session, first[0], known) is None


def test_no_secret_stands_in_an_address(client: FlaskClient, session: Session) -> None:  # noqa: F811
    user = make_user(session, "ann")
    _, text = tokens.create(session, user, user, "program", [Scope.READ], 1)
    session.commit()
    for name in ("token", "access_token", "api_key", "key"):
        assert client.get(f"/api/v1/me?{name}={text}").status_code == 401
    client.get(f"/sign-in?name=ann&password={PASSWORD}")
    assert client.get("/queue").status_code == 302, "what stands in an address signs nobody in"
