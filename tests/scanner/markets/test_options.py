from pathlib import Path
from typing import Any

import pytest

from scanner.fetch import Fetcher
from scanner.markets.base import Context, Market, MarketError, Option, OptionKind
from scanner.markets.options import check_options, read_options, read_secret, resolve_file

MARKET = Market(
    "test",
    "A market for tests",
    lambda _: iter(()),
    (
        Option("address", "Address", OptionKind.URL, is_required=True),
        Option("count", "Count", OptionKind.NUMBER, default=7),
        Option("pattern", "Pattern", OptionKind.PATTERN),
        Option("size", "Size", OptionKind.CHOICE, choices=("small", "large"), default="small"),
        Option("key", "Key", OptionKind.SECRET),
        Option("path", "Path", OptionKind.FILE),
        Option("words", "Words"),
    ),
)
GOOD = {"address": "https://a.example/"}


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    inbox = tmp_path / "inbox"
    (inbox / "folder").mkdir(parents=True)
    (inbox / "folder" / "a.csv").write_text("x")
    (tmp_path / "secret.csv").write_text("x")
    (inbox / "way-out").symlink_to(tmp_path)
    (inbox / "link").symlink_to(inbox / "folder")
    (inbox / "round").symlink_to(inbox / "round")
    return inbox


def test_options_that_make_sense_have_no_fault(inbox: Path) -> None:
    more = {"count": 0, "pattern": "^a", "size": "large", "key": "env:A_KEY", "path": "link/a.csv", "words": "x"}
    assert check_options(MARKET, {**GOOD, **more, "minimum_listings": 3}, inbox) == []


def test_what_is_empty_counts_as_not_given() -> None:
    assert check_options(MARKET, {**GOOD, "count": None, "pattern": "", "key": " ", "path": ""}) == []
    assert check_options(MARKET, {"address": " "}) == ["The option address (Address) is missing."]


def test_every_fault_is_told_at_once() -> None:
    faults = check_options(MARKET, {"cuont": 5, "count": -1, "size": "huge", "pattern": "("})
    assert len(faults) == 5
    assert faults[0].startswith("A source of kind test has no option cuont; there are: address, count,")
    assert all(fault.endswith(".") for fault in faults)


BAD: list[tuple[str, Any]] = [
    *(("address", value) for value in (5, "a.example", "ftp://a/", "http://", "http://[", "javascript:x")),
    *(("count", value) for value in (-1, 1.5, "5", True, [])),
    *(("pattern", value) for value in (5, "(", "a" * 501, "(?P<n>a)(?P<n>b)")),
    *(("size", value) for value in ("medium", 5)),
    *(("key", value) for value in ("s3cret", "env:", "env:A-B", "ENV:A", 5)),
    *(
        ("path", value)
        for value in ("/etc/passwd", "../secret.csv", "way-out/secret.csv", "none.csv", 5, "a\0b", "a\ud800", "round")
    ),
    ("words", 5),
    ("minimum_listings", "many"),
]


@pytest.mark.parametrize(("name", "value"), BAD)
def test_a_value_that_makes_no_sense_is_one_fault(name: str, value: Any, inbox: Path) -> None:
    assert len(check_options(MARKET, {**GOOD, name: value}, inbox)) == 1


@pytest.mark.parametrize("value", ["/etc/passwd", "../secret.csv"])
def test_without_an_inbox_at_hand_the_form_of_a_path_is_checked(value: str) -> None:
    assert len(check_options(MARKET, {**GOOD, "path": value})) == 1
    assert check_options(MARKET, {**GOOD, "path": "later.csv"}) == []


def test_a_secret_itself_is_never_repeated() -> None:
    assert "s3cret" not in " ".join(check_options(MARKET, {**GOOD, "key": "s3cret"}))


def test_options_are_read_with_their_defaults() -> None:
    with Fetcher() as fetcher:
        options = read_options(MARKET, Context({**GOOD, "size": None}, fetcher))
        assert (options["count"], options["size"], options["words"], options["minimum_listings"]) == (
            7,
            "small",
            None,
            1,
        )
        with pytest.raises(MarketError, match=r"address.*missing"):
            read_options(MARKET, Context({}, fetcher))


def test_a_secret_is_what_its_variable_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_KEY", "word")
    assert read_secret("env:A_KEY") == "word"
    monkeypatch.delenv("A_KEY")
    with pytest.raises(MarketError, match="A_KEY is not set"):
        read_secret("env:A_KEY")


def test_a_file_is_found_below_the_inbox_alone(inbox: Path) -> None:
    assert resolve_file("link/a.csv", inbox) == inbox / "folder" / "a.csv"
    with pytest.raises(MarketError, match="must lie in the inbox"):
        resolve_file("way-out/secret.csv", inbox)
