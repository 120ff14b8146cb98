import pytest
from sqlalchemy.orm import Session

from scanner.zoo.registry import InstalledModel
from tests.factories import add, make_finding, make_listing, make_photo, make_source, make_user
from tests.webapp.services.zoo import place_model
from webapp.models import FindingRow, FindingState, ListingRow, PhotoRow, ScoreRow, Verdict
from webapp.services import decisions, photos, reviewed
from webapp.services.decisions import Choice
from webapp.services.reviewed import ReviewedFigures
from webapp.settings import Settings
from webapp.storage import open_store

CONFIRMED, DISMISSED, OPEN = FindingState.CONFIRMED, FindingState.DISMISSED, FindingState.OPEN


@pytest.fixture
def model(settings: Settings) -> InstalledModel:
    return place_model(settings.models_dir)


def decide(
    session: Session,
    state: FindingState,
    photo: PhotoRow | None = None,
    listing: ListingRow | None = None,
    **fields: str,
) -> FindingRow:
    listing = listing or make_listing(session, make_source(session))
    return make_finding(session, listing, photo or make_photo(session, listing), state=state, **fields)


def score(session: Session, photo: PhotoRow | None, model: InstalledModel, elephant: float, digest: str = "") -> None:
    assert photo is not None
    row = ScoreRow(photo=photo, model=model.name, model_digest=digest or model.digest, top_labels=[])
    row.by_concept = {"elephant": elephant, "tiger": 0.0, "other": 1 - elephant}
    add(session, row)


def elephants(session: Session, model: InstalledModel) -> ReviewedFigures:
    (found,) = reviewed.figures(session, model, {"elephant": 0.3, "tiger": 0.3})
    assert found.concept == "elephant"
    return found


def test_precision_is_the_confirmed_share_of_what_the_model_scores_high(
    session: Session, model: InstalledModel
) -> None:
    for state, elephant in [(CONFIRMED, 0.95), (CONFIRMED, 0.8), (DISMISSED, 0.75), (DISMISSED, 0.4)]:
        score(session, decide(session, state).photo, model, elephant)
    found = elephants(session, model)
    assert (found.decided, found.confirmed, found.sellers) == (4, 2, 4)
    rates = {one.threshold: (one.rate.count, one.rate.total) for one in found.precisions if one.rate}
    assert rates == {0.3: (2, 4), 0.5: (2, 3), 0.7: (2, 3), 0.9: (1, 1)}
    assert [one.threshold for one in found.precisions if one.flags] == [0.3]
    low, high = found.precisions[0].rate.low, found.precisions[0].rate.high  # type: ignore[union-attr]
    assert low < 0.16 and high > 0.84, "at least as wide as Wilson's interval of 2 in 4"


def test_a_threshold_that_no_picture_reaches_has_no_figure(session: Session, model: InstalledModel) -> None:
    score(session, decide(session, CONFIRMED).photo, model, 0.6)
    assert elephants(session, model).precisions[-1].rate is None


def test_the_same_picture_counts_once_however_often_it_is_offered(session: Session, model: InstalledModel) -> None:
    first = decide(session, CONFIRMED, make_photo(session, pixel_hash="f" * 64))
    score(session, first.photo, model, 0.9)
    decide(session, CONFIRMED, make_photo(session, pixel_hash="f" * 64))
    assert elephants(session, model).decided == 1


@pytest.mark.parametrize("state", [OPEN, FindingState.ESCALATED, FindingState.WITHDRAWN])
def test_what_is_undecided_counts_nowhere(session: Session, model: InstalledModel, state: FindingState) -> None:
    score(session, decide(session, state).photo, model, 0.9)
    assert reviewed.figures(session, model, {}) == []


def test_a_re_listing_that_waits_undoes_no_decision(session: Session, model: InstalledModel) -> None:
    photo = decide(session, CONFIRMED).photo
    score(session, photo, model, 0.9)
    decide(session, OPEN, photo)
    assert elephants(session, model).confirmed == 1


def test_what_people_disagree_about_counts_nowhere(session: Session, model: InstalledModel) -> None:
    photo = decide(session, CONFIRMED).photo
    score(session, photo, model, 0.9)
    decide(session, DISMISSED, photo)
    assert reviewed.figures(session, model, {}) == []


