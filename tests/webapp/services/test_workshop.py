from typing import Any

import pytest
from sqlalchemy.orm import Session

from scanner.zoo.bench import Benchmark, Speed
from scanner.zoo.catalogue import DEFAULT
from scanner.zoo.weights import InstallError
from tests.webapp.services.zoo import place_model
from webapp.models import Job, JobKind, JobState
from webapp.services import jobs, workshop
from webapp.settings import Settings


def work(session: Session, settings: Settings, kind: JobKind, model: str = DEFAULT) -> Job:
    job, _ = jobs.ensure(session, kind, "ann", model)
    session.commit()
    jobs.run(session, job.id, settings, "worker", workshop.WORKS, failures=workshop.FAILURES)
    return jobs.find(session, job.id)


def test_a_whole_model_is_found_whole(session: Session, settings: Settings) -> None:
    model = place_model(settings.models_dir)
    assert work(session, settings, JobKind.VERIFY).result == {"faults": [], "digest": model.digest}


def test_a_changed_file_is_named(session: Session, settings: Settings) -> None:
    model = place_model(settings.models_dir)
    (model.folder / "label_list.txt").write_text("other labels\n")
    job = work(session, settings, JobKind.VERIFY)
    assert job.state is JobState.DONE
    assert job.result["faults"] == ["label_list.txt has changed since it was installed"]


def test_a_removed_model_is_gone(session: Session, settings: Settings) -> None:
    model = place_model(settings.models_dir)
    assert work(session, settings, JobKind.REMOVE).result == {"was_installed": True}
    assert not model.folder.exists()
    assert work(session, settings, JobKind.REMOVE).result == {"was_installed": False}


def test_an_absent_model_can_not_be_checked(session: Session, settings: Settings) -> None:
    job = work(session, settings, JobKind.VERIFY)
    assert (job.state, job.note) == (JobState.FAILED, f"{DEFAULT} is not installed.")


def test_an_install_tells_its_steps_and_bytes(
    session: Session, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[tuple[str | None, int, int | None]] = []

    def install(name: str, models_dir: Any, echo: Any, progress: Any) -> Any:
        echo("downloading")
        progress(70, 70)
        with Session(session.get_bind()) as other:
            job = other.query(Job).one()
            said.append((job.note, job.bytes_done, job.bytes_total))
        return place_model(models_dir, name)

    monkeypatch.setattr(workshop, "install_weights", install)
    job = work(session, settings, JobKind.INSTALL)
    assert said == [("downloading", 70, 70)]
    assert job.state is JobState.DONE and job.note is None
    assert job.result["source"] == "a test" and job.result["size_bytes"] > 0


def test_an_install_that_fails_is_its_sentence(
    session: Session, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise InstallError("it was not installed: no source has it")

    monkeypatch.setattr(workshop, "install_weights", refuse)
    job = work(session, settings, JobKind.INSTALL)
    assert (job.state, job.note) == (JobState.FAILED, "it was not installed: no source has it")


def test_a_speed_is_kept_with_the_version_that_it_was_measured_of(
    session: Session, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = place_model(settings.models_dir)
    slow, fast = (
        Speed(DEFAULT, "cpu", "paddle", "fp32", size, 2, 100, pictures, 0.9 * pictures, 1.1 * pictures, 1.0)
        for size, pictures in ((1, 30.0), (16, 41.26))
    )
    monkeypatch.setattr(workshop, "measure_speeds", lambda *_, **__: Benchmark((slow, fast), (), {"cores": 2}))
    result = work(session, settings, JobKind.MEASURE).result
    assert (result["digest"], result["pictures_a_second"]) == (model.digest, 41.3)
    assert [speed["batch_size"] for speed in result["speeds"]] == [1, 16] and result["machine"] == {"cores": 2}


def test_a_model_that_can_not_be_timed_says_why(
    session: Session, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    place_model(settings.models_dir)
    monkeypatch.setattr(workshop, "measure_speeds", lambda *_, **__: Benchmark((), ("gpu:0 is not to be had.",), {}))
    assert work(session, settings, JobKind.MEASURE).note == "gpu:0 is not to be had."
