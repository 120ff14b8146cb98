import json

from sqlalchemy.orm import Session

from scanner.fetch import LogEntry
from scanner.zoo.catalogue import DEFAULT
from tests.factories import make_finding, make_listing, make_scan, make_source
from tests.webapp.api.conftest import Write
from tests.webapp.services.zoo import place_model
from tests.webapp.views.test_models import decide_pictures
from webapp.db import now
from webapp.models import (
    Decision,
    DeliveryState,
    FindingState,
    ListingEvent,
    ListingEventKind,
    ReviewClaim,
    ReviewSkip,
    Role,
    Scan,
    ScanPhoto,
    ScanState,
    Schedule,
    Source,
    WebhookDelivery,
)
from webapp.services import archives
from webapp.services.crawl_logs import CrawlLog
from webapp.services.tokens import Scope
from webapp.settings import Settings
from webapp.storage import open_store


def test_findings_come_page_by_page_the_most_pressing_first(program: Write, session: Session) -> None:
    rows = [make_finding(session, priority=float(number)) for number in range(5)]
    session.commit()
    client, seen, path = program(Role.VIEWER), [], "/findings?limit=2"
    while path:
        page = client.get(path)
        seen += [one["id"] for one in page["items"]]
        path = f"/findings?limit=2&cursor={page['next_cursor']}" if page["next_cursor"] else ""
    assert seen == [row.id for row in reversed(rows)]


def test_a_finding_is_read_decided_and_taken_back(program: Write, session: Session) -> None:
    row = make_finding(session)
    session.commit()
    client = program(Role.REVIEWER)
    made = client.post(f"/findings/{row.id}/decisions", verdict="dismiss", reason="toy_print_or_artwork")
    assert made.status_code == 201, made.text
    whole = client.get(f"/findings/{row.id}")
    assert whole["state"] == "dismissed"
    assert [(one["verdict"], one["by"], one["is_undone"]) for one in whole["decisions"]] == [
        ("dismiss", "reviewer", False)
    ]
    undone = client.post(f"/decisions/batches/{made.json['batch']}/undo")
    assert undone.status_code == 200, undone.text
    whole = client.get(f"/findings/{row.id}")
    assert (whole["state"], whole["decisions"][0]["is_undone"]) == ("open", True)
    assert session.query(Decision).count() == 1


def test_a_reason_is_one_of_the_pack_s_for_the_verdict(program: Write, session: Session) -> None:
    row = make_finding(session)
    session.commit()
    client = program(Role.REVIEWER)
    reasons = {one["code"]: one for one in client.get("/reasons")["items"]}
    assert reasons["toy_print_or_artwork"]["verdicts"] == ["dismiss"]
    noted = next(code for code, one in reasons.items() if one["needs_note"] and "dismiss" in one["verdicts"])
    for verdict, reason in [("dismiss", "because"), ("confirm", "toy_print_or_artwork"), ("dismiss", noted)]:
        for path, more in [(f"/findings/{row.id}/decisions", {}), ("/decisions", {"finding_ids": [row.id]})]:
            assert client.post(path, verdict=verdict, reason=reason, **more).status_code == 409, (path, reason)
    assert session.query(Decision).count() == 0
    assert client.post("/decisions", verdict="dismiss", reason=noted, note="a seal", finding_ids=[row.id]).json


def test_several_are_decided_at_once_and_what_is_not_is_named(program: Write, session: Session) -> None:
    rows = [make_finding(session) for _ in range(2)] + [make_finding(session, state=FindingState.DISMISSED)]
    session.commit()
    client = program(Role.REVIEWER)
    made = client.post("/decisions", verdict="confirm", finding_ids=[row.id for row in rows]).json
    assert len(made["decisions"]) == 2
    assert [one["finding_id"] for one in made["left_out"]] == [rows[2].id]


def test_a_listing_shows_its_pictures_and_scores(program: Write, session: Session) -> None:
    row = make_finding(session, make_listing(session, title="<b>Tusk</b>"))
    session.commit()
    listing = program(Role.VIEWER).get(f"/listings/{row.listing_id}")
    assert listing["title"] == "<b>Tusk</b>"
    assert listing["finding_ids"] == [row.id]
    assert listing["photos"][0]["scores"][0]["by_concept"]["elephant"] == 0.91


def test_a_source_is_added_scanned_and_given_a_schedule(program: Write, session: Session) -> None:
    client = program()
    faulty = client.post("/sources", name="Shop", kind="shop", options={"start_url": "ftp://x"})
    assert faulty.status_code == 422 and faulty.json["errors"][0]["pointer"] == "/options/start_url"
    made = client.post("/sources", name="Shop", kind="shop", options={"start_url": "https://shop.example/"})
    assert made.status_code == 201, made.text
    number = made.json["id"]
    started = client.post(f"/sources/{number}/scans")
    assert started.status_code == 202
    assert client.post(f"/sources/{number}/scans").json["id"] == started.json["id"], "one is under way"
    bad = client.post(f"/sources/{number}/schedules", cron="61 * * * *")
    assert bad.status_code == 422 and bad.json["errors"][0]["pointer"] == "/cron"
    plan = client.post(f"/sources/{number}/schedules", cron="0 3 * * *", time_zone="Asia/Shanghai")
    assert plan.status_code == 201, plan.text
    assert client.post(f"/schedules/{plan.json['id']}/pause").json["is_paused"]
    assert client.ask("DELETE", f"/schedules/{plan.json['id']}").status_code == 204
    assert client.ask("DELETE", f"/sources/{number}").status_code == 409, "it has a scan"
    assert (session.query(Source).count(), session.query(Schedule).count()) == (1, 0)


