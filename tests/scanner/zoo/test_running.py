"""Which engine and precision a model runs in: what is there, what is wished, and what passed a check."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from scanner.zoo import running
from scanner.zoo.cards import FileRecord
from scanner.zoo.engines import Device
from scanner.zoo.precisions import FEWEST_PICTURES, LEAST_KEPT, MOST_MOVED, PrecisionCheck
from scanner.zoo.registry import InstalledModel
from scanner.zoo.running import settle, variant_of
from scanner.zoo.wishes import Wishes, wishes_of
from tests.webapp.services.zoo import place_model

ONNX = {name: FileRecord(f"onnx/{name}.onnx", name * 16, 5) for name in ("fp32", "fp16", "int8")}
PASSED: dict[str, Any] = {"kept": 0.995, "moved_p99": 0.02, "moved_most": 0.1}
FAILED: dict[str, Any] = {"kept": 0.98, "moved_p99": 0.02, "moved_most": 0.1}


def check_of(engine: str, precision: str, speed: float, on: str = "cpu", **changed: Any) -> PrecisionCheck:
    network = ONNX[precision].sha256 if engine == "onnx" else ""
    values: dict[str, Any] = {
        "engine": engine,
        "precision": precision,
        "on": on,
        "pictures": 1000,
        "speed": speed,
        "checked_at": "2026-11-26T12:00:00+00:00",
        "machine": "a test",
        "network": network,
        **PASSED,
        **changed,
    }
    return PrecisionCheck(**values)


class Machine:
    """What is installed and what the processor can do, as a test has it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.there, self.built = {"paddle", "onnx"}, set[str]()
        self.flags = frozenset({"avx512_bf16", "avx512_vnni"})
        monkeypatch.setattr(running, "is_there", lambda engine: engine in self.there)
        monkeypatch.setattr(running, "is_built", lambda engine: engine in self.built)
        monkeypatch.setattr("scanner.zoo.precisions.processor_flags", lambda: self.flags)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(monkeypatch)


def run(model: InstalledModel, device: Device | None = None, **wishes: Any) -> tuple[str, str, str | None]:
    settled = settle(model, device or Device(), Wishes(**wishes))
    return settled.model.engine, settled.model.precision, settled.warning


@pytest.mark.usefixtures("machine")
def test_nothing_was_checked_so_that_it_is_paddle_in_fp32(tmp_path: Path) -> None:
    assert run(place_model(tmp_path, onnx=ONNX)) == ("paddle", "fp32", None)


def test_the_fastest_that_passed_is_taken(tmp_path: Path, machine: Machine) -> None:
    checks = [check_of("paddle", "bf16", 1.9), check_of("onnx", "int8", 3.6)]
    model = place_model(tmp_path, onnx=ONNX, checks=checks)
    assert run(model) == ("onnx", "int8", None)
    machine.flags = frozenset({"avx512_bf16"})
    assert run(model) == ("paddle", "bf16", None)
    assert run(model, engine="onnx") == ("onnx", "fp32", None)


@pytest.mark.usefixtures("machine")
@pytest.mark.parametrize(
    "changed",
    [FAILED, {"moved_p99": 0.06}, {"pictures": FEWEST_PICTURES - 1}, {"network": "of another file"}, {"speed": 1.05}],
    ids=["labels turned", "scores moved", "too few pictures", "another file", "no faster"],
)
def test_what_did_not_pass_or_gains_nothing_is_not_taken(tmp_path: Path, changed: dict[str, Any]) -> None:
    check = check_of("onnx", "int8", **{"speed": 3.6, **changed})
    assert run(place_model(tmp_path, onnx=ONNX, checks=[check])) == ("paddle", "fp32", None)


def test_the_bounds_themselves_pass() -> None:
    bounds = {"kept": LEAST_KEPT, "moved_p99": MOST_MOVED, "pictures": FEWEST_PICTURES}
    assert check_of("paddle", "bf16", 1.9, **bounds).has_passed
    assert "passed on 200 pictures: top label kept on 99.00%" in check_of("paddle", "bf16", 1.9, **bounds).words


@pytest.mark.usefixtures("machine")
@pytest.mark.parametrize(
    ("checks", "said"), [([], "never checked"), ([check_of("onnx", "int8", 3, **FAILED)], "not pass")]
)
def test_a_forced_precision_is_used_and_warned_of(tmp_path: Path, checks: list[PrecisionCheck], said: str) -> None:
    engine, precision, warning = run(place_model(tmp_path, onnx=ONNX, checks=checks), precision="int8")
    assert (engine, precision) == ("onnx", "int8")
    assert said in (warning or "") and "tuskline models precision" in (warning or "")


@pytest.mark.usefixtures("machine")
def test_a_forced_precision_that_passed_needs_no_warning(tmp_path: Path) -> None:
    model = place_model(tmp_path, checks=[check_of("paddle", "bf16", 0.9)])
    assert run(model, precision="bf16") == ("paddle", "bf16", None)


def test_a_precision_that_the_machine_can_not_run_is_fp32_and_says_why(tmp_path: Path, machine: Machine) -> None:
    machine.flags = frozenset()
    engine, precision, warning = run(place_model(tmp_path), precision="bf16")
    assert (engine, precision) == ("paddle", "fp32") and "no amx_bf16 or avx512_bf16" in (warning or "")
    assert "fp16 is for cards" in (run(place_model(tmp_path), precision="fp16")[2] or "")


