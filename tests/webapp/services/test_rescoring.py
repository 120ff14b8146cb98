"""Whoever holds a case file and the same weights can score its pictures again."""

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from rules.model import Pack
from scanner.records import Photo, ScannedPhoto, Scores
from scanner.zoo.predictor import ModelError
from tests.pictures import noise, save
from tests.webapp.exporters.case_writer import CaseWriter, Row, lines_of, rows_in, sha256, small_case
from tests.webapp.services.scene import Model, PlainScanner
from webapp.cli import main
from webapp.services import rescoring, signing
from webapp.services.errors import Refused
from webapp.services.rescoring import Comparison, Laboratory, rescore
from webapp.settings import Settings

NO_RULES = Pack("", "", "", (), "")
STARTER = "wildlife_starter"


@dataclass
class Lab:
    """Installed models by name; they score a picture by what its bytes say, as those of a scene do."""

    models: dict[str, Model] = field(default_factory=lambda: {"small_model": Model()})
    scanners: list[PlainScanner] = field(default_factory=list)
    fails: bool = False

    def open(self, model: Model) -> AbstractContextManager[PlainScanner]:
        if self.fails:
            raise ModelError("it does not fit in memory")
        self.scanners.append(PlainScanner(NO_RULES, model))
        return nullcontext(self.scanners[-1])

    @property
    def as_one(self) -> Laboratory:
        return Laboratory(self.models.get, self.open)


@pytest.fixture
def lab() -> Lab:
    return Lab()


def scored_case(pictures: Iterable[tuple[bytes, list[Row]]], **finding: Any) -> CaseWriter:
    """One finding on the first of the pictures, each with its scores."""
    case, photos = small_case(), []
    for path in [path for path in case.files if path.startswith("photos/")]:
        del case.files[path]
    for body, scores in pictures:
        path = f"photos/{sha256(body)}.jpg"
        case.files[path] = body
        photos.append({"sha256": sha256(body), "path": path, "gone": None, "scores": scores})
    row = {"id": 21, "listing": {"id": 4}, "photo": photos[0], "photos": photos, "concept": "elephant", **finding}
    case.files["findings.jsonl"] = lines_of([{"threshold": 0.5, "reasons": {}, **row}])
    return case


def said(elephant: float, model: str = "small_model", digest: str = "d" * 64, **more: Any) -> Row:
    return {"model": model, "model_digest": digest, "by_concept": {"elephant": elephant}, **more}


def ask(case: CaseWriter, folder: Path, lab: Lab, *models: str, **more: Any) -> Comparison:
    return rescore(case.write(folder / "case.zip"), lab.as_one, models, **more)


def test_the_same_scores_are_the_same(tmp_path: Path, lab: Lab) -> None:
    case = scored_case([(b"elephant 0.9", [said(0.9)]), (b"elephant 0.2", [said(0.2005)])])
    steps: list[tuple[int, int]] = []
    result = ask(case, tmp_path, lab, tell=lambda *step: steps.append(step))
    (one,) = result.models
    assert result.is_same and one.is_same and (one.pictures, one.scores, one.verdicts) == (2, 2, 1)
    assert one.largest is not None and one.largest.difference == pytest.approx(0.0005)
    assert one.largest.sha256 == sha256(b"elephant 0.2") and steps == [(1, 2), (2, 2)]
    assert result.fingerprint.count(" ") == 7 and one.installed == one.digest == "d" * 64


def test_an_unpacked_case_file_is_scored_too(tmp_path: Path, lab: Lab) -> None:
    case = scored_case([(b"elephant 0.9", [said(0.9)])])
    assert rescore(case.unpack(tmp_path / "case"), lab.as_one).is_same


def test_a_score_that_differs_is_named_with_its_verdict(tmp_path: Path, lab: Lab) -> None:
    case = scored_case([(b"elephant 0.48", [said(0.91)]), (b"elephant 0.2", [said(0.2)])])
    result = ask(case, tmp_path, lab)
    (one,) = result.models
    assert not result.is_same and one.beyond_count == 1
    (different,) = one.beyond
    assert (different.concept, different.before, different.after) == ("elephant", 0.91, 0.48)
    (turned,) = one.turned
    assert (turned.limit.finding, turned.limit.threshold, turned.is_same) == (21, 0.5, False)
    assert json.loads(json.dumps(result.to_json()))["models"][0]["turned_verdicts"][0]["finding"] == 21


def test_the_tolerance_is_given_and_a_verdict_may_turn_within_it(tmp_path: Path, lab: Lab) -> None:
    case = scored_case([(b"elephant 0.4999", [said(0.5001)])])
    (one,) = ask(case, tmp_path, lab).models
    assert one.beyond_count == 0 and len(one.turned) == 1 and not one.is_same
    (one,) = ask(case, tmp_path, lab, tolerance=1e-5).models
    assert one.beyond_count == 1


