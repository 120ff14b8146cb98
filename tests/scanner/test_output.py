"""One line a photo: everything that was asked for, and what is unknown said to be so."""

import json
from pathlib import Path

from rules.cascade import Cascade
from rules.evidence import CONCEPTS
from rules.load import find_pack, load_pack
from scanner.output import to_json, to_sentence
from scanner.pipeline import evaluate, evidence_of
from scanner.records import Listing, Photo, ScannedPhoto, Scores

SAID = Scores("pplcnetv2_base_imagenet", "d" * 64, {"other": 0.1, "elephant": 0.9, "tiger": 0.0}, (("tusker", 0.85),))


def scanned(location: str, *, failure: str | None = None) -> ScannedPhoto:
    photo = Photo(location, Path(location), Listing("https://shop.example/1"))
    if failure:
        return ScannedPhoto(photo, failure=failure)
    findings = evaluate(load_pack(find_pack("wildlife")), evidence_of(Cascade(), None, (SAID,)))
    return ScannedPhoto(photo, "a" * 64, "b" * 64, scores=(SAID,), findings=findings)


def test_a_line_has_every_field_and_every_concept() -> None:
    line = json.loads(to_json(scanned("象.jpg"), primary_absent=True))
    assert line["path"] == "象.jpg" and line["listing"] == "https://shop.example/1"
    assert line["model"] == SAID.model and line["primary_absent"] is True
    assert list(line["scores"]) == list(CONCEPTS)
    assert line["scores"]["elephant"] == 0.9
    assert line["labels"] == [["tusker", 0.85]]
    (finding,) = line["findings"]
    assert finding["rule"] == "elephant_seen" and finding["threshold"] == 0.3 and finding["score"] == 0.9
    assert "0.90" in finding["why"] and finding["severity"] == "medium" and line["failure"] is None


def test_a_concept_that_the_model_cannot_see_is_null_and_not_zero() -> None:
    scores = json.loads(to_json(scanned("a.jpg"), primary_absent=True))["scores"]
    assert scores["pangolin"] is None and scores["tiger"] == 0.0


def test_a_failure_has_no_scores() -> None:
    line = json.loads(to_json(scanned("a.jpg", failure="the file is empty"), primary_absent=False))
    assert line["failure"] == "the file is empty"
    assert line["scores"] is None and line["model"] is None and line["findings"] == []


def test_people_see_findings_and_failures_alone() -> None:
    assert to_sentence(scanned("a.jpg", failure="the file is empty")) == "FAILED   a.jpg: the file is empty"
    assert str(to_sentence(scanned("a.jpg"))).startswith("MEDIUM   a.jpg: ")
    assert to_sentence(ScannedPhoto(Photo("b.jpg", None))) is None


def test_what_words_alone_found_is_told_beside_the_failure_of_the_picture() -> None:
    findings = scanned("a.jpg").findings
    failed = ScannedPhoto(Photo("a.jpg", None), failure="the listing shows no picture", findings=findings)
    assert [line[:8] for line in str(to_sentence(failed)).splitlines()] == ["FAILED  ", "MEDIUM  "]
