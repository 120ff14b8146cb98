"""The probe finds what a network gives, and how much of Paddle's optimisation it stands."""

import logging
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pebble import ProcessExpired

from scanner.predicting import PredictPool
from scanner.zoo import probe
from scanner.zoo.cards import Tuning
from scanner.zoo.catalogue import CATALOGUE, PRIMARY
from scanner.zoo.engines.paddle import EngineError
from scanner.zoo.formats.layouts import Layout
from scanner.zoo.predictor import ModelError
from scanner.zoo.probe import Probe, probe_network, probe_pictures
from scanner.zoo.weights import install
from tests.scanner.conftest import MakeModule

Rows = NDArray[np.float32]
Act = Callable[[Tuning, Rows], Rows]


class Inline:
    """Stands in for a process: does the work here and now."""

    def __init__(self, _: int) -> None: ...

    def __enter__(self) -> "Inline":
        return self

    def __exit__(self, *_: object) -> None: ...

    def run(self, work: Callable[..., Any], *arguments: Any, timeout_s: float) -> "Future[Any]":  # noqa: ARG002
        future: Future[Any] = Future()
        try:
            future.set_result(work(*arguments))
        except Exception as error:
            future.set_exception(error)
        return future


def logits(pictures: Rows, classes: int = 10) -> Rows:
    return np.outer(pictures.mean(axis=(1, 2, 3)), np.arange(classes)).astype(np.float32)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[[Act], Probe]:
    """run(act): probe a network that answers act(tuning, pictures), and notes under which tunings it was loaded."""

    def start(act: Act) -> Probe:
        class Engine:
            def __init__(self, *_: object, tuning: Tuning) -> None:
                self.tuning = tuning

            def run(self, pictures: Rows) -> list[Rows]:
                return [act(self.tuning, pictures)]

        monkeypatch.setattr(probe, "Processes", Inline)
        monkeypatch.setattr(probe, "PaddleEngine", Engine)
        layout = Layout("A", Path("m.pdmodel"), Path("m.pdiparams"))
        return probe_network(Path("m"), layout, Path("l"), CATALOGUE[PRIMARY])

    return start


def test_a_network_that_is_well_gets_all_optimisation(
    run: Callable[[Act], Probe], caplog: pytest.LogCaptureFixture
) -> None:
    assert run(lambda _, pictures: logits(pictures)) == Probe(0, "logits", "full")
    assert caplog.records == []


def test_a_network_that_fails_with_onednn_runs_without_and_says_so(
    run: Callable[[Act], Probe], caplog: pytest.LogCaptureFixture
) -> None:
    def act(tuning: Tuning, pictures: Rows) -> Rows:
        if tuning == "full":
            raise EngineError("the network can't be run by Paddle: not support ArrayAttribute")
        return logits(pictures)

    assert run(act).tuning == "without oneDNN"
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert f"{PRIMARY} runs without oneDNN" in record.message and "not support ArrayAttribute" in record.message


@pytest.mark.parametrize("spoil", [np.nan, np.inf, 2.0])
def test_wrong_numbers_are_a_failure_too(run: Callable[[Act], Probe], spoil: float) -> None:
    def act(tuning: Tuning, pictures: Rows) -> Rows:
        return logits(pictures) if tuning == "without optimisation" else np.full_like(logits(pictures), spoil)

    assert run(act).tuning == "without optimisation"


def test_a_picture_alone_must_score_as_among_others(run: Callable[[Act], Probe]) -> None:
    def act(tuning: Tuning, pictures: Rows) -> Rows:
        return logits(pictures) + (len(pictures) if tuning == "full" else 0)

    assert run(act).tuning == "without oneDNN"


def test_a_network_in_which_rounding_decides_is_told_and_not_compared(
    run: Callable[[Act], Probe], caplog: pytest.LogCaptureFixture
) -> None:
    def act(_: Tuning, pictures: Rows) -> Rows:
        return logits(pictures) + np.sin(pictures.sum(axis=(1, 2, 3)) * 1e9)[:, None]

    assert run(act) == Probe(0, "logits", "full", steady=False)
    assert f"{PRIMARY} gives other numbers for all but equal pictures" in caplog.text


def test_a_fault_that_goes_by_the_place_in_a_batch_is_no_want_of_training(
    run: Callable[[Act], Probe], caplog: pytest.LogCaptureFixture
) -> None:
    def act(tuning: Tuning, pictures: Rows) -> Rows:
        places = np.arange(len(pictures))[:, None] if tuning == "full" else 0
        return (logits(pictures) + places).astype(np.float32)

    assert run(act) == Probe(0, "logits", "without oneDNN")
    assert "was it ever trained" not in caplog.text


def test_a_plain_run_that_fails_speaks_against_no_optimisation(
    run: Callable[[Act], Probe], caplog: pytest.LogCaptureFixture
) -> None:
    def act(tuning: Tuning, pictures: Rows) -> Rows:
        if tuning == "without optimisation":
            raise ProcessExpired("crashed", -11)
        return logits(pictures)

    assert run(act) == Probe(0, "logits", "full")
    assert f"{PRIMARY} was compared with no plain run" in caplog.text


def test_a_real_fault_of_onednn_is_got_round(
    tmp_path: Path, make_module: MakeModule, caplog: pytest.LogCaptureFixture
) -> None:
    """PaddlePaddle 3.3.1 can't enlarge with oneDNN in a .json program; a release that can will need another example."""
    model = install(PRIMARY, tmp_path, str(make_module("E", "enlarged")))
    assert model.card.tuning == "without oneDNN"
    assert "ConvertPirAttribute2RuntimeAttribute not support" in caplog.text
    with PredictPool((model,), "cpu") as pool:
        (scores,) = pool.submit(PRIMARY, probe_pictures(224)[-1:]).result()
    assert sum(scores.by_concept.values()) == pytest.approx(1)


def test_a_network_that_never_runs_is_refused_with_its_first_reason(run: Callable[[Act], Probe]) -> None:
    def act(tuning: Tuning, _: Rows) -> Rows:
        raise EngineError(f"the network can't be run by Paddle: broken, {tuning}")

    with pytest.raises(ModelError, match="broken, full"):
        run(act)


def test_the_wrong_width_is_no_matter_of_optimisation(run: Callable[[Act], Probe]) -> None:
    tried: list[Tuning] = []

    def act(tuning: Tuning, pictures: Rows) -> Rows:
        tried.append(tuning)
        return logits(pictures, classes=7)

    with pytest.raises(ModelError, match="l has 10 labels, but the network's outputs are 7 wide"):
        run(act)
    assert tried == ["full"]
