"""The arguments of a source: which every market has, whether they make sense, what they mean."""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from scanner.markets.base import Context, Market, MarketError, Option, OptionKind
from scanner.markets.values import keepable

MOST_PATTERN = 500
_SECRET = re.compile(r"env:([A-Za-z_][A-Za-z0-9_]*)")

COMMON_OPTIONS = (
    Option(
        "minimum_listings",
        "Fewest listings",
        OptionKind.NUMBER,
        "Fewer listings than this fail the scan, so that a source that changed is noticed.",
        default=1,
    ),
)
OR_SETTINGS = "; if empty, as the settings allow."
WEB_OPTIONS = (
    Option(
        "pages",
        "Most pages",
        OptionKind.NUMBER,
        "How many pages a crawl may read, pictures not counted; if empty, as many as the settings allow.",
    ),
    Option(
        "hours",
        "Most hours",
        OptionKind.NUMBER,
        "How many hours a crawl may take; if empty, as many as the settings allow.",
    ),
    Option(
        "megabytes",
        "Most megabytes",
        OptionKind.NUMBER,
        "How much a crawl may fetch; if empty, as much as the settings allow.",
    ),
    Option(
        "pace_s",
        "Seconds between requests",
        OptionKind.NUMBER,
        "Seconds between two requests to one host; a longer pace that the site asks for is kept.",
    ),
)


def file_option(help: str) -> Option:
    return Option("path", "File", OptionKind.FILE, f"{help} Its place below the inbox folder.", is_required=True)


def options_of(market: Market) -> tuple[Option, ...]:
    """Those of the market, and those that every market has."""
    own = {option.name for option in market.options}
    return (*market.options, *(option for option in COMMON_OPTIONS if option.name not in own))


def check_options(market: Market, options: Mapping[str, Any], inbox: Path | None = None) -> list[str]:
    """Every fault of the options at once, one sentence each; none where they may be used.

    inbox: the folder below which files must lie; without it only the form of their names is checked.
    """
    return [
        *_unknown_names(market, options),
        *(fault for option in options_of(market) for fault in _faults_of(option, options, inbox)),
    ]


def read_options(market: Market, context: Context) -> dict[str, Any]:
    """The value of each option, its default where none was given. Raises MarketError with every fault."""
    faults = check_options(market, context.options, context.inbox)
    if faults:
        raise MarketError(" ".join(faults))
    return {option.name: _value(option, context.options) for option in options_of(market)}


def read_secret(text: str) -> str:
    """What the environment variable behind `env:NAME` holds. Raises MarketError."""
    found = _SECRET.fullmatch(text)
    name = found.group(1) if found else ""
    value = os.environ.get(name, "")
    if not value:
        raise MarketError(
            f"The environment variable {name} is not set; put the secret there and start the worker anew."
        )
    return value


def resolve_file(path: str, inbox: Path | None) -> Path:
    """The file or folder of that name in the inbox, links resolved. Raises MarketError."""
    if inbox is None:
        raise MarketError("There is no inbox folder, so no files can be read; see the setting for it.")
    fault = _file_fault("path", path, inbox)
    if fault:
        raise MarketError(fault)
    return (inbox / path).resolve()


def _unknown_names(market: Market, options: Mapping[str, Any]) -> Iterator[str]:
    known = [option.name for option in options_of(market)]
    for name in options:
        if name not in known:
            yield f"A source of kind {market.kind} has no option {name}; there are: {', '.join(known)}."


def _faults_of(option: Option, options: Mapping[str, Any], inbox: Path | None) -> Iterator[str]:
    value = _given(option, options)
    if value is None:
        if option.is_required:
            yield f"The option {option.name} ({option.title}) is missing."
        return
    fault = (
        _file_fault(option.name, value, inbox)
        if option.kind is OptionKind.FILE
        else _CHECKS[option.kind](option, value)
    )
    if fault:
        yield fault


def _given(option: Option, options: Mapping[str, Any]) -> Any:
    """The value; an empty field of a form is none."""
    value = options.get(option.name)
    return None if isinstance(value, str) and not value.strip() else value


def _value(option: Option, options: Mapping[str, Any]) -> Any:
    value = _given(option, options)
    value = option.default if value is None else value
    return value.strip() if isinstance(value, str) else value


def _text_fault(option: Option, value: Any) -> str:
    return "" if isinstance(value, str) else f"The option {option.name} must be text."


def _url_fault(option: Option, value: Any) -> str:
    try:
        parts = urlsplit(value.strip()) if isinstance(value, str) else None
        is_web = parts is not None and parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        is_web = False
    return "" if is_web else f"The option {option.name} must be a web address that begins with http:// or https://."


def _number_fault(option: Option, value: Any) -> str:
    is_number = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return "" if is_number else f"The option {option.name} must be a whole number, 0 or more."


def _pattern_fault(option: Option, value: Any) -> str:
    try:
        re.compile(value)
    except (re.error, TypeError, RecursionError, OverflowError) as error:
        return f"The option {option.name} is no regular expression: {error}."
    return "" if len(value) <= MOST_PATTERN else f"The option {option.name} is longer than {MOST_PATTERN} letters."


def _choice_fault(option: Option, value: Any) -> str:
    return "" if value in option.choices else f"The option {option.name} must be one of: {', '.join(option.choices)}."


def _secret_fault(option: Option, value: Any) -> str:
    if isinstance(value, str) and _SECRET.fullmatch(value.strip()):
        return ""
    return (
        f"The option {option.name} must name an environment variable as env:NAME; "
        "the secret itself belongs there, never here."
    )


def _file_fault(name: str, value: Any, inbox: Path | None) -> str:
    if not isinstance(value, str) or value != keepable(value):
        return f"The option {name} must be the name of a file in the inbox folder."
    path = Path(value.strip())
    outside = f"The option {name} must lie in the inbox folder; {value} does not."
    if inbox is None:
        return outside if path.is_absolute() or ".." in path.parts else ""
    try:
        place = (inbox / path).resolve()
        if not place.is_relative_to(inbox.resolve()):
            return outside
        return "" if place.exists() else f"There is no {value} in the inbox folder."
    except (OSError, RuntimeError) as error:
        return f"{value} can't be read: {error}."


_CHECKS: dict[OptionKind, Callable[[Option, Any], str]] = {
    OptionKind.TEXT: _text_fault,
    OptionKind.URL: _url_fault,
    OptionKind.NUMBER: _number_fault,
    OptionKind.PATTERN: _pattern_fault,
    OptionKind.CHOICE: _choice_fault,
    OptionKind.SECRET: _secret_fault,
}
