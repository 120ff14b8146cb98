# ruff: noqa: RUF001  # letters of many alphabets are what these texts are for
"""What leads to people is found in free text, in many alphabets, and evidence is left."""

import unicodedata

import pytest

from webapp.services.masking import PERSON, SELLER, Names, mask

NAMES = Names.of(
    [("Nguyễn Thị Hương", SELLER), ("上海古玩", SELLER), ("Ann", PERSON), ("Straße 7", SELLER), ("x", PERSON)]
)


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("write to huong.nguyen+a@example.com.vn today", "write to [e-mail] today"),
        ("邮箱：wang@例子.中国，谢谢", "邮箱：[e-mail]，谢谢"),
        ("jane (at) example (dot) com", "[e-mail]"),
        ("Zalo 0912 345 678 or call", "[handle] or call"),
        ("call +84 912 345 678.", "call [phone]."),
        ("Телефон: +7 (912) 345-67-89, звоните", "Телефон: [phone], звоните"),
        ("โทร 081-234-5678", "โทร [phone]"),
        ("للتواصل: ٠٥٠١٢٣٤٥٦٧", "للتواصل: [phone]"),
        ("手机13812345678微信同号", "手机[phone]微信同号"),
        ("微信：wang_guwan88，电话", "[handle]，电话"),
        ("telegram @drevnosti_ko", "[handle]"),
        ("LINE: suea_old", "[handle]"),
        ("see https://t.me/abc?x=1 now", "see [link] now"),
        ("shop at wang-antiques.com", "shop at [link]"),
        ("wa.me/84912345678", "[link]"),
        ("IBAN DE89 3704 0044 0532 0130 00", "IBAN [IBAN]"),
        ("卡号 6222 0200 0000 0000 000", "卡号 [card]"),
        ("4111-1111-1111-1111", "[card]"),
        ("by NGUYỄN THỊ HƯƠNG again", "by [seller] again"),
        (unicodedata.normalize("NFD", "by Nguyễn Thị Hương again"), "by [seller] again"),
        ("老上海古玩店", "老[seller]店"),
        ("STRASSE 7 and strasse 7", "[seller] and [seller]"),
        ("ann saw Ann, not a channel", "[name] saw [name], not a channel"),
    ],
)
def test_what_leads_to_people_is_masked(text: str, masked: str) -> None:
    assert mask(text, NAMES) == masked


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ivory netsuke, 4.5 cm, c. 1890-1910, signed",
        "elephant 0.934217 reached the threshold 0.50 (elephant)",
        "found on 2026-11-09 at 10:00:00+00:00; last seen 2026-11-09T10:00:00+00:00",
        "price 12,500,000.00 or 480 or 1999",
        "outline: carved, headline: tusk; a line drawing of x",
        "象牙手镯 包浆厚重",
        "Schreger angles\nof 110 degrees @ the cut end",
    ],
)
def test_evidence_is_left_as_it_was(text: str) -> None:
    assert mask(text, NAMES) == text


def test_what_overlaps_is_masked_once_and_whole() -> None:
    names = Names.of([("huong", SELLER), ("huong antiques", SELLER), ("345 678 shop", SELLER)])
    assert mask("huong@example.com", names) == "[e-mail]"
    assert mask("Huong Antiques!", names) == "[seller]!"
    assert mask("call 0912 345 678 shop now", names) == "call [phone] now"
