"""PaddleHub's environment: whole, as pinned, or built anew; a build that failed leaves nothing."""

import re
import shutil
import sys
from pathlib import Path

import pytest

from scanner.zoo.paddlehub import environment
from scanner.zoo.paddlehub.environment import BuildError, discard, ensure_environment, is_whole, pip_settings, python_of


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """A folder that looks as one built from these pins, at this place, does."""
    folder = tmp_path / "env"
    python_of(folder).parent.mkdir(parents=True)
    python_of(folder).symlink_to(sys.executable)
    (folder / environment.MARKER).write_text(environment._digest(folder))
    return folder


def test_a_whole_environment_is_used_as_it_is(built: Path) -> None:
    assert ensure_environment(built, pytest.fail) == python_of(built)


def test_an_environment_is_not_used_half_built_moved_or_from_other_pins(
    built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(built, tmp_path / "moved", symlinks=True)
    (tmp_path / "pins.txt").write_text("six==1.17.0\n")
    assert is_whole(built) and not is_whole(tmp_path / "moved")
    monkeypatch.setattr(environment, "PACKAGES", tmp_path / "pins.txt")
    assert not is_whole(built)
    monkeypatch.undo()
    (built / environment.MARKER).unlink()
    assert not is_whole(built)


def test_a_build_that_failed_is_one_sentence_and_leaves_nothing(
    built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    discard(built)
    monkeypatch.setattr(environment, "PYTHONS", (sys.version_info[:2],))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    said: list[str] = []
    with pytest.raises(BuildError, match=r"No matching distribution found for pip==.*leave out --via") as refusal:
        ensure_environment(built, said.append)
    assert "\n" not in str(refusal.value) and "1.5 GB" in said[0]
    assert list(tmp_path.iterdir()) == []


def test_another_python_is_refused_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "PYTHONS", ((3, 10),))
    with pytest.raises(BuildError, match="run Tuskline with one of those"):
        ensure_environment(tmp_path / "env", pytest.fail)


def test_a_full_disk_is_refused_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "PYTHONS", (sys.version_info[:2],))
    monkeypatch.setattr(environment, "ROOM_BYTES", 10**18)
    with pytest.raises(BuildError, match="make room"):
        ensure_environment(tmp_path / "env", pytest.fail)
    assert list(tmp_path.iterdir()) == []


def test_pip_keeps_the_persons_settings_but_those_that_bend_the_pins() -> None:
    kept = {"PATH": "/bin", "HOME": "/home/me", "PIP_INDEX_URL": "https://mirror/simple", "https_proxy": "http://proxy"}
    dropped = {"PIP_TARGET": "/elsewhere", "PIP_USER": "1", "PYTHONPATH": "/ours", "SECRET_KEY": "ours"}
    assert pip_settings(kept | dropped) == kept


@pytest.mark.parametrize("pins", [environment.INSTALLER, environment.PACKAGES])
def test_every_package_is_pinned_by_version_and_hash_and_no_address_is_named(pins: Path) -> None:
    text = re.sub(r"(?m)^#.*\n", "", pins.read_text())
    for block in re.split(r"\n(?=\S)", text.strip()):
        assert re.fullmatch(r"[a-z0-9-]+==[0-9][\w.]*(?: \\\n    --hash=sha256:[0-9a-f]{64})+", block), block[:80]