def test_every_threshold_among_the_reasons_is_asked_again(tmp_path: Path, lab: Lab) -> None:
    def score(threshold: float, *children: Row) -> Row:
        return {"kind": "score", "facts": {"concept": "elephant", "threshold": threshold}, "children": list(children)}

    reasons = {"kind": "all", "facts": {}, "children": [score(0.5, score(0.8)), score(0.3), {"kind": "mentions"}]}
    case = scored_case([(b"elephant 0.7", [said(0.9)])], reasons=reasons)
    (one,) = ask(case, tmp_path, lab).models
    assert one.verdicts == 3 and [verdict.limit.threshold for verdict in one.turned] == [0.8]


def test_look_alikes_are_compared_and_what_is_no_longer_said_is_named(tmp_path: Path, lab: Lab) -> None:
    case = scored_case([(b"elephant 0.9", [said(0.9, counters={"mammoth": 0.3})])])
    (one,) = ask(case, tmp_path, lab).models
    (missing,) = one.beyond
    assert (missing.concept, missing.before, missing.after, missing.difference) == ("mammoth", 0.3, None, 1.0)


def test_a_picture_that_can_no_longer_be_scored_is_named(tmp_path: Path, lab: Lab) -> None:
    result = ask(scored_case([(b"broken", [said(0.9)])]), tmp_path, lab)
    (one,) = result.models
    assert one.unread == {sha256(b"broken"): "broken picture"} and not result.is_same


def test_another_version_is_told_and_compared_only_where_it_is_asked_for(tmp_path: Path, lab: Lab) -> None:
    lab.models["small_model"] = Model(digest="e" * 64)
    case = scored_case([(b"elephant 0.9", [said(0.9)])])
    result = ask(case, tmp_path, lab)
    assert not result.is_same and result.compared == [] and lab.scanners == []
    assert "Another version of small_model is installed (digest eeeeeeeeeeee, not" in result.models[0].why_not
    result = ask(case, tmp_path, lab, "small_model")
    assert result.is_same and result.models[0].installed == "e" * 64


def test_a_model_that_is_not_installed_is_told_and_the_others_are_compared(tmp_path: Path, lab: Lab) -> None:
    scores = [said(0.9), said(0.8, model="big_model", digest="b" * 64)]
    result = ask(scored_case([(b"elephant 0.9", scores)]), tmp_path, lab)
    assert [one.model for one in result.models] == ["big_model", "small_model"]
    assert (
        "big_model is not installed" in result.models[0].why_not
        and "models install big_model" in result.models[0].why_not
    )
    assert result.is_same and [one.model for one in result.compared] == ["small_model"]


def test_a_model_that_fails_is_told(tmp_path: Path, lab: Lab) -> None:
    lab.fails = True
    result = ask(scored_case([(b"elephant 0.9", [said(0.9)])]), tmp_path, lab)
    assert "small_model could not be asked: it does not fit in memory" in result.models[0].why_not
    assert not result.is_same


def test_a_name_that_the_case_file_does_not_have_is_refused(tmp_path: Path, lab: Lab) -> None:
    with pytest.raises(Refused, match="no scores of big_model; those in it are: small_model"):
        ask(scored_case([(b"elephant 0.9", [said(0.9)])]), tmp_path, lab, "big_model")


def test_one_that_was_changed_is_refused_unless_it_is_asked_for(tmp_path: Path, lab: Lab) -> None:
    case = scored_case([(b"elephant 0.9", [said(0.9)])])
    path = case.write(tmp_path / "case.zip")
    path.write_bytes(path.read_bytes() + b"!")
    with pytest.raises(Refused, match=r"not as it was signed \(1 bytes stand behind the end of the ZIP\)"):
        rescore(path, lab.as_one)
    result = rescore(path, lab.as_one, even_if_changed=True)
    assert result.is_same and result.faults == 1


def test_what_is_no_case_file_is_refused(tmp_path: Path, lab: Lab) -> None:
    (tmp_path / "x").write_bytes(b"x")
    with pytest.raises(Refused, match="no case file that can be read: it is no ZIP file"):
        rescore(tmp_path / "x", lab.as_one)


@pytest.mark.parametrize(
    "change",
    [{"photos": 5}, {"photos": [5]}, {"photos": [{"path": ["x"]}]}, {"photo": 5}, {"reasons": [1]},
     {"reasons": {"children": 5}}, {"threshold": "x"}],
)  # fmt: skip
def test_findings_that_are_bent_are_refused_and_never_a_traceback(
    tmp_path: Path, lab: Lab, change: dict[str, Any]
) -> None:
    case = scored_case([(b"elephant 0.9", [said(0.9)])])
    (row,) = rows_in(case.files["findings.jsonl"])
    case.files["findings.jsonl"] = lines_of([row | change])
    with pytest.raises(Refused, match="not written as those of a case file"):
        ask(case, tmp_path, lab, even_if_changed=True)


