"""One model: pictures in, probabilities out, the softmax applied once."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scanner.records import Scores
from scanner.zoo.cards import OutputKind
from scanner.zoo.concepts import name_scores
from scanner.zoo.engines import Device, Engine, EngineError, open_engine
from scanner.zoo.preprocessing import normalise
from scanner.zoo.registry import InstalledModel

# Rows of float32 softmax over 8,416 classes sum to 1 within 1e-5; logits miss by orders of magnitude.
SUM_TOLERANCE = 1e-3


class ModelError(Exception):
    """A model that can't be used; the message says why and what to do."""


class Predictor:
    """Runs one installed model on an engine; not re-entrant."""

    def __init__(self, model: InstalledModel, engine: Engine) -> None:
        self._model = model
        self._engine = engine
        self._labels = model.labels()

    def predict(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Probabilities, float32 (n, classes), of `crops`, uint8 (n, side, side, 3).

        Raises ModelError when the output is not finite, or not of the kind that the card records: then the weights or
        the engine are not those that were installed, and no score of theirs may stand.
        """
        card = self._model.card
        batch = pad_batch(crops)
        given = batch if self._engine.takes_pixels else normalise(batch, self._model.spec.preprocessing)
        outputs = self._engine.run(given)
        rows: NDArray[np.float32] = outputs[card.output_index][: len(crops)]
        if not np.isfinite(rows).all():
            raise ModelError(f"{self._model.name} gave numbers that are not finite")
        if card.output_kind == "logits":
            return softmax(rows)
        if output_kind(rows) != "probabilities":
            raise ModelError(
                f"{self._model.name} gave rows that are no probabilities; "
                f"run `tuskline models verify {self._model.name}`"
            )
        return rows

    def score(self, crops: NDArray[np.uint8]) -> list[Scores]:
        """One Scores a picture."""
        return name_scores(self._model.spec, self._model.digest, self._labels, self.predict(crops))


def load_predictor(model: InstalledModel, device: Device, threads: int = 1) -> Predictor:
    """The model on its engine, once its files are seen to be those that were installed. Raises ModelError.

    They are read each time: a model that was replaced while it was out of memory would score under its old digest.
    """
    if faults := model.changed_files():
        raise ModelError(f"{model.name}: {'; '.join(faults)}; install it again with `tuskline models install`")
    try:
        return Predictor(model, open_engine(model, device, threads))
    except EngineError as error:
        raise ModelError(f"{model.name}: {error}") from None


def pad_batch(crops: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """`crops` with its last picture repeated until their number is a power of two.

    oneDNN keeps a plan and its buffers for every batch size that it ever saw: a slow crawl's batches of any size made
    a predictor grow by 180 MB over 10,000 pictures.
    """
    missing = (1 << (len(crops) - 1).bit_length()) - len(crops)
    return np.concatenate([crops, np.repeat(crops[-1:], missing, axis=0)]) if missing else crops


def output_kind(rows: NDArray[np.float32]) -> OutputKind:
    """Rows that are non-negative and sum to 1 are probabilities, others logits.

    PaddleHub's wild animals network ends in a softmax and its Python applies a second one, which squeezes every
    score into 0.085 to 0.232; so what a network gives is looked at, and never taken from a document.
    """
    if (rows >= 0).all() and np.allclose(rows.sum(axis=1), 1.0, atol=SUM_TOLERANCE):
        return "probabilities"
    return "logits"


def softmax(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Row by row, in float64 inside: exp(x - max) / sum."""
    powers: NDArray[np.float64] = np.exp(rows.astype(np.float64) - rows.max(axis=1, keepdims=True))
    probabilities: NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
    return probabilities.astype(np.float32)


def choose_output(outputs: list[NDArray[np.float32]], classes: int, where: Path) -> int:
    """The index of the output that is (n, classes). Raises ModelError where there is none."""
    for index, rows in enumerate(outputs):
        if rows.ndim == 2 and rows.shape[1] == classes:
            return index
    shapes = ", ".join(" x ".join(map(str, rows.shape[1:])) for rows in outputs)
    raise ModelError(f"{where.name} has {classes} labels, but the network's outputs are {shapes} wide")
