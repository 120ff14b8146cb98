"""Fuzz one target for a while, led by what of our code its inputs reach (atheris).

What breaks it is left in the folder that is named at the end, to be given again: `... TARGET FILE`.
"""

import argparse
import importlib
import logging
import resource
import sys
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.attacks.fuzz.target import Target

OURS = ("rules", "scanner", "webapp")
PARSERS = (
    "rules",
    "scanner.fetch",
    "scanner.images",
    "scanner.markets",
    "scanner.warc",
    "scanner.zoo.cards",
    "scanner.zoo.fetching",
    "scanner.zoo.formats",
    "scanner.zoo.labels",
    "scanner.zoo.sources",
    "webapp.api.filters",
    "webapp.api.paging",
    "webapp.exporters.table",
    "webapp.exporters.verify_case",
    "webapp.exporters.xlsx",
    "webapp.services.moments",
    "webapp.services.oidc",
    "webapp.services.search",
    "webapp.services.webhooks",
    "webapp.views.access",
)
ROOMS = ("pictures", "markets", "wire", "models", "office")
PATIENCE_S = 25  # of one input
MEMORY_MB = 3000
ADDRESS_BYTES = 8 * 1024**3  # of the whole process, libraries and what libFuzzer sets aside included


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.attacks.fuzz", description=__doc__)
    parser.add_argument("target")
    parser.add_argument("file", nargs="?", type=Path, help="one input, instead of new ones")
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--folder", type=Path, help="where inputs are kept; else a new one")
    return parser.parse_args()


def main() -> None:
    asked = read_arguments()
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_BYTES, ADDRESS_BYTES))
    logging.disable()
    import atheris

    with atheris.instrument_imports(list(OURS), others(), enable_loader_override=False):
        target = find_target(asked.target)
    if asked.file:
        target.feed(asked.file.read_bytes())
        return
    folder = asked.folder or Path(mkdtemp(prefix=f"fuzz-{target.name}-"))
    options = prepare(folder, target.seeds(), target.words, target.most_bytes)
    print(f"Fuzzing {target.name} for {asked.seconds} s in {folder}", flush=True)  # noqa: T201
    atheris.Setup([sys.argv[0], f"-max_total_time={asked.seconds}", *options], target.feed)
    atheris.Fuzz()


def others() -> list[str]:
    """Our modules that read nothing from outside: to make them ready would take longer than to fuzz the others."""
    names = [".".join(path.with_suffix("").parts) for top in OURS for path in Path(top).rglob("*.py")]
    return [name.removesuffix(".__init__") for name in names if not name.startswith(PARSERS)]


def find_target(name: str) -> "Target":
    """Rooms are loaded one after the other, as making all of them ready takes long."""
    for room in ROOMS:
        for target in importlib.import_module(f"tests.attacks.fuzz.{room}").TARGETS:
            if target.name == name:
                return target
    sys.exit(f"There is no target {name}; tests/attacks/fuzz/ has what there is.")


def prepare(folder: Path, seeds: list[bytes], words: tuple[bytes, ...], most_bytes: int) -> list[str]:
    """The options of libFuzzer, with seeds and dictionary in place."""
    inputs = folder / "inputs"
    inputs.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds):
        (inputs / f"seed-{number}").write_bytes(seed)
    lines = ['"' + "".join(f"\\x{byte:02x}" for byte in word) + '"' for word in words]
    (folder / "words").write_text("\n".join(lines) + "\n", encoding="ascii")
    longest = max([most_bytes, *map(len, seeds)])
    return [
        f"-timeout={PATIENCE_S}", f"-rss_limit_mb={MEMORY_MB}", f"-max_len={longest}", f"-dict={folder / 'words'}",
        f"-artifact_prefix={folder}/", "-print_final_stats=1", "-verbosity=0", str(inputs),
    ]  # fmt: skip


if __name__ == "__main__":
    main()
