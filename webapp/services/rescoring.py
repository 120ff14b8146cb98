"""Score the pictures of a case file again, with the models that are installed here, and compare.

The case file alone is asked, never the database: so a second laboratory, with the same weights, can do it too.
"""

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from rules.model import Pack
from scanner.pipeline import Scanner
from scanner.records import Photo, ScannedPhoto, Scores
from scanner.zoo.cards import CardError
from scanner.zoo.cascade import ModelChoice
from scanner.zoo.engines import parse_device
from scanner.zoo.predictor import ModelError
from scanner.zoo.registry import InstalledModel, find_installed
from scanner.zoo.running import lacks_way, settle, variant_of
from webapp.exporters import verify_case
from webapp.exporters.verify_case import FINDINGS, Folder, Outcome, Unreadable, Zip
from webapp.language import say
from webapp.services.errors import Refused
from webapp.services.scoring import ScansPhotos
from webapp.settings import Settings

TOLERANCE = 1e-3  # of a probability: another processor or batch rounds otherwise, far below this
KEPT = 200  # differences that are named one by one
Tell = Callable[[int, int], None]


class Model(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def digest(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Laboratory:
    """What scores here: finds an installed model by name (None: there is none) and opens a scanner that asks it.

    vary: the model as it must be run to score under a digest, None where no way of running it has that one. lacks: why
    it can't be run so here, in a sentence.
    """

    find: Callable[[str], Model | None]
    open: Callable[[Any], AbstractContextManager[ScansPhotos]]
    vary: Callable[[Any, str], Model | None] = lambda _model, _digest: None
    lacks: Callable[[Any], str | None] = lambda _model: None


def laboratory(settings: Settings) -> Laboratory:
    """The models of this installation. `find` raises CardError."""

    def open_scanner(model: InstalledModel) -> Scanner:
        choice = ModelChoice((model,), primary_absent=False, notice=None, everyone=True)
        return Scanner(choice, Pack("", "", "", (), ""), settings.device, settings.model_memory_mb)

    def find_model(name: str) -> InstalledModel | None:
        model = find_installed(settings.models_dir, name)
        return settle(model, device, settings.wishes).model if model is not None else None

    device = parse_device(settings.device)
    return Laboratory(find_model, open_scanner, variant_of, lambda model: lacks_way(model, device))


@dataclass(frozen=True, slots=True)
class Said:
    """What a case file holds of one model's words on one picture; scores: by concept, and by look-alike."""

    sha256: str
    path: str
    scores: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Limit:
    """A threshold that decided about a finding of a picture."""

    finding: int
    concept: str
    threshold: float


@dataclass(slots=True)
class Kept:
    """All that a case file says of scores: by model and digest, by picture; and the thresholds, by picture."""

    said: dict[tuple[str, str], dict[str, Said]] = field(default_factory=dict)
    limits: dict[str, list[Limit]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Compared:
    """One score, as it was and as it is; None where the model did not speak of that concept."""

    sha256: str
    concept: str
    before: float | None
    after: float | None

    @property
    def difference(self) -> float:
        """1 where one of the two is missing."""
        return 1.0 if self.before is None or self.after is None else abs(self.before - self.after)

    def to_json(self) -> dict[str, Any]:
        same = ("sha256", "concept", "before", "after", "difference")
        return {name: getattr(self, name) for name in same}


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether this model's score of the picture reached the threshold of a finding, before and now."""

    limit: Limit
    sha256: str
    before: float
    after: float

    @property
    def is_same(self) -> bool:
        return (self.before >= self.limit.threshold) == (self.after >= self.limit.threshold)

    def to_json(self) -> dict[str, Any]:
        limit = {"finding": self.limit.finding, "concept": self.limit.concept, "threshold": self.limit.threshold}
        return limit | {"sha256": self.sha256, "before": self.before, "after": self.after, "same": self.is_same}


@dataclass(slots=True)
class Rescored:
    """What became of one model's scores. digest: of the case file's; installed: of the model here, None without one.

    run: the engine, precision and decoding with which it was asked here.
    why_not: why nothing was compared, in a sentence; empty where it was. unread: pictures that could not be scored,
    with why.
    """

    model: str
    digest: str
    installed: str | None = None
    why_not: str = ""
    pictures: int = 0
    scores: int = 0
    largest: Compared | None = None
    beyond: list[Compared] = field(default_factory=list)
    beyond_count: int = 0
    verdicts: int = 0
    turned: list[Verdict] = field(default_factory=list)
    unread: dict[str, str] = field(default_factory=dict)
    run: dict[str, str] = field(default_factory=dict)

    @property
    def is_same(self) -> bool:
        return not (self.why_not or self.beyond_count or self.turned or self.unread)

    def to_json(self) -> dict[str, Any]:
        same = ("model", "digest", "installed", "pictures", "scores", "beyond_count", "verdicts", "unread")
        return {name: getattr(self, name) for name in same} | {
            "same": self.is_same,
            "run": dict(self.run),
            "why_not_compared": self.why_not or None,
            "largest": self.largest.to_json() if self.largest else None,
            "beyond": [one.to_json() for one in self.beyond],
            "turned_verdicts": [one.to_json() for one in self.turned],
        }


@dataclass(slots=True)
class Comparison:
    """tolerance: the largest difference of a score that counts as none. faults: of the case file itself."""

    tolerance: float
    faults: int
    fingerprint: str
    models: list[Rescored]

    @property
    def compared(self) -> list[Rescored]:
        return [one for one in self.models if not one.why_not]

    @property
    def is_same(self) -> bool:
        """Of those that could be compared; False where none could."""
        return bool(self.compared) and all(one.is_same for one in self.compared)

    def to_json(self) -> dict[str, Any]:
        head = {"same": self.is_same, "tolerance": self.tolerance, "faults_of_the_case_file": self.faults}
        return head | {"fingerprint": self.fingerprint, "models": [one.to_json() for one in self.models]}


def rescore(
    bundle: Path,
    lab: Laboratory,
    models: Sequence[str] = (),
    tolerance: float = TOLERANCE,
    even_if_changed: bool = False,
    tell: Tell = lambda _done, _total: None,
) -> Comparison:
    """Compare every score of every picture that is in the bundle, with the models of the same digest.

    models: names; then these alone, and a model of another digest is compared, too, and said to be another.
    tell: (pictures that are scored, in all). Raises Refused: for a bundle that is none, one that was changed, and
    a name that it does not have.
    """
    outcome = verify(bundle, even_if_changed)
    kept = read_scores(bundle)
    if missing := [name for name in models if name not in {model for model, _ in kept.said}]:
        known = ", ".join(sorted({model for model, _ in kept.said})) or say("none")
        raise Refused(
            say("The case file holds no scores of %(name)s; those in it are: %(known)s.", name=missing[0], known=known)
        )
    wanted = sorted(key for key in kept.said if not models or key[0] in models)
    pictures = Pictures(bundle, kept, tolerance, sum(len(kept.said[key]) for key in wanted), tell)
    results = [compare_model(lab, pictures, *key, takes_others=bool(models)) for key in wanted]
    return Comparison(tolerance, outcome.faults_count, outcome.fingerprint, results)


def verify(bundle: Path, even_if_changed: bool) -> Outcome:
    try:
        outcome = verify_case.check(str(bundle))
    except Unreadable as why:
        raise Refused(say("%(path)s is no case file that can be read: %(why)s.", path=bundle, why=why)) from None
    if outcome.faults and not even_if_changed:
        first = outcome.faults[0]
        where = f"{first.file}: " if first.file else ""
        raise Refused(
            say(
                "The case file is not as it was signed (%(first)s). See what `tuskline case verify` says of it, or "
                "score it with --even-if-changed.",
                first=f"{where}{first.words}",
            )
        )
    return outcome


# What the case file says --------------------------------------------------------------------------------------------


@contextmanager
def open_bundle(bundle: Path) -> Iterator[Folder | Zip]:
    """Raises Refused."""
    try:
        with verify_case.open_source(str(bundle), Outcome()) as source:
            if isinstance(source, Zip):
                source.name_all(())
            yield source
    except (Unreadable, OSError) as why:
        raise Refused(say("%(path)s is no case file that can be read: %(why)s.", path=bundle, why=why)) from None


def read_scores(bundle: Path) -> Kept:
    """Rows that are no JSON are passed over: verifying names them. Raises Refused."""
    kept = Kept()
    with open_bundle(bundle) as source:
        names = frozenset(source.names)
        try:
            for row in read_findings(source):
                for photo in row.get("photos") or ():
                    if photo.get("path") in names:
                        note_scores(kept, photo)
                note_limits(kept, row)
        except (KeyError, TypeError, ValueError, AttributeError):
            raise Refused(say("The findings of the case file are not written as those of a case file are.")) from None
    return kept


def read_findings(source: Folder | Zip) -> Iterator[dict[str, Any]]:
    if FINDINGS not in source.names:
        return
    for _, line in verify_case.rows_of(source.chunks(FINDINGS)):
        try:
            row = verify_case.read_json(line or b"")
        except verify_case.Bad:
            continue
        if isinstance(row, dict):
            yield row


def note_scores(kept: Kept, photo: Mapping[str, Any]) -> None:
    for one in photo["scores"]:
        scores = {**one["by_concept"], **(one.get("counters") or {})}
        numbers = {concept: float(score) for concept, score in scores.items()}
        by_picture = kept.said.setdefault((str(one["model"]), str(one["model_digest"])), {})
        by_picture[photo["sha256"]] = Said(photo["sha256"], photo["path"], numbers)


def note_limits(kept: Kept, row: Mapping[str, Any]) -> None:
    """Those of the finding's whole tree of reasons, so that every threshold that was asked is asked again."""
    photo = row.get("photo")
    if not photo:
        return
    found = {(row["concept"], row["threshold"])} if row.get("threshold") is not None else set()
    waiting = [row.get("reasons") or {}]
    while waiting:
        reason = waiting.pop()
        facts = reason.get("facts") or {}
        if reason.get("kind") == "score" and facts.get("threshold") is not None and facts.get("concept"):
            found.add((facts["concept"], facts["threshold"]))
        waiting += reason.get("children") or ()
    limits = kept.limits.setdefault(photo["sha256"], [])
    limits += [Limit(row["id"], concept, float(threshold)) for concept, threshold in sorted(found)]


# Scoring again ------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Pictures:
    """What is to be scored again, and how far that has come; tell: as rescore is given it."""

    bundle: Path
    kept: Kept
    tolerance: float
    total: int
    tell: Tell
    done: int = 0

    def count(self) -> None:
        self.done += 1
        self.tell(self.done, self.total)


def compare_model(lab: Laboratory, pictures: Pictures, name: str, digest: str, takes_others: bool) -> Rescored:
    result = Rescored(name, digest)
    model = find_model(lab, result)
    if model is None:
        return result
    result.installed = model.digest
    if model.digest != digest and (variant := lab.vary(model, digest)) is not None:
        if why := lab.lacks(variant):
            result.why_not = say("%(name)s could not be asked: %(why)s", name=name, why=why)
            return result
        model, result.installed = variant, digest
    result.run = describe_run(model)
    if model.digest != digest and not takes_others:
        result.why_not = say(
            "Another version of %(name)s is installed (digest %(here)s, not %(there)s), so nothing was compared; "
            "--model %(name)s compares it all the same.",
            name=name,
            here=model.digest[:12],
            there=digest[:12],
        )
        return result
    try:
        score_all(lab, model, pictures, result)
    except ModelError as error:
        result.why_not = say("%(name)s could not be asked: %(why)s", name=name, why=error)
    return result


def describe_run(model: Model) -> dict[str, str]:
    """With which engine, in which precision and with which decoding it runs, of a model that says so."""
    names = ("engine", "precision", "decoding")
    return {name: str(getattr(model, name)) for name in names if hasattr(model, name)}


def find_model(lab: Laboratory, result: Rescored) -> Model | None:
    name = result.model
    try:
        model = lab.find(name)
    except CardError as error:
        result.why_not = say("%(name)s could not be asked: %(why)s", name=name, why=error)
        return None
    if model is None:
        result.why_not = say(
            "%(name)s is not installed, so nothing was compared: run `tuskline models install %(name)s`.", name=name
        )
    return model


def score_all(lab: Laboratory, model: Model, pictures: Pictures, result: Rescored) -> None:
    said = list(pictures.kept.said[(result.model, result.digest)].values())
    with (
        open_bundle(pictures.bundle) as source,
        tempfile.TemporaryDirectory(prefix="tuskline-rescore-") as spool,
        lab.open(model) as scanner,
    ):
        scanned = scanner.scan(take_out(source, said, Path(spool)))
        for before, now in zip(said, scanned, strict=True):
            compare_picture(before, now, pictures, result)
            if now.photo.path:
                now.photo.path.unlink(missing_ok=True)
            pictures.count()


def take_out(source: Folder | Zip, said: Sequence[Said], spool: Path) -> Iterator[Photo]:
    """One picture after the other as a file, under a name of our own: those in a bundle are somebody else's."""
    for number, one in enumerate(said, 1):
        path = spool / f"{number}"
        with path.open("wb") as file:
            file.writelines(source.chunks(one.path))
        yield Photo(one.path, path)


def compare_picture(before: Said, now: ScannedPhoto, pictures: Pictures, result: Rescored) -> None:
    answer = next((one for one in now.scores if one.model == result.model), None)
    if now.failure or answer is None:
        result.unread[before.sha256] = now.failure or say("The model said nothing of it.")
        return
    result.pictures += 1
    after = scores_of(answer)
    for concept in sorted(before.scores.keys() | after.keys()):
        one = Compared(before.sha256, concept, before.scores.get(concept), after.get(concept))
        compare_score(one, result, pictures.tolerance)
    for limit in pictures.kept.limits.get(before.sha256, ()):
        if limit.concept in before.scores and limit.concept in after:
            result.verdicts += 1
            verdict = Verdict(limit, before.sha256, before.scores[limit.concept], after[limit.concept])
            result.turned += [] if verdict.is_same else [verdict]


def scores_of(said: Scores) -> dict[str, float]:
    return {**said.by_concept, **said.counters}


def compare_score(one: Compared, result: Rescored, tolerance: float) -> None:
    result.scores += 1
    if result.largest is None or one.difference > result.largest.difference:
        result.largest = one
    if one.difference > tolerance:
        result.beyond_count += 1
        if len(result.beyond) < KEPT:
            result.beyond.append(one)
