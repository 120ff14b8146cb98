from datetime import UTC, datetime
from decimal import Decimal

import pytest

from scanner.markets.values import parse_country, parse_currency, parse_price, parse_time


@pytest.mark.parametrize(
    ("written", "amount"),
    [
        (12, "12"),
        (12.5, "12.5"),
        (1234.567, "1234.567"),
        ("12.50", "12.50"),
        ("12,50", "12.50"),
        ("1.234,50 €", "1234.50"),
        ("$1,234.50", "1234.50"),
        ("1 234,50 kr", "1234.50"),
        ("1'234.50 CHF", "1234.50"),
        ("450.000 ₫", "450000"),
        ("1,000,000", "1000000"),
        ("0.125", "0.125"),
        ("USD 7.", "7"),
    ],
)
def test_a_price_is_read_as_sellers_write_it(written: object, amount: str) -> None:
    assert parse_price(written) == Decimal(amount)


@pytest.mark.parametrize("written", [None, "", "on request", "-5", -5, float("nan"), float("inf"), "9" * 20, [], {}])
def test_what_is_no_price_is_none(written: object) -> None:
    assert parse_price(written) is None


def test_currencies_are_codes_or_symbols_that_name_one() -> None:
    assert [parse_currency(text) for text in ("eur", " USD ", "£")] == ["EUR", "USD", "GBP"]
    assert [parse_currency(text) for text in ("$", "euros", "", None, 5)] == [None] * 5


def test_countries_are_codes_of_two_letters() -> None:
    assert [parse_country(text) for text in ("de", "VN", "Germany", None)] == ["DE", "VN", None, None]


def test_times_are_in_utc() -> None:
    assert parse_time("2026-10-31T12:00:00+02:00") == datetime(2026, 10, 31, 10, tzinfo=UTC)
    assert parse_time("2026-10-31") == datetime(2026, 10, 31, tzinfo=UTC)
    assert parse_time("2026-10-31T12:00:00Z") == datetime(2026, 10, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize("written", ["yesterday", "", None, 5, "0001-01-01T00:00:00+10:00"])
def test_what_is_no_time_is_none(written: object) -> None:
    assert parse_time(written) is None
