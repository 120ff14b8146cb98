import pickle
import time

import pytest

from rules.lexicon import Kind, Lexicon, Term
from rules.load import find_pack, load_pack
from rules.spelling import MAX_CHARS, normalise

WILDLIFE = load_pack(find_pack("wildlife")).lexicon


def found(text: str, kind: Kind | None = None) -> set[str]:
    return {hit.term.term for hit in WILDLIFE.hits(text) if kind is None or hit.term.kind is kind}


def one(term: str, **more: tuple[str, ...]) -> Lexicon:
    return Lexicon((Term("en", term, more.pop("variants", ()), ("ivory",), Kind.PLAIN, **more),))


@pytest.mark.parametrize(
    "text",
    [
        "Blouse, ivory colour, size 40",
        "Ivory-coloured envelope set",
        "Ivory lace wedding dress",
        "Cocoa from the Ivory Coast",
        "Vintage Ivory soap tin",
        "House near Ivory Park",
        "Colour: Ivory\nMaterial: silk",
        "绿松石 果冻料 圆珠",
        "象牙白 衬衫",
        "象牙海岸 咖啡豆",
        "走出象牙塔 书",
        "魔兽 血牙公会 周边",
        "牙龈出血牙膏",
        "黑大象牙膏",
        "アイボリー色 カーテン",
        "象牙色 ブラウス",
        "Áo sơ mi trắng ngà",
        "Sơn tường màu ngà voi",
        "Vật phẩm ngà voi trong game",
        "พวงกุญแจงาช้างพลาสติก",
        "งาช้างเรซิน ตั้งโชว์",
        "งาดำคั่ว 500 กรัม",
        "หนังสือเรียน ป.4",
        "Cat tembok warna gading",
        "Rumah di Kelapa Gading",
        "Bibit melon gading",
        "Robe couleur ivoire",
        "Drapeau Côte d'Ivoire",
        "Drapeau C\u00f4te d\u2019Ivoire",
        "Panneau défense de fumer, dessin d'un éléphant",
        "Abito color avorio",
        "Cacao della Costa d'Avorio",
        "Zapatos color marfil",
        "Camiseta Costa de Marfil",
        "Teppich elfenbeinfarben",
        "Reise an die Elfenbeinküste",
        "Stuhl, ein Bein lose",
        "虎皮鹦鹉 笼子",
        "虎牙直播 周边",
        "Tiger skin print leggings",
    ],
)
def test_a_harmless_context_is_no_hit(text: str) -> None:
    assert found(text) == set()


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("Elephant IVORY bangle", "ivory"),
        ("\uff29\uff36\uff2f\uff32\uff39 bangle", "ivory"),
        ("iv\u200bory bangle", "ivory"),
        ("i.v.o.r.y bangle", "ivory"),
        ("老象牙手串", "象牙"),
        ("老象.牙手串", "象牙"),
        ("象牙ivory雕", "ivory"),
        ("Vòng n.g.à voi", "ngà voi"),
        ("ng\u0061\u0300 voi", "ngà voi"),
        ("ขายงาช้างแท้", "งาช้าง"),
        ("Sculpture en ivoire", "ivoire"),
        ("Alter STOSSZAHN", "Stoßzahn"),
        ("Pangolin scales 1kg", "pangolin scale"),
        ("カワイイ根付", "根付"),
        ("pegang \U0001f418 ya", "\U0001f418"),
    ],
)
def test_a_term_is_found_however_it_is_spelt(text: str, term: str) -> None:
    assert term in found(text)


@pytest.mark.parametrize("text", ["ivorylike", "divory", "tiger skinny jeans", "taskmaster tuskers"])
def test_a_term_inside_a_longer_word_is_no_hit(text: str) -> None:
    assert found(text) == set()


def test_a_negative_context_hides_only_what_stands_in_it() -> None:
    assert found("Ivory lace fan with elephant ivory sticks") == {"ivory"}


def test_a_negative_context_does_not_reach_over_a_line_or_a_dash() -> None:
    assert found("Carved from ivory\nlace not included") == {"ivory"}
    assert found("carved ivory - colour: white") == {"ivory"}


def test_a_field_name_after_the_term_is_no_negative_context() -> None:
    assert found("Material: ivory Colour: white") == {"ivory"}


def test_languages_that_share_a_word_share_its_negative_contexts() -> None:
    zh = Term("zh", "象牙", (), ("ivory",), Kind.PLAIN, not_in=("象牙白",))
    ja = Term("ja", "象牙", (), ("ivory",), Kind.PLAIN)
    assert Lexicon((zh, ja)).hits("象牙白") == ()
    assert len(Lexicon((zh, ja)).hits("象牙")) == 2


def test_faux_ivory_is_a_coded_word_and_not_the_plain_one() -> None:
    assert found("faux ivory buttons", Kind.PLAIN) == set()
    assert found("faux ivory buttons", Kind.CODED) == {"faux ivory"}


def test_a_term_with_a_required_context_needs_it() -> None:
    lexicon = one("tusk", needs=("elephant",))
    assert not lexicon.hits("a tusk")
    assert lexicon.hits("an elephant's tusk")


def test_plurals_are_found_only_where_listed() -> None:
    assert not one("tusk").hits("two tusks")
    assert one("tusk", variants=("tusks",)).hits("two tusks")


def test_each_term_is_reported_once() -> None:
    assert len(one("ivory").hits("ivory ivory IVORY")) == 1


def test_a_copy_for_another_process_finds_the_same() -> None:
    copy = pickle.loads(pickle.dumps(WILDLIFE))  # noqa: S301 - our own object
    assert copy == WILDLIFE
    assert copy.hits("ivory") == WILDLIFE.hits("ivory")


def test_normalising_twice_changes_nothing() -> None:
    text = "  Œuf\u2019s  I.V.O.R.Y-Stoß \u0e33 \uff21\uff22_c"
    assert normalise(normalise(text)) == normalise(text)


def test_hostile_texts_take_bounded_time() -> None:
    start = time.process_time()
    for piece in ("ivory lace ", "a.", "象牙白", "iivory", "-", "\ufdfa"):
        WILDLIFE.hits(piece * (2 * MAX_CHARS // len(piece)))
    assert time.process_time() - start < 5


def test_thousands_of_listings_a_second_are_searched() -> None:
    texts = [f"Nice old thing number {n}, carved bone, " + "well kept and shipped with care. " * 10 for n in range(500)]
    start = time.process_time()
    for text in texts:
        WILDLIFE.hits(text)
    # Measured at about 6,000 a second on one core; the bound leaves room for a busy machine.
    assert len(texts) / (time.process_time() - start) > 500
