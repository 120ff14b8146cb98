import re
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from scanner.markets import registry
from scanner.markets.base import Market, MarketError
from scanner.markets.options import COMMON_OPTIONS, WEB_OPTIONS
from scanner.markets.registry import find_market, list_kinds, list_markets

OURS = ["csv", "ebay", "etsy", "feed", "folder", "jsonl", "shop", "shopify", "warc"]


def test_the_built_in_kinds_are_found_and_explain_themselves() -> None:
    markets = [find_market(kind) for kind in OURS]
    assert [market.kind for market in markets] == OURS == list_kinds()
    assert all(market.title and market.help.endswith(".") for market in markets)
    assert [market.kind for market in markets if market.is_web] == ["ebay", "etsy", "shop", "shopify"]


@pytest.mark.parametrize("kind", OURS)
def test_the_page_on_sources_names_every_option_and_no_other(kind: str) -> None:
    page = (Path(__file__).parents[3] / "docs" / "sources.md").read_text(encoding="utf-8")
    section = page.split(f"\n## `{kind}`", 1)[1].split("\n## ", 1)[0]
    shared = {option.name for option in (*COMMON_OPTIONS, *WEB_OPTIONS)}
    own = {option.name for option in find_market(kind).options} - shared
    assert set(re.findall(r"^\| `(\w+)`", section, re.MULTILINE)) == own


def test_an_unknown_kind_names_those_that_there_are() -> None:
    with pytest.raises(MarketError, match=r"no market of kind bazaar; there are: csv, ebay, .* warc\."):
        find_market("bazaar")


OTHER = Market("other", "A plug-in's market", lambda _: iter(()))


@pytest.fixture
def plug_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [
        EntryPoint("other", f"{__name__}:OTHER", registry.GROUP),
        EntryPoint("odd", f"{__name__}:plug_ins", registry.GROUP),
        EntryPoint("shop", f"{__name__}:OTHER", registry.GROUP),
    ]

    def entry_points(group: str, name: str | None = None) -> list[EntryPoint]:
        return [entry for entry in found if entry.group == group and name in (None, entry.name)]

    monkeypatch.setattr(registry, "entry_points", entry_points)


@pytest.mark.usefixtures("plug_ins")
def test_a_plug_in_of_another_package_is_found_by_its_kind() -> None:
    assert find_market("other").title == "A plug-in's market"
    assert list_kinds() == sorted([*OURS, "odd", "other"])


@pytest.mark.usefixtures("plug_ins")
def test_a_plug_in_can_neither_replace_a_built_in_kind_nor_be_anything_else() -> None:
    assert find_market("shop").title == "Web shop"
    with pytest.raises(MarketError, match="is no Market"):
        find_market("odd")


SUNNY = """
from scanner.markets.base import Market
from scanner.records import Listing

MARKET = Market("sunny", "Sunny market", lambda context: iter([Listing("https://sunny.example/1")]))
"""
PLUG_INS = {
    "sunny": ("sunny_market:MARKET", SUNNY),
    "broken": ("broken_market:MARKET", "raise RuntimeError('no such luck')"),
    "absent": ("absent_market:OTHER", "MARKET = None"),
    "renamed": ("renamed_market:MARKET", SUNNY),
}


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A distribution as pip leaves it behind, with one good plug-in and three bad ones."""
    facts = tmp_path / "sunny_markets-1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: sunny-markets\nVersion: 1.0\n")
    lines = [f"{kind} = {place}" for kind, (place, _) in PLUG_INS.items()]
    (facts / "entry_points.txt").write_text("\n".join([f"[{registry.GROUP}]", *lines]))
    for place, source in PLUG_INS.values():
        (tmp_path / f"{place.partition(':')[0]}.py").write_text(source)
    monkeypatch.syspath_prepend(str(tmp_path))


@pytest.mark.usefixtures("installed")
def test_a_plug_in_that_is_installed_is_used_and_a_broken_one_is_one_sentence() -> None:
    said: list[str] = []
    found = {market.kind: market for market in list_markets(said.append)}
    assert set(found) == {*OURS, "sunny"}
    assert [sentence.split(" can't")[0].split(" is registered")[0] for sentence in said] == [
        "The plug-in absent_market:OTHER for markets of kind absent",
        "The plug-in broken_market:MARKET for markets of kind broken",
        "The plug-in renamed_market:MARKET",
    ]
    assert "RuntimeError: no such luck" in said[1]
