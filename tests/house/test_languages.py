"""Every text that a person may be shown goes through the catalogues, and every catalogue has it."""

import ast
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po
from jinja2 import Environment, nodes

from webapp.language import ENGLISH, catalogue, languages, path_of
from webapp.translations.extraction import (
    SOURCES,
    TEMPLATES,
    find_in_code,
    make_template,
    strings_of,
    untranslated,
)

CODES = [code for code in languages() if code != ENGLISH]
PLACEHOLDER = re.compile(r"%\(\w+\)s|#\d")  # scripts fill the latter
TAG = re.compile(r"</?\w+[^>]*>")
HALF_PLACEHOLDER = re.compile(r"(?<!%)(?:%%)*%(?![%(])")
# What is the same in every language: names, units, codes.
NAMES = frozenset(
    {"Tuskline", "SHA-256", "UTC", "AUC", "ROC", "px", "Esc", "is-alone", "has-bar", "light dark", "Enter", "j k"}
)
SPOKEN_ATTRIBUTES = ("aria-label", "title", "alt", "placeholder")
WORD = re.compile(r"[A-Za-z][a-z]+")
# A sentence or a label among the constants of a template: words and blanks alone, or one that begins with a capital.
TEXT = re.compile(r"[A-Za-z][a-z']*(?: [A-Za-z,'.:?]+)+[.:?]?|[A-Z][a-z]{2,}[.:?]?")
MESSAGES = frozenset(
    {"flash", "Refused", "NotFound", "ValidationError", "StopValidation", "DataRequired", "InputRequired"}
    | {"FileRequired", "StringField", "TextAreaField", "PasswordField", "BooleanField", "IntegerField", "DateField"}
    | {"DecimalField", "FloatField", "FileField", "RadioField", "SelectField", "SelectMultipleField", "SubmitField"}
)


@pytest.fixture(scope="module")
def template() -> Catalog:
    return make_template()


def read(code: str) -> Catalog:
    with path_of(code).open("rb") as file:
        return read_po(file, locale=code)


def texts_of(message: Message) -> tuple[str, ...]:
    return (message.id,) if isinstance(message.id, str) else tuple(message.id)


@pytest.mark.parametrize("code", CODES)
def test_a_catalogue_holds_every_text_and_no_other(code: str, template: Catalog) -> None:
    asked = {texts_of(message) for message in template if message.id}
    held = {texts_of(message) for message in read(code) if message.id}
    assert not asked - held, "run `make words`, and translate these"
    assert not held - asked, "run `make words`: nothing says these any more"


@pytest.mark.parametrize("code", CODES)
def test_a_catalogue_translates_every_text_and_guesses_none(code: str) -> None:
    assert untranslated(read(code)) == []
    assert [message.id for message in read(code) if message.fuzzy and message.id] == []


@pytest.mark.parametrize("code", CODES)
def test_a_translation_fills_in_what_the_text_does(code: str) -> None:
    for message in read(code):
        for string in filter(None, strings_of(message.string) if message.id else ()):
            assert set(PLACEHOLDER.findall(str(string))) == set(PLACEHOLDER.findall(texts_of(message)[-1])), message.id
            assert sorted(TAG.findall(str(string))) == sorted(TAG.findall(texts_of(message)[-1])), message.id


@pytest.mark.parametrize("code", CODES)
def test_a_per_cent_sign_of_a_translation_is_doubled_where_values_are_filled_in(code: str) -> None:
    for message in read(code):
        if message.id and "%(" in texts_of(message)[0]:
            for string in strings_of(message.string):
                assert not HALF_PLACEHOLDER.search(str(string)), message.id


@pytest.mark.parametrize("code", CODES)
def test_a_catalogue_can_be_compiled(code: str) -> None:
    assert catalogue(code).gettext("Sign in") != "Sign in"


