"""PDF: a report for people who act on it, typeset by typst (docs/decisions/0017)."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from shutil import copyfile, copyfileobj, rmtree
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO

from webapp.exporters.content import Choices, Content, Means
from webapp.exporters.typesetting import front
from webapp.exporters.typesetting.appendix import Card, card
from webapp.exporters.typesetting.printing import run_bindery, run_press
from webapp.language import number, say, say_many, spoken

TEMPLATE = Path(__file__).with_name("typesetting") / "report.typ"
# Findings that one process sets: more take more memory, fewer more processes.
PART = 250
# Wide enough for its place on paper at 200 dots an inch.
PICTURE_PX = 360


def write(content: Content, choices: Choices, means: Means, target: BinaryIO) -> None:
    """The report with its findings. Raises printing.PrintError.

    One process sets all of a small report; of a large one the findings are set in parts and bound together, so that
    memory holds one part. Everything that is counted or shown is data to the template.
    """
    with TemporaryDirectory(prefix="tuskline-pdf-") as name:
        folder = Path(name)
        copyfile(TEMPLATE, folder / "report.typ")
        characters: Counter[str] = Counter()
        parts = write_parts(folder, content, choices, characters)
        data = describe(content.head, choices, sum(parts), characters, means)
        save(folder / "data.json", data)
        finished = print_parts(folder, content.head, parts, means)
        with finished.open("rb") as file:
            copyfileobj(file, target)


def write_parts(folder: Path, content: Content, choices: Choices, characters: Counter[str]) -> list[int]:
    """The findings as cards, a file a part; how many each holds."""
    laws = front.law_numbers(content.head)
    cards = (card(finding, choices, laws) for finding in content.findings())
    counts: list[int] = []
    while part := list(islice(cards, PART)):
        for one in part:
            if one["picture"]:
                one["picture"]["file"] = ""
        note_characters(part, characters)
        save(folder / cards_name(len(counts)), part)
        counts.append(len(part))
    return counts


def cards_name(place: int) -> str:
    return f"findings-{place}.json"


def save(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")


def note_characters(value: Any, characters: Counter[str]) -> None:
    for text in texts_of(value):
        characters.update(text)


def texts_of(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from texts_of(one)
    elif isinstance(value, Sequence):
        for one in value:
            yield from texts_of(one)


def describe(
    head: Mapping[str, Any], choices: Choices, count: int, characters: Counter[str], means: Means
) -> dict[str, Any]:
    """All that the template is told but the findings; the fonts are chosen when every character is known."""
    from webapp.exporters.typesetting import fonts

    told = first_pages(head, choices, count, ())
    note_characters(told, characters)
    choice = fonts.choose_fonts(spoken(), characters)
    if choice.lacks:
        notice = fonts.notice_of(choice.lacks)
        means.notices.append(notice)
        told = first_pages(head, choices, count, (notice,))
    return told | {
        "fonts": list(choice.families),
        "by_language": {code: list(families) for code, families in choice.by_language.items()},
        "code": list(choice.code),
        "cjk": spoken() in fonts.HAN,
    }


def first_pages(head: Mapping[str, Any], choices: Choices, count: int, notices: Sequence[str]) -> dict[str, Any]:
    title = front.title_words(head)
    return {
        "lang": spoken().split("_")[0],
        "region": None,
        "title": title,
        "running": title if len(title) <= 80 else title[:79].rstrip() + "…",
        "author": "Tuskline",
        "maker": "Tuskline",
        "description": say("Report of suspected wildlife trade"),
        "period": front.period_words(head),
        "report": front.report_words(choices),
        "digest": choices.sha256,
        "labels": {
            "page": say("Page %(page)s of %(total)s", page="{page}", total="{total}"),
            "contents": say("Contents"),
        },
        "cover": front.cover(head, choices, notices),
        "sections": front.sections(head),
        "appendix": {
            "title": say("Appendix: the findings"),
            "text": appendix_words(count),
            "notes": appendix_notes(bool(head.get("legal"))) if count else [],
        },
    }


def appendix_words(count: int) -> str:
    if not count:
        return say("There is no finding in this report.")
    return say_many(
        "%(num)s suspected finding, as it stood when the report was built.",
        "%(num)s suspected findings, as they stood when the report was built.",
        count,
    )


def appendix_notes(has_laws: bool) -> list[str]:
    return [
        say("Scores are of each model that looked at the picture, from 0 to 1, cut off after three digits."),
        *([say("L1, L2 and so on are the entries of the section on legal context.")] if has_laws else []),
        say("Signs of a seller's text that print nothing stand as their code point, as [U+200B]."),
        say("Times are in UTC. Longer texts are cut here and whole in the other formats of this report."),
    ]


def print_parts(folder: Path, head: Mapping[str, Any], parts: Sequence[int], means: Means) -> Path:
    """The finished file."""
    if len(parts) <= 1:
        put_pictures(folder, 0, parts, means)
        run_press([printing_task(folder, head, "whole", front="yes", **cards_input(parts, 0))])
        return folder / "whole.pdf"
    starts, last_page = count_pages(folder, parts, means)
    made = [run_press([printing_task(folder, head, "front", front="yes", total=str(last_page))])[0]]
    for place, start in enumerate(starts):
        put_pictures(folder, place, parts, means)
        inputs = {"start": str(start), "total": str(last_page), **part_inputs(parts, place)}
        made += run_press([printing_task(folder, head, f"part-{place}", **inputs)])
        rmtree(folder / "pictures", ignore_errors=True)
    names = ["front", *(f"part-{place}" for place in range(len(parts)))]
    run_bindery(
        [folder / f"{name}.pdf" for name in names], folder / "whole.pdf", all(one["accessible"] for one in made)
    )
    return folder / "whole.pdf"


def cards_input(parts: Sequence[int], place: int) -> dict[str, str]:
    return {"findings": cards_name(place)} if parts else {}


def part_inputs(parts: Sequence[int], place: int) -> dict[str, str]:
    """A part of several has a heading of its own: a file that begins below the first level is not accessible."""
    before = sum(parts[:place])
    title = say(
        "Suspected findings %(first)s to %(last)s of %(count)s",
        first=number(before + 1),
        last=number(before + parts[place]),
        count=number(sum(parts)),
    )
    return {"title": title, **cards_input(parts, place)}


def count_pages(folder: Path, parts: Sequence[int], means: Means) -> tuple[list[int], int]:
    """The page that each part begins on, and the last of all. Pictures have a place of their size in any case."""
    (front_pages,) = run_press([task_of(folder, "count", front="yes", total="0")])
    last_page, starts = front_pages["last_page"], []
    for place in range(len(parts)):
        means.tell(0)  # no finding is written yet, but whoever waits may have gone
        starts.append(last_page + 1)
        inputs = {"start": str(last_page + 1), "total": "0", "pictures": "no", **part_inputs(parts, place)}
        (counted,) = run_press([task_of(folder, "count", **inputs)])
        last_page = counted["last_page"]
    return starts, last_page


def task_of(folder: Path, do: str, **inputs: str) -> dict[str, Any]:
    return {"do": do, "root": str(folder), "main": str(folder / "report.typ"), "inputs": inputs}


def printing_task(folder: Path, head: Mapping[str, Any], name: str, **inputs: str) -> dict[str, Any]:
    """The time in the file is the content's, so that the same content makes the same bytes."""
    made_s = int(front.moment(head["built_at"]).timestamp()) if head.get("built_at") else 0
    return task_of(folder, "print", **inputs) | {"output": str(folder / f"{name}.pdf"), "timestamp": made_s}


def put_pictures(folder: Path, place: int, parts: Sequence[int], means: Means) -> None:
    """The part's pictures as files, each named in its card; where there is none the card says so."""
    if not parts:
        return
    pictures = folder / "pictures"
    pictures.mkdir(exist_ok=True)
    cards: list[Card] = json.loads((folder / cards_name(place)).read_text(encoding="utf-8"))
    for one in cards:
        if one["picture"]:
            one["picture"]["file"] = put_picture(pictures, one["picture"]["sha256"], means)
    save(folder / cards_name(place), cards)
    means.tell(sum(parts[: place + 1]))


def put_picture(pictures: Path, sha256: str, means: Means) -> str:
    """The file's name as the template reads it, empty where there is no picture."""
    path = pictures / f"{sha256}.jpg"
    if not path.exists():
        body = means.picture(sha256, PICTURE_PX)
        if not body:
            return ""
        path.write_bytes(body)
    return f"pictures/{path.name}"
