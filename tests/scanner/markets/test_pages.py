import pytest

from scanner.markets.pages import MOST_NESTED, Page, bound_markup, decode
from scanner.markets.products import read_page


@pytest.mark.parametrize("name", ["punycode", "unicode_escape", "zlib_codec", "rot13", "idna", "none-such", "\0"])
def test_what_is_no_encoding_of_pages_is_not_used(name: str) -> None:
    assert decode(b"\xff abc", f"text/html; charset={name}") == "\ufffd abc"


def test_encodings_that_look_like_plain_letters_are_believed() -> None:
    assert decode("牙彫".encode("iso2022_jp"), "text/html; charset=iso-2022-jp") == "牙彫"


def test_bytes_that_fit_no_declared_encoding_are_read_as_far_as_they_go() -> None:
    assert decode(b"a\xff", "text/html; charset=utf-8") == "a\ufffd"
    assert decode(b"", "") == ""


MARKUP = {
    "nested": "<div>" * 50_000,
    "a stray quote before": '<p a=b"x>' + "<div>" * 50_000,
    "closed in a quote": "<div a='</div>'>" * 50_000,
    "attributes": "<p " + " ".join(f"a{n}=1" for n in range(30_000)) + ">",
    "choices": "<select>" + "<option>" * 30_000,
}


@pytest.mark.parametrize("kind", MARKUP)
def test_markup_that_would_keep_a_parser_busy_is_cut(kind: str) -> None:
    start = '<meta property="og:type" content="product"><h1>Vase</h1>'
    page = Page("https://a.example/", (start + MARKUP[kind]).encode())
    assert page.is_tangled
    assert len(page.text) < len(start) + 24 * 10_001
    listing = read_page(page)
    assert listing is not None and listing.title == "Vase"


@pytest.mark.parametrize(
    "text",
    [
        "<div><p>Text</div>" * 5000,
        "<script>" + "<div>" * 50_000 + "</script><p>x",
        "<ul>" + "<li>x" * 20_000,
        "<img src='a' alt='1 < 2'>" * 5000,
        f"<i>{'<b>' * (MOST_NESTED - 10)}x",
    ],
)
def test_an_ordinary_large_page_is_left_whole(text: str) -> None:
    assert bound_markup(text) == (text, False)


@pytest.mark.parametrize("piece", ["<script>", '<a ">', "<!--", "</", "<a '", "&", "<style", "<p a=\"'"])
def test_cutting_takes_time_in_proportion_to_the_page(piece: str) -> None:
    bound_markup(piece * 200_000)  # a quadratic one would not end


def test_what_is_no_page_has_no_words() -> None:
    page = Page("https://a.example/a.jpg", b"\xff\xd8<a href='/b'>", "image/jpeg")
    assert (page.text, page.links()) == ("", [])
