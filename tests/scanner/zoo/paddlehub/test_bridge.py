"""PaddleHub's own `hub install`, the real package, against a stand-in of its server: it is contained, and it works."""

import json
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from scanner.predicting import PredictPool
from scanner.zoo.catalogue import PRIMARY
from scanner.zoo.paddlehub import bridge
from scanner.zoo.paddlehub.bridge import WARNING, BridgeError, hub_settings, install_via_paddlehub
from scanner.zoo.paddlehub.environment import PYTHONS
from scanner.zoo.probe import probe_pictures
from scanner.zoo.weights import install
from tests.scanner.conftest import MakeModule
from tests.scanner.zoo.hub_server import HubServer

needs_paddlehub = pytest.mark.skipif(sys.version_info[:2] not in PYTHONS, reason="PaddleHub's packages have no wheels")

# A module's Python as PaddleHub wants it; when imported it writes down what it can see.
MODULE = """
import json
import os
import sys

from paddlehub.module.module import moduleinfo

{first}
with open(os.path.join(os.path.dirname(__file__), "seen.json"), "w") as file:
    json.dump({{"environ": dict(os.environ), "path": sys.path, "folder": os.getcwd()}}, file)


@moduleinfo(name="{name}", version="1.1.0", type="CV/image_classification", author="a tester", summary="random weights")
class Animals:
    def classification(self, **_):
        raise NotImplementedError
"""


@dataclass
class Hub:
    """The environment and HUB_HOME of the tests, with a stand-in server."""

    home: Path
    server: HubServer
    said: list[str] = field(default_factory=list)

    def install(self, name: str, version: str | None = None) -> Path:
        return install_via_paddlehub(name, version, self.home, self.said.append, self.server.address)

    @property
    def hub_home(self) -> Path:
        return self.home / "paddlehub" / "hub_home"


@pytest.fixture
def hub(pytestconfig: pytest.Config, tmp_path: Path) -> Iterator[Hub]:
    """The environment is built once and kept in pytest's cache."""
    (tmp_path / "archives").mkdir()
    with HubServer(tmp_path / "archives") as server:
        yield Hub(Path(pytestconfig.cache.mkdir("paddlehub")), server)


def write_module(source: Path, folder: Path, first: str = "") -> Path:
    shutil.copytree(source, folder)
    (folder / "module.py").write_text(MODULE.format(name=PRIMARY, first=first))
    (folder / "__init__.py").write_text("")
    return folder


