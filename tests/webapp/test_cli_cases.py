"""`tuskline case`, in a terminal."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy.orm import Session

from tests.factories import make_finding, make_listing, make_source, make_user
from webapp.cli import main
from webapp.exporters import verify_case
from webapp.models import AuditEntry, FindingRow, SavedFilter
from webapp.services import signing
from webapp.settings import Settings

Tell = Callable[..., Result]

pytestmark = pytest.mark.usefixtures("quick_pages")


@pytest.fixture
def backend() -> str:
    """What the database does is the services' test."""
    return "sqlite"


@pytest.fixture
def tell(settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Tell:
    monkeypatch.setenv("TUSKLINE_HOME", str(settings.home))
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: CliRunner().invoke(main, ["case", *map(str, arguments)])


@pytest.fixture
def finding(session: Session) -> FindingRow:
    row = make_finding(session, make_listing(session, make_source(session, "Shop"), seller="Ann"))
    chosen = {"name": "elephants", "arguments": {"concept": "elephant"}}
    session.add(SavedFilter(user=make_user(session), is_shared=True, **chosen))
    session.commit()
    return row


def test_a_case_is_written_and_verifies(
    tell: Tell, finding: FindingRow, settings: Settings, tmp_path: Path, session: Session
) -> None:
    result = tell("export", "--finding", finding.id, "-o", "case.zip")
    assert result.exit_code == 0, result.output
    key = signing.signing_key(settings.home)
    assert key.fingerprint in result.output and "case.zip: case file 1, 1 suspected findings" in result.output
    assert verify_case.check(str(tmp_path / "case.zip")).is_whole
    assert tell("list").output.splitlines()[0].endswith("system  Finding 1")
    assert tell("key").output == f"public key   {key.public}\nfingerprint  {key.fingerprint}\n"
    assert [one.action for one in session.query(AuditEntry).order_by(AuditEntry.id)] == [
        "case.export", "case.made", "case.download",
    ]  # fmt: skip


@pytest.mark.parametrize("words", [["--seller", "Ann", "--source", "Shop"], ["--filter", "elephants"]])
@pytest.mark.usefixtures("finding")
def test_a_seller_or_a_filter_chooses(tell: Tell, tmp_path: Path, words: list[str]) -> None:
    result = tell("export", *words)
    assert result.exit_code == 0, result.output
    assert (tmp_path / "tuskline-case-1.zip").is_file()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "give --finding"),
        (["--finding", "1", "--filter", "x"], "give --finding"),
        (["--seller", "Ann"], "belong together"),
        (["--seller", "Ann", "--source", "None"], "there is no source None"),
        (["--filter", "x"], "no filter of the name x"),
        (["--finding", "999"], "There is no finding 999."),
        (["--finding", "1", "--language", "xx"], "there is no language xx"),
        (["--finding", "1", "-o", "no/such/folder.zip"], "can't be written"),
    ],
)
@pytest.mark.usefixtures("finding")
def test_what_can_not_be_ends_with_a_sentence(tell: Tell, words: list[str], says: str) -> None:
    result = tell("export", *words)
    assert result.exit_code != 0 and says in result.output


def test_without_a_case_the_list_says_how_to_make_one(tell: Tell) -> None:
    assert "tuskline case export" in tell("list").output
