"""What jobs do, by their kind."""

from typing import Any

from rules.load import PackError
from scanner.zoo.bench import measure_speeds
from scanner.zoo.cards import CardError
from scanner.zoo.cascade import NoModelError
from scanner.zoo.catalogue import UnknownModelError
from scanner.zoo.engines import parse_device
from scanner.zoo.predictor import ModelError
from scanner.zoo.registry import InstalledModel, find_installed
from scanner.zoo.running import settle
from scanner.zoo.weights import InstallError
from scanner.zoo.weights import install as install_weights
from scanner.zoo.weights import remove as remove_weights
from webapp.exporters.typesetting.printing import PrintError
from webapp.models import JobKind
from webapp.services import case_files, lessons, report_jobs, trials
from webapp.services.errors import NotFound, Refused
from webapp.services.jobs import JobError, Task, Work
from webapp.services.reports import ReportError
from webapp.storage import StoreError

BATCH_SIZES = (1, 16)
# The exceptions whose message is a sentence for people.
FAILURES = (
    CardError,
    InstallError,
    ModelError,
    NoModelError,
    NotFound,
    PackError,
    PrintError,
    Refused,
    ReportError,
    StoreError,
    UnknownModelError,
)


def install(task: Task) -> dict[str, Any]:
    model = install_weights(
        task.model, task.settings.models_dir, echo=task.report.tell_step, progress=task.report.tell_bytes
    )
    return {"digest": model.digest, "source": model.source, "size_bytes": model.card.size_bytes}


def remove(task: Task) -> dict[str, Any]:
    return {"was_installed": remove_weights(task.model, task.settings.models_dir)}


def verify(task: Task) -> dict[str, Any]:
    """The faults of the model's files, one sentence each; none where it is whole."""
    model = find(task)
    task.report.tell_step(f"reading {len(model.card.files)} files")
    return {"faults": model.changed_files(), "digest": model.digest}


def measure(task: Task) -> dict[str, Any]:
    """Pictures a second, one at a time and in batches as a scan makes them, on the device that scans use."""
    model = find(task)
    task.report.tell_step("running it over and over, about half a minute")
    found = measure_speeds(
        [model],
        (task.settings.device,),
        BATCH_SIZES,
        progress=lambda _: task.report.check(),
        wishes=task.settings.wishes,
    )
    if not found.speeds:
        raise JobError(" ".join(found.warnings) or f"{model.name} gave no speed.")
    best = max(speed.pictures_per_second for speed in found.speeds)
    run = settle(model, parse_device(task.settings.device), task.settings.wishes).model
    return {"digest": run.digest, "pictures_a_second": round(best, 1), **found.to_json()}


def find(task: Task) -> InstalledModel:
    model = find_installed(task.settings.models_dir, task.model)
    if model is None:
        raise JobError(f"{task.model} is not installed.")
    return model


WORKS: dict[JobKind, Work] = {
    JobKind.INSTALL: install,
    JobKind.REMOVE: remove,
    JobKind.VERIFY: verify,
    JobKind.MEASURE: measure,
    JobKind.TRY: trials.work,
    JobKind.TRAIN: lessons.work,
    JobKind.REPORT: report_jobs.build,
    JobKind.WRITE: report_jobs.write,
    JobKind.CASE: case_files.work,
}
