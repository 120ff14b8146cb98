"""Which device `auto` comes to, and the reason for people."""

from pathlib import Path

import pytest

from scanner.zoo.engines import Device, devices, missing_build, parse_device
from scanner.zoo.engines.devices import explain_device


def have(monkeypatch: pytest.MonkeyPatch, card: Path, *distributions: str) -> None:
    monkeypatch.setattr(devices, "CARD", card)
    monkeypatch.setattr(devices, "is_installed", lambda name: name in distributions)


@pytest.mark.parametrize(
    ("distributions", "device", "why"),
    [
        (("paddlepaddle-gpu", "onnxruntime-gpu"), Device(0), "gpu:0 by paddlepaddle-gpu"),
        (("paddlepaddle", "onnxruntime-gpu"), Device(0), "gpu:0 by onnxruntime-gpu, as the paddlepaddle here"),
        (("paddlepaddle", "onnxruntime"), Device(), "cpu, as neither paddlepaddle nor onnxruntime is built"),
    ],
)
def test_a_card_is_taken_by_the_engine_that_is_built_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, distributions: tuple[str, ...], device: Device, why: str
) -> None:
    card = tmp_path / "nvidia0"
    card.touch()
    have(monkeypatch, card, *distributions)
    assert parse_device("auto") == device and explain_device("auto").startswith(why)


def test_without_a_card_it_is_the_processor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    have(monkeypatch, tmp_path / "absent", "paddlepaddle-gpu")
    assert parse_device("auto") == Device() and explain_device("auto") == "cpu, as no driver shows an NVIDIA card"
    assert explain_device("cpu") == "cpu, as was asked for"


def test_a_card_that_no_engine_is_built_for_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    have(monkeypatch, tmp_path / "absent", "paddlepaddle", "onnxruntime")
    assert missing_build(Device()) is None
    assert "gpu:1 was asked for, but neither paddlepaddle nor onnxruntime is built" in explain_device("gpu:1")
    have(monkeypatch, tmp_path / "absent", "paddlepaddle", "onnxruntime-gpu")
    assert missing_build(Device(1)) is None
