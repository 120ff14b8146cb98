"""Install, verify, remove: a model is whole or absent."""

import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

from scanner.predicting import PredictPool
from scanner.zoo import weights
from scanner.zoo.catalogue import PRIMARY, UnknownModelError
from scanner.zoo.options import InstallOptions
from scanner.zoo.preprocessing import Preprocessing, normalise
from scanner.zoo.probe import probe_pictures
from scanner.zoo.registry import find_installed
from scanner.zoo.sources import wheels
from scanner.zoo.weights import InstallError, install, remove
from tests.scanner.conftest import MakeModule

# What paddle.inference gives on the folder itself, by nobody's code but Paddle's: the reference for our scores.
REFERENCE = """
import sys, numpy as np
from pathlib import Path
from paddle import inference
folder, batch, out = sys.argv[1:4]
model = Path(folder) / "model"
if (model / "__params__").exists(): config = inference.Config(str(model / "__model__"), str(model / "__params__"))
elif (model / "__model__").exists(): config = inference.Config(str(model))
elif (model / "model.json").exists():
    config = inference.Config(str(model / "model.json"), str(model / "model.pdiparams"))
else: config = inference.Config(str(model / "model.pdmodel"), str(model / "model.pdiparams"))
predictor = inference.create_predictor(config)
predictor.get_input_handle(predictor.get_input_names()[0]).copy_from_cpu(np.load(batch))
predictor.run()
np.save(out, predictor.get_output_handle(predictor.get_output_names()[-1]).copy_to_cpu())
"""


def run_reference(folder: Path, batch: np.ndarray, tmp_path: Path) -> np.ndarray:
    np.save(tmp_path / "batch.npy", batch)
    command = [sys.executable, "-c", REFERENCE, str(folder), str(tmp_path / "batch.npy"), str(tmp_path / "out.npy")]
    subprocess.run(command, check=True, capture_output=True)
    return np.load(tmp_path / "out.npy")


def score_rows(models: Path, crops: np.ndarray) -> list[list[float]]:
    model = find_installed(models, PRIMARY)
    assert model is not None
    with PredictPool((model,), "cpu") as pool:
        return [list(scores.by_concept.values()) for scores in pool.submit(PRIMARY, crops).result()]


@pytest.mark.parametrize("layout", ["A", "B", "C", "E"])
def test_a_module_scores_what_paddle_gives_with_the_softmax_once(
    tmp_path: Path, make_module: MakeModule, layout: str
) -> None:
    module = make_module(layout, "softmax")
    model = install(PRIMARY, tmp_path / "models", str(module))
    assert (model.card.layout, model.card.output_kind) == (layout, "probabilities")
    crops = probe_pictures(224)
    expected = run_reference(module, normalise(crops, Preprocessing()), tmp_path)
    assert expected.max() > 0.3  # a second softmax could not reach that: it ends at 0.232
    given = np.array(score_rows(tmp_path / "models", crops))
    np.testing.assert_allclose(given[:, 1:], expected[:, 1:], rtol=0, atol=1e-6)


def test_logits_are_softmaxed_once(tmp_path: Path, make_module: MakeModule) -> None:
    install(PRIMARY, tmp_path / "models", str(make_module("A", "logits")))
    crops = probe_pictures(224)
    logits = run_reference(make_module("A", "logits"), normalise(crops, Preprocessing()), tmp_path).astype(np.float64)
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    given = np.array(score_rows(tmp_path / "models", crops))
    np.testing.assert_allclose(given[:, 1:], expected[:, 1:], rtol=0, atol=1e-6)


def test_of_two_outputs_the_one_with_the_classes_is_taken(tmp_path: Path, make_module: MakeModule) -> None:
    model = install(PRIMARY, tmp_path / "models", str(make_module("A", "two")))
    assert model.card.output_index == 1


