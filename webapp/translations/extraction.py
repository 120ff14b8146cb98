"""The texts of the whole program, into every catalogue: `make words`.

A catalogue keeps what is translated, gains what is new, loses what is gone, and guesses nothing. The template of all
texts is not kept as a file: the code is it.
"""

import ast
import re
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po
from jinja2.ext import babel_extract

import rules
from rules.load import find_pack, load_pack
from rules.phrases import phrases
from webapp.echoes import KEPT
from webapp.language import languages, path_of

SOURCES = Path(rules.__file__).parents[1]
TEMPLATES = SOURCES / "templates"
PACK = "wildlife"
SAYING = frozenset({"say", "say_later", "sayable"})
SAYING_MANY = frozenset({"say_many"})
# Where sentences are made that are stored or told on, and said again later (webapp.echoes).
TELLING = (
    "scanner/decoding",
    "scanner/fetch/",
    "scanner/images",
    "scanner/markets/",
    "scanner/pipeline",
    "scanner/predicting",
    "scanner/warc/reading",
    "scanner/zoo/cascade",
    "scanner/zoo/catalogue",
    "scanner/zoo/evaluation/cautions",
    "scanner/zoo/precisions",
    "scanner/zoo/predictor",
    "scanner/zoo/running",
    "scanner/zoo/training/trainer",
    "scanner/zoo/weights",
    "webapp/services/",
)
# What is said there in English too is frozen in reports.
FROZEN = ("webapp/services/agreement", "webapp/services/quality")
# Where sentences are told, sentences anywhere are such, and what these calls and keywords are given.
TELLING_CALLS = frozenset({"Market", "Option", "Outcome", "tell_step"})
TELLING_KEYS = frozenset({"caveat", "failure", "fault", "help", "title", "unknown"})
TELLING_NAMES = frozenset({"FIELDS", "NO_SHOPIFY", "WAYS", "WORDS"})
# Whose enumerations are shown as words.
STATES = ("rules/", "scanner/markets/traps", "webapp/models/")
PLACEHOLDER = re.compile(r"%\(\w+\)s")
MAX_COLUMNS = 116


class Text(NamedTuple):
    """id: the text, or its singular and plural. place: the file, from the top of the sources on."""

    id: str | tuple[str, str]
    place: str
    line: int
    is_kept: bool = False


class UnsayableError(ValueError):
    """A text that no catalogue can hold, because it is put together before it is looked up."""


def find_all() -> Iterator[Text]:
    """Every text that a person may be shown. Raises UnsayableError."""
    for package in ("rules", "scanner", "webapp"):
        for path in sorted((SOURCES / package).rglob("*.py")):
            yield from find_in_code(path.read_text(), path.relative_to(SOURCES).as_posix())
    for path in sorted(TEMPLATES.rglob("*.html")):
        yield from find_in_template(path)
    for phrase in phrases(load_pack(find_pack(PACK))):
        yield Text(phrase.text, phrase.path.relative_to(SOURCES).as_posix(), phrase.line, is_kept=True)


def find_in_template(path: Path) -> Iterator[Text]:
    place = path.relative_to(SOURCES).as_posix()
    options = {"extensions": "jinja2.ext.i18n", "newstyle_gettext": "true", "silent": "false"}
    for line, function, message, _ in babel_extract(BytesIO(path.read_bytes()), ("_", "ngettext"), (), options):
        parts = message if isinstance(message, tuple) else (message,)
        if parts[0]:  # none where it is a variable, whose texts stand elsewhere
            yield Text((str(parts[0]), str(parts[1])) if function == "ngettext" else str(parts[0]), place, line)


