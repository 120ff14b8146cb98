"""How good a model is, on pictures of which the truth is known: figures, a page, and what a model card carries."""

from scanner.zoo.evaluation.card import figures_for_card
from scanner.zoo.evaluation.expected import BASE_RATE
from scanner.zoo.evaluation.figures import Evaluation, EvaluationError, LeftOut, Subject, evaluate, pack_thresholds
from scanner.zoo.evaluation.judged import Judged

__all__ = [
    "BASE_RATE",
    "Evaluation",
    "EvaluationError",
    "Judged",
    "LeftOut",
    "Subject",
    "evaluate",
    "figures_for_card",
    "pack_thresholds",
]
