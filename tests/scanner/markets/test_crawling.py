from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal

import pytest

from scanner.fetch import BudgetError, FetchError, HostStoppedError, StoppedError
from scanner.markets.base import Context, Market, MarketError
from scanner.markets.crawling import crawl
from scanner.markets.shape import Shape, compare
from scanner.records import Listing

Make = Callable[..., Context]


def listings(count: int, **fields: object) -> list[Listing]:
    plain = Listing("", "A title", price=Decimal(5), photo_urls=("p",), read_by="json-ld")
    return [replace(plain, url=f"u{number}", **fields) for number in range(count)]  # type: ignore[arg-type]


def market(found: list[Listing], end: Exception | None = None) -> Market:
    def run(_: Context) -> Iterator[Listing]:
        yield from found
        if end:
            raise end

    return Market("test", "A market for tests", run)


def shape_of(found: list[Listing]) -> Shape:
    shape = Shape()
    for listing in found:
        shape.count(listing)
    return shape


def test_each_listing_comes_once_and_is_counted(context_for: Make) -> None:
    run = crawl(market([*listings(3), *listings(2)]), context_for())
    assert [listing.url for listing in run] == ["u0", "u1", "u2"]
    assert (run.shape.listings, run.shape.share("price"), run.shape.share("seller")) == (3, 1.0, 0.0)


def test_options_are_checked_before_anything_is_asked(context_for: Make) -> None:
    with pytest.raises(MarketError, match=r"no option depth.* minimum_listings must be a whole number"):
        crawl(market([]), context_for(depth=5, minimum_listings="x"))


@pytest.mark.parametrize("minimum", [None, 1])
def test_no_listing_at_all_is_an_error(minimum: int | None, context_for: Make) -> None:
    with pytest.raises(MarketError, match="Only 0 listings were found, fewer than the 1 that are expected"):
        list(crawl(market([]), context_for(minimum_listings=minimum)))
    assert list(crawl(market([]), context_for(minimum_listings=0))) == []


@pytest.mark.parametrize("error", [BudgetError("The pages are used up."), HostStoppedError("Somebody stopped it.")])
def test_what_ends_a_crawl_early_is_said_and_no_minimum_counts(error: FetchError, context_for: Make) -> None:
    context = context_for(minimum_listings=9)
    assert len(list(crawl(market(listings(2), error), context))) == 2
    assert context.warnings == [context.cut_short] == [f"The crawl ended early. {error}"]


def test_a_worker_that_is_asked_to_end_is_not_hidden(context_for: Make) -> None:
    with pytest.raises(StoppedError):
        list(crawl(market(listings(2), StoppedError("Stopped.")), context_for()))


@pytest.mark.parametrize(
    ("error", "said"),
    [(FetchError("It failed."), "^It failed.$"), (KeyError("oops"), r"kind test broke \(KeyError: 'oops'\)")],
)
def test_whatever_else_ends_it_is_one_sentence_and_what_was_found_stays(
    error: Exception, said: str, context_for: Make
) -> None:
    found: list[Listing] = []
    with pytest.raises(MarketError, match=said):
        found.extend(crawl(market(listings(2), error), context_for()))
    assert len(found) == 2


def test_a_changed_source_is_told_of(context_for: Make) -> None:
    context = context_for()
    context.former_shape = shape_of(listings(40))
    context.unknown_keys.add("item.new")
    run = crawl(market(listings(30, price=None, read_by="html")), context)
    assert len(list(run)) == 30
    assert context.warnings == [
        "A price was read in 100 % of the listings of the scan before, and in 0 % now: has the site changed?",
        "The scan before read 100 % of its listings from JSON-LD, and this one none: has the site changed?",
        "The source's answers have fields that are new to us: item.new.",
    ]


def test_half_the_listings_are_told_of_unless_the_crawl_was_cut_short() -> None:
    before, now = shape_of(listings(40)), shape_of(listings(19))
    assert compare(before, now)[0].startswith("The scan before found 40 listings, and this one 19: ")
    assert compare(before, now, is_partial=True) == []


def test_small_changes_and_small_numbers_say_nothing() -> None:
    mixed = listings(30) + listings(10, price=None)
    assert compare(shape_of(listings(40)), shape_of(mixed)) == []
    assert compare(shape_of(listings(10)), shape_of(listings(4, price=None))) == []


def test_listings_that_are_known_to_be_unchanged_tell_nothing_of_how_they_were_read() -> None:
    assert compare(shape_of(listings(40)), shape_of(listings(40, read_by="", is_unchanged=True))) == []


def test_a_shape_survives_being_written_down() -> None:
    shape = shape_of(listings(3))
    shape.unknown_keys.add("a.b")
    assert Shape.from_json(shape.to_json()) == shape
    assert Shape.from_json(None) is None
