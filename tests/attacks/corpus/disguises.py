"""Files that are two things at once, or another thing than they are called."""

# ruff: noqa: E501 - one attack a line

import io
import zipfile
from functools import partial

from tests.attacks.corpus.attack import Attack, Ending, Room
from tests.attacks.corpus.formats import FORMATS, SIDE, behind_start, screen, segment, whole

SCRIPT = b"<script>alert(1)</script>"
HTML = b"<!DOCTYPE html><html><body>" + SCRIPT


def zip_of(name: str, data: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as bundle:
        bundle.writestr(zipfile.ZipInfo(name), data)
    return target.getvalue()


def pdf() -> bytes:
    return b"%PDF-1.4\n1 0 obj<</Type/Catalog/OpenAction<</S/JavaScript/JS(app.alert(1))>>>>endobj\ntrailer<</Root 1 0 R>>\n"


def gif_script() -> bytes:
    """A GIF that is a script too: its width reads as a comment's beginning."""
    return b"GIF89a" + b"/*" + whole("gif")[8:] + b"*/=1;alert(1);"


def _read(name: str, does: str, make: partial[bytes] | object) -> Attack:
    return Attack(Room.PICTURES, name, does, Ending.READ, make, size=SIDE)  # type: ignore[arg-type]


def _refused(name: str, does: str, make: object, says: str) -> Attack:
    return Attack(Room.PICTURES, name, does, Ending.REFUSED, make, says)  # type: ignore[arg-type]


ATTACKS = (
    _read("two-page.jpg", "is a JPEG with a page in its comment", lambda: behind_start(whole("jpg"), segment(0xFE, HTML))),
    _read("two-page-behind.jpg", "is a JPEG with a page behind its end", lambda: whole("jpg") + HTML),
    _read("two-zip.png", "is a PNG with a ZIP of a script behind its end", lambda: whole("png") + zip_of("a.js", b"x()")),
    _read("two-pdf.jpg", "is a JPEG with a PDF in its comment", lambda: behind_start(whole("jpg"), segment(0xFE, pdf()))),
    _read("two-php.png", "is a PNG with a program behind its end", lambda: whole("png") + b"<?php system($_GET[0]); ?>"),
    _read("two-svg.webp", "is a WebP with SVG behind its end", lambda: whole("webp") + b"<svg onload='alert(1)'/>"),
    Attack(
        Room.PICTURES, "two-script.gif", "is a GIF and a script", Ending.EITHER, gif_script, "broken picture|at most",
        size=(int.from_bytes(b"/*", "little"), 48),
    ),
    _refused("two-jpeg.pdf.jpg", "is a PDF with a JPEG in it", lambda: pdf() + whole("jpg"), "it is a PDF"),
    _refused("zip.jpg", "is a ZIP that holds a picture", lambda: zip_of("a.jpg", whole("jpg")), "of a format that is not read"),
    _refused("page.png", "is a page", lambda: HTML, "it is a web page"),
    _refused("page-mark.png", "is a page behind a byte order mark", lambda: b"\xef\xbb\xbf" + HTML, "it is a web page|not read"),
    _refused("drawing.jpg", "is SVG with a script", lambda: b"<svg><script>alert(1)</script></svg>", "it is SVG"),
    _refused("entities.png", "is XML with entities of a file", lambda: b"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b SYSTEM "
             b"'file:///etc/passwd'>]><svg>&b;</svg>", "it is SVG or XML"),
    _refused("postscript.jpg", "is PostScript", lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(/etc/passwd) run", "not read"),
    _refused("tiff.jpg", "is a TIFF of no size", lambda: b"II*\0\x08\0\0\0\0\0\0\0", "not read"),
    _refused("icon.png", "is an icon with a picture in it", lambda: b"\0\0\1\0\1\0\x40\x30\0\0\1\0\x20\0" +
             len(whole("png")).to_bytes(4, "little") + b"\x16\0\0\0" + whole("png"), "not read"),
    _refused("mark-alone.gif", "is a GIF's head and nothing else", lambda: screen(*SIDE)[:10], "broken picture|not read"),
    _refused("nothing.png", "holds nothing", lambda: b"", "the file is empty"),
    _refused("zeros.jpg", "is a mebibyte of zeros", lambda: bytes(1 << 20), "not read"),
    *(
        _read(f"called-otherwise-{suffix}.{other}", f"is {name} and called .{other}", partial(whole, suffix))
        for (suffix, name), other in zip(FORMATS.items(), ["png", "jpg", "gif", "webp", "html", "svg", "exe"], strict=True)
    ),
)  # fmt: skip
