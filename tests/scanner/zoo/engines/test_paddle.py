"""How Paddle Inference is set up for each layout and device. No card is needed: the calls are what is tested."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

import numpy as np
import pytest

from scanner.predicting import resident_bytes
from scanner.processes import Processes
from scanner.zoo.cards import Tuning
from scanner.zoo.engines import Device, parse_device
from scanner.zoo.engines.paddle import GPU_POOL_MB, PaddleEngine, make_config, usable_device
from scanner.zoo.formats.layouts import Layout, find_layout
from scanner.zoo.precisions import Precision
from tests.scanner.conftest import MakeModule

LAYOUTS = {
    "A": Layout("A", Path("model/m.pdmodel"), Path("model/m.pdiparams")),
    "B": Layout("B", Path("model/__model__"), None),
    "E": Layout("E", Path("model/m.json"), Path("model/m.pdiparams")),
}


class Recorder:
    """Stands in for paddle.inference.Config and notes every call."""

    def __init__(self, *arguments: str) -> None:
        self.calls: dict[str, Any] = {"Config": arguments}

    def __getattr__(self, name: str) -> Any:
        return lambda *arguments, **named: self.calls.update({name: (arguments, named)})


def calls(
    layout: str, device: Device, threads: int = 1, tuning: Tuning = "full", precision: Precision = "fp32"
) -> dict[str, Any]:
    inference = SimpleNamespace(Config=Recorder, PrecisionType=SimpleNamespace(Half="half", Float32="full"))
    return dict(make_config(inference, Path("/m"), LAYOUTS[layout], device, threads, tuning, precision).calls)


def test_the_cpu_gets_its_threads_and_no_gpu() -> None:
    made = calls("A", Device(), threads=2)
    assert made["Config"] == ("/m/model/m.pdmodel", "/m/model/m.pdiparams")
    assert made["set_cpu_math_library_num_threads"] == ((2,), {})
    assert "disable_gpu" in made and "enable_use_gpu" not in made


def test_less_tuning_turns_optimisation_off_step_by_step() -> None:
    full, some, none = (calls("A", Device(), tuning=tuning) for tuning in get_args(Tuning))
    assert "disable_onednn" not in full and "disable_onednn" in some and "disable_onednn" in none
    assert "switch_ir_optim" not in some and none["switch_ir_optim"] == ((False,), {})
    assert "enable_memory_optim" in some and "enable_memory_optim" not in none


@pytest.mark.parametrize("layout", ["A", "B", "E"])
def test_a_network_gives_the_same_however_it_is_tuned(make_module: MakeModule, layout: str) -> None:
    module = make_module(layout, "softmax")
    pictures = np.random.default_rng(0).standard_normal((3, 3, 224, 224)).astype(np.float32)
    engines = [PaddleEngine(module, find_layout(module), Device(), tuning=tuning) for tuning in get_args(Tuning)]
    full, some, none = (engine.run(pictures)[0] for engine in engines)
    np.testing.assert_allclose(some, full, atol=1e-5)
    np.testing.assert_allclose(none, full, atol=1e-5)


def test_a_card_gets_its_pool_its_number_and_half_precision_where_the_model_says_so() -> None:
    made = calls("A", Device(1), precision="fp16")
    assert made["enable_use_gpu"] == ((GPU_POOL_MB, 1, "half"), {})
    assert "disable_gpu" not in made and "enable_tensorrt_engine" not in made


def test_full_precision_and_tensorrt_are_choices() -> None:
    made = calls("A", Device(0, tensorrt=True))
    assert made["enable_use_gpu"] == ((GPU_POOL_MB, 0, "full"), {})
    assert made["enable_tensorrt_engine"][1]["precision_mode"] == "full"


@pytest.mark.full
def test_batches_of_many_sizes_leave_no_buffers_behind(make_module: MakeModule) -> None:
    """In a process of its own, whose memory nothing else has grown."""
    module = make_module("A", "logits")
    with Processes(1) as process:
        first, last = process.run(run_many_sizes, module, timeout_s=120).result()
    assert last - first < 40 * 1024**2


def run_many_sizes(module: Path) -> tuple[int, int]:
    """Memory after one batch of 32 pictures, and after many of other sizes and that one again, in bytes."""
    engine = PaddleEngine(module, find_layout(module), Device())
    batch = np.zeros((32, 3, 224, 224), np.float32)
    engine.run(batch)
    first = resident_bytes()
    for size in (1, 2, 4, 8, 16, 32) * 5:
        engine.run(batch[:size])
    return first, resident_bytes()


def test_one_plan_of_onednn_is_kept() -> None:
    assert calls("A", Device())["set_mkldnn_cache_capacity"] == ((1,), {})
    assert "set_mkldnn_cache_capacity" not in calls("A", Device(), tuning="without oneDNN")


def test_bf16_is_asked_of_onednn_and_never_int8_which_is_silently_wrong() -> None:
    assert "enable_mkldnn_bfloat16" in calls("A", Device(), precision="bf16")
    assert "enable_mkldnn_bfloat16" not in calls("A", Device()) and "enable_mkldnn_int8" not in calls("A", Device())


def test_separate_parameters_are_loaded_by_their_folder() -> None:
    assert calls("B", Device())["Config"] == ("/m/model",)


def test_memory_optimisation_is_left_out_for_json_programs_where_it_raises() -> None:
    assert "enable_memory_optim" in calls("A", Device()) and "enable_memory_optim" not in calls("E", Device())
    assert "enable_new_ir" in calls("E", Device()) and "enable_new_ir" not in calls("B", Device())


def test_the_cpu_is_used_as_it_is() -> None:
    assert usable_device(Device()) == (Device(), None)


@pytest.mark.parametrize(("text", "gpu"), [("cpu", None), ("gpu:0", 0), ("gpu:3", 3)])
def test_a_device_is_read(text: str, gpu: int | None) -> None:
    assert parse_device(text).gpu == gpu


def test_precision_and_tensorrt_follow_the_cards_number() -> None:
    assert parse_device("gpu:1,tensorrt") == Device(1, tensorrt=True)
    assert parse_device("gpu:0,fp32") == Device(0, "fp32")
    assert parse_device("gpu:0,fp16,tensorrt") == Device(0, "fp16", tensorrt=True)


@pytest.mark.parametrize(
    "text", ["", "gpu", "gpu:", "gpu:x", "tpu:0", "GPU:-1", "gpu:0,fp8", "gpu:0,fp16,fp32,tensorrt", "cpu,fp32"]
)
def test_another_word_for_a_device_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="give cpu, gpu:N"):
        parse_device(text)
