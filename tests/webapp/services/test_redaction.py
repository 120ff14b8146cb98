# ruff: noqa: RUF001  # letters of many alphabets are what these texts are for
"""No file of a redacted content names whom it hides, whatever they are called and wherever it stands."""

import io
import json
import unicodedata
from collections.abc import Iterator
from contextlib import closing
from functools import cache
from typing import Any
from zipfile import ZipFile

import pytest
from hypothesis import assume, given
from hypothesis import settings as how
from hypothesis import strategies as st
from pypdfium2 import PdfDocument

from tests.webapp.exporters import dataset
from tests.webapp.exporters.golden_rows import REVIEWERS, SELLERS
from webapp.exporters import FORMATS
from webapp.exporters.content import Choices, Content, Means
from webapp.models import PictureChoice, Redaction
from webapp.services.redaction import REMOVED, fit_pictures, key_of, redact

KEY = key_of("a secret of the tests")
LEVELS = (Redaction.HASHED, Redaction.MINIMAL)
TABLES = tuple(name for name in FORMATS if name != "pdf")  # one is slow to make: it has a test of its own
KNOWN = (
    *(name for name in SELLERS if not name.startswith("=")),
    *REVIEWERS,
    *("huong.nguyen", "huong-antiques", "Nguyen-Thi-Huong", "drevnosti", "wang_guwan88", "suea_old", "boris@example"),
    *("912 345 678", "345-67-89", "081-234-5678", "138 1234 5678", "00971501234567", "DE89 3704", "6222 0200"),
)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("name", TABLES)
def test_nobody_of_the_golden_content_is_in_a_file(name: str, level: Redaction) -> None:
    text = text_of(name, dataset.content(), level)
    assert [one for one in KNOWN if folded(one) in text] == []
    whole = text_of("jsonl", dataset.content(), Redaction.NONE)
    assert [one for one in KNOWN if folded(one) not in whole] == []


def test_nobody_of_the_golden_content_is_in_a_pdf() -> None:
    target = io.BytesIO()
    means = Means(picture=dataset.picture)
    FORMATS["pdf"].write(redact(dataset.content(), Redaction.HASHED, KEY), Choices("hashed"), means, target)
    with closing(PdfDocument(target.getvalue())) as document:
        text = "".join("".join(page.get_textpage().get_text_bounded().split()) for page in document)
    assert [one for one in KNOWN if "".join(folded(one).split()) in folded(text)] == []
    assert "seller-" in text


LETTERS = st.sampled_from("abcdefghijklmnopqrstuvwxyzABCXYZ0123456789äßéễươđİΣςбвгдЖ象牙王古玩店商งชสรأبتث-._&'’ ")
NAMES = (
    st.text(LETTERS, min_size=5, max_size=24)
    .map(lambda text: " ".join(text.split()))
    .filter(lambda text: len(text) > 4)
)


TEAMS = st.lists(NAMES, min_size=2, max_size=2, unique_by=lambda name: folded(name))
OFTEN, SELDOM = (how(max_examples=count, deadline=None, database=None) for count in (15, 2))


@OFTEN
@given(NAMES, TEAMS, st.emails(), NAMES)
def test_no_name_and_no_address_is_left(seller: str, team: list[str], mail: str, handle: str) -> None:
    check_hidden(("jsonl",), seller, team, mail, f"https://shop.example/{handle}")


@SELDOM
@given(NAMES, TEAMS, st.emails(), NAMES)
def test_no_name_and_no_address_is_in_a_file_of_any_format(
    seller: str, team: list[str], mail: str, handle: str
) -> None:
    check_hidden(TABLES, seller, team, mail, f"https://shop.example/{handle}")


def check_hidden(formats: tuple[str, ...], seller: str, team: list[str], mail: str, address: str) -> None:
    hidden = [seller, *team, mail, address]
    assume(not [one for one in hidden if folded(one) in untouched(formats)])
    content = about(seller, team, mail, address)
    for level in LEVELS:
        for name in formats:
            text = text_of(name, content, level)
            assert [one for one in hidden if folded(one) in text] == [], (name, level)


