"""All measurements by one command: python -m bench [--only speed,decode] [--rounds 5] [--quick] [--out FOLDER]."""

import argparse
import dataclasses
import importlib
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from bench.family import used_s
from bench.harness import Options
from bench.machine import busy_s, describe_machine
from bench.results import Part, show_rows, show_targets, write_part

RESULTS = Path(__file__).parent / "results"
PARTS = {
    "decode": "bench.decode",
    "speed": "bench.speed",
    "memory": "bench.flatness",
    "stalls": "bench.stalls",
    "gpu": "bench.gpu",
    "scale": "bench.scale",
}
QUICK_ROUNDS = 2


def main(arguments: Sequence[str] | None = None) -> int:
    given = read_arguments(arguments)
    options = Options(
        rounds=given.rounds or (QUICK_ROUNDS if given.quick else 5),
        quick=given.quick,
        full=given.full,
        photos=given.photos,
        cache=given.cache,
        say=say,
    )
    for name in given.only:
        say(f"\n{name}: measuring ...")
        part = measure(name, options)
        say(show_part(part))
        say(f"written to {write_part(part, given.out)}")
    return 0


def read_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--only", type=_names, default=list(PARTS), help=f"some of {','.join(PARTS)}")
    parser.add_argument("--rounds", type=int, help="of every comparison (5, with --quick 2)")
    parser.add_argument("--quick", action="store_true", help="as little as shows that it works")
    parser.add_argument(
        "--full", action="store_true", help="with what takes long: 100,000 pictures, 10 million in the store"
    )
    parser.add_argument("--photos", type=Path, help="a folder of photographs to make the pictures of")
    parser.add_argument("--cache", type=Path, default=Path("var/bench"), help="where made pictures and models are kept")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder for the JSON and the table")
    return parser.parse_args(arguments)


def _names(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",")]
    if unknown := [name for name in names if name not in PARTS]:
        raise argparse.ArgumentTypeError(f"no part is called {unknown[0]!r}; there are {', '.join(PARTS)}")
    return names


def measure(name: str, options: Options) -> Part:
    """Run one part on this machine, and say on it where and how that was."""
    machine, began, others = describe_machine(), time.perf_counter(), busy_s() - used_s()
    part: Part = importlib.import_module(PARTS[name]).run(options)
    took_s = time.perf_counter() - began
    part.seconds = round(took_s, 1)
    part.machine = {**machine, "cores_of_others": round((busy_s() - used_s() - others) / took_s, 2)}
    part.options = {
        key: value for key, value in dataclasses.asdict(options).items() if key in ("rounds", "quick", "full")
    }
    return part


def show_part(part: Part) -> str:
    lines = [*part.notes]
    for table in part.tables:
        lines += ["", table.title, *show_rows(table.columns, table.rows)]
    shown = part.to_json()
    if shown["targets"]:
        lines += ["", *show_targets([(shown, target) for target in shown["targets"]])]
    return "\n".join(lines)


def say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
