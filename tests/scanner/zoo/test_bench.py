"""Speeds through the real pools."""

import json
from pathlib import Path

import pytest
from rich.console import Console

from scanner.zoo.bench import Benchmark, measure_speeds, tabulate_speeds
from scanner.zoo.catalogue import PRIMARY
from scanner.zoo.registry import InstalledModel
from scanner.zoo.weights import install
from tests.scanner.conftest import MakeModule


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, make_module: MakeModule) -> InstalledModel:
    return install(PRIMARY, tmp_path_factory.mktemp("models"), str(make_module("A", "softmax")))


@pytest.fixture(scope="module")
def benchmark(model: InstalledModel) -> Benchmark:
    return measure_speeds((model,), ("cpu", "gpu:0"), (1, 8), seconds=0.05)


def test_every_batch_size_is_timed(benchmark: Benchmark) -> None:
    assert [(speed.batch_size, speed.device, speed.precision) for speed in benchmark.speeds][:2] == [
        (1, "cpu", "fp32"),
        (8, "cpu", "fp32"),
    ]
    for speed in benchmark.speeds:
        assert 0 < speed.slowest <= speed.pictures_per_second <= speed.fastest
        assert speed.pictures >= 3 * speed.batch_size and speed.load_s > 0


def test_a_card_that_is_not_there_is_said_and_not_timed_as_the_cpu(benchmark: Benchmark) -> None:
    if any(speed.device == "gpu:0" for speed in benchmark.speeds):
        pytest.skip("this machine has a card")
    assert len(benchmark.speeds) == 2
    assert [warning for warning in benchmark.warnings if "gpu:0 was not timed" in warning]


def test_the_json_and_the_table_hold_every_speed(benchmark: Benchmark) -> None:
    said = json.loads(json.dumps(benchmark.to_json()))
    assert said["format"] == 1 and len(said["speeds"]) == len(benchmark.speeds) and said["machine"]["cores"] >= 1
    console = Console(width=200)
    with console.capture() as captured:
        console.print(tabulate_speeds(benchmark))
    assert captured.get().count(PRIMARY) == len(benchmark.speeds)


def test_a_model_whose_files_changed_is_a_warning_and_not_timed(tmp_path: Path, make_module: MakeModule) -> None:
    broken = install(PRIMARY, tmp_path, str(make_module("A", "softmax")))
    weights = broken.folder / "model/model.pdiparams"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\0")
    found = measure_speeds((broken,), ("cpu",), (1,), seconds=0.05)
    assert "has changed since it was installed" in found.warnings[0] and not found.speeds


@pytest.mark.parametrize(("sizes", "seconds"), [((0,), 1.0), ((1,), 0.0)])
def test_settings_that_time_nothing_are_refused(model: InstalledModel, sizes: tuple[int, ...], seconds: float) -> None:
    with pytest.raises(ValueError, match="above 0"):
        measure_speeds((model,), ("cpu",), sizes, seconds)


def test_an_unknown_device_is_refused_before_anything_is_timed(model: InstalledModel) -> None:
    with pytest.raises(ValueError, match="device 'tpu'"):
        measure_speeds((model,), ("cpu", "tpu"), (1,))