def find_in_code(source: str, place: str) -> Iterator[Text]:
    tree = ast.parse(source)
    silent = {id(node) for node in find_silent(tree)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield from find_said(node, place)
        elif isinstance(node, ast.FunctionDef) and any(name_of(one) == "requires" for one in node.decorator_list):
            yield Text(node.name.replace("_", " "), place, node.lineno)  # as the page of roles names it
        elif (
            isinstance(node, ast.ClassDef)
            and place.startswith(STATES)
            and any(name_of(base) == "StrEnum" for base in node.bases)
        ):
            values = [one.value for one in node.body if isinstance(one, ast.Assign)]
            yield from (Text(text, place, value.lineno) for value in values if (text := constant(value)))
        if place.startswith(TELLING):
            yield from (Text(text, place, one.lineno, True) for one, text in find_told(node) if id(one) not in silent)


def find_said(call: ast.Call, place: str) -> Iterator[Text]:
    name = name_of(call.func)
    if name in SAYING and call.args:
        is_kept = place.startswith(FROZEN)
        yield from (Text(text, place, call.lineno, is_kept) for text in whole_texts(call.args[0], place))
    elif name == "Blueprint":
        yield Text(constant(call.args[0]), place, call.lineno)
    elif name in SAYING_MANY:
        one, many = (next(whole_texts(argument, place)) for argument in call.args[:2])
        yield Text((one, many), place, call.lineno, is_kept=place.startswith(FROZEN))


def find_silent(tree: ast.AST) -> Iterator[ast.AST]:
    """Strings that no page shows: what describes the code, goes into the log, or is said already."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield node.value
        elif isinstance(node, ast.Call) and (name_of(node.func) in SAYING | SAYING_MANY or is_logging(node)):
            yield from ast.walk(node)
        elif isinstance(node, ast.JoinedStr):
            yield from node.values


def is_logging(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Attribute) and name_of(call.func.value) == "logger"


def find_told(node: ast.AST) -> Iterator[tuple[ast.expr, str]]:
    """The sentences and pieces of them that this node tells, each as a text with its values by name."""
    told: list[ast.expr] = []
    if isinstance(node, ast.Constant | ast.JoinedStr) and pattern_of(node).endswith((".", "?")):
        told = [node]
    elif isinstance(node, ast.Call):
        name = name_of(node.func)
        is_telling = name in TELLING_CALLS or name.endswith("Error")
        told = [*(node.args if is_telling else ()), *(one.value for one in node.keywords if one.arg in TELLING_KEYS)]
    elif isinstance(node, ast.Return) and node.value is not None and pattern_of(node.value).count(" ") > 1:
        told = [node.value]
    elif isinstance(node, ast.Assign) and name_of(node.targets[0]) in TELLING_NAMES:
        told = [one for one in ast.walk(node.value) if isinstance(one, ast.expr)]
    for one in told:
        text = pattern_of(one)
        if len(PLACEHOLDER.sub("", text).split()) > 1 and any(map(str.isalpha, PLACEHOLDER.sub("", text))):
            yield one, text


def whole_texts(node: ast.expr, place: str) -> Iterator[str]:
    """The text of a call that says it; none where it is a variable, whose texts stand elsewhere."""
    if isinstance(node, ast.JoinedStr | ast.BinOp):
        raise UnsayableError(f"{place}:{node.lineno}: write the text whole, with %(name)s for what is filled in.")
    if text := constant(node):
        yield text


def pattern_of(node: ast.expr) -> str:
    """`f"{url} has no {name}."` as `%(url)s has no %(name)s.`; empty for what is no text."""
    if not isinstance(node, ast.JoinedStr):
        return constant(node)
    pieces: list[str] = []
    values: dict[str, str] = {}
    for part in node.values:
        if isinstance(part, ast.FormattedValue):
            pieces.append(f"%({name_value(part.value, values)})s")
        else:
            pieces.append(str(getattr(part, "value", "")).replace("%", "%%"))
    return "".join(pieces)


def name_value(value: ast.expr, names: dict[str, str]) -> str:
    """A name for the value, another one for another value; names: the source of each value by the name it has."""
    source, name = ast.unparse(value), name_of(value).lower().strip("_") or "value"
    while names.setdefault(name, source) != source:
        name += "_"
    return name


def name_of(node: ast.expr) -> str:
    if isinstance(node, ast.Call | ast.Subscript | ast.BinOp):
        inner = (
            node.func if isinstance(node, ast.Call) else node.value if isinstance(node, ast.Subscript) else node.left
        )
        return name_of(inner)
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def constant(node: ast.expr) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def make_template() -> Catalog:
    """All texts, each once, with every place where it stands."""
    template = Catalog(project="Tuskline", domain="tuskline", charset="utf-8")
    for text in find_all():
        comments = [KEPT] if text.is_kept else []
        template.add(text.id, locations=[(text.place, text.line)], auto_comments=comments)
    return template


def update(code: str, template: Catalog) -> int:
    """How many texts of the catalogue lack a translation. Its head stays as its translators wrote it."""
    path = path_of(code)
    head, _, _ = path.read_text().partition("\n\n")
    with path.open("rb") as file:
        catalogue = read_po(file, locale=code)
    catalogue.update(template, no_fuzzy_matching=True)
    catalogue.obsolete.clear()
    for message in catalogue:
        if message.id and message.fuzzy:  # it has got a plural, or lost it
            message.string = ("",) * catalogue.num_plurals if message.pluralizable else ""
            message.flags.discard("fuzzy")
    written = BytesIO()
    write_po(written, catalogue, width=MAX_COLUMNS, sort_by_file=True, include_lineno=False, omit_header=True)
    path.write_text(f"{head}\n\n{written.getvalue().decode().lstrip()}")
    return len(untranslated(catalogue))


def untranslated(catalogue: Catalog) -> list[str]:
    return [str(message.id) for message in catalogue if message.id and not all(strings_of(message.string))]


def strings_of(string: object) -> tuple[object, ...]:
    return tuple(string) if isinstance(string, tuple | list) else (string,)


def main() -> None:
    template = make_template()
    for code in languages():
        if path_of(code).is_file():
            sys.stdout.write(f"{code}: {update(code, template)} of {len(template)} texts are not translated\n")


if __name__ == "__main__":
    main()
