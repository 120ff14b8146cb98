"""`make audit`: whether a library of the lock files is known to be faulty, by pip-audit.

Exit code 0: every one was looked up and none is. 1: some are. 2: some could not be looked up, which pip-audit itself
counts as good.

    python -m release.audit requirements/run.txt
"""

import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from release.locks import FOLDER

PATIENCE_S = 300.0
# Name and number of a fault that is known and does no harm here: why.
ACCEPTED: dict[tuple[str, str], str] = {}


@dataclass
class Audit:
    """faults: `name version: number, mended in ...`; unread: libraries of which nothing could be learnt."""

    faults: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)


def audit(lock: Path, patience_s: float = PATIENCE_S) -> Audit:
    """Raises subprocess.TimeoutExpired."""
    words = ["--requirement", str(lock), "--no-deps", "--disable-pip", "--format", "json", "--progress-spinner", "off"]
    command = [sys.executable, "-m", "pip_audit", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=patience_s, check=False)  # noqa: S603  (our own words)
    return (
        read_answer(done.stdout) if done.stdout.strip() else Audit(unread=[f"all of {lock.name}: {done.stderr[-300:]}"])
    )


def read_answer(text: str) -> Audit:
    found = Audit()
    for one in json.loads(text)["dependencies"]:
        if "skip_reason" in one:
            found.unread.append(one["name"])
        for fault in one.get("vulns", []):
            if (one["name"], fault["id"]) not in ACCEPTED:
                mended = ", ".join(fault["fix_versions"]) or "no version yet"
                found.faults.append(f"{one['name']} {one['version']}: {fault['id']}, mended in {mended}")
    return found


def main(lock: Path) -> int:
    found = audit(lock)
    for line in found.faults:
        print(line)
    if found.unread:
        print(f"Nothing could be learnt of {len(found.unread)} libraries: is pypi.org in reach?")
    return 1 if found.faults else 2 if found.unread else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER / "run.txt"))