def test_scores_of_another_version_of_the_model_count_nowhere(session: Session, model: InstalledModel) -> None:
    score(session, decide(session, CONFIRMED).photo, model, 0.9, digest="e" * 64)
    assert reviewed.figures(session, model, {}) == []


def test_a_single_seller_says_little_of_others(session: Session, model: InstalledModel) -> None:
    listing = make_listing(session, seller="ann")
    for number in range(30):
        photo = make_photo(session, listing)
        score(session, decide(session, CONFIRMED if number else DISMISSED, photo, listing).photo, model, 0.9)
    rate = elephants(session, model).precisions[0].rate
    assert rate is not None and rate.effective == 1.0
    assert rate.high - rate.low > 0.5


def store(session: Session, settings: Settings, text: str, listing: ListingRow | None = None) -> PhotoRow:
    photos.store(open_store(settings), text.encode())
    return make_photo(session, listing, text.encode())


def taught(session: Session, settings: Settings) -> list[tuple[str, str]]:
    place = open_store(settings)
    return [(place.read(photo.name).decode(), photo.concept) for photo in reviewed.reviewed_photos(session, place)]


def test_confirmed_pictures_teach_their_concept_and_dismissed_ones_none(session: Session, settings: Settings) -> None:
    decide(session, CONFIRMED, store(session, settings, "a tusker"))
    decide(session, DISMISSED, store(session, settings, "a plastic tusker"))
    decide(session, OPEN, store(session, settings, "nobody looked"))
    assert taught(session, settings) == [("a tusker", "elephant"), ("a plastic tusker", "other")]


def test_a_picture_dismissed_for_one_concept_may_show_another(session: Session, settings: Settings) -> None:
    photo = store(session, settings, "a tiger")
    decide(session, DISMISSED, photo)
    decide(session, CONFIRMED, photo, concept="tiger", rule="tiger_seen")
    assert taught(session, settings) == [("a tiger", "tiger")]


@pytest.mark.parametrize("state", [OPEN, CONFIRMED, FindingState.ESCALATED])
def test_a_picture_of_two_concepts_or_half_decided_teaches_nothing(
    session: Session, settings: Settings, state: FindingState
) -> None:
    photo = store(session, settings, "a tiger on an elephant")
    decide(session, CONFIRMED if state is CONFIRMED else DISMISSED, photo)
    decide(session, state, photo, concept="tiger", rule="tiger_seen")
    assert taught(session, settings) == []


def test_a_picture_whose_bytes_are_gone_teaches_nothing(session: Session, settings: Settings) -> None:
    decide(session, CONFIRMED, make_photo(session, body=b"never stored"))
    assert taught(session, settings) == []


def test_pictures_of_one_seller_are_one_group(session: Session, settings: Settings) -> None:
    source = make_source(session)
    for number, seller in enumerate(["ann", "ann", "bob", None, None]):
        listing = make_listing(session, source, seller=seller)
        decide(session, CONFIRMED, store(session, settings, f"picture {number}", listing), listing)
    groups = [photo.group for photo in reviewed.reviewed_photos(session, open_store(settings))]
    assert groups == ["seller 1", "seller 1", "seller 2", "seller 3", "seller 4"], "a card travels: it names no seller"


def test_words_alone_teach_nothing(session: Session, settings: Settings) -> None:
    make_finding(session, words_only=True, state=CONFIRMED)
    assert reviewed.reviewed_photos(session, open_store(settings)) == []


def test_what_a_reviewer_says_that_they_see_is_what_a_model_learns(session: Session) -> None:
    user = make_user(session)
    unlike, none, instead, taken_back = (decide(session, OPEN) for _ in range(4))  # all suspected as elephants
    decisions.decide(session, user, unlike.id, Choice(Verdict.DISMISS, concept="tiger_skin"))
    decisions.decide(session, user, none.id, Choice(Verdict.DISMISS, concept="other"))
    decisions.decide(session, user, instead.id, Choice(Verdict.CONFIRM, concept="ivory"))
    made = decisions.decide(session, user, taken_back.id, Choice(Verdict.DISMISS, concept="tiger"))
    decisions.undo(session, user, made.batch)
    decisions.decide(session, user, taken_back.id, Choice(Verdict.CONFIRM))
    shown = [one.shows for one in reviewed.read_pictures(session).values()]
    assert shown == ["tiger_skin", "other", "ivory", "elephant"]
