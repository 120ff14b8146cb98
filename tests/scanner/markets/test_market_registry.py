from importlib.metadata import EntryPoint

import pytest

from scanner.markets import registry
from scanner.markets.base import Market, MarketError
from scanner.markets.registry import find_market, list_kinds


def test_the_built_in_kinds_are_found() -> None:
    assert [find_market(kind).kind for kind in ("shop", "csv")] == ["shop", "csv"]
    assert {"shop", "csv"} <= set(list_kinds())


def test_an_unknown_kind_names_those_that_there_are() -> None:
    with pytest.raises(MarketError, match=r"no market of kind bazaar; there are: csv, shop"):
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
    assert list_kinds() == ["csv", "odd", "other", "shop"]


@pytest.mark.usefixtures("plug_ins")
def test_a_plug_in_can_neither_replace_a_built_in_kind_nor_be_anything_else() -> None:
    assert find_market("shop").title == "Web shop"
    with pytest.raises(MarketError, match="is no Market"):
        find_market("odd")