@pytest.mark.parametrize("suffix", ["tar.gz", "tar.bz2", "tar.xz", "zip"])
def test_installs_from_an_archive(tmp_path: Path, make_module: MakeModule, suffix: str) -> None:
    module = make_module("A", "softmax")
    archive = tmp_path / f"module.{suffix}"
    if suffix == "zip":
        with zipfile.ZipFile(archive, "w") as bundle:
            for path in module.rglob("*.*"):
                bundle.write(path, Path(PRIMARY) / path.relative_to(module))
    else:
        with tarfile.open(archive, f"w:{suffix.rpartition('.')[2]}") as tar:
            tar.add(module, PRIMARY)
    model = install(PRIMARY, tmp_path / "models", str(archive))
    assert model.changed_files() == []
    assert {file.path for file in model.card.files} == {
        "label_list.txt",
        "model/model.pdmodel",
        "model/model.pdiparams",
    }


def test_adopts_what_hub_install_left_behind(tmp_path: Path, make_module: MakeModule, no_hub_home: Path) -> None:
    shutil.copytree(make_module("A", "softmax"), no_hub_home / "modules" / PRIMARY)
    model = install(PRIMARY, tmp_path / "models")
    assert str(no_hub_home) in model.source


def test_the_card_pins_every_file(tmp_path: Path, make_module: MakeModule) -> None:
    model = install(PRIMARY, tmp_path, str(make_module("A", "softmax")))
    assert model.changed_files() == []
    weights_file = model.folder / "model/model.pdiparams"
    weights_file.write_bytes(weights_file.read_bytes()[:-1] + b"\0")
    (model.folder / "label_list.txt").unlink()
    assert model.changed_files() == [
        "label_list.txt is missing",
        "model/model.pdiparams has changed since it was installed",
    ]


def test_the_same_weights_have_the_same_digest_and_other_weights_another(
    tmp_path: Path, make_module: MakeModule
) -> None:
    first = install(PRIMARY, tmp_path / "a", str(make_module("A", "softmax")))
    again = install(PRIMARY, tmp_path / "b", str(make_module("A", "softmax")))
    other = install(PRIMARY, tmp_path / "c", str(make_module("A", "logits")))
    assert first.digest == again.digest != other.digest


def break_module(module: Path, how: str) -> None:
    if how == "one label more":
        with (module / "label_list.txt").open("a") as labels:
            labels.write("walrus\n")
    elif how == "truncated parameters":
        params = module / "model/model.pdiparams"
        params.write_bytes(params.read_bytes()[:5000])
    elif how == "garbled program":
        (module / "model/model.pdmodel").write_bytes(b"\xff" * 4000)
    else:
        shutil.rmtree(module / "model")


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ("one label more", "its label file has 11 labels, but resnet50_vd_wildanimals has 10"),
        ("truncated parameters", "model.pdiparams is cut off: 5,000 of 10,225 bytes"),
        ("garbled program", "model.pdmodel is no program of Paddle's, or not all of it"),
        ("no network", "broken: it holds no network"),
    ],
)
def test_a_broken_module_is_refused_and_nothing_is_left(
    tmp_path: Path, make_module: MakeModule, how: str, says: str
) -> None:
    module = shutil.copytree(make_module("A", "softmax"), tmp_path / "broken")
    break_module(module, how)
    with pytest.raises(InstallError, match=f"{PRIMARY} was not installed: .*{says}") as refusal:
        install(PRIMARY, tmp_path / "models", str(module))
    assert "\n" not in str(refusal.value)
    assert list((tmp_path / "models").iterdir()) == []


def test_a_failed_install_leaves_the_older_one_as_it_was(tmp_path: Path, make_module: MakeModule) -> None:
    before = install(PRIMARY, tmp_path / "models", str(make_module("A", "softmax")))
    with pytest.raises(InstallError):
        install(PRIMARY, tmp_path / "models", str(tmp_path / "nowhere"))
    after = find_installed(tmp_path / "models", PRIMARY)
    assert after is not None and after.card == before.card and after.changed_files() == []


