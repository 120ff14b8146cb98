"""What a reader must know before believing a concept's figures, one sentence each."""

from collections.abc import Iterator

import numpy as np

from scanner.zoo.evaluation.judged import Sample
from scanner.zoo.evaluation.thresholds import FALSE_FLAGS_AIM

FEW_PICTURES = 30
FEW_GROUPS = 10
# With none of n seen, a rate of 3 / n can't be excluded (95 %).
RULE_OF_THREE = 3


def find_cautions(sample: Sample) -> tuple[str, ...]:
    """Sentences, the gravest first; none where the pictures are many and of many sources."""
    return tuple(_cautions(sample))


def _cautions(sample: Sample) -> Iterator[str]:
    shown, plain = int(sample.shows.sum()), int(sample.ordinary.sum())
    if not shown:
        yield "No picture shows it: nothing is known of what it finds, only of its false flags."
    elif shown < FEW_PICTURES:
        yield f"Only {shown} pictures show it: read the intervals, not the figures."
    if shown and sample.groups is not None and (groups := len(np.unique(sample.groups[sample.shows]))) < FEW_GROUPS:
        yield f"Those that show it come from {count(groups, 'source')}: other sources may look different."
    if sample.ordinary_are != "other":
        yield "No picture is labelled `other`: false flags are counted on all that do not show it."
    if plain < RULE_OF_THREE / FALSE_FLAGS_AIM:
        yield (
            f"{count(plain, 'ordinary picture')} can't show that fewer than {FALSE_FLAGS_AIM * 1000:.0f} in 1,000 are "
            f"flagged by mistake; that takes at least {RULE_OF_THREE / FALSE_FLAGS_AIM:,.0f}."
        )


def count(number: int, noun: str) -> str:
    """`1 source`, `1,204 sources`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
