"""What a page is made of, as plain data that the template draws: no text of a page is anywhere else."""

from collections.abc import Sequence
from typing import Any

from webapp.charts import count_axis
from webapp.language import number

Block = dict[str, Any]


def section(title: str, *blocks: Block | None) -> Block:
    return {"title": title, "blocks": [one for one in blocks if one]}


def paragraph(text: str) -> Block:
    return {"kind": "text", "text": text}


def aside(text: str) -> Block:
    """In small letters, below what it explains."""
    return {"kind": "aside", "text": text}


def items(texts: Sequence[str]) -> Block:
    return {"kind": "items", "texts": list(texts)}


def tiles(pairs: Sequence[tuple[str, str]]) -> Block:
    """Numbers large, each above its name."""
    return {"kind": "tiles", "pairs": [list(pair) for pair in pairs]}


def column(title: str, width: str = "auto", align: str = "left", look: str = "plain") -> Block:
    """width: as typst writes it. look: plain, code or strong."""
    return {"title": title, "width": width, "align": align, "look": look}


def numbers(title: str) -> Block:
    return column(title, align="right")


def table(title: str, columns: Sequence[Block], rows: Sequence[Sequence[str]], empty: str = "") -> Block:
    """title: for a caption. empty: the sentence that stands instead where there is no row."""
    if not rows:
        return paragraph(empty)
    return {"kind": "table", "title": title, "columns": list(columns), "rows": [list(row) for row in rows]}


def bars(title: str, alt: str, names: Sequence[str], rows: Sequence[tuple[str, Sequence[int]]]) -> Block | None:
    """Lying bars, each stacked of as many parts as there are names. alt: the chart in a sentence."""
    most = max((sum(parts) for _, parts in rows), default=0)
    if not most:
        return None
    axis = count_axis(most)
    return {
        "kind": "bars",
        "title": title,
        "alt": alt,
        "names": list(names) if len(names) > 1 else [],
        "ticks": [{"at": tick.at, "words": number_words(tick.words)} for tick in axis.ticks],
        "rows": [
            {"name": name, "parts": [axis.place(part) for part in parts], "words": number(sum(parts))}
            for name, parts in rows
        ],
    }


def columns(title: str, alt: str, names: Sequence[str], groups: Sequence[tuple[str, Sequence[int]]]) -> Block | None:
    """Standing bars side by side, a group a day or longer. The groups' words are thinned where they are many."""
    most = max((max(parts) for _, parts in groups), default=0)
    if not most:
        return None
    axis = count_axis(most)
    every = -(-len(groups) // 8)
    return {
        "kind": "columns",
        "title": title,
        "alt": alt,
        "names": list(names),
        "ticks": [{"at": tick.at, "words": number_words(tick.words)} for tick in axis.ticks],
        "groups": [
            {"name": name if place % every == 0 else "", "parts": [axis.place(part) for part in parts]}
            for place, (name, parts) in enumerate(groups)
        ],
    }


def number_words(written: str) -> str:
    """A tick's number as the language of the file writes it."""
    return number(float(written.replace(",", "")))
