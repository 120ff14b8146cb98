"""Which kinds of markets there are: our own, and those that other installed packages bring."""

from importlib.metadata import entry_points

from scanner.markets import csv_file, shop
from scanner.markets.base import Market, MarketError

GROUP = "tuskline.markets"
BUILT_IN = {market.kind: market for market in (shop.MARKET, csv_file.MARKET)}


def list_kinds() -> list[str]:
    """Every kind that find_market knows, in order; loads no plug-in."""
    return sorted({*BUILT_IN, *(entry.name for entry in entry_points(group=GROUP))})


def find_market(kind: str) -> Market:
    """The market of that kind; ours win over a plug-in of the same name. Raises MarketError."""
    if kind in BUILT_IN:
        return BUILT_IN[kind]
    for entry in entry_points(group=GROUP, name=kind):
        market = entry.load()
        if not isinstance(market, Market):
            raise MarketError(f"The plug-in {entry.value} for markets of kind {kind} is no Market.")
        return market
    raise MarketError(f"There is no market of kind {kind}; there are: {', '.join(list_kinds())}.")
