import pytest

from webapp import echoes
from webapp.language import speaking


@pytest.mark.parametrize(
    ("stored", "said"),
    [
        ("The page offers nothing any more.", "页面不再提供任何商品。"),
        ("The server answered 404.", "服务器应答 404。"),
        ("not scored: the file is empty", "未评分\uff1a文件是空的"),
        ("Cancelled by ann. Scan 4 of schedule 2 takes its place.", "由 ann 取消。由计划 2 的扫描 4 取代。"),
        (
            "http://shop.example/a could not be read. The server answered 404 (Not Found).",
            "无法读取 http://shop.example/a。服务器应答 404 (Not Found)。",
        ),
        ("None of the 3 pictures could be scored. And 2 more like these.", "3 张图片均无法评分。另有 2 条类似情况。"),
    ],
)
def test_a_stored_sentence_is_said_in_the_readers_language(stored: str, said: str) -> None:
    assert echoes.say_again(stored) == stored
    with speaking("zh"):
        assert echoes.say_again(stored) == said


@pytest.mark.parametrize("words", ["A note that a person wrote.", "%(name)s 100 % <b>", "", "象牙"])
def test_what_no_program_said_stays_as_it_is(words: str) -> None:
    with speaking("zh"):
        assert echoes.say_again(words) == words


def test_the_words_of_a_person_within_a_sentence_stay_as_they_are() -> None:
    with speaking("zh"):
        said = echoes.say_again("shop.example is not asked: ann stopped it (they asked us).")
    assert said.startswith("不访问 shop.example") and "they asked us" in said


def test_a_very_long_text_is_no_trouble() -> None:
    with speaking("zh"):
        assert len(echoes.say_again("Nobody knows this. " * 500)) > 5000


@pytest.mark.parametrize(
    ("frozen", "said"),
    [
        ("It takes 10 settled second looks of each answer.", "10"),
        ("0 pairs are too few: it takes 20.", "20"),
        ("1 pair is too few: it takes 20.", "20"),
    ],
)
def test_what_reports_freeze_about_their_figures_is_said_again(frozen: str, said: str) -> None:
    with speaking("zh"):
        again = echoes.say_again(frozen)
    assert again != frozen and said in again and "pair" not in again
