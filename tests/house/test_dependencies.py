"""The libraries: listed for whoever asks, and looked up where that can be done.

The look-up asks pypi.org, which tests may not: a program of its own does, for a minute at most, and where the data is
out of reach the test is skipped and says so. `make audit` is the same without that patience.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from release import audit, sbom
from release.locks import FOLDER, Pin, pins_of, read_pins

LOCKS = ("run.txt", "s3.txt", "onnx.txt")
EVERYTHING = FOLDER / "proof.txt"  # holds all that the others do
PROBE = "import urllib.request; urllib.request.urlopen('https://pypi.org/pypi/pip/json', timeout=3).read(1)"


@pytest.mark.parametrize("lock", LOCKS)
def test_the_list_of_parts_is_valid_and_names_every_pin(lock: str) -> None:
    text = sbom.make_sbom(FOLDER / lock)
    said = json.loads(text)
    assert (said["bomFormat"], said["specVersion"]) == ("CycloneDX", "1.6")
    named = {(one["name"], one["version"]) for one in said["components"]}
    assert named == {(pin.name, pin.version) for pin in pins_of(FOLDER / lock)} and len(named) > 50
    digests = [one["externalReferences"][0]["hashes"] for one in said["components"]]
    assert all(found and found[0]["alg"] == "SHA-256" for found in digests)


def test_the_same_lock_gives_the_same_bytes() -> None:
    text = sbom.make_sbom(FOLDER / "run.txt")
    assert text == sbom.make_sbom(FOLDER / "run.txt") and "timestamp" not in text


def test_licences_are_told_where_they_are_known() -> None:
    said = json.loads(sbom.make_sbom(FOLDER / "run.txt"))
    told = [one["name"] for one in said["components"] if "licenses" in one]
    assert {"flask", "sqlalchemy"} <= set(told)


def test_a_line_without_a_digest_is_no_pin() -> None:
    [pin] = read_pins("a==1 ; python_version < '3.13' \\\n    --hash=sha256:bb \\\n    --hash=sha256:aa\n    # via b\n")
    assert pin == Pin("a", "1", 'python_version < "3.13"', ("aa", "bb"))
    for faulty in ("a==1\n", "a>=1 --hash=sha256:aa\n"):
        with pytest.raises(ValueError):
            list(read_pins(faulty))


def test_what_pip_audit_left_out_is_not_taken_for_good() -> None:
    told = {
        "dependencies": [
            {"name": "a", "skip_reason": "not found"},
            {"name": "b", "version": "1", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2"]}]},
            {"name": "c", "version": "1", "vulns": []},
        ]
    }
    found = audit.read_answer(json.dumps(told))
    assert (found.unread, found.faults) == (["a"], ["b 1: PYSEC-1, mended in 2"])


def test_every_fault_that_is_borne_has_its_reason() -> None:
    assert all(len(why) > 20 for why in audit.ACCEPTED.values())


def is_in_reach() -> bool:
    asked = [sys.executable, "-c", PROBE]
    return subprocess.run(asked, capture_output=True, timeout=10, check=False).returncode == 0


def test_no_pinned_library_has_a_known_fault() -> None:
    if not is_in_reach():
        pytest.skip("pip-audit was not run: its data at pypi.org is out of reach here (`make audit` runs it elsewhere)")
    try:
        found = audit.audit(EVERYTHING, patience_s=60)
    except subprocess.TimeoutExpired:
        pytest.skip("pip-audit was not run to its end: pypi.org was too slow here (`make audit` has more patience)")
    assert found.faults == []
    if found.unread:
        named = ", ".join(found.unread[:5])
        pytest.skip(
            f"pip-audit knows no fault, but pypi.org as seen here told nothing of {len(found.unread)}: {named} ..."
        )


def test_a_command_says_that_nothing_could_be_learnt(monkeypatch: pytest.MonkeyPatch) -> None:
    for found, code in ((audit.Audit(), 0), (audit.Audit(unread=["a"]), 2), (audit.Audit(["f"], ["a"]), 1)):
        monkeypatch.setattr(audit, "audit", lambda _lock, found=found: found)
        assert audit.main(Path("run.txt")) == code
