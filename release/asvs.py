"""The requirements of OWASP ASVS 5.0.0 at level 2, and what shows each of them: from the table to the page.

python -m release.asvs        # writes docs/security_asvs.md anew
"""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
TABLE = ROOT / "docs" / "security" / "asvs.yaml"
PAGE = ROOT / "docs" / "security_asvs.md"
CHAPTERS = {
    1: "Encoding and cleaning", 2: "Checking what is entered", 3: "Pages in a browser", 4: "The API",
    5: "Files", 6: "Signing in", 7: "Sign-ins that last", 8: "Who may do what", 9: "Signed tokens",
    10: "OAuth and OpenID Connect", 11: "Cryptography", 12: "On the line", 13: "Settings", 14: "Data",
    15: "Architecture and libraries", 16: "Logs and errors", 17: "WebRTC",
}  # fmt: skip
HEAD = """# OWASP ASVS 5.0.0, level 2

Every requirement of levels 1 and 2, by its number in the [Application Security Verification
Standard](https://github.com/OWASP/ASVS/tree/v5.0.0) 5.0.0, in a few words of our own; there it stands in full.
*Shown* is by tests or documents that are named; *in part* and *missing* say what is not so, and what it would take;
*not here* says why it does not apply. Nobody else has looked at this: it is our own word.

This page is made of [asvs.yaml](security/asvs.yaml) by `python -m release.asvs`; a test checks that every number is
there, and every test that is named.
"""


@dataclass(frozen=True)
class Row:
    """tests: `path::name`; documents: below docs/. reason: why it does not apply. missing: what is not so."""

    number: str
    level: int
    asks: str
    tests: list[str] = field(default_factory=list)
    documents: list[str] = field(default_factory=list)
    reason: str = ""
    missing: str = ""

    @property
    def state(self) -> str:
        if self.reason:
            return "not here"
        if self.missing:
            return "in part" if self.tests or self.documents else "missing"
        return "shown"


def read_rows() -> list[Row]:
    return [Row(**row) for row in yaml.safe_load(TABLE.read_text(encoding="utf-8"))]


def make_page(rows: list[Row]) -> str:
    counts = Counter(row.state for row in rows)
    told = ", ".join(f"{counts[state]} {state}" for state in ("shown", "in part", "missing", "not here"))
    pieces = [HEAD, f"\nOf {len(rows)}: {told}.\n"]
    for chapter, title in CHAPTERS.items():
        own = [row for row in rows if row.number.partition(".")[0] == str(chapter)]
        pieces += [
            f"\n## {chapter} {title}\n",
            "| | level | asks that | | |\n|---|---|---|---|---|\n",
            *map(line_of, own),
        ]
    return "".join(pieces)


def line_of(row: Row) -> str:
    tests = ", ".join(f"`{test}`" for test in row.tests)
    documents = ", ".join(f"[{one}]({one})" for one in row.documents)
    words = " ".join(filter(None, (row.reason, row.missing, documents, tests)))
    return f"| {row.number} | {row.level} | {row.asks} | {row.state} | {words} |\n"


if __name__ == "__main__":
    PAGE.write_text(make_page(read_rows()), encoding="utf-8")
