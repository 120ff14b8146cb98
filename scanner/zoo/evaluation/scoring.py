"""From a folder a label to figures: decode, score, and leave out what can't count."""

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from scanner.decoding import DecodePool, outcome
from scanner.predicting import PredictPool, count_workers, failure_of
from scanner.records import Scores
from scanner.zoo.evaluation.expected import BASE_RATE
from scanner.zoo.evaluation.figures import Evaluation, EvaluationError, LeftOut, Subject, evaluate
from scanner.zoo.evaluation.folders import LabelledFolder, LabelledPicture, LabelNames, read_folder
from scanner.zoo.evaluation.judged import Judged
from scanner.zoo.registry import InstalledModel

Progress = Callable[[int, int], None]  # pictures done, pictures in all


@dataclass(frozen=True, slots=True)
class ScoredPicture:
    """Either scores and pixel_hash, or failure: one sentence."""

    picture: LabelledPicture
    pixel_hash: str | None
    scores: Mapping[str, float] | None
    failure: str | None = None


def evaluate_folder(
    model: InstalledModel,
    folder: Path,
    device: str = "auto",
    base_rate: float = BASE_RATE,
    thresholds: Mapping[str, float] | None = None,
    names: LabelNames | None = None,
    progress: Progress | None = None,
    warn: Callable[[str], None] | None = None,
) -> Evaluation:
    """Score FOLDER/LABEL/pictures with the model and measure it; progress is called after every batch.

    thresholds: by concept, those in use (pack_thresholds). warn: is given one sentence where another device is used.
    Raises FolderError, EvaluationError or ModelError, each with a sentence for people; ValueError for a device or a
    base rate that is none.
    """
    labelled = read_folder(folder, names)
    with (
        PredictPool((model,), device) as predictors,
        DecodePool(count_workers(), (model.spec.preprocessing,)) as decoders,
    ):
        used, warning = predictors.open(model.name)
        if warning and warn:
            warn(warning)
        scored = list(score_pictures(model, labelled.pictures, decoders, predictors, progress))
    judged, left_out = judge_pictures(scored, labelled)
    if not judged:
        raise EvaluationError(f"{folder}: no picture could be scored; {_first_failure(left_out)}")
    subject = Subject(model.name, model.title, model.digest, labelled.root.resolve().name, used)
    return evaluate(judged, subject, base_rate, thresholds, left_out)


def score_pictures(
    model: InstalledModel,
    pictures: Sequence[LabelledPicture],
    decoders: DecodePool,
    predictors: PredictPool,
    progress: Progress | None = None,
) -> Iterator[ScoredPicture]:
    """Every picture in order. The pools must know the model; two batches a predictor are under way, and no more."""
    window: deque[_Batch] = deque()
    done = 0
    for chunk in _chunks(pictures, predictors.batch_size):
        window.append(_Batch(model, chunk, decoders))
        if len(window) > 1:
            window[-2].send(predictors)  # its crops were being made while the one before was scored
        while len(window) > 2 * predictors.workers + 1:
            batch = window.popleft()
            done += len(batch.pictures)
            yield from batch.receive(predictors)
            _report(progress, done, len(pictures))
    for batch in window:
        batch.send(predictors)
    for batch in window:
        done += len(batch.pictures)
        yield from batch.receive(predictors)
        _report(progress, done, len(pictures))


class _Batch:
    """Pictures that are decoded, then scored, together."""

    def __init__(self, model: InstalledModel, pictures: Sequence[LabelledPicture], decoders: DecodePool) -> None:
        self._model = model
        self.pictures = pictures
        self._decoding = [decoders.submit(picture.path) for picture in pictures]
        self._scoring: Future[list[Scores]] | None = None

    def send(self, predictors: PredictPool) -> None:
        """Wait for the crops and hand them on; a second call does nothing."""
        if hasattr(self, "_decoded"):
            return
        self._decoded = [outcome(future) for future in self._decoding]
        how = self._model.spec.preprocessing
        crops = [decoded.crop(how) for decoded in self._decoded if decoded.failure is None]
        if crops:
            self._scoring = predictors.submit(self._model.name, np.stack(crops))

    def receive(self, predictors: PredictPool) -> Iterator[ScoredPicture]:
        self.send(predictors)
        error = self._scoring.exception() if self._scoring else None
        said = iter(self._scoring.result() if self._scoring and error is None else ())
        for picture, decoded in zip(self.pictures, self._decoded, strict=True):
            if decoded.failure is not None:
                yield ScoredPicture(picture, None, None, decoded.failure)
            elif error is not None:
                yield ScoredPicture(picture, None, None, failure_of(error))
            else:
                yield ScoredPicture(picture, decoded.pixel_hash, next(said).by_concept)


def _chunks(pictures: Iterable[LabelledPicture], size: int) -> Iterator[list[LabelledPicture]]:
    rest = iter(pictures)
    while chunk := list(islice(rest, size)):
        yield chunk


def _report(progress: Progress | None, done: int, total: int) -> None:
    if progress is not None:
        progress(done, total)


def judge_pictures(scored: Sequence[ScoredPicture], labelled: LabelledFolder) -> tuple[list[Judged], LeftOut]:
    """What counts, and what does not: broken pictures, repeated ones, and pixels that lie under two labels."""
    by_pixels: dict[str, list[LabelledPicture]] = defaultdict(list)
    for found in scored:
        if found.pixel_hash is not None:
            by_pixels[found.pixel_hash].append(found.picture)
    conflicts = {key: same for key, same in by_pixels.items() if len({picture.label for picture in same}) > 1}
    clear = [found for found in scored if found.scores is not None and found.pixel_hash not in conflicts]
    first = {found.pixel_hash: found for found in reversed(clear)}
    judged = [
        Judged(found.picture.label, found.scores or {}, found.picture.group)
        for found in clear
        if first[found.pixel_hash] is found
    ]

    def place(picture: LabelledPicture) -> str:
        return picture.path.relative_to(labelled.root).as_posix()

    return judged, LeftOut(
        broken=tuple((place(found.picture), found.failure) for found in scored if found.failure is not None),
        duplicates=len(clear) - len(judged),
        conflicts=tuple(tuple(map(place, same)) for same in conflicts.values()),
        ignored=labelled.ignored,
    )


def _first_failure(left_out: LeftOut) -> str:
    if left_out.broken:
        return f"the first, {left_out.broken[0][0]}: {left_out.broken[0][1]}"
    return "all lie under two labels"
