"""Polite, address-checked HTTP."""

from scanner.fetch.budget import Budget
from scanner.fetch.errors import (
    AddressError,
    BudgetError,
    BusyError,
    FetchError,
    HostStoppedError,
    RefusedError,
    RobotsError,
    StoppedError,
)
from scanner.fetch.exchanges import Exchange, Fetched
from scanner.fetch.fetcher import Fetcher
from scanner.fetch.log import LogEntry
from scanner.fetch.pacing import Pacer, shared_pacer

__all__ = [
    "AddressError",
    "Budget",
    "BudgetError",
    "BusyError",
    "Exchange",
    "FetchError",
    "Fetched",
    "Fetcher",
    "HostStoppedError",
    "LogEntry",
    "Pacer",
    "RefusedError",
    "RobotsError",
    "StoppedError",
    "shared_pacer",
]
