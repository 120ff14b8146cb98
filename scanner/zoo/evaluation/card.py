"""What a model card carries of an evaluation: short, and never a figure without its interval."""

from typing import Any

from scanner.zoo.evaluation.figures import FORMAT, ConceptFigures, Evaluation


def figures_for_card(evaluation: Evaluation) -> dict[str, Any]:
    """JSON values for Card.figures; see docs/evaluation.md. A concept without pictures is absent."""
    return {
        "format": FORMAT,
        "evaluated_on": evaluation.subject.pictures,
        "made_at": evaluation.made_at.isoformat(timespec="seconds"),
        "pictures": evaluation.pictures,
        "base_rate": evaluation.base_rate,
        "intervals": "95 %, by source" if evaluation.grouped else "95 %, every picture taken as independent",
        "concepts": {figures.concept: _shorten(figures) for figures in evaluation.concepts if figures.pictures},
        "not_seen": [label.label for label in evaluation.unseen],
    }


def _shorten(figures: ConceptFigures) -> dict[str, Any]:
    at, ranking = figures.at.to_json(), figures.ranking
    return {
        "n": figures.pictures,
        "ordinary": figures.ordinary,
        "threshold": figures.threshold,
        "recall": at["recall"],
        "precision": at["precision"],
        "false_flags": at["false_flags"],
        "expected_precision": at["expected_precision"],
        "average_precision": None if ranking is None else ranking.average_precision.to_json(),
        "auc": None if ranking is None else ranking.auc.to_json(),
        "cautions": list(figures.cautions),
    }
