"""What the project may not say, and what its documents must."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEXT = (".py", ".html", ".js", ".css", ".yaml", ".md", ".toml", ".txt")
# The only places where the word may stand: they speak of it, or refuse it.
SPEAKS_OF_THE_WORD = re.compile(r"tests/|rules/lint\.py|docs/rules\.md")


def tracked(pattern: str = "") -> list[Path]:
    listed = subprocess.run(["git", "ls-files", pattern or "."], cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / name for name in listed.stdout.splitlines() if name.endswith(TEXT)]


def test_no_text_says_that_something_is_illegal() -> None:
    said = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in tracked()
        if path.is_file() and not SPEAKS_OF_THE_WORD.match(str(path.relative_to(ROOT)))
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if re.search(r"\billegal", line, re.IGNORECASE) and "never" not in line.lower()
    ]
    assert said == []


@pytest.mark.parametrize("lock", ["run.txt", "s3.txt", "onnx.txt", "test.txt", "proof.txt"])
def test_a_lock_file_pins_by_hash_and_names_no_index(lock: str) -> None:
    text = (ROOT / "requirements" / lock).read_text()
    pins = re.findall(r"^\S+==\S+", text, re.MULTILINE)
    assert len(pins) > 50 and text.count("--hash=sha256:") >= len(pins)
    assert "://" not in text and "index-url" not in text


def test_relative_links_of_the_documents_lead_somewhere() -> None:
    broken = [
        f"{path.relative_to(ROOT)}: {target}"
        for path in tracked("*.md")
        for target in re.findall(r"\]\(([^)#]+)\)", path.read_text(encoding="utf-8"))
        if "://" not in target and not (path.parent / target).exists()
    ]
    assert broken == []
