"""The page: whole in itself, safe with any label, and true to the figures."""

import re
from pathlib import Path

import pytest
from lxml import etree, html

from scanner.zoo.evaluation import Judged, LeftOut, Subject, evaluate
from scanner.zoo.evaluation.page import render_page, write_page
from tests.scanner.zoo.evaluation.judged_pictures import make_judged

HOSTILE = "<script>alert(1)</script>$x^2$"


@pytest.fixture(scope="module")
def page() -> str:
    judged = [
        *make_judged(groups=12),
        Judged("pangolin", {"tiger": 0.1, "other": 0.9}),
        Judged(HOSTILE, {"tiger": 0.9}),
    ]
    left_out = LeftOut(broken=((HOSTILE, "no picture"),), duplicates=2, conflicts=(("a.jpg", "b.jpg"),))
    return render_page(evaluate(judged, Subject("model", HOSTILE, "ab" * 32, HOSTILE), left_out=left_out))


def test_it_asks_for_nothing_and_runs_nothing(page: str) -> None:
    tree = html.fromstring(page)
    assert not tree.xpath("//script | //link | //img | //iframe | //object | //@style | //@src")
    assert all(address.startswith("#") for address in tree.xpath("//@href | //@*[name()='xlink:href']"))
    assert "@import" not in page and not re.search(r"url\((?!#)", page)
    assert "default-src 'none'" in page


def test_names_from_outside_are_text(page: str) -> None:
    assert "<script" not in page and page.count("&lt;script&gt;alert(1)&lt;/script&gt;$x^2$") >= 4


def test_ids_are_unique_and_references_point_to_one(page: str) -> None:
    tree = html.fromstring(page)
    ids = tree.xpath("//@id")
    assert len(ids) == len(set(ids))
    wanted = re.findall(r'(?:url\(#|href="#)([^")]+)', page)
    assert wanted and set(wanted) <= set(ids)


def test_the_plots_are_whole_and_take_their_colours_from_the_page(page: str) -> None:
    plots = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    assert len(plots) == 4
    for plot in plots:
        etree.fromstring(plot.replace("<svg", '<svg xmlns:xlink="http://www.w3.org/1999/xlink"', 1))
        assert "var(--accent)" in plot and not re.search(r"#[0-9a-fA-F]{6}\b", plot)


def test_it_says_what_matters_in_plain_english(page: str) -> None:
    text = " ".join(html.fromstring(page).text_content().split())
    assert "one picture in 77" in text and "Of 100 flags" in text
    assert "Not seen by this model: pangolin (1 picture)." in text
    assert "2 pictures with the same pixels" in text and "a.jpg, b.jpg" in text
    assert "illegal" not in text.lower() and "suspected" in text.lower()


def test_every_table_has_a_caption_and_every_column_a_head(page: str) -> None:
    tables = html.fromstring(page).xpath("//table")
    assert len(tables) == 5
    for table in tables:
        assert table.xpath("caption") and table.xpath("thead//th[@scope='col']")
        widths = {len(row.xpath("td | th")) for row in table.xpath(".//tr[not(td/@colspan)]")}
        assert len(widths) == 1


def test_no_false_flag_is_shown_as_a_limit() -> None:
    subject = Subject("model", "A model", "ab" * 32, "folder")
    text = render_page(evaluate(make_judged(apart=30), subject, thresholds={"tiger": 0.99}))
    card = html.fromstring(text).xpath("//li[@class='card']")[0].text_content()
    assert "≥" in card and "≤" in card


def test_a_model_that_sees_no_concept_has_a_page_too(tmp_path: Path) -> None:
    evaluation = evaluate([Judged("other", {"other": 1.0})], Subject("model", "A model", "ab" * 32, "folder"))
    write_page(evaluation, tmp_path / "page.html")
    assert "can see no concept" in (tmp_path / "page.html").read_text(encoding="utf-8")
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]