def test_a_scan_is_stopped(program: Write, session: Session) -> None:
    scan = make_scan(session, state=ScanState.QUEUED, finished_at=None)
    session.commit()
    client = program(Role.REVIEWER)
    assert client.post(f"/scans/{scan.id}/pause").json["state"] == "paused"
    assert client.post(f"/scans/{scan.id}/cancel").json["state"] == "cancelled"
    assert client.get("/scans?state=cancelled")["items"][0]["id"] == scan.id
    assert session.query(Scan).count() == 1


def test_a_webhook_is_made_and_its_secret_given_once(program: Write) -> None:
    client = program()
    made = client.post("/webhooks", name="desk", url="https://desk.example/", events=["scan.ended"])
    assert made.status_code == 201 and made.json["secret"].startswith("whsec_")
    assert "secret" not in client.get(f"/webhooks/{made.json['id']}")
    assert client.post("/webhooks", name="in", url="http://10.0.0.1/", events=["scan.ended"]).status_code == 409


def test_hosts_are_stopped_and_let_again(program: Write) -> None:
    client = program(Role.REVIEWER, [Scope.SCAN, Scope.READ])
    made = client.post("/hosts", host="shop.example", reason="They wrote to us.")
    assert made.status_code == 201
    assert client.ask("DELETE", f"/hosts/{made.json['id']}").status_code == 204
    assert client.get("/hosts")["items"] == []


def test_models_are_told_with_what_they_see(program: Write, session: Session) -> None:
    client = program()
    names = [one["name"] for one in client.get("/models")["items"]]
    assert "resnet50_vd_wildanimals" in names
    job = client.post("/models/resnet50_vd_wildanimals/jobs", kind="verify")
    assert job.status_code == 202, job.text
    assert client.post("/models/resnet50_vd_wildanimals/jobs", kind="train").status_code == 422
    assert client.get(f"/jobs/{job.json['id']}")["kind"] == "verify"
    assert make_source(session).id


def test_a_picture_is_tried(program: Write) -> None:
    client = program(Role.REVIEWER)
    assert client.ask("POST", "/models/try").status_code == 422
    made = client.ask("POST", "/models/try", data=b"bytes", content_type="application/octet-stream")
    assert made.status_code == 202, made.text
    again = client.ask("POST", "/models/try", data=b"bytes", content_type="application/octet-stream")
    assert again.status_code == 409


def test_a_finding_is_skipped_and_a_listing_let_go(program: Write, session: Session) -> None:
    row = make_finding(session)
    session.commit()
    client = program(Role.REVIEWER)
    assert client.ask("PUT", f"/listings/{row.listing_id}/claim").json["by"] == "reviewer"
    assert client.ask("DELETE", f"/listings/{row.listing_id}/claim").status_code == 204
    assert session.query(ReviewClaim).count() == 0
    assert client.post(f"/findings/{row.id}/skip").status_code == 204
    assert session.query(ReviewSkip).one().finding_id == row.id


def test_a_decision_is_revised_and_the_old_one_kept(program: Write, session: Session) -> None:
    row = make_finding(session)
    session.commit()
    client = program(Role.REVIEWER)
    made = client.post(f"/findings/{row.id}/decisions", verdict="confirm").json["decisions"][0]
    revised = client.post(f"/decisions/{made['id']}/revisions", verdict="dismiss", reason="toy_print_or_artwork")
    assert revised.status_code == 201, revised.text
    assert revised.json["revises_id"] == made["id"]
    whole = client.get(f"/findings/{row.id}")
    assert (whole["state"], [one["verdict"] for one in whole["decisions"]]) == ("dismissed", ["confirm", "dismiss"])
    assert client.post("/decisions/999999/revisions", verdict="dismiss").status_code == 404


def test_sources_and_schedules_are_read_and_changed(program: Write, session: Session) -> None:
    client = program()
    kinds = {one["name"]: one for one in client.get("/sources/kinds")["items"]}
    assert kinds["shop"]["fault"] is None and kinds["shop"]["options"][0]["name"] == "start_url"
    number = client.post("/sources", name="Shop", kind="shop", options={"start_url": "https://shop.example/"}).json[
        "id"
    ]
    body = {"name": "The shop", "options": {"start_url": "https://shop.example/new"}}
    assert client.ask("PUT", f"/sources/{number}", json=body).json["name"] == "The shop"
    assert client.get(f"/sources/{number}")["options"]["start_url"] == "https://shop.example/new"
    assert [one["id"] for one in client.get("/sources")["items"]] == [number]
    plan = client.post(f"/sources/{number}/schedules", cron="0 3 * * *").json
    path = f"/schedules/{plan['id']}"
    assert client.ask("PUT", path, json={"cron": "0 4 * * *"}).json["cron"] == "0 4 * * *"
    assert client.post(f"{path}/pause").json["due_at"] is None
    assert client.post(f"{path}/resume").json["due_at"]
    assert client.get(path) == client.get("/schedules")["items"][0]
    assert client.ask("DELETE", path).status_code == 204
    assert client.ask("DELETE", f"/sources/{number}").status_code == 204, "it was never scanned"
    assert session.query(Source).count() == 0


