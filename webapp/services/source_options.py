"""The options of a source: from what people write to the values that its market takes, and back into words."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

from scanner.fetch import AddressError
from scanner.fetch.addresses import check_url
from scanner.markets.base import Market, Option, OptionKind
from scanner.markets.options import check_options, options_of
from webapp.echoes import say_again
from webapp.language import number, say
from webapp.services.errors import Refused
from webapp.settings import Settings

TEXT_LETTERS = 2000
SECRET = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]*")


@dataclass(slots=True)
class Reading:
    """values: what can be stored. faults: sentences by the option's name, those on the whole under an empty name."""

    values: dict[str, Any] = field(default_factory=dict)
    faults: dict[str, list[str]] = field(default_factory=dict)


def read_options(market: Market, texts: Mapping[str, str], settings: Settings) -> Reading:
    """Each option from its text; what is empty is left out, so that the market's default counts."""
    reading = Reading()
    known = {option.name for option in options_of(market)}
    for name in texts.keys() - known:
        reading.faults[name] = [say("A source of kind %(kind)s has no option %(name)s.", kind=market.kind, name=name)]
    for option in options_of(market):
        try:
            value = read_option(option, texts.get(option.name, ""), settings)
        except Refused as fault:
            reading.faults[option.name] = [str(fault)]
        else:
            reading.values |= {} if value is None else {option.name: value}
    if not reading.faults and (faults := check_options(market, reading.values, settings.inbox_dir)):
        reading.faults[""] = [say_again(fault) for fault in faults]
    return reading


def read_option(option: Option, text: str, settings: Settings) -> Any:
    """The value behind `text`; None where it is empty. Raises Refused."""
    text = text.strip()
    if not text:
        if option.is_required:
            raise Refused(say("This is needed: fill it in."))
        return None
    if len(text) > TEXT_LETTERS:
        raise Refused(say("Shorten this to %(text_letters)s letters.", text_letters=number(TEXT_LETTERS)))
    return READERS[option.kind](option, text, settings)


def read_text(_option: Option, text: str, _settings: Settings) -> str:
    return text


def read_url(_option: Option, text: str, settings: Settings) -> str:
    try:
        check_url(text, {entry.lower() for entry in settings.allowed_addresses})
    except AddressError as error:
        raise Refused(
            say("%(error)s Enter an address as https://www.example.com/.", error=say_again(str(error)))
        ) from None
    return text


def read_number(option: Option, text: str, _settings: Settings) -> int | float:
    """A whole number unless the default is none."""
    try:
        number = float(text) if isinstance(option.default, float) else int(text)
    except ValueError:
        kind = "number" if isinstance(option.default, float) else "whole number"
        raise Refused(
            say(
                "Enter a %(kind)s, as %(value)s.", kind=kind, value=option.default if option.default is not None else 10
            )
        ) from None
    if not isfinite(number) or number < 0:
        raise Refused(say("Enter a number that is 0 or more."))
    return number


def read_pattern(_option: Option, text: str, _settings: Settings) -> str:
    try:
        re.compile(text)
    except (re.error, RecursionError, OverflowError) as error:
        raise Refused(say("This is no regular expression: %(error)s.", error=error)) from None
    return text


def read_choice(option: Option, text: str, _settings: Settings) -> str:
    if text not in option.choices:
        raise Refused(say("Choose one of %(choices)s.", choices=", ".join(option.choices)))
    return text


def read_file(_option: Option, text: str, settings: Settings) -> str:
    """A path below the inbox, as it is seen from there."""
    inbox = settings.inbox_dir.resolve()
    try:
        path = (inbox / text).resolve()
        is_there = path.exists()
    except (OSError, ValueError):
        raise Refused(say("This is no path that can be read.")) from None
    if not path.is_relative_to(inbox):
        raise Refused(say("Only files in the inbox are read: give a path from there on, as exports/listings.csv."))
    if not is_there:
        raise Refused(
            say(
                "There is no %(text)s in the inbox (%(inbox_dir)s): put the file there, or upload it.",
                text=text,
                inbox_dir=settings.inbox_dir,
            )
        )
    return path.relative_to(inbox).as_posix()


def read_secret(_option: Option, text: str, _settings: Settings) -> str:
    if not SECRET.fullmatch(text):
        raise Refused(
            say("Give the name of an environment variable that holds it, as env:EBAY_SECRET; never the word itself.")
        )
    return text


READERS: dict[OptionKind, Callable[[Option, str, Settings], Any]] = {
    OptionKind.TEXT: read_text,
    OptionKind.URL: read_url,
    OptionKind.NUMBER: read_number,
    OptionKind.PATTERN: read_pattern,
    OptionKind.CHOICE: read_choice,
    OptionKind.FILE: read_file,
    OptionKind.SECRET: read_secret,
}


def text_of(value: Any) -> str:
    return "" if value is None else str(value)


def shown(option: Option | None, value: Any) -> str:
    """A value in words; a secret only where it is the name of a variable, as it should be."""
    if option is None or option.kind is not OptionKind.SECRET:
        return text_of(value)
    text = text_of(value)
    is_named = SECRET.fullmatch(text)
    return say("from the environment variable %(name)s", name=text[4:]) if is_named else say("(hidden)")


def shown_all(market: Market | None, values: Mapping[str, Any]) -> dict[str, str]:
    """Every stored value in words, by the option's name: for pages, terminals and the audit."""
    options = {option.name: option for option in options_of(market)} if market else {}
    return {name: shown(options.get(name), value) for name, value in values.items()}
