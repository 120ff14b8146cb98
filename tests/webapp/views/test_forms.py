"""Every form of every page carries a token, and every address that takes a form refuses one without."""

from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from selectolax.lexbor import LexborHTMLParser
from sqlalchemy.orm import Session
from werkzeug.routing import AnyConverter, BaseConverter, IntegerConverter, Rule

from tests.webapp.views.conftest import SignIn
from tests.webapp.views.test_access import ROUTES, rows  # noqa: F401  (a fixture)
from webapp.models import AuditEntry, Role

# The API takes tokens in a header and no cookie, so nothing that another site's form sends counts there.
ELSEWHERE = ("/api/",)
OPEN_PAGES = ("/sign-in", "/sign-in/link/made-up")


def taking_forms(app: Flask) -> Iterator[Rule]:
    for rule in app.url_map.iter_rules():
        if "POST" in (rule.methods or ()) and not rule.rule.startswith(ELSEWHERE):
            yield rule


def address_of(app: Flask, rule: Rule) -> str:
    """With something plausible for whatever varies."""
    adapter = app.url_map.bind("localhost")
    values = {name: example_of(rule._converters[name]) for name in rule.arguments}
    return adapter.build(rule.endpoint, values, method="POST")


def example_of(converter: BaseConverter) -> object:
    if isinstance(converter, AnyConverter):
        return min(converter.items)
    return 1 if isinstance(converter, IntegerConverter) else "x"


@pytest.mark.usefixtures("rows")
def test_no_address_takes_a_form_without_its_token(app: Flask, sign_in: SignIn, session: Session) -> None:
    admin, stranger = sign_in(Role.ADMIN), app.test_client()
    before = session.query(AuditEntry).count()
    addresses = [address_of(app, rule) for rule in taking_forms(app)]
    assert len(addresses) >= 40
    for address in addresses:
        for sent in ({}, {"csrf_token": "made up"}):
            for client in (admin, stranger):
                answer = client.post(address, data=sent)
                assert answer.status_code == 400, address
                assert "This form is no longer valid" in answer.text, address
    assert session.query(AuditEntry).count() == before


@pytest.mark.usefixtures("rows")
def test_a_token_of_somebody_else_does_not_count(sign_in: SignIn, app: Flask) -> None:
    admin = sign_in(Role.ADMIN)
    strangers_page = app.test_client().get("/sign-in").text
    token = LexborHTMLParser(strangers_page).css_first("input[name=csrf_token]").attributes["value"]
    assert admin.post("/sign-out", data={"csrf_token": token}).status_code == 400


@pytest.mark.usefixtures("rows")
def test_every_form_of_every_page_carries_a_token(sign_in: SignIn, app: Flask) -> None:
    admin = sign_in(Role.ADMIN)
    reads = [path for method, path, _ in ROUTES if method == "GET"]
    counts = [check_forms(admin, path) for path in reads] + [
        check_forms(app.test_client(), path) for path in OPEN_PAGES
    ]
    assert sum(counts) > 60


def check_forms(client: FlaskClient, path: str) -> int:
    """How many forms the page has that change something."""
    answer = client.get(path)
    if answer.mimetype != "text/html":
        return 0
    forms = [form for form in LexborHTMLParser(answer.text).css("form") if is_post(form.attributes)]
    for form in forms:
        token = form.css_first("input[name=csrf_token]")
        assert token is not None and token.attributes["value"], (path, form.html)
        assert not (form.attributes.get("action") or "").startswith(("http:", "https:", "//")), path
    return len(forms)


def is_post(attributes: dict[str, str | None]) -> bool:
    return (attributes.get("method") or "").lower() == "post"