def about(seller: str, team: list[str], mail: str, address: str) -> Content:
    """Two of the golden findings with these people wherever a text may name them, in either case and composition."""
    first, second = team
    written = (
        f"by {seller}, {seller.upper()}; {unicodedata.normalize('NFD', seller)}\n{mail} {address} "
        f"({first}|{second.lower()})"
    )
    head = json.loads(json.dumps(dict(dataset.content().head)))
    head |= {"title": written, "built_by": first, "filters": {"seller": seller, "q": written}, "filters_name": written}
    head["corrects"]["why"] = written
    head["sources"][0]["name"] = written
    head["models"][0]["card"] = {"source": f"the folder /home/{first}/{seller}", "installed_at": None, "figures": {}}
    head["figures"]["by_source"][written] = head["figures"]["by_source"].popitem()[1]
    head["figures"]["by_seller"] = [{"seller": seller, "source": written, "listings": 1, "counts": {"all": 1}}]

    def findings() -> Iterator[dict[str, Any]]:
        for one in list(dataset.findings())[:2]:
            one = json.loads(json.dumps(one))
            one["listing"] |= {"title": written, "description": written, "seller": seller, "seller_url": address}
            one["listing"]["url"] = f"https://market.example/{seller}/{mail}"
            one |= {"why": written, "source": written, "anything_new": written}
            one["reasons"]["facts"] |= {"found": written, "note": [{"text": written}]}
            one["events"] = [{"at": None, "kind": "removed", "takedown_s": 60, "facts": {"reason": written}}]
            for number, decision in enumerate(one["decisions"]):
                decision |= {"by": team[number % 2], "note": written}
            yield one

    return Content(head, findings)


@cache
def untouched(formats: tuple[str, ...]) -> str:
    """What is said of nobody: no name can be told from it."""
    content = about("\uffee" * 5, ["\uffef" * 5, "\uffed" * 5], "\uffec@\uffec.example", "https://x.example/\uffeb")
    return "".join(text_of(name, content, level) for level in LEVELS for name in formats)


def test_a_seller_has_one_hash_on_a_source_and_another_elsewhere() -> None:
    redacted = redact(dataset.content(), Redaction.HASHED, KEY)
    tokens = {(one["listing"]["seller"], one["source"]) for one in redacted.findings() if one["listing"]["seller"]}
    assert tokens == {(one["seller"], one["source"]) for one in redacted.head["figures"]["by_seller"]}
    assert len(tokens) == len(SELLERS)
    again = redact(dataset.content(), Redaction.HASHED, KEY)
    assert [one["listing"]["seller"] for one in again.findings()] == [
        one["listing"]["seller"] for one in redacted.findings()
    ]
    strange = redact(dataset.content(), Redaction.HASHED, key_of("another secret"))
    assert not tokens & {(one["listing"]["seller"], one["source"]) for one in strange.findings()}


def test_two_sources_stay_two_where_masking_makes_them_alike() -> None:
    head = {"sources": [{"name": f"Shop of {name}", "findings": 1} for name in SELLERS[:2]]}
    head["figures"] = {"by_source": {one["name"]: {"all": 1} for one in head["sources"]}}
    sold = [
        {"listing": {"seller": name, "url": "https://a.example/1"}, "source": f"Shop of {name}"} for name in SELLERS
    ]
    redacted = redact(Content(head, lambda: iter(sold)), Redaction.HASHED, KEY)
    assert list(redacted.head["figures"]["by_source"]) == ["Shop of [seller]", "Shop of [seller] 2"]
    assert [one["source"] for one in redacted.findings()][:2] == ["Shop of [seller]", "Shop of [seller] 2"]


def test_reviewers_are_their_roles_and_keep_their_numbers() -> None:
    hashed = [said for one in redact(dataset.content(), Redaction.HASHED, KEY).findings() for said in one["decisions"]]
    whole = [said for one in dataset.findings() for said in one["decisions"]]
    labels = dict(zip(REVIEWERS, ("reviewer 1", "reviewer 2", "lead 1"), strict=True))
    assert [said["by"] for said in hashed] == [labels[said["by"]] for said in whole]
    minimal = redact(dataset.content(), Redaction.MINIMAL, KEY)
    assert {said["by"] for one in minimal.findings() for said in one["decisions"]} == {"reviewer", "lead"}
    assert minimal.head["built_by"] == "a member of the team"


