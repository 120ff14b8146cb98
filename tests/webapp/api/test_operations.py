"""What holds for every operation."""

import json

import pytest
from flask import Flask
from openapi_spec_validator import OpenAPIV31SpecValidator
from sqlalchemy.orm import Session

from tests.factories import make_user
from tests.webapp.api.conftest import Write
from webapp.api import ROOMS
from webapp.api.document import PARAMETER, address_of
from webapp.api.operations import Operation
from webapp.models import Role
from webapp.services import tokens
from webapp.services.tokens import GRANTS, Scope

OPERATIONS = [operation for room in ROOMS for operation, _ in room.operations]


def path_of(operation: Operation) -> str:
    """With a row that there is not."""
    return PARAMETER.sub(lambda found: "999999" if found[1] == "int" else "none", operation.path)


def named(operation: Operation) -> str:
    return operation.name


def test_the_document_is_valid_and_names_every_operation(app: Flask) -> None:
    document = app.test_client().get("/api/v1/openapi.json").json
    OpenAPIV31SpecValidator(document).validate()
    said = {(method.upper(), path) for path, one in document["paths"].items() for method in one}
    assert said == {(one.method, address_of(one)) for one in OPERATIONS}
    real = {
        (rule.endpoint.removeprefix("api."), method)
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith("api.") and rule.endpoint not in ("api.document", "api.nowhere")
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    assert real == {(one.name, one.method) for one in OPERATIONS}


def test_names_are_unique_and_no_secret_is_in_the_document(app: Flask) -> None:
    assert len({one.name for one in OPERATIONS}) == len(OPERATIONS)
    assert "password_hash" not in json.dumps(app.test_client().get("/api/v1/openapi.json").json)


@pytest.mark.parametrize("operation", OPERATIONS, ids=named)
def test_the_role_is_at_least_that_of_the_scope(operation: Operation) -> None:
    assert operation.role.covers(GRANTS[operation.scope].role)
    assert operation.method == "GET" or operation.scope is not Scope.READ, "reading changes nothing"


def test_without_a_token_nothing_is_told(app: Flask) -> None:
    client = app.test_client()
    for operation in OPERATIONS:
        answer = client.open(f"/api/v1{path_of(operation)}", method=operation.method)
        assert answer.status_code == 401, operation.name
        assert answer.content_type == "application/problem+json"
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_without_the_scope_it_is_refused(program: Write) -> None:
    for scope in Scope:
        others = [one for one in Scope if one is not scope]
        client = program(Role.ADMIN, others)
        for operation in OPERATIONS:
            if operation.scope is scope:
                answer = client.ask(operation.method, path_of(operation))
                assert answer.status_code == 403, operation.name


@pytest.mark.parametrize("role", [Role.VIEWER, Role.REVIEWER, Role.LEAD])
def test_a_token_may_no_more_than_its_user_may_by_now(program: Write, session: Session, role: Role) -> None:
    """The token was made while its user was admin."""
    client = program(Role.ADMIN)
    user = session.query(tokens.User).filter_by(name="admin").one()
    user.role = role
    session.commit()
    for operation in OPERATIONS:
        if not role.covers(operation.role):
            answer = client.ask(operation.method, path_of(operation))
            assert answer.status_code == 403, operation.name


def test_what_is_no_json_or_not_what_was_asked_for_is_told_and_changes_nothing(program: Write) -> None:
    client = program()
    for operation in [one for one in OPERATIONS if one.body]:
        for sent, status in [
            ({"data": "x"}, 415),
            ({"data": "{", "content_type": "application/json"}, 422),
            ({"json": {"no_such_field": 1}}, 422),
            ({"json": []}, 422),
        ]:
            answer = client.ask(operation.method, path_of(operation), **sent)
            assert answer.status_code == status, (operation.name, sent, answer.text)
            assert answer.content_type == "application/problem+json"


def test_a_row_that_there_is_not_is_a_404_in_json(program: Write) -> None:
    client = program()
    for operation in OPERATIONS:
        if operation.method == "GET" and "<" in operation.path:
            answer = client.ask("GET", path_of(operation))
            assert (answer.status_code, answer.content_type) == (404, "application/problem+json"), operation.name


@pytest.mark.parametrize("query", ["?cursor=nonsense", "?limit=0", "?limit=201", "?limit=x", "?no_such=1"])
def test_a_page_that_can_not_be_asked_for_is_told(program: Write, query: str) -> None:
    answer = program().ask("GET", f"/scans{query}")
    assert answer.status_code == 422
    assert answer.json["status"] == 422


def test_unknown_addresses_and_methods_are_told_as_problems(program: Write) -> None:
    client = program()
    lost = client.ask("GET", "/nowhere")
    assert (lost.status_code, lost.content_type) == (404, "application/problem+json")
    wrong = client.ask("DELETE", "/scans")
    assert (wrong.status_code, wrong.headers["Allow"]) == (405, "GET")


def test_a_cookie_of_a_page_does_not_count(app: Flask, session: Session) -> None:
    make_user(session, "ann", Role.ADMIN)
    client = app.test_client()
    with client.session_transaction() as cookie:
        cookie["_user_id"] = "1"
    assert client.get("/api/v1/findings").status_code == 401
    assert client.post("/api/v1/hosts", json={"host": "a.example", "reason": "x"}).status_code == 401


def test_who_invents_tokens_is_counted_by_address(app: Flask, program: Write) -> None:
    client = app.test_client()
    paths = ["/findings", "/scans", "/sources"]
    answers = [
        client.get(f"/api/v1{paths[number % 3]}", headers={"Authorization": f"Bearer tusk_{number}"}).status_code
        for number in range(302)
    ]
    assert set(answers[:300]) == {401} and answers[301] == 429
    assert program().ask("GET", "/scans").status_code == 429, "the same address: a flood is stopped before it is read"
