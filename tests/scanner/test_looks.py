"""What is near is found among many, as comparing all would; crowds are bounded; files are whole or absent."""

from pathlib import Path

import numpy as np
import pytest

from scanner import looks
from scanner.fingerprints import NEAR_BITS
from scanner.looks import Asked, Pictures, Volume, nearest

COUNT = 4_000


def draw(count: int, seed: int = 0) -> Pictures:
    dice = np.random.default_rng(seed)
    drawn = dice.integers(0, 2**64, (count, 4), dtype=np.uint64)
    return Pictures(drawn, np.arange(1, count + 1), np.arange(1, count + 1, dtype=np.uint64))


def with_looks(pictures: Pictures, places: slice, drawn: np.ndarray) -> Pictures:
    changed = pictures.looks.copy()
    changed[places] = drawn
    return Pictures(changed, pictures.photos, pictures.pixels)


def turned(look: np.ndarray, bits: list[int]) -> np.ndarray:
    """bits: 0 to 255; 16 following ones are a band."""
    changed = np.frombuffer(look.tobytes(), np.uint8).copy()
    for bit in bits:
        changed[bit // 8] ^= 1 << (bit % 8)
    return changed.view(np.uint64)


def ask(look: np.ndarray, most: int = 100, photo: int = 0, pixels: int = 0) -> Asked:
    return Asked(look, photo, np.uint64(pixels), most)


def build(pictures: Pictures) -> Volume:
    return Volume.build(pictures, first=1, last=len(pictures))


def test_a_look_that_shares_a_band_is_found_and_nothing_else() -> None:
    pictures = draw(COUNT)
    look = turned(pictures.looks[77], list(range(16, 16 + NEAR_BITS)))
    assert build(pictures).near(ask(look)) == [(NEAR_BITS, 78)]
    assert build(pictures).near(ask(turned(look, [200]))) == []


def test_all_that_share_a_band_are_found_as_if_each_were_compared() -> None:
    pictures = draw(COUNT)
    dice = np.random.default_rng(1)
    centre = pictures.looks[0]
    alike = [turned(centre, dice.choice(256, dice.integers(1, 15), replace=False).tolist()) for _ in range(60)]
    pictures = with_looks(pictures, slice(1000, 1060), np.array(alike))
    found = build(pictures).near(ask(centre))
    assert len(found) == 61
    assert sorted(found) == pictures.near(ask(centre))


def test_equal_looks_stand_once_and_bring_their_newest_pictures() -> None:
    pictures = draw(COUNT)
    pictures = with_looks(pictures, slice(500, 3500), pictures.looks[0])
    volume = build(pictures)
    assert len(volume.looks) == COUNT - 3000
    assert volume.near(ask(pictures.looks[0], most=3)) == [(0, 3500), (0, 3499), (0, 3498)]


def test_a_picture_is_not_near_itself_nor_its_own_pixels() -> None:
    pictures = draw(3)
    pictures = with_looks(pictures, slice(0, 3), pictures.looks[0])
    asked = ask(pictures.looks[0], photo=1, pixels=2)
    assert build(pictures).near(asked) == pictures.near(asked) == [(0, 3)]


def test_different_pixels_are_found_behind_a_crowd_that_has_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looks, "SEEN_AT_ONCE", 8)
    pictures = draw(COUNT)
    same = np.where(np.arange(COUNT) < 5, pictures.pixels, np.uint64(9))
    crowd = Pictures(np.tile(pictures.looks[0], (COUNT, 1)), pictures.photos, same)
    assert build(crowd).near(ask(pictures.looks[0], pixels=9)) == [(0, 5), (0, 4), (0, 3), (0, 2), (0, 1)]


def test_a_crowd_in_a_bucket_hides_nobody_who_is_alone_in_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looks, "MOST_COMPARED", 50)
    pictures = draw(COUNT)
    crowd = pictures.looks.copy()
    crowd[:, :2] = crowd[0, :2]  # half of the bits are those of all
    pictures = with_looks(pictures, slice(None), crowd)
    far = turned(pictures.looks[123], list(range(128, 128 + 20)))
    assert build(pictures).near(ask(far)) == [(20, 124)]


def test_a_crowd_is_compared_in_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looks, "MOST_COMPARED", 50)
    pictures = draw(COUNT)
    crowd = [turned(pictures.looks[0], [number % 256, number // 16]) for number in range(COUNT)]
    volume = build(with_looks(pictures, slice(None), np.array(crowd)))
    assert len(volume._candidates(pictures.looks[0])) == 50
    assert volume.near(ask(pictures.looks[0]))


def test_a_saved_volume_finds_the_same(tmp_path: Path) -> None:
    pictures = draw(COUNT)
    saved = Volume.build(pictures, first=11, last=11 + COUNT, note=["kept"]).save(tmp_path)
    assert not saved.members.flags.owndata and not saved.members.flags.writeable
    assert (saved.first, saved.last, saved.facts["note"]) == (11, 11 + COUNT, ["kept"])
    assert saved.near(ask(pictures.looks[5])) == [(0, 6)]
    assert [path.name[0] for path in tmp_path.iterdir()] == ["0"]


def test_what_a_volume_was_built_of_comes_out_again() -> None:
    pictures = draw(COUNT)
    pictures = with_looks(pictures, slice(7, 20), pictures.looks[0])
    again = build(pictures).pictures()
    order = np.argsort(again.photos)
    assert (again.photos[order] == pictures.photos).all()
    assert (again.looks[order] == pictures.looks).all()
    assert (again.pixels[order] == pictures.pixels).all()


def test_a_volume_of_another_format_is_refused(tmp_path: Path) -> None:
    saved = build(draw(3)).save(tmp_path)
    assert saved.folder is not None
    facts = saved.folder / looks.FACTS
    facts.write_text(facts.read_text().replace(f'"format": {looks.FORMAT}', '"format": 99'))
    with pytest.raises(ValueError, match="another version"):
        Volume.open(saved.folder)


def test_several_parts_are_searched_as_one() -> None:
    pictures = draw(COUNT)
    near = Pictures(np.array([turned(pictures.looks[0], [3])]), np.array([9001]), np.array([7], np.uint64))
    asked = ask(pictures.looks[0])
    assert nearest(asked, [build(pictures), near, Pictures.of([])]) == [(0, 1), (1, 9001)]
    assert nearest(ask(pictures.looks[0], most=1), [near, build(pictures)]) == [(0, 1)]
