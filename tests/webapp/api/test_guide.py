"""What docs/api.md says holds."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.webapp.api.test_operations import OPERATIONS
from webapp.api.document import address_of
from webapp.db import now
from webapp.services import webhooks
from webapp.services.tokens import GRANTS, Scope
from webapp.services.webhooks import EVENTS

TEXT = (Path(__file__).resolve().parents[3] / "docs" / "api.md").read_text(encoding="utf-8")
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # of a test
BODY = b'{"type": "ping"}'


@pytest.fixture
def is_ours() -> Any:
    """The receiver's check, as it stands there."""
    (code,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    names: dict[str, Any] = {}
    exec(code, names)  # noqa: S102  # our own page
    return names["is_ours"]


def test_the_receivers_check_takes_what_we_sign_and_nothing_else(is_ours: Any) -> None:
    headers = webhooks.headers_of(SECRET, "msg_1", BODY, now())
    assert is_ours(SECRET, headers, BODY)
    assert not is_ours(SECRET, headers, BODY + b" ")
    assert not is_ours(SECRET, headers | {"webhook-id": "msg_2"}, BODY)
    assert not is_ours("whsec_AAAA", headers, BODY)
    old = webhooks.headers_of(SECRET, "msg_1", BODY, now() - timedelta(minutes=6))
    assert not is_ours(SECRET, old, BODY)


def test_every_scope_stands_there_with_its_role() -> None:
    rows = re.findall(r"^\| `(\w+)` \|.*\| (\w+) \|$", TEXT, re.MULTILINE)
    assert dict(rows) == {scope.value: GRANTS[scope].role.value for scope in Scope}


def test_every_event_and_every_address_is_one() -> None:
    assert set(re.findall(r"`(\w+\.\w+)`", TEXT)) == {event.value for event in EVENTS}
    shapes = {re.sub(r"\{\w+\}", "*", address_of(one)) for one in OPERATIONS} | {"/api/v1/openapi.json"}
    named = re.findall(r"/api/v1(/[\w/<>.]+)|`(/photos/[\w/<>]+)`", TEXT)
    for address in {one or other for one, other in named}:
        assert f"/api/v1{re.sub(r'<[^>]+>|(?<=/)[0-9]+', '*', address)}" in shapes, address
