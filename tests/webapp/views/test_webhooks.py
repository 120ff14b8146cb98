import re

from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.webapp.views.conftest import post
from webapp.models import Webhook, WebhookDelivery


def test_a_webhook_is_made_its_secret_shown_once_and_a_message_tried(admin: FlaskClient, session: Session) -> None:
    page = post(admin, "/webhooks", name="desk", url="https://desk.example/hook", events="scan.ended")
    secret = re.search(r"whsec_[\w+/=]+", page.text)
    assert page.status_code == 200 and secret
    hook = session.query(Webhook).one()
    assert secret[0] not in admin.get(f"/webhooks/{hook.id}").text
    assert post(admin, f"/webhooks/{hook.id}/ping").location == f"/webhooks/{hook.id}"
    assert "Waits to be sent." in admin.get(f"/webhooks/{hook.id}").text
    assert session.query(WebhookDelivery).one().event == "ping"
    assert "A test message" in admin.get(f"/webhooks/{hook.id}").text
    assert 'href="/webhooks"' in admin.get("/users").text
    assert "A scan ended" in admin.get("/webhooks").text


def test_faults_are_told_and_nothing_is_made(admin: FlaskClient, session: Session) -> None:
    private = post(admin, "/webhooks", name="inside", url="http://10.0.0.1/", events="scan.ended")
    assert private.status_code == 422 and "private network" in private.text
    without = post(admin, "/webhooks", name="none", url="https://desk.example/")
    assert without.status_code == 422 and "Choose at least one event." in without.text
    assert session.query(Webhook).count() == 0


def test_it_is_switched_off_and_deleted_with_its_messages(admin: FlaskClient, session: Session) -> None:
    post(admin, "/webhooks", name="desk", url="https://desk.example/hook", events="scan.ended")
    hook = session.query(Webhook).one()
    post(admin, f"/webhooks/{hook.id}/ping")
    post(admin, f"/webhooks/{hook.id}", events="report.built")
    session.refresh(hook)
    assert (hook.events, hook.is_active) == (["report.built"], False)
    post(admin, f"/webhooks/{hook.id}/delete")
    assert session.query(Webhook).count() == session.query(WebhookDelivery).count() == 0
