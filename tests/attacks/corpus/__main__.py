"""Write the corpus into a folder, with a manifest.json of what each file is and what must happen to whoever opens it.

Some of these files fill memories and hang programs: give them to nothing that you want to keep running.
"""

import argparse
import hashlib
import json
from pathlib import Path
from typing import Any

from tests.attacks.corpus import ATTACKS, Attack


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.attacks.corpus", description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    told = [write(folder, attack) for attack in ATTACKS]
    (folder / "manifest.json").write_text(json.dumps({"files": told}, indent=1, ensure_ascii=False) + "\n", "utf-8")
    print(f"{len(told)} files in {folder}")  # noqa: T201


def write(folder: Path, attack: Attack) -> dict[str, Any]:
    """Its entry in the manifest."""
    path, data = folder / attack.path, attack.make()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    facts = {"size_px": attack.size, "colour_rgb": attack.colour, "status": attack.status, "headers": attack.headers}
    return {
        "path": attack.path,
        "does": attack.does,
        "must_be": attack.ending.value,
        "refusal_holds": attack.says,
        "is_slow": attack.is_slow,
        "sha256": hashlib.sha256(data).hexdigest(),
        "size_bytes": len(data),
        **{name: value for name, value in facts.items() if value},
    }


if __name__ == "__main__":
    main()
