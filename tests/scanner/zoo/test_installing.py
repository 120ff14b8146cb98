"""From several sources to one model: which is asked when, what is remembered, and what is left after a refusal."""

import hashlib
import io
import json
import shutil
import tarfile
import threading
from pathlib import Path

import pytest

from scanner.zoo import weights
from scanner.zoo.cards import CARD_NAME
from scanner.zoo.catalogue import PRIMARY, UnknownModelError
from scanner.zoo.options import InstallOptions
from scanner.zoo.registry import InstalledModel, find_installed, installed_models
from scanner.zoo.weights import InstallError, adopt, adoptable, install, remove
from tests.scanner.conftest import MakeModule
from tests.scanner.zoo.file_server import FileServer, Served

PUBLISHED = "https://bj.bcebos.com/paddlehub/model/cv/resnet50_vd_wildanimals.tar.gz"
ON_MIRROR = "/paddlehub/model/cv/resnet50_vd_wildanimals.tar.gz"


def pack(folder: Path) -> bytes:
    bundle = io.BytesIO()
    with tarfile.open(fileobj=bundle, mode="w:gz") as tar:
        tar.add(folder, folder.name)
    return bundle.getvalue()


def name_on_hub(server: FileServer, content: bytes | Served) -> str:
    url = server.put("/archives/module.tar.gz", content)
    found = [{"name": PRIMARY, "version": "1.1.0", "url": url}]
    server.put("/search", json.dumps({"status": 0, "data": found}).encode())
    return url


def options_for(server: FileServer, **more: bool) -> InstallOptions:
    return InstallOptions(**{"plain_http": True, **more}, hub_server=server.address, mirror=server.address)  # type: ignore[arg-type]


def left_in(models: Path) -> list[str]:
    return sorted(path.name for path in models.iterdir())


def test_the_next_source_is_asked_where_one_has_no_weights(
    tmp_path: Path, server: FileServer, make_module: MakeModule, no_hub_home: Path
) -> None:
    left = no_hub_home / "modules" / PRIMARY
    left.mkdir(parents=True)
    (left / "module.py").write_text("raise SystemExit('a module was imported')")
    name_on_hub(server, pack(left))  # a module of Python alone, which would fetch its weights when first used
    archive = pack(make_module("A", "softmax"))
    server.put(ON_MIRROR, archive)
    said: list[str] = []
    model = install(PRIMARY, tmp_path / "models", echo=said.append, options=options_for(server))
    sha256 = hashlib.sha256(archive).hexdigest()
    assert model.source == f"{server.address}{ON_MIRROR}, SHA-256 {sha256}"
    refused = [line for line in said if "holds no network" in line]
    assert [line.split(": ")[0] for line in refused] == [f"PaddleHub's {left}", f"PaddleHub's server {server.address}"]
    pins = json.loads((tmp_path / "models" / "pins.json").read_text())
    assert {url: pin["sha256"] for url, pin in pins.items()} == {PUBLISHED: sha256}  # what did not work is not pinned


def test_an_archive_that_changed_is_refused_until_its_change_is_accepted(
    tmp_path: Path, server: FileServer, make_module: MakeModule
) -> None:
    name_on_hub(server, pack(make_module("A", "softmax")))
    first = install(PRIMARY, tmp_path, options=options_for(server))
    name_on_hub(server, pack(make_module("A", "logits")))
    with pytest.raises(InstallError, match="has changed: its SHA-256 is") as refusal:
        install(PRIMARY, tmp_path, options=options_for(server))
    assert f"`tuskline models install {PRIMARY} --accept-changed`" in str(refusal.value)
    after = find_installed(tmp_path, PRIMARY)
    assert after is not None and after.card == first.card and after.changed_files() == []
    changed = install(PRIMARY, tmp_path, options=options_for(server, accept_changed=True))
    assert changed.digest != first.digest
    assert left_in(tmp_path) == [".pins.json.lock", "pins.json", PRIMARY]


def test_what_the_user_gives_is_the_only_source(tmp_path: Path, server: FileServer) -> None:
    with pytest.raises(InstallError, match=f"^{PRIMARY} was not installed: .*nowhere does not exist$"):
        install(PRIMARY, tmp_path / "models", str(tmp_path / "nowhere"), options=options_for(server))
    assert server.asked == []


@pytest.mark.parametrize("name", ["../outside.txt", "/outside.txt", "a/../../../outside.txt"])
def test_an_archive_with_a_path_outside_is_refused_and_nothing_is_left(tmp_path: Path, name: str) -> None:
    archive = tmp_path / "crafted.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        info = tarfile.TarInfo(name)
        info.size = 4
        tar.addfile(info, io.BytesIO(b"evil"))
    with pytest.raises(InstallError, match="a path outside of its folder: refused") as refusal:
        install(PRIMARY, tmp_path / "models", str(archive))
    assert "\n" not in str(refusal.value)
    assert left_in(tmp_path / "models") == []
    assert not list(tmp_path.rglob("outside.txt")) and not Path("/outside.txt").exists()


def test_a_full_disk_stops_at_once_and_is_one_sentence(tmp_path: Path, server: FileServer) -> None:
    url = name_on_hub(server, b"x" * 100_000)
    key = hashlib.sha256(url.encode()).hexdigest()[:32]
    (tmp_path / ".downloads").mkdir()
    (tmp_path / ".downloads" / f"{key}.part").symlink_to("/dev/full")
    with pytest.raises(InstallError, match=f"^{PRIMARY} was not installed: the disk of .* is full; free some space$"):
        install(PRIMARY, tmp_path, options=options_for(server))
    assert ON_MIRROR not in [path for path, _ in server.asked]


