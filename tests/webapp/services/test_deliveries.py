"""Reports reach a folder, S3, people and other systems: whole, once as far as anybody can see, and nothing else."""

import errno
import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from tests.factories import add, make_user
from tests.webapp.services.conftest import AtOnce
from tests.webapp.services.mail_server import Postbox, mail_server
from tests.webapp.storage.conftest import s3_server, s3_url  # noqa: F401  # fixtures
from webapp.db import now
from webapp.models import (
    AuditEntry,
    DeliveryState,
    DeliveryWay,
    PictureChoice,
    Redaction,
    Report,
    ReportDelivery,
    ReportFile,
    ReportSchedule,
    Role,
    Webhook,
    WebhookDelivery,
)
from webapp.services import deliveries, mailing, outbox, report_files, report_schedules
from webapp.services.errors import NotFound, Refused
from webapp.services.outgoing import PAUSES_S
from webapp.services.report_schedules import ReportPlan
from webapp.settings import Settings
from webapp.storage import open_outbox, open_store

BUILT = datetime(2026, 3, 9, 6, 1, tzinfo=UTC)
FROM, TO = datetime(2026, 3, 1, 23, tzinfo=UTC), datetime(2026, 3, 8, 23, tzinfo=UTC)


def make_schedule(session: Session, **fields: Any) -> ReportSchedule:
    plan = {"name": "Weekly ivory", "cron": "0 6 * * 1", "time_zone": "Europe/Berlin", "formats": ("csv", "json")}
    return report_schedules.create(session, ReportPlan(**plan | fields), None)


def hand_over(session: Session, settings: Settings, schedule: ReportSchedule) -> Report:
    """A report of two findings with its files, planned; what is in them does not matter here."""
    values = {"from_at": FROM, "to_at": TO, "built_at": BUILT, "title": schedule.name, "sha256": "c" * 64}
    run = {"schedule_id": schedule.id, "due_at": BUILT}
    report = add(session, Report(**values, **run, findings_count=2))
    bodies = {name: f"{name} {'x' * 2_000}".encode() for name in schedule.formats}
    files = [write(session, settings, report, name, body, schedule.redaction) for name, body in bodies.items()]
    deliveries.plan(session, report, files)
    session.commit()
    return report


def write(
    session: Session,
    settings: Settings,
    report: Report,
    name: str,
    body: bytes,
    redaction: Redaction = Redaction.NONE,
) -> ReportFile:
    sha256 = hashlib.sha256(body).hexdigest()
    open_store(settings).put(report_files.name_of(sha256), body)
    values = {"language": "en", "redaction": redaction, "pictures": PictureChoice.NONE}
    return add(session, ReportFile(report=report, format=name, sha256=sha256, size_bytes=len(body), **values))


def rows(session: Session) -> list[ReportDelivery]:
    session.expire_all()
    return session.query(ReportDelivery).order_by(ReportDelivery.id).all()


def make_due(session: Session) -> None:
    at = now() - timedelta(seconds=1)
    session.execute(update(ReportDelivery).values(due_at=at, lease_until=None))
    session.commit()


def lying(settings: Settings) -> dict[str, bytes]:
    """Everything in the outbox, by name."""
    place = open_outbox(settings)
    return {name: place.read(name) for name in place.list("weekly")}


PLACE = "weekly/2026-03-09-report-1"
NAMES = [f"{PLACE}/index.json", f"{PLACE}/tuskline-report-1.csv", f"{PLACE}/tuskline-report-1.json"]


@pytest.fixture(params=["folder", "s3"])
def place(request: pytest.FixtureRequest, settings: Settings) -> str:
    """Where the outbox is."""
    if request.param == "s3":
        settings.outbox_url = request.getfixturevalue("s3_url")
    return str(request.param)


