"""Polite, address-checked HTTP."""

from scanner.fetch.budget import Budget
from scanner.fetch.errors import (
    AddressError,
    BudgetError,
    FetchError,
    HostStoppedError,
    RefusedError,
    RobotsError,
    StoppedError,
)
from scanner.fetch.exchanges import Exchange, Fetched
from scanner.fetch.fetcher import Fetcher
from scanner.fetch.log import LogEntry

__all__ = [
    "AddressError",
    "Budget",
    "BudgetError",
    "Exchange",
    "FetchError",
    "Fetched",
    "Fetcher",
    "HostStoppedError",
    "LogEntry",
    "RefusedError",
    "RobotsError",
    "StoppedError",
]
