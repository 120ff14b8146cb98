"""docs/security.md, and the table of requirements beside it, say what is so."""

import re
import ssl
from pathlib import Path

import pytest
import yaml

from release import asvs
from tests.house.test_security_code import CODE, ROOT, name_of, nodes
from webapp.security import HEADERS

DOCS = ROOT / "docs"
SECURITY = (DOCS / "security.md").read_text(encoding="utf-8")
ROWS = asvs.read_rows()
# Those of levels 1 and 2 in OWASP ASVS 5.0.0: section, then level of each number, 3 for those that are not asked here.
LEVELS = {
    "1.1": "22", "1.2": "1111122223", "1.3": "11222222222" + "3", "1.4": "222", "1.5": "123",
    "2.1": "122", "2.2": "112", "2.3": "12223", "2.4": "23",
    "3.1": "3", "3.2": "113", "3.3": "12223", "3.4": "11222233", "3.5": "11122333", "3.6": "3", "3.7": "22333",
    "4.1": "12233", "4.2": "23333", "4.3": "22", "4.4": "1222",
    "5.1": "2", "5.2": "112333", "5.3": "113", "5.4": "222",
    "6.1": "122", "6.2": "111111112222", "6.3": "11223333", "6.4": "112233", "6.5": "22222333", "6.6": "2223",
    "6.7": "33", "6.8": "2222",
    "7.1": "222", "7.2": "1111", "7.3": "22", "7.4": "11222", "7.5": "223", "7.6": "22",
    "8.1": "1233", "8.2": "1123", "8.3": "133", "8.4": "23",
    "9.1": "111", "9.2": "1222",
    "10.1": "22", "10.2": "223", "10.3": "22223", "10.4": "1111122222233333", "10.5": "22222", "10.6": "22",
    "10.7": "222",
    "11.1": "2233", "11.2": "22233", "11.3": "11233", "11.4": "1222", "11.5": "23", "11.6": "23", "11.7": "33",
    "12.1": "12233", "12.2": "11", "12.3": "22223",
    "13.1": "2333", "13.2": "222223", "13.3": "2233", "13.4": "1222233",
    "14.1": "22", "14.2": "12223333", "14.3": "122",
    "15.1": "12233", "15.2": "12233", "15.3": "1222222", "15.4": "3333",
    "16.1": "2", "16.2": "22222", "16.3": "2222", "16.4": "222", "16.5": "2223",
    "17.1": "23", "17.2": "22223333", "17.3": "22",
}  # fmt: skip
ASKED = {f"{section}.{at}": int(level) for section, levels in LEVELS.items() for at, level in enumerate(levels, 1)}
ASKED = {number: level for number, level in ASKED.items() if level < 3}


def test_every_requirement_of_levels_1_and_2_is_there_once_with_its_level() -> None:
    assert len(ASKED) == 253
    assert [row.number for row in ROWS] == list(ASKED)
    assert {row.number: row.level for row in ROWS} == ASKED


def defined() -> set[str]:
    """`path::name` of every test of the suite."""
    found = set()
    for path in (ROOT / "tests").rglob("test_*.py"):
        names = re.findall(r"^def (test_\w+)\(", path.read_text(encoding="utf-8"), re.MULTILINE)
        found |= {f"{path.relative_to(ROOT)}::{name}" for name in names}
    return found


def test_every_test_that_is_named_is_there() -> None:
    named = {test for row in ROWS for test in row.tests}
    assert len(named) > 200
    assert sorted(named - defined()) == []


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.number)
def test_a_requirement_is_shown_or_written_down_or_has_its_reason(row: asvs.Row) -> None:
    assert (row.asks.strip() and row.tests) or row.documents or row.reason or row.missing
    if row.reason:
        assert not row.tests and not row.missing and len(row.reason) > 15
    for sentence in filter(None, (row.reason, row.missing)):
        assert sentence.endswith((".", ")")) and len(sentence.split()) >= 4


def anchors(path: Path) -> set[str]:
    heads = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", head.lower()).strip().replace(" ", "-") for head in heads}


def test_every_document_that_is_named_has_that_heading() -> None:
    for target in {one for row in ROWS for one in row.documents}:
        name, _, anchor = target.partition("#")
        assert (DOCS / name).is_file(), target
        assert not anchor or anchor in anchors(DOCS / name), target


def test_links_to_headings_lead_to_one() -> None:
    for name, anchor in re.findall(r"\]\(([\w./-]*)#([\w-]+)\)", SECURITY):
        assert anchor in anchors(DOCS / name if name else DOCS / "security.md"), anchor


def test_the_page_is_what_the_table_makes() -> None:
    assert (DOCS / "security_asvs.md").read_text(encoding="utf-8") == asvs.make_page(ROWS), "run python -m release.asvs"


def test_the_table_is_plain_data() -> None:
    assert isinstance(yaml.safe_load(asvs.TABLE.read_text(encoding="utf-8")), list)


USES = ("cryptography", "argon2", "hmac", "ssl", "itsdangerous", "joserfc", "authlib", "pyotp", "rfc3161_client")


def test_the_list_of_cryptography_names_every_module_that_uses_it() -> None:
    using = set()
    for path in CODE:
        for node in nodes(path):
            names = [one.name for one in getattr(node, "names", [])] + [getattr(node, "module", "") or ""]
            if type(node).__name__.startswith("Import") and {name.partition(".")[0] for name in names} & set(USES):
                using.add(str(path.relative_to(ROOT)))
    listed = set(
        re.findall(r"`((?:scanner|webapp)/[\w/]+\.py)`", SECURITY.partition("## Keys")[2].partition("\n## ")[0])
    )
    assert using <= listed, sorted(using - listed)
    assert all((ROOT / name).is_file() for name in listed)


def test_whoever_we_ask_speaks_tls_1_2_at_least() -> None:
    from scanner.fetch.connections import httpx2

    for context in (ssl.create_default_context(), httpx2.create_ssl_context(verify=True, trust_env=False)):
        assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
        assert context.verify_mode == ssl.VerifyMode.CERT_REQUIRED and context.check_hostname
    lowered = [
        f"{path}:{node.lineno}" for path in CODE for node in nodes(path) if name_of(node).endswith("minimum_version")
    ]
    assert lowered == []


@pytest.mark.parametrize("name", [*HEADERS, "Strict-Transport-Security", "Clear-Site-Data"])
def test_every_header_is_told(name: str) -> None:
    assert name in SECURITY


def test_every_file_that_is_linked_is_there() -> None:
    linked = re.findall(r"\]\((\.\./[\w./-]+)\)", SECURITY)
    assert len(linked) > 20
    assert [name for name in linked if not (DOCS / name).exists()] == []
