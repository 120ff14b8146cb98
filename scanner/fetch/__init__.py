"""Polite, address-checked HTTP."""

from scanner.fetch.errors import AddressError, FetchError, RobotsError
from scanner.fetch.fetcher import Fetched, Fetcher

__all__ = ["AddressError", "FetchError", "Fetched", "Fetcher", "RobotsError"]
