import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from scanner.records import Listing
from tests.factories import make_listing, make_scan
from webapp.models import ListingRow, ListingText
from webapp.services import listings, search

LISTINGS = {
    "zh": ("老象牙手串 包浆", "清代 品相好"),
    "th": ("กำไลงาช้างแท้", ""),
    "ja": ("象牙の根付", "ブレスレット"),
    "en": ("Ivory-coloured vase", "Made of bone china. 128GB, 1.5 kg, size 3/4"),
    "vi": ("Vòng tay ngà voi", ""),
    "fr": ("Boîte en Ivoire très ancienne", ""),
    "odd": ("<b>O'Neill & Sons</b> a@b.example", "i.v.o.r.y http://x.example/horn"),
}


@pytest.fixture
def ids(session: Session) -> dict[int, str]:
    rows = {}
    for name, (title, description) in LISTINGS.items():
        row = make_listing(session, title=title, description=description, seller=f"seller_{name}")
        search.keep(session, row)
        rows[row.id] = name
    return rows


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("象牙", {"zh", "ja"}),
        ("牙象", set()),
        ("象 手", {"zh"}),
        ("งาช้าง", {"th"}),
        ("レス", {"ja"}),
        ("ivory", {"en", "odd"}),
        ("IVORY", {"en", "odd"}),
        ("ivor", {"en", "odd"}),
        ("ivor ", {"en", "odd"}),
        ("ivo", set()),
        ('"ivor"', set()),
        ("ivor vase", set()),
        ('"ivory coloured"', {"en"}),
        ('"coloured ivory"', set()),
        ("coloured ivory", {"en"}),
        ('vase "bone china"', {"en"}),
        ('"bone chin', {"en"}),
        ("ivory-coloured", {"en"}),
        ("128gb", {"en"}),
        ("1.5", {"en"}),
        ("3/4", {"en"}),
        ("nga voi", {"vi"}),
        ("NGÀ VOI", {"vi"}),
        ("tres ancienne", {"fr"}),
        ("seller_th", {"th"}),
        ("o'neill", {"odd"}),
        ("sons", {"odd"}),
        ("a@b.example", {"odd"}),
        ("x.example/horn", {"odd"}),
        ("ivory NOT vase", set()),
        ("ivory OR tusk", set()),
        ("NEAR(ivory vase)", set()),
    ],
)
def test_words_are_found_alike_on_every_database(
    session: Session, ids: dict[int, str], asked: str, found: set[str]
) -> None:
    assert {ids[one] for one in search.listing_ids(session, search.read_terms(asked), 100)} == found


@pytest.mark.parametrize("everywhere", [1, 1000])
@pytest.mark.parametrize("asked", ["ivory", "ivory vase", '"ivory vase"', "ivor", "象牙", "o'neill", "nowhere"])
def test_rows_are_told_apart_as_the_index_tells_them(
    session: Session, ids: dict[int, str], asked: str, everywhere: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever way SQLite looks at them."""
    monkeypatch.setattr(search, "EVERYWHERE", everywhere)
    terms = search.read_terms(asked)
    held = session.scalars(select(ListingRow.id).where(search.holds(session, terms, ListingRow.id)))
    assert set(held) == set(search.listing_ids(session, terms, 100)) <= set(ids)


def test_words_that_change_are_found_anew_and_the_old_ones_no_more(session: Session) -> None:
    row = make_listing(session, title="Ivory vase")
    for title in ("Ivory vase", "Bronze vase", "Bronze vase"):
        row.title = title
        search.keep(session, row)
    assert search.listing_ids(session, search.read_terms("ivory"), 9) == []
    assert search.listing_ids(session, search.read_terms("bronze"), 9) == [row.id]
    assert session.query(ListingText).count() == 1


def test_a_crawl_keeps_the_words_and_their_language(session: Session) -> None:
    scan = make_scan(session)
    seen = listings.see(session, scan, Listing("http://a/1", "Geschnitzte Figur aus Elfenbein", "sehr alt und schön"))
    assert seen.row.language == "de"
    assert search.listing_ids(session, search.read_terms("elfenbein"), 9) == [seen.row.id]
    seen = listings.see(session, scan, Listing("http://a/1", "象牙手串包浆老物件", ""))
    assert seen.row.language == "zh"
    assert search.listing_ids(session, search.read_terms("elfenbein"), 9) == []


@pytest.mark.parametrize("asked", ["", "   ", '"', '""', "!!! ---", "\0"])
def test_what_holds_no_word_asks_for_nothing(asked: str) -> None:
    assert search.read_terms(asked) == ()


def test_what_is_asked_for_is_bounded() -> None:
    assert len(search.read_terms("a " * 500)) == search.ASKED_TERMS


def test_a_text_of_any_length_can_be_indexed(session: Session) -> None:
    long = make_listing(session, title="Tusk", description=" ".join(f"word{n}" for n in range(40_000)) + "x" * 5000)
    search.keep(session, long)
    letters = "".join(chr(0x4E00 + n % 20_000) for n in range(100_000))
    unspaced = make_listing(session, title="一" * 100, description=letters)
    search.keep(session, unspaced)
    assert search.listing_ids(session, search.read_terms("tusk word1"), 9) == [long.id]
    assert search.listing_ids(session, search.read_terms("一丁"), 9) == [unspaced.id]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(asked=st.text(max_size=60) | st.text(alphabet="ab\"'*^:()&|!<->\\ -+{}%_象\0", max_size=40))
def test_nothing_that_is_typed_breaks_the_search(session: Session, asked: str) -> None:
    terms = search.read_terms(asked)
    if terms:
        search.listing_ids(session, terms, 5)


@pytest.mark.parametrize(
    "words", ["ivory", "象牙手串", "กำไลงาช้าง", "Ñandú Ærø straße İstanbul", "१२३ हाथीदांत", "s10+ 1e5 -7"]
)
def test_whole_words_of_a_text_are_found_by_the_text_itself(session: Session, words: str) -> None:
    row = make_listing(session, title=f"x {words} y")
    search.keep(session, row)
    assert search.listing_ids(session, search.read_terms(words), 5) == [row.id]
    assert search.listing_ids(session, search.read_terms(f'"{words}"'), 5) == [row.id]
