import pytest
from sqlalchemy.orm import Session

from scanner.decoding import TIMEOUT_S
from scanner.fetch import AddressError, BudgetError, BusyError, FetchError, RobotsError
from tests.factories import add, make_listing, make_scan
from tests.webapp.services.conftest import Run
from webapp.models import PictureState, Scan, ScanPhoto
from webapp.services import failures
from webapp.services.failures import WORDS, FailureKind, kind_of, kind_of_fetch

SENTENCES = {
    "not a picture (it is a web page); JPEG, PNG, WebP, GIF, AVIF, HEIC or BMP can be read": FailureKind.NO_PICTURE,
    "the file is empty": FailureKind.NO_PICTURE,
    "70,000,000 bytes; at most 67,108,864 are read": FailureKind.TOO_LARGE,
    "9000 x 9000 pixels; at most 50,000,000 are decoded": FailureKind.TOO_LARGE,
    "decoding it takes more memory than a picture may use": FailureKind.TOO_LARGE,
    "broken picture: image file is truncated": FailureKind.BROKEN,
    f"decoding took longer than {TIMEOUT_S} s": FailureKind.TIMED_OUT,
    "decoding took longer than 20 s of computing": FailureKind.TIMED_OUT,
    "its decoder died (exit code -9)": FailureKind.DECODER,
    "its scan worker died 3 times at it": FailureKind.DECODER,
    "the predictor process died (exit code -9)": FailureKind.MODEL,
    "the batch took longer than 300 s": FailureKind.MODEL,
    "not scored: out of memory": FailureKind.MODEL,
    "its bytes are no longer in the store": FailureKind.MISSING,
    "The server answered 404 (Not Found).": FailureKind.NOT_FOUND,
    "The server answered 403 (Forbidden).": FailureKind.REFUSED,
    "The server answered 500 (Internal Server Error).": FailureKind.UNREACHABLE,
    "The server could not be asked: connection refused.": FailureKind.UNREACHABLE,
    "The server did not answer in time.": FailureKind.TIMED_OUT,
    "The answer is larger than 20 MiB, so it was not read to its end.": FailureKind.TOO_LARGE,
    "The robots.txt of shop.example asks crawlers to leave this page alone.": FailureKind.REFUSED,
    "The budget of 50000 pages is used up.": FailureKind.REFUSED,
    "something that nobody foresaw": FailureKind.OTHER,
}


@pytest.mark.parametrize(("sentence", "kind"), SENTENCES.items())
def test_a_sentence_of_before_tells_its_kind(sentence: str, kind: FailureKind) -> None:
    assert kind_of(sentence) is kind


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (FetchError("Any words.", 404), FailureKind.NOT_FOUND),
        (FetchError("Any words.", 403), FailureKind.REFUSED),
        (RobotsError("Any words."), FailureKind.REFUSED),
        (AddressError("Any words."), FailureKind.REFUSED),
        (BudgetError("Any words."), FailureKind.REFUSED),
        (BusyError("Any words.", 503), FailureKind.UNREACHABLE),
        (FetchError("It took longer than 60 s in all."), FailureKind.TIMED_OUT),
        (FetchError("Any words."), FailureKind.UNREACHABLE),
    ],
)
def test_a_fetch_that_failed_tells_its_kind(error: FetchError, kind: FailureKind) -> None:
    assert kind_of_fetch(error) is kind


def test_every_kind_has_words() -> None:
    assert set(WORDS) == set(FailureKind)


def test_a_scan_notes_the_kind_where_the_failure_is_made(session: Session, scan: Scan, run: Run) -> None:
    run(scan)
    kinds = {one.kind: (one.count, [example.failure for example in one.examples]) for one in
             failures.by_kind(session, scan.id)}  # fmt: skip
    assert kinds == {
        FailureKind.NOT_FOUND: (1, ["The server answered 404 (Not Found)."]),
        FailureKind.BROKEN: (1, ["broken picture"]),
    }
    noted = session.query(ScanPhoto.failure_kind).filter(ScanPhoto.failure.is_not(None))
    assert {kind for (kind,) in noted} == {"not_found", "broken"}


def test_rows_of_before_are_told_by_their_sentence_and_counted_with_the_others(session: Session) -> None:
    scan = make_scan(session)
    listing = make_listing(session, scan.source)
    for number in range(5):
        said = {"failure": "its decoder died (exit code -9)", "failure_kind": "decoder" if number % 2 else None}
        state = PictureState.FAILED
        add(session, ScanPhoto(scan=scan, listing=listing, location=f"x{number}", state=state, **said))
    add(session, ScanPhoto(scan=scan, listing=listing, location="well", state=PictureState.SCORED))
    (told,) = failures.by_kind(session, scan.id)
    assert (told.kind, told.count, len(told.examples)) == (FailureKind.DECODER, 5, 3)
    assert told.words == "It broke its decoder"
