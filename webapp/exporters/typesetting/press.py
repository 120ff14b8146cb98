"""The program of a process of its own that runs typst, so that the memory it takes is given back.

It reads its tasks as JSON from standard input and answers a line of JSON a task. It is started by its path and imports
nothing of Tuskline: a folder with a template, data and pictures is all that it knows.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

import typst

GLYPHLESS = re.compile(r"""error: the text `"(.+?)"` could not be displayed""")
ESCAPED = re.compile(r"\\u\{([0-9a-f]+)\}")
# Each character stands alone, so that a fault names it alone; the data is read as data.
PROBE = b"""
#set document(title: "probe")
#set text(font: ("Libertinus Serif", "New Computer Modern", "DejaVu Sans Mono"), fallback: false)
#for one in json(bytes(sys.inputs.characters)) [#one #linebreak()]
"""


def main() -> None:
    asked = json.load(sys.stdin)
    fonts = typst.Fonts(include_system_fonts=asked["system_fonts"])
    for task in asked["tasks"]:
        print(json.dumps(TASKS[task["do"]](task, fonts)), flush=True)  # noqa: T201  # it is how it answers


def put_in_print(task: dict[str, Any], fonts: typst.Fonts) -> dict[str, Any]:
    """Writes the PDF; accessible by PDF/UA-1 where it can be, else tagged without the claim, and says why."""
    compiler = typst.Compiler(Path(task["main"]), root=Path(task["root"]), font_paths=fonts, sys_inputs=task["inputs"])
    why = ""
    try:
        body = compiler.compile(format="pdf", timestamp=task["timestamp"], pdf_standards=["ua-1"])
    except typst.TypstError as error:
        why = error.diagnostic[:2000]
        body = compiler.compile(format="pdf", timestamp=task["timestamp"])
    Path(task["output"]).write_bytes(body)  # type: ignore[arg-type]  # of a PDF it is bytes
    return {"accessible": not why, "why": why}


def count_pages(task: dict[str, Any], fonts: typst.Fonts) -> dict[str, Any]:
    """The number of the last page, without printing any."""
    compiler = typst.Compiler(Path(task["main"]), root=Path(task["root"]), font_paths=fonts, sys_inputs=task["inputs"])
    return {"last_page": int(json.loads(compiler.query("<last-page>", field="value", one=True)))}


def probe(task: dict[str, Any], fonts: typst.Fonts) -> dict[str, Any]:
    """Which of the characters typst's own fonts have no glyph for: PDF/UA-1 forbids those, and typst names each."""
    lacking: set[str] = set()
    inputs = {"characters": json.dumps(task["characters"])}
    try:
        typst.compile(PROBE, font_paths=fonts, sys_inputs=inputs, pdf_standards=["ua-1"])
    except typst.TypstError as error:
        lacking = {unescape(text) for text in GLYPHLESS.findall(error.diagnostic)}
        if not lacking:
            raise
    return {"lacking": sorted(lacking)}


def unescape(text: str) -> str:
    return ESCAPED.sub(lambda match: chr(int(match[1], 16)), text).removeprefix("\\")


TASKS = {"print": put_in_print, "count": count_pages, "probe": probe}

if __name__ == "__main__":
    main()