def test_what_is_no_person_stays() -> None:
    content = redact(Content({"built_by": "system"}, lambda: iter(())), Redaction.MINIMAL, KEY)
    assert content.head["built_by"] == "system"


def test_minimal_leaves_no_words_of_people_and_no_looks_but_the_link_to_the_evidence() -> None:
    redacted = redact(dataset.content(), Redaction.MINIMAL, KEY)
    assert redacted.head["figures"]["by_seller"] == []
    assert redacted.head["figures"]["sellers_left_out"] == redacted.head["figures"]["sellers"] == 4
    for one, whole in zip(redacted.findings(), dataset.findings(), strict=True):
        listing = one["listing"]
        assert (listing["title"], listing["description"], listing["seller"], listing["seller_url"]) == (
            "",
            "",
            None,
            None,
        )
        assert {said["note"] for said in one["decisions"]} <= {""}
        if photo := one["photo"]:
            assert (photo["pixel_hash"], photo["look_hash"]) == (None, None)
            assert photo["sha256"] == whole["photo"]["sha256"]


def test_an_offers_address_is_its_host_and_none_where_that_is_the_seller() -> None:
    def host(url: str, seller: str | None) -> str | None:
        one = {"listing": {"url": url, "seller": seller}, "source": "s"}
        found: str | None = next(redact(Content({}, lambda: iter([one])), Redaction.HASHED, KEY).findings())["listing"][
            "url"
        ]
        return found

    assert host("https://www.ebay.com:443/usr/jane?x=1#y", "Jane Doe") == "https://www.ebay.com/"
    assert host("https://jane-doe.example/1", "Jane Doe") is None
    assert host("https://antiques.example/1", "antiques") is None
    assert host("javascript:alert(1)", None) is None
    assert host("http://[broken", None) is None


@pytest.mark.parametrize("level", LEVELS)
def test_the_head_says_the_level_and_what_was_taken_out(level: Redaction) -> None:
    said = redact(dataset.content(), level, KEY).head["redaction"]
    assert said == {"level": level.value, "removed": list(REMOVED[level])}
    text = text_of("xlsx", dataset.content(), level)
    assert all(folded(sentence) in text for sentence in REMOVED[level])


@pytest.mark.parametrize("level", LEVELS)
def test_a_redacted_finding_has_the_fields_of_any_and_no_other(level: Redaction) -> None:
    for one, whole in zip(redact(dataset.content(), level, KEY).findings(), dataset.findings(), strict=True):
        assert one.keys() == whole.keys()
        for part in ("listing", "photo"):
            assert (one[part] or {}).keys() == (whole[part] or {}).keys()
        for part in ("decisions", "events"):
            assert [said.keys() for said in one[part]] == [said.keys() for said in whole[part]]
    head = redact(dataset.content(), level, KEY).head
    assert head.keys() - {"redaction"} == dataset.content().head.keys()
    assert head["figures"].keys() == dataset.content().head["figures"].keys()


def test_none_is_the_content_itself_and_only_minimal_takes_the_pictures() -> None:
    content = dataset.content()
    assert redact(content, Redaction.NONE, KEY) is content
    assert fit_pictures(Redaction.MINIMAL, PictureChoice.PLAIN) is PictureChoice.NONE
    assert fit_pictures(Redaction.HASHED, PictureChoice.PLAIN) is PictureChoice.PLAIN


def text_of(name: str, content: Content, level: Redaction) -> str:
    """All that a file holds, a workbook's parts too, with its letters as names are compared."""
    target = io.BytesIO()
    FORMATS[name].write(redact(content, level, KEY), Choices(level.value), Means(picture=dataset.picture), target)
    body = target.getvalue()
    if name == "xlsx":
        with ZipFile(target) as parts:
            body = b"".join(parts.read(part) for part in parts.namelist() if "/media/" not in part)
    return folded(body.decode())


def folded(text: str) -> str:
    return unicodedata.normalize("NFC", text).casefold()
