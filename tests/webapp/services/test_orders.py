"""On whose words a stored picture is judged again."""

from webapp.models import PhotoRow, ScoreRow
from webapp.services.judging import scores_of


def photo(*digests: str) -> PhotoRow:
    rows = [
        ScoreRow(model=digest, model_digest=digest, by_concept={}, top_labels=[], counters={}) for digest in digests
    ]
    return PhotoRow(sha256="0", size_bytes=1, scores=rows)


def heard(given: PhotoRow, *orders: list[str]) -> list[str]:
    return [said.model_digest for said in scores_of(given, orders)]


def test_the_models_that_speak_now_are_heard_in_their_order() -> None:
    assert heard(photo("fallback", "primary"), ["primary", "fallback", "third"]) == ["primary", "fallback"]


def test_a_picture_of_older_models_is_heard_in_their_order_and_never_by_a_fallback_alone() -> None:
    older, newer = ["old primary", "fallback"], ["new primary", "fallback"]
    assert heard(photo("old primary", "fallback"), newer, older) == older


def test_what_no_scan_knows_any_more_is_heard_whole() -> None:
    assert heard(photo("gone primary", "gone fallback"), ["primary", "fallback"]) == ["gone primary", "gone fallback"]
