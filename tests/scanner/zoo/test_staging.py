"""Two installs at once, and what a killed one leaves."""

import subprocess
import sys
import threading
import time
from pathlib import Path

from scanner.zoo.staging import open_staging

HOLD = """
import sys, time
from pathlib import Path
from scanner.zoo.staging import open_staging
with open_staging(Path(sys.argv[1]), "net", print) as staging:
    (staging.staged / "half").touch()
    if len(sys.argv) > 2:  # killed between the two renames of a swap
        staging.target.rename(staging.folder / "replaced")
    print("here", flush=True)
    time.sleep(60)
"""


def hold_and_kill(models: Path, *more: str) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLD, str(models), *more], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdout.readline() == b"here\n"
        process.kill()


def test_nothing_is_left_whatever_happens_inside(tmp_path: Path) -> None:
    try:
        with open_staging(tmp_path, "net", print) as staging:
            (staging.scratch / "unpacked").mkdir()
            raise KeyboardInterrupt
    except KeyboardInterrupt:
        pass
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_install_left_goes_with_the_next_install_of_any_model(tmp_path: Path) -> None:
    hold_and_kill(tmp_path)
    assert (tmp_path / ".installing-net" / "staged" / "half").exists()
    with open_staging(tmp_path, "other", print):
        assert [path.name for path in tmp_path.iterdir()] == [".installing-other"]
    assert list(tmp_path.iterdir()) == []


def test_a_model_that_a_killed_swap_had_put_aside_comes_back(tmp_path: Path) -> None:
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "card.json").touch()
    hold_and_kill(tmp_path, "swap")
    assert not (tmp_path / "net").exists()
    with open_staging(tmp_path, "net", print):
        assert (tmp_path / "net" / "card.json").exists()


def test_a_swap_replaces_the_older_model(tmp_path: Path) -> None:
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "old").touch()
    with open_staging(tmp_path, "net", print) as staging:
        (staging.staged / "new").touch()
        staging.swap()
    assert [path.relative_to(tmp_path) for path in tmp_path.rglob("*")] == [Path("net"), Path("net/new")]


def test_the_second_waits_for_the_first_and_knows_it(tmp_path: Path) -> None:
    inside: list[str] = []
    waited: list[bool] = []

    def install(name: str) -> None:
        with open_staging(tmp_path, "net", lambda _: None) as staging:
            inside.append(name)
            waited.append(staging.waited)
            time.sleep(0.1)
            assert (staging.staged).exists() and inside[-1] == name
            inside.append(name)

    threads = [threading.Thread(target=install, args=[name]) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(inside) == 6
    assert inside[0::2] == inside[1::2]  # nobody came in between
    assert sorted(waited) == [False, True, True]
    assert list(tmp_path.iterdir()) == []