class Reading(HTMLParser):
    """What a template shows: every word that stands in it as it is."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.inside: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag in ("code", "script", "kbd", "style"):
            self.inside.append(tag)
        for name, value in attributes:
            if name in SPOKEN_ATTRIBUTES:
                self.words += words_in(value or "")

    def handle_endtag(self, tag: str) -> None:
        if self.inside and self.inside[-1] == tag:
            self.inside.pop()

    def handle_data(self, data: str) -> None:
        if not self.inside:
            self.words += words_in(data)


def words_in(text: str) -> list[str]:
    """Without names, and without what is put together with a value into a name: an id, a file."""
    words = [word.strip(".,:;·()") for word in text.split() if not re.search("-\0|\0-", word)]
    return [word for word in words if WORD.search(word) and word not in NAMES]


def shown_of(source: str) -> str:
    """The template's own text; what it fills in is a blank there, what it decides is nothing."""
    pieces = Environment(extensions=["jinja2.ext.i18n"]).lex(source)  # noqa: S701  (nothing is rendered)
    shown, depth = [], 0
    for _, kind, value in pieces:
        if kind in ("variable_begin", "block_begin"):
            depth += 1
        elif kind in ("variable_end", "block_end"):
            depth -= 1
            shown.append("\0" if kind == "variable_end" else "")
        elif kind == "data" and not depth:
            shown.append(value)
    return "".join(shown)


def is_lookup(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Call) and getattr(node.node, "name", "") in ("_", "ngettext")


def constants(node: nodes.Node) -> list[str]:
    """The strings of a template that no lookup takes, and that are not just keys or compared with."""
    if isinstance(node, nodes.Compare):
        return []
    if isinstance(node, nodes.Pair):
        return constants(node.value)
    if is_lookup(node):
        named = [one for one in node.iter_child_nodes() if isinstance(one, nodes.Keyword)]
        return [text for one in named for text in constants(one)]
    own = [node.value] if isinstance(node, nodes.Const) and isinstance(node.value, str) else []
    return own + [text for one in node.iter_child_nodes() for text in constants(one)]


TEMPLATE_NAMES = sorted(path.relative_to(TEMPLATES).as_posix() for path in TEMPLATES.rglob("*.html"))


@pytest.mark.parametrize("name", TEMPLATE_NAMES)
def test_a_template_shows_no_word_of_its_own(name: str) -> None:
    reading = Reading()
    reading.feed(shown_of((TEMPLATES / name).read_text()))
    assert reading.words == [], "put them into {{ _(...) }}, whole sentences together"


@pytest.mark.parametrize("name", TEMPLATE_NAMES)
def test_a_template_hands_on_no_text_of_its_own(name: str) -> None:
    tree = Environment(extensions=["jinja2.ext.i18n"]).parse((TEMPLATES / name).read_text())  # noqa: S701
    assert [text for text in constants(tree) if TEXT.fullmatch(text) and text not in NAMES] == []


def test_a_word_that_no_lookup_takes_would_be_found() -> None:
    reading = Reading()
    reading.feed(
        shown_of('<p title="{{ x }} left">{{ _("Fine") }} gone <code>run</code> {# why #}{% if a %}b{% endif %}</p>')
    )
    assert reading.words == ["left", "gone"]
    tree = Environment(extensions=["jinja2.ext.i18n"]).parse('{{ deed(a, "Scan now") }}{{ _("Scan now", x="b c") }}')  # noqa: S701
    assert constants(tree) == ["Scan now", "b c"]


def python_files() -> list[Path]:
    return sorted(path for room in ("views", "forms", "services") for path in (SOURCES / "webapp" / room).rglob("*.py"))


@pytest.mark.parametrize("path", python_files(), ids=lambda path: path.relative_to(SOURCES).as_posix())
def test_messages_and_labels_are_looked_up(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and node.args and getattr(node.func, "id", "") in MESSAGES:
            told = node.args[0]
            own = [told] if isinstance(told, ast.Constant) else told.values if isinstance(told, ast.JoinedStr) else []
            is_bare = any(isinstance(one, ast.Constant) and WORD.search(str(one.value)) for one in own)
            assert not is_bare, f"{path}:{told.lineno}: say(...) it, or say_later(...) for a label"


def test_a_text_that_is_put_together_before_it_is_looked_up_is_refused() -> None:
    with pytest.raises(ValueError, match="write the text whole"):
        list(find_in_code('say(f"There is no {name}.")', "webapp/x.py"))
