"""Which kinds of markets there are: our own, and those that other installed packages bring."""

from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points

from scanner.markets import csv_file, ebay, etsy, feed, folder, jsonl_file, shop, shopify, warc_file
from scanner.markets.base import Market, MarketError

GROUP = "tuskline.markets"
_OURS = (shop, shopify, feed, ebay, etsy, csv_file, jsonl_file, folder, warc_file)
BUILT_IN: dict[str, Market] = {module.MARKET.kind: module.MARKET for module in _OURS}


def list_kinds() -> list[str]:
    """Every kind that find_market knows, in order; loads no plug-in."""
    return sorted({*BUILT_IN, *(entry.name for entry in entry_points(group=GROUP))})


def list_markets(warn: Callable[[str], None]) -> list[Market]:
    """Every market that can be used, ours first; warn is told of each plug-in that can't."""
    found = list(BUILT_IN.values())
    for kind in list_kinds():
        if kind not in BUILT_IN:
            try:
                found.append(find_market(kind))
            except MarketError as error:
                warn(str(error))
    return found


def find_market(kind: str) -> Market:
    """The market of that kind; ours win over a plug-in of the same name. Raises MarketError."""
    if kind in BUILT_IN:
        return BUILT_IN[kind]
    for entry in entry_points(group=GROUP, name=kind):
        return _load(entry)
    raise MarketError(f"There is no market of kind {kind}; there are: {', '.join(list_kinds())}.")


def _load(entry: EntryPoint) -> Market:
    try:
        market = entry.load()
    except Exception as error:  # whatever another's module does when it is imported
        raise MarketError(
            f"The plug-in {entry.value} for markets of kind {entry.name} can't be loaded "
            f"({type(error).__name__}: {error}); mend or uninstall its package."
        ) from error
    if not isinstance(market, Market):
        raise MarketError(f"The plug-in {entry.value} for markets of kind {entry.name} is no Market.")
    if market.kind != entry.name:
        raise MarketError(f"The plug-in {entry.value} is registered as {entry.name}, but calls itself {market.kind}.")
    return market