@pytest.mark.usefixtures("machine")
def test_a_model_that_runs_without_onednn_has_no_bf16(tmp_path: Path) -> None:
    assert run(place_model(tmp_path, tuning="without oneDNN"), precision="bf16")[:2] == ("paddle", "fp32")


@pytest.mark.usefixtures("machine")
def test_onnx_without_a_file_is_paddle_with_what_to_do(tmp_path: Path) -> None:
    engine, precision, warning = run(place_model(tmp_path), engine="onnx")
    assert (engine, precision) == ("paddle", "fp32") and "tuskline models convert" in (warning or "")


@pytest.mark.usefixtures("machine")
def test_what_the_asked_engine_lacks_is_said_beside_what_the_precision_lacks(tmp_path: Path) -> None:
    engine, precision, warning = run(place_model(tmp_path), engine="onnx", precision="int8")
    assert (engine, precision) == ("paddle", "fp32")
    assert "tuskline models convert" in (warning or "") and "runs in fp32 though int8 was asked for" in (warning or "")
    _, _, warning = run(place_model(tmp_path, onnx=ONNX), engine="paddle", precision="int8")
    assert "not the engine that was asked for" in (warning or "")


@pytest.mark.usefixtures("machine")
def test_a_case_file_is_scored_again_by_the_engine_that_is_here(tmp_path: Path) -> None:
    model = place_model(tmp_path, onnx=ONNX)
    here = dataclasses.replace(model, engine="onnx", precision="int8")
    again = variant_of(here, model.digest)
    assert again is not None and (again.engine, again.precision) == ("onnx", "fp32")


def test_without_paddle_it_is_onnx(tmp_path: Path, machine: Machine) -> None:
    machine.there = {"onnx"}
    assert run(place_model(tmp_path, onnx=ONNX)) == ("onnx", "fp32", None)


def test_a_card_takes_the_engine_that_is_built_for_it_and_fp16_only_where_it_passed(
    tmp_path: Path, machine: Machine
) -> None:
    machine.built = {"onnx"}
    assert run(place_model(tmp_path, onnx=ONNX), Device(0)) == ("onnx", "fp32", None)
    passed = place_model(tmp_path, onnx=ONNX, checks=[check_of("onnx", "fp16", 3.0, on="gpu")])
    assert run(passed, Device(0)) == ("onnx", "fp16", None)
    assert run(passed, Device(0, "fp32")) == ("onnx", "fp32", None)
    machine.built = {"paddle", "onnx"}
    assert run(place_model(tmp_path, onnx=ONNX), Device(0)) == ("paddle", "fp32", None)


def test_a_check_on_a_processor_says_nothing_of_a_card(tmp_path: Path, machine: Machine) -> None:
    machine.built = {"paddle", "onnx"}
    checks = [check_of("onnx", "int8", 3.0), check_of("paddle", "bf16", 2.0)]
    assert run(place_model(tmp_path, onnx=ONNX, checks=checks), Device(0)) == ("paddle", "fp32", None)


def test_a_model_without_onnx_on_a_card_for_onnx_alone_runs_on_the_processor(tmp_path: Path, machine: Machine) -> None:
    machine.built = {"onnx"}
    engine, precision, warning = run(place_model(tmp_path), Device(0))
    assert (engine, precision) == ("paddle", "fp32")
    assert "runs on the CPU" in (warning or "") and "tuskline models convert" in (warning or "")


def test_scores_of_different_runs_are_never_mixed_up(tmp_path: Path) -> None:
    model = place_model(tmp_path, onnx=ONNX)
    ways = [("paddle", "bf16"), ("paddle", "fp16"), ("onnx", "fp16"), ("onnx", "int8")]
    varied = [dataclasses.replace(model, engine=engine, precision=precision) for engine, precision in ways]  # type: ignore[arg-type]
    varied.append(dataclasses.replace(model, decoding="fast"))
    other_file = {**ONNX, "int8": FileRecord("onnx/int8.onnx", "another", 5)}
    varied.append(dataclasses.replace(place_model(tmp_path, onnx=other_file), engine="onnx", precision="int8"))
    assert len({model.digest, *(one.digest for one in varied)}) == 7
    assert all(variant_of(model, one.digest) == one for one in varied[:5])
    assert variant_of(model, varied[5].digest) is None


def test_both_engines_in_fp32_have_the_digest_of_always(tmp_path: Path) -> None:
    plain = place_model(tmp_path).digest
    model = place_model(tmp_path, onnx=ONNX, checks=[check_of("paddle", "bf16", 1.9)])
    assert model.digest == plain == dataclasses.replace(model, engine="onnx").digest


def test_wishes_are_read_from_the_environment() -> None:
    assert wishes_of({}) == Wishes("auto", "auto")
    assert wishes_of({"TUSKLINE_ENGINE": "onnx", "TUSKLINE_PRECISION": "bf16"}) == Wishes("onnx", "bf16")
    with pytest.raises(ValueError, match="TUSKLINE_PRECISION is 'fp8': give auto, fp32, bf16, fp16 or int8"):
        wishes_of({"TUSKLINE_PRECISION": "fp8"})
