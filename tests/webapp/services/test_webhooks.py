import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from tests.factories import make_scan, make_user
from tests.scanner.fetch.site import Answer, Site, answer, running_site
from webapp.db import now
from webapp.models import (
    AuditEntry,
    DeliveryState,
    PictureState,
    Role,
    ScanPhoto,
    ScanState,
    User,
    Webhook,
    WebhookDelivery,
)
from webapp.services import scans, webhooks
from webapp.services.errors import Refused
from webapp.services.outgoing import PAUSES_S
from webapp.services.webhooks import Event
from webapp.settings import Settings


@pytest.fixture
def site() -> Iterator[Site]:
    with running_site() as site:
        yield site


@pytest.fixture
def user(session: Session) -> User:
    return make_user(session, "mirela", Role.ADMIN)


@pytest.fixture
def hook(session: Session, settings: Settings, site: Site, user: User) -> Webhook:
    settings.allowed_addresses = [site.origin]
    made, _ = webhooks.create(session, user, settings, "desk", site.url("/hook"), [Event.SCAN_ENDED])
    session.commit()
    return made


def keeping(received: list[tuple[dict[str, str], bytes]], status: int = 204) -> Answer:
    def write(handler: BaseHTTPRequestHandler) -> None:
        headers = {name.lower(): value for name, value in handler.headers.items()}
        received.append((headers, handler.rfile.read(int(headers["content-length"]))))
        answer(status)(handler)

    return write


def deliveries(session: Session) -> list[WebhookDelivery]:
    query = select(WebhookDelivery).order_by(WebhookDelivery.id)
    return list(session.scalars(query, execution_options={"populate_existing": True}))


def make_due(session: Session) -> None:
    session.execute(update(WebhookDelivery).values(due_at=now() - timedelta(seconds=1)))
    session.commit()


def test_a_message_arrives_signed_as_the_receiver_checks_it(
    session: Session, settings: Settings, site: Site, user: User
) -> None:
    received: list[tuple[dict[str, str], bytes]] = []
    site.answers["/hook"] = keeping(received)
    settings.allowed_addresses = [site.origin]
    _, secret = webhooks.create(session, user, settings, "desk", site.url("/hook"), ["scan.ended"])
    webhooks.publish(session, Event.SCAN_ENDED, scan_id=7, note="穿山甲")
    session.commit()
    assert webhooks.deliver_due(session, settings) == 1
    [(headers, body)] = received
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    word = base64.b64decode(secret.removeprefix("whsec_"))
    expected = base64.b64encode(hmac.new(word, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    message = json.loads(body)
    assert (message["type"], message["data"]) == ("scan.ended", {"scan_id": 7, "note": "穿山甲"})
    [kept] = deliveries(session)
    assert (kept.state, kept.status, kept.attempts) == (DeliveryState.DELIVERED, 204, 1)
    assert webhooks.deliver_due(session, settings) == 0
    assert len(received) == 1


def test_only_chosen_events_are_told_and_none_of_what_was_rolled_back(session: Session, hook: Webhook) -> None:
    webhooks.publish(session, Event.LISTING_GONE, listing_id=1)
    assert deliveries(session) == []
    webhooks.publish(session, Event.SCAN_ENDED, scan_id=1)
    session.rollback()
    assert deliveries(session) == []
    assert hook.events == ["scan.ended"]


def test_what_does_not_arrive_is_tried_again_later_under_the_same_key(
    session: Session, settings: Settings, site: Site, hook: Webhook
) -> None:
    received: list[tuple[dict[str, str], bytes]] = []
    site.answers["/hook"] = keeping(received, 500)
    webhooks.publish(session, Event.SCAN_ENDED, scan_id=1)
    session.commit()
    assert webhooks.deliver_due(session, settings) == 0
    [message] = deliveries(session)
    assert (message.state, message.status) == (DeliveryState.PENDING, 500)
    assert "500" in (message.failure or "")
    assert 0 < (message.due_at - now()).total_seconds() <= PAUSES_S[0]
    make_due(session)
    site.answers["/hook"] = keeping(received)
    assert webhooks.deliver_due(session, settings) == 1
    assert {headers["webhook-id"] for headers, _ in received} == {message.key}
    assert hook.is_active


def test_after_the_last_try_it_is_given_up(session: Session, settings: Settings, hook: Webhook) -> None:
    webhooks.publish(session, Event.SCAN_ENDED, scan_id=1)
    session.execute(update(WebhookDelivery).values(attempts=len(PAUSES_S)))
    session.commit()
    webhooks.deliver_due(session, settings)
    [message] = deliveries(session)
    assert (message.state, message.attempts) == (DeliveryState.FAILED, len(PAUSES_S) + 1)
    webhooks.send_again(session, hook.user, message.id)  # type: ignore[arg-type]
    assert (message.state, message.attempts) == (DeliveryState.PENDING, 0)


def test_a_receiver_that_is_gone_switches_the_webhook_off(
    session: Session, settings: Settings, site: Site, hook: Webhook
) -> None:
    site.answers["/hook"] = keeping([], 410)
    for number in (1, 2):
        webhooks.publish(session, Event.SCAN_ENDED, scan_id=number)
    session.commit()
    webhooks.deliver_due(session, settings)
    session.refresh(hook)
    assert not hook.is_active
    assert [message.state for message in deliveries(session)] == [DeliveryState.FAILED, DeliveryState.PENDING]


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/x",
        "http://10.0.0.1/",
        "http://169.254.169.254/latest",
        "ftp://a.example/",
        "http://2130706433/",
    ],
)
def test_an_address_that_no_crawl_may_ask_is_refused(
    session: Session, settings: Settings, user: User, url: str
) -> None:
    with pytest.raises(Refused):
        webhooks.create(session, user, settings, "inside", url, ["scan.ended"])


