"""Polite, address-checked HTTP."""

from scanner.fetch.errors import AddressError, FetchError, RobotsError
from scanner.fetch.fetcher import Exchange, Fetched, Fetcher

__all__ = ["AddressError", "Exchange", "FetchError", "Fetched", "Fetcher", "RobotsError"]
