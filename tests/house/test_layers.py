"""The layers that house style promises, and the names that are ours alone."""

import importlib.metadata
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", ["rules", "scanner", "webapp"])
def test_our_generic_top_level_names_belong_to_us_alone(name: str) -> None:
    owners = importlib.metadata.packages_distributions().get(name, ["tuskline"])
    assert set(owners) == {"tuskline"}
    assert Path(__import__(name).__file__ or "").is_relative_to(ROOT)


def test_the_distribution_can_not_be_uploaded() -> None:
    assert "Private :: Do Not Upload" in importlib.metadata.metadata("tuskline").get_all("Classifier", [])


def test_paddle_is_imported_in_the_engines_and_the_families_of_networks_alone() -> None:
    families = {str(path.relative_to(ROOT)) for path in (ROOT / "scanner/zoo/networks").glob("*.py")}
    importing = {
        str(path.relative_to(ROOT))
        for folder in ("rules", "scanner", "webapp")
        for path in (ROOT / folder).rglob("*.py")
        if re.search(r"^\s*(import|from) paddle\b", path.read_text(), re.MULTILINE)
    }
    assert importing - families == {"scanner/zoo/engines/paddle.py"}


def test_the_table_of_networks_imports_no_family() -> None:
    code = "import sys, scanner.zoo.networks; print([name for name in sys.modules if name.startswith('paddle')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_help_is_cheap() -> None:
    heavy = ("paddle", "flask", "sqlalchemy", "celery", "numpy", "PIL", "httpx2", "yaml")
    code = f"import sys, webapp.cli; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