def test_a_name_that_leads_inside_is_refused_when_it_is_sent(session: Session, settings: Settings, user: User) -> None:
    """The address may have been public when the webhook was made."""
    webhooks.create(session, user, settings, "inside", "http://localhost/x", ["scan.ended"])
    webhooks.publish(session, Event.SCAN_ENDED, scan_id=1)
    session.commit()
    assert webhooks.deliver_due(session, settings) == 0
    [message] = deliveries(session)
    assert "private network or on this machine" in (message.failure or "")


@pytest.mark.usefixtures("hook")
def test_a_message_that_someone_sends_is_not_sent_twice(session: Session) -> None:
    webhooks.publish(session, Event.SCAN_ENDED, scan_id=1)
    session.commit()
    assert webhooks.take_due(session) is not None
    assert webhooks.take_due(session) is None
    session.execute(update(WebhookDelivery).values(lease_until=now() - timedelta(seconds=1)))
    session.commit()
    assert webhooks.take_due(session) is not None, "its sender died"


def test_the_secret_is_kept_sealed_and_never_logged(session: Session, settings: Settings, user: User) -> None:
    hook, secret = webhooks.create(session, user, settings, "desk", "https://desk.example/x", ["scan.ended"])
    assert secret not in hook.secret
    assert all(secret not in str(entry.facts) for entry in session.scalars(select(AuditEntry)))
    settings.__dict__["secret_key"] = "another"
    webhooks.publish(session, Event.SCAN_ENDED, scan_id=1)
    session.commit()
    webhooks.deliver_due(session, settings)
    assert "secret.key" in (deliveries(session)[0].failure or "")


def test_the_log_names_the_receiver_and_not_what_lets_in_there(
    session: Session, settings: Settings, user: User
) -> None:
    url = "https://hooks.chat.example/services/T00/a-word-that-lets-in"
    hook, _ = webhooks.create(session, user, settings, "chat", url, ["scan.ended"])
    webhooks.remove(session, user, hook)
    facts = [entry.facts for entry in session.scalars(select(AuditEntry).where(AuditEntry.action.like("webhook.%")))]
    assert [one["to"] for one in facts] == ["https://hooks.chat.example"] * 2
    assert "lets-in" not in str(facts)


def test_a_receiver_that_fails_does_not_hold_up_the_others(
    session: Session, settings: Settings, site: Site, hook: Webhook, user: User
) -> None:
    refused: list[tuple[dict[str, str], bytes]] = []
    received: list[tuple[dict[str, str], bytes]] = []
    site.answers["/hook"], site.answers["/good"] = keeping(refused, 500), keeping(received)
    for _ in range(3):
        webhooks.publish(session, Event.SCAN_ENDED, scan_id=1)
    webhooks.create(session, user, settings, "good", site.url("/good"), [Event.LISTING_GONE])
    webhooks.publish(session, Event.LISTING_GONE, listing_id=1)
    session.commit()
    assert webhooks.deliver_due(session, settings) == 1
    assert (len(refused), len(received)) == (1, 1)
    assert hook.is_active


def test_the_end_of_a_scan_is_told(session: Session, hook: Webhook) -> None:
    scan = make_scan(session, state=ScanState.SCORING, finished_at=None)
    assert session.scalar(select(ScanPhoto).where(ScanPhoto.state == PictureState.PENDING)) is None
    assert scans.settle(session, scan.id)
    [message] = deliveries(session)
    assert message.payload["data"]["scan_id"] == scan.id
    assert message.payload["data"]["state"] == "done"
    assert hook.is_active


def test_old_messages_are_forgotten_but_not_those_that_wait(session: Session, hook: Webhook) -> None:
    for number in range(2):
        webhooks.publish(session, Event.SCAN_ENDED, scan_id=number)
    first, second = deliveries(session)
    webhooks.note_arrival(first, 200)
    session.execute(update(WebhookDelivery).values(created_at=now() - timedelta(days=31)))
    session.commit()
    assert webhooks.forget_old(session) == 1
    assert [message.id for message in deliveries(session)] == [second.id]
    assert hook.is_active
