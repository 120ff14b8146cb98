from sqlalchemy.orm import Session

from scanner.stages import StageTime
from tests.factories import make_scan, make_source
from tests.webapp.api.conftest import Write
from tests.webapp.services.test_capacity import note
from webapp.models import Role, Scan


def make_measured(session: Session) -> Scan:
    scan = make_scan(session, make_source(session, "Bazaar", address="http://shop.example/"), listings_seen=50)
    note(session, scan, "decode", StageTime(1000, 20.0, 0.0, 80.0, 1))
    note(session, scan, "predict", StageTime(1000, 100.0, 0.0, 0.0, 1))
    note(session, scan, "fetch", StageTime(200, 20.0, 80.0, 0.0, 1), pages=100)
    session.commit()
    return scan


def test_capacity_is_told_as_measured(program: Write, session: Session) -> None:
    scan = make_measured(session)
    told = program(Role.VIEWER).get("/capacity")
    assert (told["days"], told["crawled_a_day"], told["what_if"]) == (30, 172_800, None)
    (rig,) = told["machines"]
    assert (rig["machine"], rig["engine"], rig["rate"], rig["limit"]) == ("box", "paddle", 10.0, "predict")
    (crawl,) = told["crawls"]
    assert (crawl["source_id"], crawl["hosts"], crawl["pictures"]) == (scan.source_id, ["shop.example"], 200)


def test_what_if_is_answered(program: Write, session: Session) -> None:
    scan = make_measured(session)
    viewer = program(Role.VIEWER)
    told = viewer.get("/capacity?pictures=2000000")["what_if"]
    assert (told["pictures"], told["is_crawl_short"]) == (2_000_000, True)
    assert [(need["machine"], need["machines"], need["limit"]) for need in told["needs"]] == [("box", 3, "fetch")]
    assert viewer.get(f"/capacity?listings=10&source_id={scan.source_id}")["what_if"]["pictures"] == 40
    assert viewer.ask("GET", "/capacity?pictures=0").status_code == 422


def test_without_a_measurement_all_is_empty(program: Write) -> None:
    told = program(Role.VIEWER).get("/capacity?listings=5")
    assert (told["machines"], told["crawls"], told["crawled_a_day"], told["what_if"]) == ([], [], None, None)


def test_a_scan_tells_its_stages_and_the_limit(program: Write, session: Session) -> None:
    scan = make_measured(session)
    told = program(Role.VIEWER).get(f"/scans/{scan.id}")
    assert [stage["stage"] for stage in told["stages"]] == ["fetch", "decode", "predict"]
    assert [stage["is_limit"] for stage in told["stages"]] == [False, False, True]
    assert told["limit_words"] == "The predictor was the limit: it worked 100\u00a0% of the time."
