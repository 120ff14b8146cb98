"""Teach a new head on a frozen backbone: features, duplicates, splits, the head itself, and what it is worth."""

from scanner.zoo.training.examples import FEWEST, Example, TrainingError
from scanner.zoo.training.model import Trained, train

__all__ = ["FEWEST", "Example", "Trained", "TrainingError", "train"]