@pytest.mark.usefixtures("place")
def test_a_report_lies_in_the_outbox_whole_with_its_digests(session: Session, settings: Settings) -> None:
    report = hand_over(session, settings, make_schedule(session, folder="weekly"))
    assert deliveries.deliver_due(session, settings) == 1
    found = lying(settings)
    assert list(found) == NAMES
    index = json.loads(found[NAMES[0]])
    assert (index["report"], index["content_sha256"], index["format"]) == (report.id, report.sha256, outbox.FORMAT)
    assert "suspicion" in index["statement"]
    for told in index["files"]:
        body = found[f"{PLACE}/{told['name']}"]
        assert (len(body), hashlib.sha256(body).hexdigest()) == (told["size_bytes"], told["sha256"])
        assert told["pictures"] == "none" and told["redaction"] == "none"
    (row,) = rows(session)
    assert (row.state, row.attempts, row.failure, row.lease_until) == (DeliveryState.DELIVERED, 1, None, None)
    assert row.delivered_at is not None
    entry = session.query(AuditEntry).filter_by(action="report.deliver").one()
    assert (entry.subject, entry.facts["way"], entry.facts["to"]) == (f"report:{report.id}", "folder", "weekly")
    assert deliveries.deliver_due(session, settings) == 0


@pytest.mark.usefixtures("place")
def test_a_sender_that_dies_half_way_is_followed_by_one_that_ends_it(
    session: Session, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    hand_over(session, settings, make_schedule(session, folder="weekly"))
    real = outbox.put

    def die(settings: Settings, place: Any, name: str, *rest: Any) -> None:
        if name.endswith(".json"):
            raise KeyboardInterrupt
        real(settings, place, name, *rest)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(outbox, "put", die)
        deliveries.deliver_due(session, settings)
    session.rollback()
    assert list(lying(settings)) == NAMES[1:2], "no index: a watcher knows that it is not whole"
    assert deliveries.deliver_due(session, settings) == 0, "its lease runs"
    make_due(session)
    assert deliveries.deliver_due(session, settings) == 1
    assert list(lying(settings)) == NAMES
    # Once more, as when a sender dies before it writes down that it sent: nothing changes.
    before = lying(settings)
    session.execute(update(ReportDelivery).values(state=DeliveryState.PENDING))
    make_due(session)
    assert deliveries.deliver_due(session, settings) == 1
    assert lying(settings) == before


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.usefixtures("place")
def test_other_bytes_are_never_written_over(session: Session, settings: Settings, name: str) -> None:
    hand_over(session, settings, make_schedule(session, folder="weekly"))
    open_outbox(settings).put(name, b"somebody else's")
    assert deliveries.deliver_due(session, settings) == 0
    assert lying(settings)[name] == b"somebody else's"
    (row,) = rows(session)
    assert row.state is DeliveryState.FAILED, "to try again would be of no use"
    assert "is there with other content, and stays" in (row.failure or "")
    assert session.query(AuditEntry).filter_by(action="report.deliver.failed").count() == 1


@pytest.mark.parametrize("at", ["aside", "there"])
def test_a_full_disk_leaves_nothing_half_and_is_tried_again(
    session: Session, settings: Settings, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    hand_over(session, settings, make_schedule(session, folder="weekly"))

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("shutil.copyfileobj" if at == "aside" else "pathlib.Path.replace", full)
        assert deliveries.deliver_due(session, settings) == 0
    (row,) = rows(session)
    assert row.state is DeliveryState.PENDING and "no room left" in (row.failure or "")
    assert 0 < (row.due_at - now()).total_seconds() <= PAUSES_S[0]
    assert lying(settings) == {}
    make_due(session)
    assert deliveries.deliver_due(session, settings) == 1
    assert list(lying(settings)) == NAMES


def test_a_link_that_leads_out_of_the_outbox_is_not_followed(
    session: Session, settings: Settings, tmp_path: Path
) -> None:
    hand_over(session, settings, make_schedule(session, folder="weekly"))
    elsewhere, box = tmp_path / "elsewhere", settings.home / "outbox"
    elsewhere.mkdir()
    box.mkdir()
    (box / "weekly").symlink_to(elsewhere)
    assert deliveries.deliver_due(session, settings) == 0
    assert list(elsewhere.iterdir()) == []
    assert "leads out of the outbox" in (rows(session)[0].failure or "")


@pytest.mark.parametrize("folder", ["a", "team/weekly", "Türkei 2026", "每周报告", "a_b-c.d", "3"])
def test_a_plain_folder_may_be_named(folder: str) -> None:
    assert outbox.is_folder(folder)


@pytest.mark.parametrize(
    "folder",
    ["", "/", "/etc", "a/", "a//b", "..", "a/../b", "./a", ".hidden", "a/.b", "a\\b", "C:", "a:b", "a\nb", "a\0b",
     " a", "a ", "a.", "con", "Nul.txt", "lpt1", "~", "$HOME", "a*", "-rf", "_a", "x" * 81, "/".join(["x" * 70] * 3)],
)  # fmt: skip
def test_what_could_lead_elsewhere_is_no_folder(folder: str) -> None:
    assert not outbox.is_folder(folder)


def test_a_folder_that_got_into_the_table_by_another_way_is_refused(
    session: Session, settings: Settings, tmp_path: Path
) -> None:
    hand_over(session, settings, make_schedule(session, folder="weekly"))
    session.execute(update(ReportDelivery).values(target="../../stolen"))
    session.commit()
    assert deliveries.deliver_due(session, settings) == 0
    assert rows(session)[0].state is DeliveryState.FAILED
    assert not list(tmp_path.rglob("stolen*"))


@pytest.fixture
def postbox(settings: Settings) -> Iterator[Postbox]:
    with mail_server() as server:
        settings.smtp_host, settings.smtp_port, settings.smtp_security = "localhost", server.port, "none"
        settings.mail_from, settings.public_url = "tuskline@team.example", "https://tusk.example"
        yield server.postbox


def test_a_mail_carries_the_files_a_warning_and_a_link(session: Session, settings: Settings, postbox: Postbox) -> None:
    report = hand_over(session, settings, make_schedule(session, mail_to=("ann@team.example",)))
    assert deliveries.deliver_due(session, settings) == 1
    (message,) = postbox.messages
    assert message["Subject"] == "Report 1: Weekly ivory"
    text = message.get_body().get_content()  # type: ignore[union-attr]
    assert "a score is a suspicion, never a proof" in text
    assert "https://tusk.example/reports/1" in text
    assert "Period: Mon 02 Mar 2026, 00:00 CET to Mon 09 Mar 2026, 00:00 CET" in text
    assert "Suspected findings: 2" in text
    sent = {one.get_filename(): one.get_payload(decode=True) for one in message.iter_attachments()}
    assert list(sent) == ["tuskline-report-1.csv", "tuskline-report-1.json"]
    digests = [hashlib.sha256(body).hexdigest() for body in sent.values()]
    assert digests == [file.sha256 for file in report.files]
    assert all(digest in text for digest in digests)


def test_a_mail_is_in_the_language_of_the_schedule(session: Session, settings: Settings, postbox: Postbox) -> None:
    hand_over(session, settings, make_schedule(session, language="zh", mail_to=("ann@team.example",)))
    deliveries.deliver_due(session, settings)
    text = postbox.messages[0].get_body().get_content()  # type: ignore[union-attr]
    assert "2026年3月2日" in text


def test_what_is_too_large_for_a_mail_is_named_and_linked(
    session: Session, settings: Settings, postbox: Postbox
) -> None:
    report = hand_over(session, settings, make_schedule(session, mail_to=("ann@team.example",)))
    settings.mail_megabytes = report.files[0].size_bytes / 1e6
    deliveries.deliver_due(session, settings)
    (message,) = postbox.messages
    assert [one.get_filename() for one in message.iter_attachments()] == ["tuskline-report-1.csv"]
    text = message.get_body().get_content()  # type: ignore[union-attr]
    assert text.index("Too large for a mail") < text.index("tuskline-report-1.json")


def test_one_bad_address_does_not_stop_the_others_and_is_not_tried_for_ever(
    session: Session, settings: Settings, postbox: Postbox
) -> None:
    addresses = ("bad@team.example", "full@team.example", "ann@team.example")
    hand_over(session, settings, make_schedule(session, mail_to=addresses))
    answers = {
        "bad@team.example": "550 5.1.1 <Bad@team.example>: no such user",
        "full@team.example": "452 4.2.2 Mailbox full",
    }
    postbox.refuse = lambda to: answers.get(to or "")
    deliveries.deliver_due(session, settings)
    bad, full, good = rows(session)
    assert (bad.state, good.state) == (DeliveryState.FAILED, DeliveryState.DELIVERED)
    assert full.state is DeliveryState.PENDING and "Mailbox full" in (full.failure or "")
    assert "no such user" in (bad.failure or "") and "bad@" not in (bad.failure or "").lower()
    assert [message["To"] for message in postbox.messages] == ["ann@team.example"]


def test_a_mail_that_is_sent_again_is_known_by_its_id(session: Session, settings: Settings, postbox: Postbox) -> None:
    hand_over(session, settings, make_schedule(session, mail_to=("ann@team.example", "ben@team.example")))
    assert deliveries.deliver_due(session, settings) == 2
    # As when a sender dies between sending and writing that down.
    session.execute(update(ReportDelivery).values(state=DeliveryState.PENDING))
    make_due(session)
    assert deliveries.deliver_due(session, settings) == 2
    ids = [message["Message-ID"] for message in postbox.messages]
    assert ids[:2] == ids[2:] and ids[0] != ids[1]
    assert all(one.endswith("@tusk.example>") for one in ids)


def test_a_mail_server_that_is_away_holds_up_no_folder(session: Session, settings: Settings) -> None:
    settings.smtp_host = None
    schedule = make_schedule(session, mail_to=("ann@team.example", "ben@team.example"), folder="weekly")
    hand_over(session, settings, schedule)
    session.execute(update(ReportDelivery).where(ReportDelivery.way == DeliveryWay.MAIL).values(due_at=BUILT))
    session.commit()
    assert deliveries.deliver_due(session, settings) == 1
    folder, first, second = rows(session)
    assert folder.state is DeliveryState.DELIVERED
    assert "TUSKLINE_SMTP_HOST" in (first.failure or "") and (second.attempts, second.failure) == (0, None)


def test_after_the_last_try_it_is_given_up_until_somebody_sends_it_again(session: Session, settings: Settings) -> None:
    hand_over(session, settings, make_schedule(session, mail_to=("ann@team.example",)))
    session.execute(update(ReportDelivery).values(attempts=len(PAUSES_S)))
    session.commit()
    deliveries.deliver_due(session, settings)
    (row,) = rows(session)
    assert row.state is DeliveryState.FAILED
    lead = make_user(session, "lea", Role.LEAD)
    deliveries.send_again(session, deliveries.find(session, row.id), lead)
    assert (row.state, row.attempts) == (DeliveryState.PENDING, 0)
    assert session.query(AuditEntry).filter_by(action="report.deliver.again").one().actor == "lea"
    assert deliveries.take_due(session) is not None
    with pytest.raises(Refused, match="on its way already"):
        deliveries.send_again(session, row, lead)
    with pytest.raises(NotFound):
        deliveries.find(session, 99)


def test_of_several_senders_one_takes_it(session: Session, settings: Settings, at_once: AtOnce) -> None:
    hand_over(session, settings, make_schedule(session, folder="weekly"))
    taken = at_once([deliveries.take_due] * 4)
    assert sum(row is not None for row in taken) == 1
    session.execute(update(ReportDelivery).values(lease_until=now() - timedelta(seconds=1)))
    session.commit()
    assert deliveries.take_due(session) is not None, "its sender died"


def test_a_file_that_is_gone_is_told_and_not_tried_again(session: Session, settings: Settings) -> None:
    report = hand_over(session, settings, make_schedule(session, folder="weekly"))
    report.files[0].purged_at = now()
    session.commit()
    deliveries.deliver_due(session, settings)
    (row,) = rows(session)
    assert row.state is DeliveryState.FAILED and "was removed before it could be sent" in (row.failure or "")


def test_a_file_that_was_changed_goes_nowhere_until_it_is_brought_back(session: Session, settings: Settings) -> None:
    report = hand_over(session, settings, make_schedule(session, folder="weekly"))
    path = settings.home / report_files.name_of(report.files[0].sha256)
    body = path.read_bytes()
    path.write_bytes(b"tampered with")
    deliveries.deliver_due(session, settings)
    (row,) = rows(session)
    assert row.state is DeliveryState.PENDING and "was changed" in (row.failure or "")
    assert lying(settings) == {}
    path.write_bytes(body)
    make_due(session)
    assert deliveries.deliver_due(session, settings) == 1


def test_an_unexpected_error_stops_no_other(
    session: Session, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    hand_over(session, settings, make_schedule(session, folder="weekly", mail_to=("ann@team.example",)))
    sent: list[str] = []
    monkeypatch.setattr(outbox, "deliver", lambda *_: 1 / 0)
    monkeypatch.setattr(mailing, "send", lambda _settings, letter, _lean: sent.append(letter.to))
    assert deliveries.deliver_due(session, settings) == 1
    folder, mail = rows(session)
    assert folder.state is DeliveryState.PENDING and "unexpected error" in (folder.failure or "")
    assert mail.state is DeliveryState.DELIVERED and sent == ["ann@team.example"]


def test_other_systems_are_told_once_where_the_files_are(session: Session, settings: Settings) -> None:
    hook = Webhook(name="desk", url="https://desk.example/", secret="", events=["report.delivered"])
    session.add(hook)
    report = hand_over(session, settings, make_schedule(session, tells_webhooks=True))
    deliveries.plan(session, report, report.files)
    session.commit()
    message = session.query(WebhookDelivery).one()
    told = message.payload["data"]
    assert (message.event, told["report_id"], told["sha256"]) == ("report.delivered", report.id, report.sha256)
    assert [(one["sha256"], one["address"]) for one in told["files"]] == [
        (file.sha256, f"/api/v1/reports/{report.id}/files/{file.id}") for file in report.files
    ]
    assert session.query(AuditEntry).filter_by(action="report.hand_over").count() == 1


def test_where_people_are_hidden_the_title_that_may_name_them_goes_nowhere(
    session: Session, settings: Settings, postbox: Postbox
) -> None:
    session.add(Webhook(name="desk", url="https://desk.example/", secret="", events=["report.delivered"]))
    fields = {"name": "All of Jane Doe", "redaction": Redaction.HASHED, "folder": "weekly", "tells_webhooks": True}
    hand_over(session, settings, make_schedule(session, mail_to=("ann@team.example",), **fields))
    assert deliveries.deliver_due(session, settings) == 2
    (message,) = postbox.messages
    assert message["Subject"] == "Report 1"
    told = session.query(WebhookDelivery).one().payload["data"]
    assert told["title"] == ""
    sent = message.get_body().get_content()  # type: ignore[union-attr]
    everything = [sent, str(told), *(body.decode() for body in lying(settings).values())]
    assert not any("Jane" in one for one in everything)


def test_a_schedule_that_asks_for_no_message_sends_none(session: Session, settings: Settings) -> None:
    session.add(Webhook(name="desk", url="https://desk.example/", secret="", events=["report.delivered"]))
    hand_over(session, settings, make_schedule(session))
    assert session.query(WebhookDelivery).count() == session.query(ReportDelivery).count() == 0


def test_a_report_of_no_schedule_goes_nowhere(session: Session) -> None:
    report = add(session, Report(from_at=FROM, to_at=TO, sha256="c" * 64, findings_count=0))
    deliveries.plan(session, report, [])
    assert session.query(ReportDelivery).count() == 0


def test_what_became_of_deliveries_is_counted_by_schedule(session: Session, settings: Settings) -> None:
    schedule = make_schedule(session, folder="weekly", mail_to=("ann@team.example",))
    hand_over(session, settings, schedule)
    deliveries.deliver_due(session, settings)
    assert deliveries.count_states(session) == {schedule.id: {DeliveryState.DELIVERED: 1, DeliveryState.PENDING: 1}}
    assert [row.way for row in deliveries.list_deliveries(session, schedule.id)] == [
        DeliveryWay.MAIL,
        DeliveryWay.FOLDER,
    ]
