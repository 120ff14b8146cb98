"""Telling other systems what happened, as the Standard Webhooks specification lays it down (standardwebhooks.com).

A message is a row in the transaction of what it tells of, so that none is lost and none speaks of what was rolled back.
"""

import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from sqlalchemy import delete, select
from sqlalchemy.orm import Session, joinedload

from scanner.fetch import AddressError, Fetcher, FetchError
from scanner.fetch.addresses import check_url
from webapp.db import now
from webapp.language import say
from webapp.models import DeliveryState, User, Webhook, WebhookDelivery
from webapp.services import audit, outgoing, sealing
from webapp.services.errors import NotFound, Refused
from webapp.settings import Settings

PURPOSE = "webhook"
SECRET_BYTES = 32
DEADLINE_S = 10.0
LEASE_S = 60
TURN_S = 20.0  # how long one tick sends at most: other ticks wait behind it
KEPT_DAYS = 30
SHOWN = 50
GONE = 410


class Event(StrEnum):
    FINDINGS_OPENED = "findings.opened"
    FINDING_DECIDED = "finding.decided"
    LISTING_GONE = "listing.gone"
    SCAN_ENDED = "scan.ended"
    REPORT_BUILT = "report.built"
    REPORT_DELIVERED = "report.delivered"
    PING = "ping"


# What can be chosen; a ping goes to whoever asks for one.
EVENTS = tuple(event for event in Event if event is not Event.PING)


def publish(session: Session, event: Event, **data: Any) -> None:
    """Tell whoever wants to hear of it, in the caller's transaction; data: JSON values."""
    for hook in session.scalars(select(Webhook).where(Webhook.is_active)):
        if event.value in hook.events:
            add_message(session, hook, event, data)


def add_message(session: Session, hook: Webhook, event: Event, data: dict[str, Any]) -> WebhookDelivery:
    payload = {"type": event.value, "timestamp": now().isoformat(), "data": data}
    message = WebhookDelivery(webhook=hook, key=f"msg_{uuid4().hex}", event=event.value, payload=payload)
    session.add(message)
    session.flush()
    return message


def create(
    session: Session, user: User, settings: Settings, name: str, url: str, events: Sequence[str]
) -> tuple[Webhook, str]:
    """The webhook and its secret, which is shown once.

    Raises Refused for an address that may not be asked, no event, or a name that is taken.
    """
    if session.scalar(select(Webhook.id).where(Webhook.name == name)) is not None:
        raise Refused(say("There is a webhook named %(name)s already; choose another name.", name=name))
    check_address(url, settings)
    secret = f"whsec_{base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()}"
    sealed = sealing.seal(settings.secret_key, secret, PURPOSE)
    hook = Webhook(name=name, url=url, secret=sealed, events=checked_events(events), user=user)
    session.add(hook)
    session.flush()
    audit.record(
        session, user.name, "webhook.create", f"webhook:{hook.id}", name=name, to=site_of(url), events=hook.events
    )
    return hook, secret


def check_address(url: str, settings: Settings) -> None:
    try:
        check_url(url, settings.allowed_addresses)
    except AddressError as error:
        raise Refused(str(error)) from None


