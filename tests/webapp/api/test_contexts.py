from sqlalchemy.orm import Session

from tests.factories import make_finding, make_listing, make_photo, make_scores, place_photo
from tests.webapp.api.conftest import Write
from webapp.models import FindingState, Role


def test_what_helps_to_decide_is_told(program: Write, session: Session) -> None:
    listing = make_listing(session, seller="Harbour", country="GB")
    photo = make_photo(session, listing, pixel_hash="a" * 64)
    make_scores(session, photo)
    row = make_finding(session, listing, photo, concept="ivory", rule="ivory_seen")
    sibling = make_finding(session, listing, photo, rule="ivory_words", concept="ivory")
    other = make_listing(session, listing.source, seller="Harbour")
    place_photo(session, other, photo)
    elsewhere = make_finding(session, other, photo, concept="ivory", state=FindingState.CONFIRMED)
    session.commit()
    client = program(Role.VIEWER)
    told = client.get(f"/findings/{row.id}/context?country=GB")
    assert (told["country"], told["seller"], told["seller_other_listings"]) == ("GB", "Harbour", 1)
    assert any("Ivory Act 2018" in one["citation"] + one["text"] for one in told["law"])
    assert {one["status"] for one in told["law"]} <= {"verified", "unverified"}
    assert told["cues"] and told["confusers"] and told["look_alike_note"]
    assert told["seller_findings"]["confirmed"] == 1
    bonds = {one["finding_id"]: one["bond"] for one in told["cluster"]}
    assert bonds == {sibling.id: "listing", elsewhere.id: "exact"}
    assert client.get(f"/findings/{row.id}/context")["country"] == "GB", "the team's choice"
    assert client.ask("GET", f"/findings/{row.id}/context?country=gb").status_code == 422
