"""Parts of a PDF bound to one: pages, bookmarks, and the tags by which a screen reader reads them.

pikepdf copies pages; what stands beside them in a file (bookmarks, tags) is joined here. It is a program too, so that
the memory that it takes is given back: `python binding.py` with its task as JSON on standard input.
"""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from pikepdf import Array, Dictionary, Name, NumberTree, Object, OutlineItem, Page, Pdf

PAGES = "{http://ns.adobe.com/xap/1.0/t/pg/}NPages"


def main() -> None:
    task = json.load(sys.stdin)
    bind([Path(one) for one in task["parts"]], Path(task["output"]), task["accessible"])


def bind(parts: list[Path], output: Path, accessible: bool) -> None:
    """The first part's title, language and metadata are those of the whole; the others' bookmarks go below its last."""
    with Pdf.open(parts[0]) as whole:
        tags = Tags(whole)
        bookmarks: list[OutlineItem] = []
        for part in parts[1:]:
            with Pdf.open(part) as more:
                before = len(whole.pages)
                whole.pages.extend(more.pages)
                added = [whole.pages[before + place] for place in range(len(more.pages))]
                tags.add(more, added)
                bookmarks.extend(bookmarks_of(more, before))
        tags.finish()
        put_below_last(whole, bookmarks)
        whole.Root.PageLabels = Dictionary(Nums=Array([0, Dictionary(S=Name.D)]))
        describe(whole, accessible)
        whole.remove_unreferenced_resources()
        whole.save(output, deterministic_id=True)


def bookmarks_of(part: Pdf, before: int) -> Iterator[OutlineItem]:
    places = {page.obj.objgen: place for place, page in enumerate(part.pages)}
    with part.open_outline() as outline:
        yield from moved(outline.root, places, before)


def moved(items: Iterable[OutlineItem], places: Mapping[tuple[int, int], int], before: int) -> Iterator[OutlineItem]:
    """The same for a file in which the part's pages stand behind `before` others."""
    for item in items:
        page, _, left, top, *_ = item.destination  # type: ignore[misc]  # typst writes a page and a place on it
        at = before + places[page.objgen]
        new = OutlineItem(item.title, at, "XYZ", left=float(left), top=float(top))
        new.children.extend(moved(item.children, places, before))
        new.is_closed = True
        yield new


def put_below_last(whole: Pdf, bookmarks: Iterable[OutlineItem]) -> None:
    with whole.open_outline() as outline:
        outline.root[-1].children.extend(bookmarks)


class Tags:
    """The tree of what each mark on the pages is. Marks are found by a number of their page, which must be new."""

    def __init__(self, whole: Pdf) -> None:
        self.whole = whole
        self.root = whole.Root.StructTreeRoot
        self.document = first_of(self.root.K)
        self.numbers = list(NumberTree(self.root.ParentTree).items())
        self.kids = list(self.document.K)
        self.next = 1 + max((number for number, _ in self.numbers), default=-1)

    def add(self, part: Pdf, pages: list[Page]) -> None:
        """pages: the part's, as they are in the whole already."""
        copied = self.whole.copy_foreign(part.Root.StructTreeRoot)
        for number, marks in NumberTree(copied.ParentTree).items():
            self.numbers.append((self.next + number, marks))
        for kid in first_of(copied.K).K:
            kid.P = self.document
            self.kids.append(kid)
        for page in pages:
            for marked in (page.obj, *page.obj.get("/Annots", [])):
                for name in ("/StructParents", "/StructParent"):
                    if name in marked:
                        marked[name] = self.next + int(marked[name])
        self.next = 1 + max(number for number, _ in self.numbers)

    def finish(self) -> None:
        self.document.K = Array(self.kids)
        pairs = [entry for number, marks in sorted(self.numbers, key=lambda pair: pair[0]) for entry in (number, marks)]
        self.root.ParentTree = self.whole.make_indirect(Dictionary(Nums=Array(pairs)))
        self.root.ParentTreeNextKey = self.next


def first_of(kids: Object) -> Object:
    return kids[0] if isinstance(kids, Array) else kids


def describe(whole: Pdf, accessible: bool) -> None:
    """A part that could not be made accessible in full takes the claim from the whole."""
    with whole.open_metadata(set_pikepdf_as_editor=False, update_docinfo=False) as metadata:
        metadata[PAGES] = str(len(whole.pages))
        if not accessible and "pdfuaid:part" in metadata:
            del metadata["pdfuaid:part"]


if __name__ == "__main__":
    main()
