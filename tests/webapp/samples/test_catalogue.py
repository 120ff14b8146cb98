import io
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from rules.engine import evaluate
from rules.evidence import Evidence
from rules.load import find_pack, load_pack
from webapp.samples.catalogue import TARGETS, Catalogue, Kind, build_catalogue, noun_of
from webapp.samples.photos import PhotoSet, SamplePicture
from webapp.samples.prints import render_print
from webapp.samples.talk import INNOCENT_CASES, SUSPECT_CASES


@pytest.fixture(scope="module")
def stamps(photo_set: PhotoSet) -> PhotoSet:
    """The set as if it came from the package: with the pictures that the default model flags."""
    path = photo_set.pictures[0].path
    targets = tuple(SamplePicture(name, path, f"A {noun}.", "animals") for name, noun in TARGETS.items())
    return PhotoSet((*targets, *photo_set.pictures), photo_set.credit)


@pytest.fixture(scope="module")
def catalogue(stamps: PhotoSet) -> Catalogue:
    return build_catalogue(stamps)


def test_the_same_seed_gives_the_same_offers_and_bytes(photo_set: PhotoSet) -> None:
    one, two = build_catalogue(photo_set, 60), build_catalogue(photo_set, 60)
    assert one == two
    for mine, yours in zip(one.offers[:20], two.offers[:20], strict=True):
        if mine.prints[0].fault == "":
            assert render_print(mine.prints[0]) == render_print(yours.prints[0])


def test_another_seed_gives_other_offers(photo_set: PhotoSet) -> None:
    assert build_catalogue(photo_set, 60, seed=1) != build_catalogue(photo_set, 60, seed=2)


@pytest.mark.parametrize("count", [60, 360, 2000])
def test_there_are_as_many_offers_as_were_asked_for(count: int, stamps: PhotoSet) -> None:
    catalogue = build_catalogue(stamps, count)
    assert len(catalogue.offers) == len(catalogue.by_number) == count
    assert all(1 <= len(offer.prints) <= 3 for offer in catalogue.offers)


def test_two_in_a_hundred_pictures_show_what_the_default_model_flags(catalogue: Catalogue) -> None:
    shown = Counter(p.picture.name for offer in catalogue.offers for p in offer.prints if p.picture.name in TARGETS)
    assert set(shown) == set(TARGETS)
    assert min(shown.values()) >= 3
    assert 0.015 <= shown.total() / catalogue.prints_count <= 0.03


def test_sellers_show_each_others_pictures_again_byte_by_byte(catalogue: Catalogue) -> None:
    relisted = [offer for offer in catalogue.offers if offer.of is not None]
    assert len(relisted) == 36
    for offer in relisted:
        original = catalogue.by_number[offer.of or 0]
        assert offer.prints[0] == original.prints[0]
        assert offer.seller != original.seller
        assert offer.posted_at >= original.posted_at


def test_one_photograph_comes_back_on_other_grounds(catalogue: Catalogue) -> None:
    keys = {p.key: p.picture.name for offer in catalogue.offers for p in offer.prints}
    assert max(Counter(keys.values()).values()) > 3


def test_the_three_broken_pictures_are_there_once_each(catalogue: Catalogue) -> None:
    faults = Counter(p.fault for offer in catalogue.offers for p in offer.prints if p.fault)
    assert faults == {"truncated": 1, "html": 1, "missing": 1}


def test_the_words_flag_the_suspect_cases_and_no_other_offer(catalogue: Catalogue) -> None:
    pack = load_pack(find_pack("wildlife"))
    flagged = {
        offer.title
        for offer in catalogue.offers
        if evaluate(pack, Evidence(text=f"{offer.title}\n{offer.description}", country=offer.seller.country))
    }
    assert flagged == {case.title for case in SUSPECT_CASES}
    assert {case.title for case in INNOCENT_CASES} <= {offer.title for offer in catalogue.offers}


def test_without_target_pictures_there_are_simply_none(photo_set: PhotoSet) -> None:
    kinds = {offer.kind for offer in build_catalogue(photo_set).offers}
    assert kinds == set(Kind) - {Kind.TARGET}


def test_a_print_is_a_picture_of_its_size_and_format(catalogue: Catalogue) -> None:
    formats = {"jpg": "JPEG", "png": "PNG", "webp": "WEBP"}
    prints = {p.suffix: p for offer in catalogue.offers for p in offer.prints if not p.fault}
    assert set(prints) == set(formats)
    for suffix, made in prints.items():
        with Image.open(io.BytesIO(render_print(made))) as image:
            assert (image.format, image.size) == (formats[suffix], (made.width_px, made.height_px))


def test_a_truncated_print_cannot_be_decoded(catalogue: Catalogue) -> None:
    made = next(p for offer in catalogue.offers for p in offer.prints if p.fault == "truncated")
    with Image.open(io.BytesIO(render_print(made))) as image, pytest.raises(OSError, match="truncated"):
        image.load()


@pytest.mark.parametrize(
    ("caption", "german", "noun"),
    [
        ("An elephant.", "Ein Elefant.", "Elefant"),
        ("A calculator.  6x7=42", "", "calculator"),
        ("“Toilets”.", "", "Toilets"),
        ("Nun stands for nisht or nothing. If it lands.", "", "dreydl nun"),
        ("", "", "dreydl nun"),
    ],
)
def test_a_title_names_what_the_picture_shows(caption: str, german: str, noun: str) -> None:
    picture = SamplePicture("seasonal/dreydl-nun.png", Path("dreydl-nun.png"), caption, "seasonal", {"de": german})
    assert noun_of(picture, "de") == noun