def test_pictures_lie_on_the_disk_one_by_one(tmp_path: Path, lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []

    class Watching(PlainScanner):
        def scan(self, photos: Iterable[Photo], known: Any = None) -> Iterator[ScannedPhoto]:
            for photo in photos:
                assert photo.path is not None
                seen.append(len(list(photo.path.parent.iterdir())))
                yield self.scan_one(photo, known)

    monkeypatch.setattr(lab, "open", lambda model: nullcontext(Watching(NO_RULES, model)))
    case = scored_case([(f"elephant 0.{number}1".encode(), [said(number / 10 + 0.01)]) for number in range(1, 9)])
    assert ask(case, tmp_path, lab).is_same
    assert seen == [1] * 8


# From the terminal --------------------------------------------------------------------------------------------------

Terminal = Callable[..., Result]


@pytest.fixture
def terminal(tmp_path: Path, lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.setenv("TUSKLINE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(rescoring, "laboratory", lambda _settings: lab.as_one)
    return lambda *words: CliRunner().invoke(main, ["case", *map(str, words)])


def test_rescore_ends_with_0_1_or_2(terminal: Terminal, tmp_path: Path, lab: Lab) -> None:
    same = scored_case([(b"elephant 0.9", [said(0.9)])]).write(tmp_path / "same.zip")
    result = terminal("rescore", same)
    assert result.exit_code == 0, result.output
    assert "ok    small_model: 1 scores of 1 pictures, the largest difference is 0 (tolerance 0.001)" in result.output
    assert "1 of 1 verdicts on thresholds are the same" in result.output
    other = scored_case([(b"elephant 0.3", [said(0.9)])]).write(tmp_path / "other.zip")
    result = terminal("rescore", other)
    assert result.exit_code == 1
    assert f"{sha256(b'elephant 0.3')}  elephant: 0.9000 then, 0.3000 now" in result.output
    assert "finding 21: elephant against 0.5: 0.9000 then, 0.3000 now" in result.output
    assert terminal("rescore", other, "--tolerance", "0.7").exit_code == 1, "the verdict turned"
    assert json.loads(terminal("rescore", other, "--json").output)["models"][0]["beyond_count"] == 1
    lab.models.clear()
    assert terminal("rescore", same).exit_code == 2
    same.write_bytes(same.read_bytes()[:-1])
    result = terminal("rescore", same)
    assert result.exit_code == 2 and "tuskline case verify" in result.output


def test_verify_from_the_terminal_is_the_program_in_the_bundle(terminal: Terminal, tmp_path: Path) -> None:
    key = signing.signing_key(tmp_path / "home")
    ours = small_case(key=key.private).write(tmp_path / "ours.zip")
    theirs = small_case().write(tmp_path / "theirs.zip")
    result = terminal("verify", ours, "--ours")
    assert result.exit_code == 0 and key.fingerprint in result.output
    assert terminal("verify", ours, "--fingerprint", key.fingerprint, "--quiet").output == ""
    assert terminal("verify", theirs).exit_code == 0
    result = terminal("verify", theirs, "--ours")
    assert result.exit_code == 1 and "signed by another key" in result.output
    assert json.loads(terminal("verify", theirs, "--json").output)["whole"]
    theirs.write_bytes(b"x")
    assert terminal("verify", theirs).exit_code == 2


def test_verify_needs_a_key_to_tell_ours(terminal: Terminal, tmp_path: Path) -> None:
    result = terminal("verify", small_case().write(tmp_path / "x.zip"), "--ours")
    assert result.exit_code == 1 and "holds no key yet" in result.output


# With real weights --------------------------------------------------------------------------------------------------


@pytest.mark.weights
def test_the_shipped_model_says_the_same_again(default_models: Path, tmp_path: Path) -> None:
    """As `tuskline scan` scores: real weights, real decoder and predictor processes."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "models").symlink_to(default_models)
    lab = rescoring.laboratory(Settings(home=home, database_url=None, broker_url=None, device="cpu"))
    model = lab.find(STARTER)
    assert model is not None
    paths = [save(noise(300, 200, seed), tmp_path / f"{seed}.png") for seed in range(3)]
    with lab.open(model) as scanner:
        first = [as_row(one.scores[0]) for one in scanner.scan(Photo(path.name, path) for path in paths)]
    first[1]["by_concept"]["elephant"] += 0.02
    case = scored_case((path.read_bytes(), [row]) for path, row in zip(paths, first, strict=True))
    (one,) = rescore(case.write(tmp_path / "case.zip"), lab).models
    assert (one.pictures, one.unread, one.why_not) == (3, {}, "") and one.scores >= 12
    (bent,) = one.beyond
    assert (bent.sha256, bent.concept) == (sha256(paths[1].read_bytes()), "elephant")
    assert bent.difference == pytest.approx(0.02, abs=1e-3)


def as_row(scores: Scores) -> Row:
    digest, words = scores.model_digest, dict(scores.by_concept)
    return {"model": scores.model, "model_digest": digest, "by_concept": words, "counters": dict(scores.counters)}
