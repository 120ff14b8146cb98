"""What no module of ours does, and what no file of the repository holds."""

import ast
import re
import subprocess
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CODE = sorted(path for name in ("rules", "scanner", "webapp") for path in (ROOT / name).rglob("*.py"))
SCRIPTS = sorted((ROOT / "webapp" / "static").glob("*.js"))
# Calls by which words become code, or bytes become objects of any kind.
RUNS_WORDS = {
    "eval", "exec", "compile", "os.system", "os.popen", "pickle.load", "pickle.loads", "marshal.loads", "yaml.load",
    "yaml.unsafe_load", "shelve.open",
}  # fmt: skip
BROKEN = {"hashlib.md5", "hashlib.sha1", "hashlib.new", "MD5", "SHA1", "ECB", "ARC4", "TripleDES", "PKCS1v15"}
UNCHECKED = {"ssl._create_unverified_context", "ssl.CERT_NONE", "CERT_NONE"}
# What would turn texts into markup or programs, listen to other pages, or keep what outlives a sign-in.
FORBIDDEN = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|postMessage|onmessage|localStorage"
    r"|indexedDB|document\.cookie|__proto__|WebSocket"
)
# Who may use chance that can be foreseen: it picks samples, patterns and pauses, and guards nothing.
CHANCE = {
    "scanner/zoo/training/features.py", "scanner/zoo/training/variants.py", "scanner/fetch/pacing.py",
    "scanner/fetch/fetcher.py", "webapp/services/workbench.py", "webapp/services/firing.py",
    "webapp/services/schedules.py", "webapp/samples/drawings.py", "webapp/samples/catalogue.py",
    "webapp/samples/prints.py", "scanner/zoo/precisions.py",
}  # fmt: skip


@cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    """What the tests look at: each file is read once."""
    kinds = (ast.Call, ast.Name, ast.Attribute, ast.keyword, ast.Import, ast.ImportFrom)
    return tuple(node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, kinds))


