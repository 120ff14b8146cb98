import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from webapp.embedded import children
from webapp.embedded.children import Child, Children, environment_of
from webapp.embedded.errors import EmbeddedError
from webapp.embedded.preparation import sole_run
from webapp.settings import Settings


def child(folder: Path, script: str) -> Child:
    return Child("worker", [sys.executable, "-c", script], folder / "worker.log", dict(os.environ))


def test_a_process_that_dies_is_started_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children, "FIRST_PAUSE_S", 0.01)
    one = child(tmp_path, "import time; time.sleep(60)")
    one.start()
    first = one.process
    assert first is not None
    first.kill()
    first.wait()
    tend_until(one, lambda: one.is_alive)
    assert one.process is not None
    assert one.process.pid != first.pid
    assert one.dead_pids == [first.pid], "what it left may be taken up at once"
    one.signal(signal.SIGKILL)
    one.process.wait()


def test_at_the_fourth_death_its_last_lines_are_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children, "FIRST_PAUSE_S", 0.01)
    one = child(tmp_path, "raise SystemExit('no such table: scans')")
    one.start()
    with pytest.raises(EmbeddedError, match=r"died 4 times(.|\n)*no such table: scans"):
        tend_until(one, lambda: False)


def test_stopping_ends_a_process_that_ignores_the_request_and_what_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(children, "GRACE_S", 0.3)
    note = tmp_path / "grandchild"
    script = (
        "import signal, subprocess, sys, time, pathlib\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "started = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        f"pathlib.Path({str(note)!r}).write_text(str(started.pid))\n"
        "time.sleep(60)\n"
    )
    together = Children(Settings(home=tmp_path, database_url=None, broker_url=None), None, None)
    together._children = [child(tmp_path, script)]
    with together:
        together.start()
        until = time.monotonic() + 10
        while not (note.exists() and note.read_text()) and time.monotonic() < until:
            time.sleep(0.02)
    process = together._children[0].process
    assert process is not None
    assert process.wait(5) == -signal.SIGKILL
    assert is_gone(int(note.read_text()))


def test_the_last_started_ends_before_the_first_is_asked_to(tmp_path: Path) -> None:
    script = (
        "import pathlib, signal, sys, time\n"
        "def end(*_):\n"
        "    time.sleep(float(sys.argv[2]))\n"
        "    pathlib.Path('ended').open('a').write(sys.argv[1] + ' ')\n"
        "    sys.exit()\n"
        "signal.signal(signal.SIGTERM, end)\n"
        "pathlib.Path(sys.argv[1]).touch()\n"
        "time.sleep(60)\n"
    )
    together = Children(Settings(home=tmp_path, database_url=None, broker_url=None), None, None)
    shop, worker = child(tmp_path, script), child(tmp_path, script)
    shop.command += ["shop", "0"]
    worker.command += ["worker", "0.3"]
    together._children = [shop, worker]
    with pytest.MonkeyPatch.context() as patch, together:
        patch.chdir(tmp_path)
        together.start()
        until = time.monotonic() + 10
        while not all((tmp_path / name).exists() for name in ("shop", "worker")) and time.monotonic() < until:
            time.sleep(0.02)
    assert (tmp_path / "ended").read_text() == "worker shop "


def test_the_processes_get_our_settings_and_may_crawl_the_shop_alone(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, database_url=None, broker_url=None, port=9000, shop_port=9001)
    environment = environment_of(settings)
    assert environment["TUSKLINE_HOME"] == str(tmp_path)
    assert (environment["TUSKLINE_PORT"], environment["TUSKLINE_SHOP_PORT"]) == ("9000", "9001")
    assert environment["TUSKLINE_ALLOWED_ADDRESSES"] == '["127.0.0.1:9001"]'


def test_a_second_run_on_the_same_home_is_refused(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home", database_url=None, broker_url=None)
    with sole_run(settings), pytest.raises(EmbeddedError, match="already"), sole_run(settings):
        pass
    with sole_run(settings):
        pass


def tend_until(one: Child, reached: Callable[[], bool]) -> None:
    until = time.monotonic() + 20
    while time.monotonic() < until and not reached():
        one.tend()
        time.sleep(0.02)


def is_gone(pid: int) -> bool:
    """Ended, or only waiting to be collected."""
    until = time.monotonic() + 5
    while time.monotonic() < until:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
        time.sleep(0.02)
    return False