def test_removing_leaves_nothing(tmp_path: Path, make_module: MakeModule) -> None:
    install(PRIMARY, tmp_path, str(make_module("A", "softmax")))
    assert remove(PRIMARY, tmp_path) is True
    assert list(tmp_path.iterdir()) == []
    assert remove(PRIMARY, tmp_path) is False


def test_an_unknown_name_is_answered_with_a_near_one(tmp_path: Path) -> None:
    with pytest.raises(UnknownModelError, match="did you mean resnet50_vd_wildanimals"):
        install("resnet50_vd_wildanimal", tmp_path)


def test_when_no_source_answers_one_error_lists_them_all_and_says_what_to_do(tmp_path: Path) -> None:
    nowhere = InstallOptions(hub_server="http://127.0.0.1:9/hub", mirror="http://127.0.0.1:9", plain_http=True)
    with pytest.raises(InstallError, match="--from FOLDER_OR_ARCHIVE") as refusal:
        install(PRIMARY, tmp_path, options=nowhere)
    lines = str(refusal.value).splitlines()
    assert lines[1].startswith("  1. PaddleHub's server http://127.0.0.1:9/hub: ")
    assert lines[2].startswith("  2. http://127.0.0.1:9/paddlehub/model/cv/resnet50_vd_wildanimals.tar.gz can")
    assert [source in line for (source, _), line in zip(refusal.value.reasons, lines[1:3], strict=True)] == [True, True]
    assert list(tmp_path.iterdir()) == []


def test_a_plain_http_address_is_refused_unless_trusted(tmp_path: Path) -> None:
    with pytest.raises(InstallError, match="is not https"):
        install(PRIMARY, tmp_path, "http://127.0.0.1:9/module.tar.gz")


@pytest.mark.parametrize(
    "address", ["https://[bad", "https://", "file:///etc/passwd", "http://me:secret@", "https://me:secret@[bad/a"]
)
def test_what_is_no_address_is_told_so(tmp_path: Path, address: str) -> None:
    said: list[str] = []
    with pytest.raises(InstallError, match="is no address to fetch from: give one with https:// and a host") as refusal:
        install(PRIMARY, tmp_path, address, said.append)
    assert "plain-http" not in str(refusal.value)
    assert "secret" not in str(refusal.value) + "".join(said)


def test_a_mirror_that_is_no_address_is_told_so(tmp_path: Path) -> None:
    nowhere = InstallOptions(hub_server="alsonot", mirror="https://[nor this")
    with pytest.raises(InstallError, match=r"alsonot.* is no address to fetch from") as refusal:
        install(PRIMARY, tmp_path, options=nowhere)
    assert "plain-http" not in str(refusal.value)


def test_a_wheel_with_another_digest_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel = tmp_path / "other.whl"
    wheel.write_bytes(b"not the wheel")
    monkeypatch.setattr(wheels, "_by_pip", lambda *_: wheel)
    with pytest.raises(InstallError, match=r"other\.whl has the SHA-256 \w+ and not d3590ed5\w+, which the catalogue"):
        weights.ensure_default(tmp_path / "models", lambda _: None)


def test_a_broken_module_that_hub_install_left_does_not_stop_the_default(
    tmp_path: Path, no_hub_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = no_hub_home / "modules" / PRIMARY
    left.mkdir(parents=True)
    (left / "module.py").write_text("")
    tried: list[str] = []
    real = weights.install

    def note(name: str, *arguments: object, **named: object) -> object:
        tried.append(name)
        return real(name, *arguments, **named) if name == PRIMARY else None  # type: ignore[arg-type]

    monkeypatch.setattr(weights, "install", note)
    said: list[str] = []
    weights.ensure_default(tmp_path / "models", said.append)
    assert tried == [PRIMARY, weights.DEFAULT, "wildlife_starter"]
    assert any("holds no network" in line and f"Remove {left}" in line for line in said)