def test_a_scan_tells_what_it_asked_and_what_failed(program: Write, session: Session, settings: Settings) -> None:
    scan, listing = make_scan(session, state=ScanState.PAUSED, finished_at=None), make_listing(session)
    values = {"location": "https://shop.example/1.jpg", "failure": "It is no picture.", "failure_kind": "decode"}
    session.add(ScanPhoto(scan_id=scan.id, listing_id=listing.id, **values))
    session.commit()
    entry = LogEntry(now(), "https://shop.example/", "allowed", 200, 10, 0.0, 0.1, "")
    with CrawlLog(open_store(settings), archives.archives_dir(settings), scan.id) as log:
        log.write(entry)
    client = program(Role.REVIEWER)
    assert client.get(f"/scans/{scan.id}")["state"] == "paused"
    (failed,) = client.get(f"/scans/{scan.id}/failures")["items"]
    assert (failed["location"], failed["failure_kind"]) == (values["location"], "decode")
    lines = client.ask("GET", f"/scans/{scan.id}/log").text.splitlines()
    assert [json.loads(line)["url"] for line in lines] == ["https://shop.example/"]
    assert client.post(f"/scans/{scan.id}/resume").json["state"] == "queued"


def test_listings_that_are_gone_are_told(program: Write, session: Session) -> None:
    rows = [make_listing(session), make_listing(session)]
    session.add(ListingEvent(listing=rows[0], kind=ListingEventKind.REMOVED, takedown_s=60))
    session.add(ListingEvent(listing=rows[1], kind=ListingEventKind.RELISTED))
    session.commit()
    (gone,) = program(Role.VIEWER).get("/removals")["items"]
    assert (gone["listing_id"], gone["takedown_s"]) == (rows[0].id, 60)


def test_a_webhook_is_changed_tried_and_deleted(program: Write, session: Session) -> None:
    client = program()
    made = client.post("/webhooks", name="desk", url="https://desk.example/", events=["scan.ended"]).json
    path = f"/webhooks/{made['id']}"
    assert client.ask("PUT", path, json={"events": ["report.built"]}).json["events"] == ["report.built"]
    assert client.get("/webhooks")["items"] == [client.get(path)]
    ping = client.post(f"{path}/ping")
    assert (ping.status_code, ping.json["event"], ping.json["state"]) == (202, "ping", "pending")
    message = session.get_one(WebhookDelivery, ping.json["id"])
    message.state = DeliveryState.FAILED
    session.commit()
    again = client.post(f"/webhooks/messages/{message.id}/again")
    assert (again.status_code, again.json["state"], again.json["key"]) == (202, "pending", ping.json["key"])
    assert [one["id"] for one in client.get(f"{path}/messages")["items"]] == [message.id]
    assert client.ask("DELETE", path).status_code == 204
    assert session.query(WebhookDelivery).count() == 0


def test_a_model_is_tried_put_first_and_another_trained(program: Write, session: Session, settings: Settings) -> None:
    place_model(settings.models_dir)
    place_model(settings.models_dir, "our_head", own=True)
    client = program()
    assert client.get("/models/our_head")["is_primary"] is False
    assert client.post("/models/our_head/primary").json["is_primary"] is True
    tried = client.ask("POST", f"/models/{DEFAULT}/try", data=b"bytes", content_type="application/octet-stream")
    assert (tried.status_code, tried.json["model"]) == (202, DEFAULT), tried.text
    asked = {"name": "our_next_head", "backbone": DEFAULT, "concepts": ["elephant"]}
    assert client.post("/models/train", **asked).status_code == 409, "nobody has decided a picture yet"
    decide_pictures(session, settings, confirmed=10, dismissed=10)
    made = client.post("/models/train", **asked)
    assert (made.status_code, made.json["kind"]) == (202, "train"), made.text
    assert [one["id"] for one in client.get("/jobs")["items"]] == [made.json["id"]], "tries are left out"


def test_a_reason_that_does_not_fit_is_refused(program: Write, session: Session) -> None:
    row = make_finding(session)
    session.commit()
    client = program(Role.REVIEWER)
    for reason in ("toy_print_or_artwork", "no_such_reason"):
        answer = client.post(f"/findings/{row.id}/decisions", verdict="confirm", reason=reason)
        assert answer.status_code == 409 and "does not fit the decision" in answer.json["detail"]
    assert session.query(Decision).count() == 0