def name_of(node: ast.AST) -> str:
    """`yaml.load` of an attribute or a name; empty for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    return f"{name_of(node.value)}.{node.attr}".lstrip(".") if isinstance(node, ast.Attribute) else ""


def uses(forbidden: set[str], called: bool = False) -> list[str]:
    """Where one of these names stands; called: as a function that is called."""
    found = []
    for path in CODE:
        for node in nodes(path):
            target = node.func if called and isinstance(node, ast.Call) else None if called else node
            if target is not None and name_of(target) in forbidden:
                found.append(f"{path.relative_to(ROOT)}:{getattr(target, 'lineno', 0)} {name_of(target)}")
    return found


def test_nothing_runs_words_as_code_or_builds_any_object_from_bytes() -> None:
    assert uses(RUNS_WORDS, called=True) == []


def test_no_shell_reads_a_command() -> None:
    shells = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in CODE
        for node in nodes(path)
        if isinstance(node, ast.keyword) and node.arg == "shell"
    ]
    assert shells == []


def test_no_broken_hash_or_cipher_is_used() -> None:
    assert uses(BROKEN) == []


def test_no_certificate_goes_unchecked() -> None:
    unchecked = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in CODE
        for node in nodes(path)
        if isinstance(node, ast.keyword) and node.arg in ("verify", "check_hostname") and is_false(node.value)
    ]
    assert uses(UNCHECKED) + unchecked == []


def is_false(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value is False


def test_what_nobody_may_guess_comes_from_no_foreseeable_chance() -> None:
    importers = {
        str(path.relative_to(ROOT))
        for path in CODE
        for node in nodes(path)
        if (isinstance(node, ast.Import) and any(one.name == "random" for one in node.names))
        or (isinstance(node, ast.ImportFrom) and node.module == "random")
    }
    assert importers == CHANCE


def test_every_parser_of_xml_reads_no_entity_and_no_network() -> None:
    parsers = [
        {word.arg: word.value for word in node.keywords}
        for path in CODE
        for node in nodes(path)
        if isinstance(node, ast.Call) and name_of(node.func).endswith("XMLParser")
    ]
    assert parsers
    for words in parsers:
        assert is_false(words["resolve_entities"]) and is_false(words["load_dtd"]) and is_false(words["huge_tree"])
        assert isinstance(words["no_network"], ast.Constant) and words["no_network"].value is True


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_a_script_puts_texts_in_as_texts_and_listens_to_no_other_page(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert FORBIDDEN.findall(text) == []


def test_lints_of_security_are_on_and_no_exception_is_silent() -> None:
    configuration = (ROOT / "pyproject.toml").read_text()
    assert re.search(r'select = \[.*"S"', configuration)
    silent = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in CODE
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if (found := re.search(r"# noqa: (S\d+)(.*)", line))
        and found[1] in NEEDS_WORDS
        and not re.search("[a-z]{3}", found[2])
    ]
    assert silent == []


# Programs started, addresses opened, markup trusted: whoever lets one through says why.
NEEDS_WORDS = {"S301", "S307", "S310", "S311", "S324", "S501", "S506", "S602", "S603", "S605", "S608", "S701", "S704"}

SECRETS = {
    "a private key": rb"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----\s+[A-Za-z0-9+/=]{20}",
    "a token of ours": rb"\btusk_[A-Za-z0-9_-]{40,}",
    "a webhook's secret": rb"\bwhsec_[A-Za-z0-9+/=]{40,}",
    "a key of Amazon's": rb"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",
    "a token of GitHub's": rb"\bgh[pousr]_[A-Za-z0-9]{36}\b",
    "a token of a chat": rb"\bxox[abprs]-[A-Za-z0-9-]{10,}",
    "a key of Google's": rb"\bAIza[A-Za-z0-9_-]{35}\b",
    "a signed token": rb"\beyJ[A-Za-z0-9_-]{15,}\.eyJ[A-Za-z0-9_-]{15,}\.[A-Za-z0-9_-]{15,}",
    "a key of payments": rb"\b[rs]k_live_[A-Za-z0-9]{20,}",
    "a password of an address": rb"\b[a-z][a-z0-9+]*://[A-Za-z0-9_.-]+:(?!PASSWORD@|password@|\$\{|%s@)[^\s/@:{}<>\"'`]{6,}@",
    "a password": rb"(?i)\b(?:password|passwd|secret_key|api_key|client_secret)\s*[:=]\s*[\"'][^\"'\s{}$%<]{8,}[\"']",
}
# Where words that look like these guard nothing: tests make them up, and say so where they stand.
MADE_UP = re.compile(r"^tests/|^docs/security/|^requirements/|\.lock$")


def tracked() -> list[str]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    return [name for name in listed.decode().split("\0") if name and (ROOT / name).is_file()]


@pytest.fixture(scope="module")
def texts() -> dict[str, bytes]:
    return {name: (ROOT / name).read_bytes() for name in tracked()}


@pytest.mark.parametrize("kind", SECRETS)
def test_no_file_of_the_repository_holds_what_lets_in(kind: str, texts: dict[str, bytes]) -> None:
    pattern = re.compile(SECRETS[kind])
    strict = kind != "a password" and kind != "a password of an address"
    found = [
        f"{name}: {match[0][:60]!r}"
        for name, text in texts.items()
        if strict or not MADE_UP.match(name)
        for match in pattern.finditer(text)
        if b"noqa: S105" not in text[match.start() : text.find(b"\n", match.end())]
    ]
    assert found == []


def test_no_file_is_one_that_holds_secrets() -> None:
    names = [
        name
        for name in tracked()
        if re.search(r"(^|/)(\.env|secret\.key|signing\.key|id_(rsa|ed25519)|.*\.(pem|p12|pfx|kdbx))$", name)
    ]
    assert names == []
