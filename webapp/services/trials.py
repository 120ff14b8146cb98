"""Trying a picture: what the models say of one that somebody brings, without keeping it."""

import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from rules.cascade import Cascade
from rules.model import Finding, Pack
from scanner.decoding import make_thumbnail
from scanner.images import PictureError
from scanner.pipeline import Scanner, evidence_of
from scanner.records import Photo, ScannedPhoto, Scores
from scanner.zoo.cascade import ModelChoice, choose_models
from scanner.zoo.engines import parse_device
from scanner.zoo.registry import find_installed
from webapp.services import reviewed
from webapp.services.jobs import JobError, Stopped, Task
from webapp.services.leases import LostLeaseError
from webapp.services.models import name_primary
from webapp.services.rules import current_pack
from webapp.settings import Settings
from webapp.storage import write_whole

UPLOAD_BYTES = 20 * 1024**2
SHOWN_EDGE_PX = 1200
KEPT_S = 3600


def keep(settings: Settings, body: bytes) -> str:
    """Put the picture where the worker finds it; the name under which it lies."""
    name = uuid4().hex
    write_whole(place_of(settings, name), body)
    return name


def place_of(settings: Settings, name: str) -> Path:
    """Where an upload lies. Raises ValueError for a name that `keep` did not give."""
    return settings.home / "tries" / UUID(hex=name).hex


def shown_of(settings: Settings, name: str) -> Path:
    """Where the small copy lies that the page shows."""
    return place_of(settings, name).with_suffix(".jpg")


def drop(settings: Settings, name: str) -> None:
    """Delete an upload that nobody is to look at."""
    place_of(settings, name).unlink(missing_ok=True)


def sweep(settings: Settings) -> None:
    """Delete what is older than an hour: uploads that no worker took, and copies that were shown."""
    before = time.time() - KEPT_S
    for path in (settings.home / "tries").glob("*"):
        if path.stat().st_mtime < before:
            path.unlink(missing_ok=True)


def work(task: Task) -> dict[str, Any]:
    """Score the picture with the job's model, or with all. Its bytes are deleted, however that ends.

    Raises JobError for a file that is no picture, and what choosing and scoring raise.
    """
    path = place_of(task.settings, task.job.options["upload"])
    if not path.is_file():
        raise JobError("The picture is no longer here: send it once more.")
    try:
        return look(task, path)
    except (Stopped, LostLeaseError):
        raise  # another worker begins again, and wants it
    except Exception:
        path.unlink(missing_ok=True)
        raise


def look(task: Task, path: Path) -> dict[str, Any]:
    pack = current_pack(task.session, task.settings.pack)
    task.session.commit()  # the models take seconds
    wanted = choose(task.settings.models_dir, pack.cascade, task.job.model)
    choice = wanted.run_on(parse_device(task.settings.device), task.settings.wishes)
    count = len(choice.models)
    task.report.tell_step("one model looks at it" if count == 1 else f"{count} models look at it")
    scanned, warnings = scan(path, choice, pack, task.settings)
    if scanned.failure is not None:
        raise JobError(f"The picture could not be scored: {scanned.failure}.")
    keep_small(path)
    absence = tell_absence(choice, name_primary(task.settings.models_dir, pack.cascade))
    return describe(scanned, choice, pack, [*absence, *warnings])


def choose(models_dir: Path, cascade: Cascade, name: str | None) -> ModelChoice:
    """The one named, else every installed model; each is asked in any case."""
    if name is None:
        return choose_models(models_dir, cascade, ("all",))
    model = find_installed(models_dir, name)
    if model is None:
        raise JobError(f"{name} is not installed: install it first.")
    return ModelChoice((model,), primary_absent=False, notice=None, cascade=cascade, everyone=True)


def scan(path: Path, choice: ModelChoice, pack: Pack, settings: Settings) -> tuple[ScannedPhoto, list[str]]:
    with Scanner(choice, pack, settings.device, settings.model_memory_mb) as scanner:
        return next(iter(scanner.scan([Photo("the picture", path)]))), list(scanner.warnings)


def tell_absence(choice: ModelChoice, primary: str) -> list[str]:
    """The sentence that is due where the primary did not look, which would have counted most."""
    return [f"The primary model {primary} is not installed: it did not look."] if choice.primary_absent else []


def keep_small(path: Path) -> None:
    """Leave a small copy of the pixels in the upload's place."""
    try:
        write_whole(path.with_suffix(".jpg"), make_thumbnail(path, SHOWN_EDGE_PX))
    except PictureError as error:
        raise JobError(f"The picture could not be shown: {error}.") from None
    finally:
        path.unlink(missing_ok=True)


def describe(scanned: ScannedPhoto, choice: ModelChoice, pack: Pack, notices: list[str]) -> dict[str, Any]:
    """The job's result: what each model said, what it comes to, and which rules would flag; JSON values."""
    evidence = evidence_of(pack.cascade, None, scanned.scores)
    return {
        "width_px": scanned.width_px,
        "height_px": scanned.height_px,
        "primary_absent": choice.primary_absent,
        "notices": notices,
        "models": list(describe_models(scanned.scores, choice)),
        "joined": {concept: float(score) for concept, score in evidence.scores.items()},
        "marks": reviewed.marks_of(pack),
        "findings": [describe_finding(finding) for finding in scanned.findings],
    }


def describe_models(said: tuple[Scores, ...], choice: ModelChoice) -> Iterator[dict[str, Any]]:
    titles = {model.name: model.title for model in choice.models}
    for scores in said:
        yield {**asdict(scores), "title": titles[scores.model], "sees": sorted(set(scores.by_concept) - {"other"})}


def describe_finding(finding: Finding) -> dict[str, Any]:
    names = ("rule", "title", "concept", "threshold", "score", "why")
    reasons = finding.result.to_json()
    return {name: getattr(finding, name) for name in names} | {"severity": finding.severity.value, "reasons": reasons}
