"""What people and their programs hand in, and what goes out to their spreadsheets: rules, times, filters, case files."""

# ruff: noqa: E501 - one target or seed a line

import base64
import csv
import hmac
import io
import json
import re
import zipfile
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

from defusedxml.ElementTree import fromstring
from hypothesis import strategies as st
from werkzeug.datastructures import MultiDict

from rules.load import PackError, find_pack, read_pack
from tests.attacks.fuzz.target import ODD_TEXTS, Target, as_json, folder, put, read_value, values
from webapp.api import paging
from webapp.api.filters import Filters
from webapp.api.problems import Problem
from webapp.exporters import verify_case
from webapp.exporters.sheets import Column, Kind
from webapp.exporters.table import neutralise, write_rows
from webapp.exporters.xlsx import Sheet, moment_of, open_book
from webapp.filters import web_address
from webapp.services import hosts, inbox, mailing, oidc, webhooks
from webapp.services.errors import Refused
from webapp.services.moments import CRON_LETTERS, check, cron_words, moments, previous, zones
from webapp.services.search import for_postgresql, for_sqlite, read_terms
from webapp.settings import Settings
from webapp.storage.base import checked
from webapp.views.access import local_path

NOW = datetime(2026, 3, 1, tzinfo=UTC)
PACK = Path(find_pack("wildlife"))


def text_of(data: bytes) -> str:
    return data.decode("utf-8", "surrogatepass" if b"\xed" in data else "replace") if is_text(data) else ""


def is_text(data: bytes) -> bool:
    try:
        data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return False
    return True


# Rules ---------------------------------------------------------------------------------------------------------------

RULE_FILES = ("rule.yaml", "pack.yaml", "cascade.yaml", "look_alikes.yaml", "reason_codes.yaml", "lexicon/en.yaml",
              "law/eu.yaml", "law/platforms/a.yaml")  # fmt: skip


def feed_pack(data: bytes) -> None:
    """The first byte says which file of the pack the rest is."""
    place = folder() / "pack"
    name = RULE_FILES[data[0] % len(RULE_FILES)] if data else RULE_FILES[0]
    for one in RULE_FILES:
        (place / one).unlink(missing_ok=True)
    (place / name).parent.mkdir(parents=True, exist_ok=True)
    (place / name).write_bytes(data[1:])
    files = read_pack(place)
    assert files.pack is None or not files.faults
    str(PackError(files.faults))


def pack_seeds() -> list[bytes]:
    real = ("pangolin_seen.yaml", "pack.yaml", "cascade.yaml", "look_alikes.yaml", "reason_codes.yaml",
            "lexicon/th.yaml", "law/hk.yaml", "law/platforms/ebay.yaml")  # fmt: skip
    found = [bytes([place]) + (PACK / name).read_bytes()[:3000] for place, name in enumerate(real)]
    return [*found, b"\0a: &x [*x]\n<<: *x", b"\1" + b"[" * 500, b"\2? !!python/object:a {}\n", b"\0id: \xff"]


# Times ---------------------------------------------------------------------------------------------------------------


def feed_cron(data: bytes) -> None:
    written, _, zone = text_of(data).partition("\n")
    cron_words(written[: 4 * CRON_LETTERS])
    faults = check(written, zone or "UTC", 60)
    if not faults:
        coming = list(islice(moments(written, zone or "UTC", NOW), 3))
        assert coming and coming == sorted(coming) and all(one.tzinfo is not None for one in coming)
        assert previous(written, zone or "UTC", NOW) <= NOW


def cron_inputs() -> st.SearchStrategy[bytes]:
    part = st.text("0123456789*/,-LW#?JANFEBSUNMO", min_size=1, max_size=9) | st.sampled_from(
        ["*", "0", "1-5", "L", "SUN#1"]
    )
    fields = st.lists(part, min_size=4, max_size=6).map(" ".join)
    zone = st.sampled_from(zones()) | st.text(max_size=8)
    return st.tuples(fields, zone).map(lambda two: "\n".join(two).encode("utf-8", "surrogatepass"))


# Filters, cursors, addresses -----------------------------------------------------------------------------------------


def feed_filters(data: bytes) -> None:
    """Filters as an address has them, kept and read again."""
    value = read_value(data)
    if isinstance(value, dict):
        arguments = MultiDict({name: str(one) for name, one in value.items()})
        kept = Filters.from_arguments(arguments)
        assert Filters.from_arguments(kept.to_arguments()) == kept
        kept.to_filters()


FILTER_NAMES = ("state", "concept", "severity", "source", "rule", "seller", "language", "score_from", "score_to",
                "found_from", "found_to", "q", "text")  # fmt: skip