def test_a_broken_off_download_is_all_that_a_failed_install_leaves(
    tmp_path: Path, server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scanner.zoo.fetching.transfers.TRIES", 1)
    name_on_hub(server, Served(b"x" * 100_000, cuts=[60_000, 0]))
    with pytest.raises(InstallError, match="it goes on where it stopped"):
        install(PRIMARY, tmp_path, options=options_for(server))
    assert left_in(tmp_path) == [".downloads"]
    assert [path.stat().st_size for path in tmp_path.rglob("*.part")] == [60_000]


def test_of_two_installs_at_once_the_second_waits_and_takes_what_the_first_brought(
    tmp_path: Path, server: FileServer, make_module: MakeModule
) -> None:
    name_on_hub(server, Served(pack(make_module("A", "softmax")), drip_s=0.01))
    installed: list[InstalledModel] = []
    said: list[str] = []

    def work() -> None:
        installed.append(install(PRIMARY, tmp_path, echo=said.append, options=options_for(server)))

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert installed[0].card == installed[1].card
    assert said.count(f"{PRIMARY} is being installed by another process: waiting for it") == 1
    assert [path for path, _ in server.asked].count("/archives/module.tar.gz") == 1


def carry(model: InstalledModel, folder: Path, **changes: object) -> Path:
    """A copy of an installed model's folder, with another card."""
    shutil.copytree(model.folder, folder)
    card = json.loads((folder / CARD_NAME).read_text())
    (folder / CARD_NAME).write_text(json.dumps(card | changes))
    return folder


def test_a_model_that_no_catalogue_knows_brings_its_own_card(tmp_path: Path, make_module: MakeModule) -> None:
    model = install(PRIMARY, tmp_path / "a", str(make_module("A", "softmax")))
    figures = {"tiger": {"recall": 0.9}}
    folder = carry(model, tmp_path / "b" / "ours_2026", name="ours_2026", title="Ours", figures=figures, source="x")
    (tmp_path / "ours.tar.gz").write_bytes(pack(folder))
    taken = install("ours_2026", tmp_path / "models", str(tmp_path / "ours.tar.gz"))
    assert (taken.name, taken.title, taken.card.figures) == ("ours_2026", "Ours", figures)
    assert taken.spec.concepts == model.spec.concepts
    assert taken.source.startswith(f"{tmp_path / 'ours.tar.gz'}, SHA-256 ")
    assert taken.changed_files() == [] and [each.name for each in installed_models(tmp_path / "models")] == [
        "ours_2026"
    ]
    assert remove("ours_2026", tmp_path / "models") is True
    assert left_in(tmp_path / "models") == []


def test_weights_without_a_card_need_a_name_of_the_catalogue(tmp_path: Path, make_module: MakeModule) -> None:
    with pytest.raises(InstallError, match=r"no card\.json lies beside the weights to say what it is"):
        install("ours_2026", tmp_path / "models", str(make_module("A", "softmax")))
    with pytest.raises(UnknownModelError):
        install("ours_2026", tmp_path / "models")
    assert left_in(tmp_path / "models") == []


@pytest.mark.parametrize("name", ["../evil", "a/b", "Evil", "", ".evil", "a" * 65, "a\n"])
def test_a_name_can_not_lead_elsewhere(tmp_path: Path, name: str) -> None:
    with pytest.raises(InstallError, match="is no name for a model"):
        install(name, tmp_path / "models", str(tmp_path))
    (tmp_path / "evil").mkdir()
    (tmp_path / "evil" / CARD_NAME).touch()
    with pytest.raises(UnknownModelError):
        remove(name, tmp_path / "models")
    assert (tmp_path / "evil" / CARD_NAME).exists()


def test_other_models_that_hub_install_left_are_adopted_when_asked(
    tmp_path: Path, no_hub_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("mobilenet_v2_imagenet", "lac"):
        (no_hub_home / "modules" / name).mkdir(parents=True)
        (no_hub_home / "modules" / name / "module.py").touch()
    assert adoptable(tmp_path) == ("mobilenet_v2_imagenet",)
    tried: list[str] = []
    monkeypatch.setattr(weights, "install", lambda name, *_, **__: tried.append(name))
    weights.adopt_primary(tmp_path, print)
    assert tried == []
    adopt("mobilenet_v2_imagenet", tmp_path, print)
    assert tried == ["mobilenet_v2_imagenet"]


def test_a_starter_that_can_not_be_had_is_told_and_does_not_stop_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse_starter(name: str, *_: object, **__: object) -> None:
        if name == "starter":
            raise InstallError("starter was not installed: no backbone")

    monkeypatch.setattr(weights, "_starters", lambda: ("starter",))
    monkeypatch.setattr(weights, "install", refuse_starter)
    said: list[str] = []
    weights.ensure_default(tmp_path, said.append)
    assert said[-2:] == ["starter: installing it (once)", "starter was not installed: no backbone"]


def test_a_default_of_an_older_version_is_installed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []
    monkeypatch.setattr(weights, "_starters", lambda: ())
    monkeypatch.setattr(weights, "install", lambda name, *_, **__: tried.append(name))
    (tmp_path / weights.DEFAULT).mkdir()
    (tmp_path / weights.DEFAULT / "card.json").write_text('{"name": "of another version"}')
    said: list[str] = []
    weights.ensure_default(tmp_path, said.append)
    assert tried == [weights.DEFAULT]
    assert any("is not a model card" in line and "installed again" in line for line in said)
