"""What the soak makes of locust's figures and of memory; the soak itself takes minutes (`make soak`)."""

from pathlib import Path

import pytest
from PIL import Image

from bench import soak

ROW = {
    "Type": "GET", "Name": "/queue", "Request Count": "3", "Failure Count": "1", "Requests/s": "0.5",
    "50%": "20", "95%": "40", "99%": "N/A", "100%": "41",
}  # fmt: skip


def test_requests_are_told_with_their_quantiles() -> None:
    table = soak.requests_table([ROW, ROW | {"Type": "", "Name": "Aggregated"}])
    first, all_of_them = table.rows
    assert first == {
        "request": "GET /queue", "times": 3, "failed": 1, "a second": 0.5,
        "median": 20.0, "95 %": 40.0, "99 %": None, "longest": 41.0,
    }  # fmt: skip
    assert all_of_them["request"] == "all"


def test_growth_is_the_slope_from_warming_up_on() -> None:
    samples = [(float(at), 500.0 if at < soak.WARM_S else 100.0 + at / 60) for at in range(0, 300, 5)]
    row = soak.memory_row(samples)
    assert row["growth an hour"] == pytest.approx(60.0)
    assert (row["at start"], row["most"]) == (500.0, 500.0)
    assert row["after warming up"] == pytest.approx(101.0)


def test_a_short_run_tells_no_growth() -> None:
    row = soak.memory_row([(0.0, 1.0), (50.0, 2.0)])
    assert (row["growth an hour"], row["after warming up"], row["at the end"]) == (None, None, 2.0)


def test_every_folder_is_of_pictures_that_nobody_has_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photo = tmp_path / "photo.png"
    Image.new("RGB", (64, 48), "red").save(photo)
    monkeypatch.setattr(soak, "choose_photos", lambda *_: [photo])
    for name in ("one", "two"):
        soak.make_folder(tmp_path, tmp_path / name, 3)
    made = [path for name in ("one", "two") for path in sorted((tmp_path / name).iterdir())]
    assert len(made) == 6
    assert len({path.read_bytes() for path in made}) == 6
    assert sum(path.name.startswith("genuine ivory") for path in made) == 2