def filter_inputs() -> st.SearchStrategy[bytes]:
    said = st.sampled_from((*ODD_TEXTS, "open", "0.5", "2026-01-02", "3", "high")) | st.text(max_size=20)
    return st.dictionaries(st.sampled_from(FILTER_NAMES), said, max_size=6).map(as_json)


def feed_cursor(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    with suppress(Problem):
        number = paging.read(text)
        assert number >= 0 and paging.read(paging.write(number)) == number


def feed_search(data: bytes) -> None:
    terms = read_terms(data.decode("utf-8", "replace"))
    if terms:
        written = for_postgresql(terms)
        assert re.fullmatch(r"[\w'()&<>:* -]+", written) and written.count("'") % 2 == 0, written
        assert for_sqlite(terms).count('"') % 2 == 0
        assert "\0" not in written


def feed_names(data: bytes) -> None:
    """Addresses and names that lead somewhere: back after signing in, out of a page, into a folder, into a mail."""
    text = data.decode("utf-8", "replace")
    path = local_path(text)
    assert path is None or (path.startswith("/") and not path.startswith(("//", "/\\")))
    assert not re.search(r"[\x00-\x1f\x7f]", path or ""), "a header would break"
    shown = web_address(text)
    assert not shown or shown.strip().lower().startswith(("http://", "https://"))
    with suppress(ValueError):
        assert (Path("/store") / checked(text)).resolve().is_relative_to("/store")
    with suppress(Refused):
        ending = inbox.ending_of(text)
        stem = inbox.stem_of(text, ending)
        assert "/" not in stem and not stem.startswith(".") and 0 < len(stem) <= inbox.NAME_LETTERS
    if mailing.is_address(text):
        assert not re.search(r"[\s\x00-\x1f,;<>]", text), text
    assert "\n" not in mailing.one_line(text)
    with suppress(Refused):
        assert hosts.host_of(text).isascii()


# Signatures and claims -----------------------------------------------------------------------------------------------


def feed_signature(data: bytes) -> None:
    """Of two messages that differ the signatures differ, wherever the parts of one end."""
    key, _, body = data.partition(b"\n")
    secret = "whsec_" + base64.b64encode(key or b"k").decode()
    name = key.hex()[:20] or "m"
    made = webhooks.headers_of(secret, name, body, NOW)
    assert re.fullmatch(r"v1,[A-Za-z0-9+/]{43}=", made["webhook-signature"])
    again = webhooks.sign(secret, name, made["webhook-timestamp"], body)
    assert hmac.compare_digest(again, made["webhook-signature"])
    assert webhooks.sign(secret, name, made["webhook-timestamp"], body + b".") != again


CLAIMS = ("sub", "groups", "realm_access", "roles", "preferred_username", "a.b", "a", "b", "email")
TEAM = Settings(
    home=Path("/nowhere"), database_url=None, broker_url=None, oidc_issuer="https://id.example",
    oidc_client_id="t", oidc_role_claim="realm_access.roles", oidc_roles={"boss": "admin", "staff": "reviewer"},
)  # fmt: skip


def feed_claims(data: bytes) -> None:
    value = read_value(data)
    if isinstance(value, dict):
        for name in (*CLAIMS, "realm_access.roles", "a.b.c", ""):
            assert all(isinstance(one, str) for one in oidc.values_of(value, name))
        role = oidc.role_of(TEAM, value)
        words = json.dumps(value)
        assert role.value == "viewer" or ("boss" in words or "staff" in words), role


# Out to spreadsheets -------------------------------------------------------------------------------------------------

RUNS = re.compile(r"[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]")


def feed_table(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    safe = neutralise(text)
    assert safe.replace("'", "") == text.replace("'", ""), "no letter may be lost"
    assert not RUNS.match(safe)
    target = io.BytesIO()
    write_rows(target, ["a", "b"], [[text, 1]])
    rows = list(csv.reader(io.StringIO(target.getvalue().decode(), newline="")))
    assert rows[1] == [safe, "1"]


def feed_workbook(data: bytes) -> None:
    text = text_of(data)
    moment_of(text)
    target = io.BytesIO()
    with open_book(Empty(text), folder(), target) as book:  # type: ignore[arg-type]  # it reads the head alone
        columns = [Column("a", Kind.TEXT, 9, lambda row: row), Column(text, Kind.MOMENT, 9, lambda row: row)]
        sheet: Sheet = book.add_sheet("a", columns)
        sheet.add(text)
        sheet.finish()
    with zipfile.ZipFile(target) as made:
        for name in made.namelist():
            if name.endswith((".xml", ".rels")):
                root = fromstring(made.read(name))
                assert not [one for one in root.iter() if one.tag.endswith(("}f", "}hyperlink"))], name


class Empty:
    def __init__(self, title: str) -> None:
        self.head = {"title": title, "built_at": title}


# Case files ----------------------------------------------------------------------------------------------------------


def feed_case(data: bytes) -> None:
    """A ZIP that calls itself a case file: it is judged, whatever it is, and never called whole."""
    verify_case.is_signed = _known_signatures()  # type: ignore[assignment]
    with suppress(verify_case.Unreadable):
        outcome = verify_case.check(str(put("case.zip", data)))
        "\n".join(verify_case.report(outcome)).encode("ascii")
        json.dumps(outcome.to_json())
        assert not outcome.is_whole or data in case_seeds()[:1], "a changed case file is called whole"


@lru_cache(maxsize=1)
def _known_signatures() -> Any:
    """The same few keys and words again and again: checked once each."""
    return lru_cache(maxsize=64)(verify_case.is_signed)


@lru_cache(maxsize=1)
def case_seeds() -> list[bytes]:
    from tests.webapp.exporters.case_writer import small_case

    whole = small_case().zip()
    return [whole, whole[: len(whole) // 2], whole[:40] + whole[-600:], b"PK\x05\x06" + bytes(18)]


def feed_timestamp(data: bytes) -> None:
    with suppress(verify_case.Bad):
        said = verify_case.read_timestamp(data)
        assert all(isinstance(one, str) for one in said)


def feed_strict_json(data: bytes) -> None:
    with suppress(verify_case.Bad):
        again = verify_case.canonical(verify_case.read_json(data))
        assert verify_case.canonical(verify_case.read_json(again)) == again


API = "webapp.api"
TARGETS = (
    Target("packs", feed_pack, ("rules.load", "rules.document", "rules.rulefile", "rules.lawfile"), pack_seeds),
    Target(
        "cron", feed_cron, ("webapp.services.moments",),
        lambda: [b"0 3 * * *\nUTC", b"*/5 1-5,L * JAN SUN#2\nEurope/Berlin", b"0 0 30 2 *", b"0 3 * * *\n../etc/passwd"],
        inputs=cron_inputs,
    ),
    Target("filters", feed_filters, (f"{API}.filters",), lambda: [b'{"state": "open", "q": "a"}'], inputs=filter_inputs),
    Target("cursors", feed_cursor, (f"{API}.paging",), lambda: [paging.write(7).encode(), b"aWQ6MQ", "\uff41\uff37".encode()]),
    Target("searches", feed_search, ("webapp.services.search",), lambda: ['"ivory tusk" ngà voi 象牙'.encode(), b"a' | !b <-> \\"]),
    Target(
        "names", feed_names, ("webapp.views.access", "webapp.services.inbox", "webapp.storage.base"),
        lambda: [b"/queue?a=b", b"//evil", b"javascript:x", b"a/../b", b"..\\a.csv", b"a@b.example", b"http://a:99/", b"xn--a.b"],
    ),
    Target("signatures", feed_signature, ("webapp.services.webhooks",), lambda: [b"key\nbody", b"\n.", b"a.b\n.c"]),
    Target(
        "claims", feed_claims, ("webapp.services.oidc",),
        lambda: [b'{"sub": "1", "realm_access": {"roles": ["staff", 3]}, "a.b": "c"}'],
        inputs=lambda: st.dictionaries(st.sampled_from(CLAIMS), values(*CLAIMS), max_size=5).map(as_json),
    ),
    Target("tables", feed_table, ("webapp.exporters.table",), lambda: [b"=1+1", b" \t=a;-b\r\n@c", "\u200b\uff1dx".encode()]),
    Target("workbooks", feed_workbook, ("webapp.exporters.xlsx",), lambda: [b"=1+1", b"<r>a</r>", b"_x0000_", b"\xed\xa0\x80"]),
    Target("case-files", feed_case, ("webapp.exporters.verify_case",), case_seeds, (b"PK\1\2", b"PK\3\4"), most_bytes=40_000),
    Target("timestamps", feed_timestamp, ("webapp.exporters.verify_case",), lambda: [b"\x30\x05\x02\x01\x00\x30\x00", b"\x30\x80"]),
    Target(
        "strict-json", feed_strict_json, ("webapp.exporters.verify_case",),
        lambda: [b'{"a": [1.5, -0.0, 1e5, "\\ud800"]}', b"[" * 3000, b"1" * 500],
    ),
)  # fmt: skip
