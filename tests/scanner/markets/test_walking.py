import pytest

from scanner.markets.walking import MOST_FRUITLESS, Walk, is_endless, is_file, plain_address, template_of

SITE = "https://shop.example"


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("/a;jsessionid=AB12?x=1", "/a?x=1"),
        ("/a?PHPSESSID=1f&x=1&utm_source=mail", "/a?x=1"),
        ("/(S(lit3py55t21z5v55vlm25s55))/a", "/a"),
        ("/a?x=&y=%20b", "/a?x=&y=%20b"),
        ("/a?side=1", "/a?side=1"),
    ],
)
def test_session_ids_and_campaign_marks_are_no_part_of_an_address(written: str, plain: str) -> None:
    assert plain_address(SITE + written) == SITE + plain


def test_addresses_that_differ_in_numbers_and_values_have_one_template() -> None:
    assert template_of(f"{SITE}/c/2026-11/7?b=1&a=x") == template_of(f"{SITE}/c/2027-12/8?a=&b=5") == "/c/#-#/#?a=&b="
    assert template_of(f"{SITE}/s/9f8e7d6c5b4a39281/x") == template_of(f"{SITE}/s/0a1b2c3d4e5f60718293/x") == "/s/*/x"
    assert template_of(f"{SITE}/old-vase") != template_of(f"{SITE}/old-jug")


@pytest.mark.parametrize(
    ("path", "endless"), [("/a/b/a/b/a/b/a/b", True), ("/x" * 16, True), ("/a/b/c/d", False), ("/1/1/1", False)]
)
def test_paths_that_repeat_themselves_are_endless(path: str, endless: bool) -> None:
    assert is_endless(SITE + path) is endless


def test_pictures_and_documents_are_no_pages() -> None:
    assert [is_file(f"{SITE}/{name}") for name in ("a.JPG", "b.pdf?x=1", "c.html", "d")] == [True, True, False, False]


def read_all(walk: Walk) -> list[str]:
    return list(iter(walk.next, None))


def test_fruitless_pages_of_one_kind_come_to_an_end() -> None:
    walk = Walk([f"{SITE}/day/{n}" for n in range(200)] + [f"{SITE}/about"])
    assert read_all(walk) == [*(f"{SITE}/day/{n}" for n in range(MOST_FRUITLESS)), f"{SITE}/about"]
    assert walk.left_out() == [(f"{SITE}/day/{MOST_FRUITLESS}", 200 - MOST_FRUITLESS)]


def test_ever_new_filters_come_to_an_end() -> None:
    walk = Walk([f"{SITE}/items?f{'x' * n}=1" for n in range(500)])
    assert len(read_all(walk)) == 4 * MOST_FRUITLESS


def test_a_listing_speaks_for_all_the_pages_that_led_to_it() -> None:
    walk = Walk([f"{SITE}/page/{n}" for n in range(3 * MOST_FRUITLESS)])
    walk.add(f"{SITE}/item", f"{SITE}/page/1")
    read = []
    while (url := walk.next()) is not None:
        read.append(url)
        if url.endswith("/item"):
            walk.credit(url)
    assert len(read) == 2 * MOST_FRUITLESS + 1  # once more as many, as no further listing came