def site_of(url: str) -> str:
    """`https://chat.example`: what follows is often the receiver's password, which the log is not to hold."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def checked_events(events: Sequence[str]) -> list[str]:
    chosen = [event.value for event in EVENTS if event.value in events]
    if not chosen:
        raise Refused(say("Choose at least one event."))
    return chosen


def change(session: Session, user: User, hook: Webhook, events: Sequence[str], is_active: bool) -> None:
    """What waits for a webhook that is switched off goes once it is on again. Raises Refused without an event."""
    before = {"events": hook.events, "is_active": hook.is_active}
    hook.events, hook.is_active = checked_events(events), is_active
    after = {"events": hook.events, "is_active": is_active}
    audit.record(session, user.name, "webhook.change", f"webhook:{hook.id}", name=hook.name, before=before, after=after)


def remove(session: Session, user: User, hook: Webhook) -> None:
    """With all its messages."""
    audit.record(session, user.name, "webhook.delete", f"webhook:{hook.id}", name=hook.name, to=site_of(hook.url))
    session.execute(delete(WebhookDelivery).where(WebhookDelivery.webhook_id == hook.id))
    session.delete(hook)
    session.flush()


def ping(session: Session, user: User, hook: Webhook) -> WebhookDelivery:
    """A message that says nothing, to try the way."""
    audit.record(session, user.name, "webhook.ping", f"webhook:{hook.id}", name=hook.name)
    return add_message(session, hook, Event.PING, {})


def send_again(session: Session, user: User, delivery_id: int) -> WebhookDelivery:
    """Under the same key, so that a receiver that had it knows it. Raises NotFound."""
    message = session.get(WebhookDelivery, delivery_id)
    if message is None:
        raise NotFound(say("There is no such message."))
    outgoing.try_again(message)
    audit.record(session, user.name, "webhook.resend", f"webhook:{message.webhook_id}", key=message.key)
    return message


def list_webhooks(session: Session) -> list[Webhook]:
    return list(session.scalars(select(Webhook).order_by(Webhook.name)))


def find(session: Session, webhook_id: int) -> Webhook:
    """Raises NotFound."""
    hook = session.get(Webhook, webhook_id)
    if hook is None:
        raise NotFound(say("There is no such webhook."))
    return hook


def recent(session: Session, hook: Webhook) -> list[WebhookDelivery]:
    """Its newest messages, the newest first."""
    mine = select(WebhookDelivery).where(WebhookDelivery.webhook_id == hook.id)
    return list(session.scalars(mine.order_by(WebhookDelivery.id.desc()).limit(SHOWN)))


def deliver_due(session: Session, settings: Settings, turn_s: float = TURN_S) -> int:
    """Send what is due until `turn_s` is over; how many arrived. Commits message by message.

    A receiver that failed is left alone for the rest of the turn: one that answers after ten seconds or never, with a
    thousand messages waiting, must not hold up all others.
    """
    ends_at, arrived = time.monotonic() + turn_s, 0
    failed: set[int] = set()
    with open_fetcher(settings) as fetcher:
        while time.monotonic() < ends_at and (message := take_due(session, failed)) is not None:
            if deliver(session, settings, fetcher, message):
                arrived += 1
            else:
                failed.add(message.webhook_id)
    return arrived


@contextmanager
def open_fetcher(settings: Settings) -> Iterator[Fetcher]:
    """The address gate of crawls: a webhook must not reach what a listing could not."""
    with Fetcher(
        settings.contact, settings.allowed_addresses, pace_s=0, connect_s=5, read_s=DEADLINE_S, deadline_s=DEADLINE_S
    ) as fetcher:
        yield fetcher


def take_due(session: Session, besides: Collection[int] = ()) -> WebhookDelivery | None:
    """The message that is due longest, leased to the caller; commits. besides: webhooks that are left alone."""
    for message_id in session.scalars(
        select(WebhookDelivery.id)
        .join(WebhookDelivery.webhook)
        .where(Webhook.is_active, Webhook.id.not_in(list(besides)), *outgoing.is_due(WebhookDelivery))
        .order_by(WebhookDelivery.due_at, WebhookDelivery.id)
        .limit(10)
    ).all():
        if outgoing.take(session, WebhookDelivery, message_id, LEASE_S):
            query = select(WebhookDelivery).where(WebhookDelivery.id == message_id)
            return session.scalar(
                query.options(joinedload(WebhookDelivery.webhook)), execution_options={"populate_existing": True}
            )
    return None


def deliver(session: Session, settings: Settings, fetcher: Fetcher, message: WebhookDelivery) -> bool:
    """Send it once and keep what came of it; whether it arrived. Commits."""
    try:
        secret = sealing.unseal(settings.secret_key, message.webhook.secret, PURPOSE)
        body = json.dumps(message.payload, ensure_ascii=False, separators=(",", ":")).encode()
        answer = fetcher.post(message.webhook.url, body, headers=headers_of(secret, message.key, body, now()))
        note_arrival(message, answer.status)
    except FetchError as error:
        note_failure(message, str(error), error.status)
    except Refused as error:
        note_failure(message, str(error), None)
    arrived = message.state is DeliveryState.DELIVERED
    session.commit()
    return arrived


def headers_of(secret: str, key: str, body: bytes, at: datetime) -> dict[str, str]:
    moment = str(int(at.astimezone(UTC).timestamp()))
    return {
        "Content-Type": "application/json",
        "webhook-id": key,
        "webhook-timestamp": moment,
        "webhook-signature": sign(secret, key, moment, body),
    }


def sign(secret: str, key: str, moment: str, body: bytes) -> str:
    """`v1,` and the base64 of HMAC-SHA256 over `key.moment.body`; secret: `whsec_` and base64."""
    word = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.new(word, f"{key}.{moment}.".encode() + body, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


def note_arrival(message: WebhookDelivery, status: int) -> None:
    message.status = status
    outgoing.note_arrival(message)


def note_failure(message: WebhookDelivery, reason: str, status: int | None) -> None:
    """Another try later; none where the receiver says that it is gone: then the webhook is off."""
    message.status = status
    if status == GONE:
        message.webhook.is_active = False
    outgoing.note_failure(message, reason, is_final=status == GONE)


def forget_old(session: Session) -> int:
    """Delete what arrived or was given up longer ago than KEPT_DAYS; how many."""
    old = (WebhookDelivery.state != DeliveryState.PENDING) & (
        WebhookDelivery.created_at < now() - timedelta(days=KEPT_DAYS)
    )
    ids = session.scalars(delete(WebhookDelivery).where(old).returning(WebhookDelivery.id)).all()
    session.commit()
    return len(ids)
