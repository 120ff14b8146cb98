"""What a rule may look at: the scores of one picture and the words of its listing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType

# The ten labels of PaddleHub's resnet50_vd_wildanimals in the order of its label_list.txt (index 0 rejects).
CONCEPTS: tuple[str, ...] = (
    "other",
    "ivory_product",
    "ivory",
    "elephant",
    "tiger_skin",
    "tiger",
    "tiger_tooth_claw_bone",
    "pangolin_scale",
    "pangolin",
    "pangolin_claw",
)


@dataclass(frozen=True, slots=True)
class Evidence:
    """One picture with its listing, or a listing without a picture (then `scores` is empty).

    scores: probability in [0, 1] by concept. A concept that no model which spoke can see is absent: absent is
        not zero, and a condition on it is "unknown", never met.
    text: title and description as published, joined by a newline; rules normalise it themselves.
    price: in units of `currency` (ISO 4217), None where the listing names none.
    country: ISO 3166-1 alpha-2 of the offer, None where unknown.
    said: who gave which score, by concept and model, where several models spoke; `scores` joins them.
    against: look-alikes that were named instead of a concept and lowered its score, by concept and name.
    """

    scores: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    text: str = ""
    seller: str | None = None
    price: Decimal | None = None
    currency: str | None = None
    country: str | None = None
    said: Mapping[str, Mapping[str, float]] = field(default_factory=lambda: MappingProxyType({}))
    against: Mapping[str, Mapping[str, float]] = field(default_factory=lambda: MappingProxyType({}))