@needs_paddlehub
def test_hub_install_brings_a_module_that_scores_and_is_kept_from_ours(
    hub: Hub, make_module: MakeModule, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = write_module(make_module("A", "softmax"), tmp_path / PRIMARY)
    (module / "requirements.txt").write_text("tomli==2.0.1\n")
    hub.server.publish(module, PRIMARY, "1.1.0")
    monkeypatch.setenv("SECRET_KEY", "ours alone")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    folder = hub.install(PRIMARY, "1.1.0")

    assert folder == hub.hub_home / "modules" / PRIMARY
    assert hub.said[0] == WARNING
    assert any(f"Successfully installed {PRIMARY}-1.1.0" in line for line in hub.said)
    seen = json.loads((folder / "seen.json").read_text())
    assert seen["environ"]["HOME"] == seen["folder"] == str(hub.home / "paddlehub" / "home")
    assert not {"SECRET_KEY", "PYTHONPATH"} & seen["environ"].keys()
    assert str(tmp_path) not in seen["path"]
    assert not (hub.home / "paddlehub" / "home").exists()
    assert not any((hub.home / "paddlehub" / "env" / "lib").glob("python*/site-packages/tomli*"))

    model = install(PRIMARY, tmp_path / "models", str(folder))
    with PredictPool((model,), "cpu") as pool:
        scores = pool.submit(PRIMARY, probe_pictures(224)).result()
    assert all(sum(each.by_concept.values()) == pytest.approx(1, abs=1e-4) for each in scores)


@needs_paddlehub
def test_a_module_for_an_older_paddle_is_brought_although_paddlehub_cannot_import_it(
    hub: Hub, make_module: MakeModule, tmp_path: Path
) -> None:
    module = write_module(make_module("B", "softmax"), tmp_path / PRIMARY, "import paddle.fluid")
    hub.server.publish(module, PRIMARY, "1.0.0", paddle_version="[1.6.2, 1.8.5]")
    folder = hub.install(PRIMARY)
    assert any(
        "could not import its Python (ModuleNotFoundError: No module named 'paddle.fluid')" in line for line in hub.said
    )
    assert {path.relative_to(folder) for path in folder.rglob("*.*")} >= {
        path.relative_to(module) for path in module.rglob("*.*")
    }


@needs_paddlehub
def test_a_module_that_the_server_does_not_know_is_one_sentence_and_leaves_nothing(hub: Hub) -> None:
    with pytest.raises(BridgeError, match=f"No HubModule named {PRIMARY} was found.*--from") as refusal:
        hub.install(PRIMARY)
    assert "\n" not in str(refusal.value) and "\x1b" not in str(refusal.value)
    assert {path for path, _ in hub.server.told} == {"/paddlehub/search", "/paddlehub/info"}
    assert not hub.hub_home.exists()


@pytest.mark.parametrize(
    ("module", "version", "server", "says"),
    [
        ("--help", None, None, "no name of a PaddleHub module"),
        ("../module", None, None, "no name of a PaddleHub module"),
        ("name==1.0", None, None, "no name of a PaddleHub module"),
        (PRIMARY, ">=1.0", None, "no version of a PaddleHub module"),
        (PRIMARY, None, "ftp://mirror", "no address of a PaddleHub server"),
    ],
)
def test_words_that_hub_install_would_misread_are_refused_first(
    tmp_path: Path, module: str, version: str | None, server: str | None, says: str
) -> None:
    with pytest.raises(BridgeError, match=says):
        install_via_paddlehub(module, version, tmp_path / "home", print, server)
    assert not (tmp_path / "home").exists()


def test_the_modules_code_gets_the_way_to_the_network_and_nothing_else_of_ours(tmp_path: Path) -> None:
    given = {
        "PATH": "/bin",
        "https_proxy": "http://proxy:3128",
        "SSL_CERT_FILE": "/etc/ca.pem",
        "HOME": "/home/me",
        "PIP_INDEX_URL": "https://me:secret@index/",
        "DATABASE_URL": "secret",
    }
    settings = hub_settings(given, tmp_path)
    assert {name: value for name, value in settings.items() if given.get(name) == value} == {
        "PATH": "/bin",
        "https_proxy": "http://proxy:3128",
        "SSL_CERT_FILE": "/etc/ca.pem",
    }
    assert settings["HOME"] == str(tmp_path / "home") and settings["HUB_HOME"] == str(tmp_path / "hub_home")
    assert settings["PIP_NO_INDEX"] == "1"
    assert not any("secret" in value for value in settings.values())


def test_a_second_install_at_the_same_time_is_told_to_wait(tmp_path: Path) -> None:
    with bridge._alone(tmp_path / "paddlehub"), pytest.raises(BridgeError, match="wait until it has ended"):
        install_via_paddlehub(PRIMARY, None, tmp_path, print)


def test_an_interrupted_hub_install_leaves_no_half_module(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), bridge._fresh(tmp_path) as hub_home:
        (hub_home / "modules" / PRIMARY).mkdir(parents=True)
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_the_server_is_set_in_paddlehubs_own_settings_file(tmp_path: Path) -> None:
    bridge._write_settings(tmp_path, "https://mirror.example/paddlehub/")
    assert json.loads((tmp_path / "conf" / "config.yaml").read_text()) == {"server": "https://mirror.example/paddlehub"}
