"""The language in which a request, a task or a command speaks: texts from catalogues, dates and numbers by Babel.

A catalogue is a folder `webapp/translations/<code>/LC_MESSAGES/` with `tuskline.po`; adding one adds a language.
English needs none: it is what the code says. In every text a per cent sign is written `%%`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any, cast

from babel import Locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal
from babel.support import LazyProxy, NullTranslations, Translations

FOLDER = Path(__file__).parent / "translations"
DOMAIN = "tuskline"
ENGLISH = "en"

_spoken: ContextVar[str] = ContextVar("language", default=ENGLISH)


@lru_cache(maxsize=1)
def languages() -> dict[str, str]:
    """By code, each language's name in itself; English first."""
    found = sorted(path.parents[1].name for path in FOLDER.glob(f"*/LC_MESSAGES/{DOMAIN}.po"))
    return {code: str(Locale.parse(code).language_name) for code in (ENGLISH, *found)}


def spoken() -> str:
    """The code of the language in force."""
    return _spoken.get()


def speak(code: str) -> None:
    """Use `code` from here on in this context; English where there is no such catalogue."""
    _spoken.set(code if code in languages() else ENGLISH)


@contextmanager
def speaking(code: str) -> Iterator[None]:
    """Use `code` inside the block."""
    token = _spoken.set(code if code in languages() else ENGLISH)
    try:
        yield
    finally:
        _spoken.reset(token)


def locale() -> Locale:
    """For Babel's dates and numbers."""
    return Locale.parse(spoken())


def path_of(code: str) -> Path:
    return FOLDER / code / "LC_MESSAGES" / f"{DOMAIN}.po"


def number(value: float) -> str:
    """`12,345`."""
    return format_decimal(value, locale=locale())


@lru_cache(maxsize=8)
def catalogue(code: str) -> NullTranslations:
    """Compiled in memory, once a process: no binary file has to be built or kept in step."""
    path = path_of(code)
    if not path.is_file():
        return NullTranslations()
    compiled = BytesIO()
    with path.open("rb") as file:
        write_mo(compiled, read_po(file, locale=code))
    compiled.seek(0)
    return Translations(compiled, domain=DOMAIN)


def find_text(text: str) -> str:
    """The catalogue's text, its placeholders unfilled; the given one where it has none."""
    return catalogue(spoken()).gettext(text) if text else ""


def find_plural(one: str, many: str, num: int) -> str:
    return catalogue(spoken()).ngettext(one, many, num)


def say(text: str, /, **values: Any) -> str:
    """The text in the language in force, `%(name)s` filled from values."""
    return find_text(text) % values


def say_many(one: str, many: str, num: int, /, **values: Any) -> str:
    """The form that fits `num`, which also fills `%(num)s`."""
    return find_plural(one, many, num) % {"num": num, **values}


def say_later(text: str, /, **values: Any) -> str:
    """For constants and labels: it is looked up whenever it is written out, in the language in force then."""
    return cast(str, LazyProxy(say, text, enable_cache=False, **values))
