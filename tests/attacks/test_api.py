"""The API against its own document: whatever is sent, as the document allows or not, is answered as it says.

Each operation begins on the same rows, with ids that there are as often as with such that there are not.
"""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as how
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi import checks
from sqlalchemy.orm import Session

from tests.webapp.api.conftest import (
    Write,
    program,  # noqa: F401  # a fixture
)
from tests.webapp.api.test_operations import OPERATIONS
from tests.webapp.conftest import *  # noqa: F403  # fixtures
from tests.webapp.views.conftest import app, backend  # noqa: F401  # fixtures
from tests.webapp.views.test_access import rows  # noqa: F401  # a fixture
from webapp.api.operations import Operation
from webapp.extensions import limiter
from webapp.models import Role
from webapp.settings import Settings

EXAMPLES_FULL = 25
EVERY = 8  # operation that is asked in `make test`; which of them are alike changes with each that is added
CHECKED = [
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
BY_NAME = {operation.name: operation for operation in OPERATIONS}
KNOWN = st.sampled_from([1, 1, 1, 2])


@dataclass
class World:
    """An application whose rows are put back as they were; on PostgreSQL they stay as each operation leaves them."""

    app: Flask
    home: Path
    tokens: dict[Role, str]

    def keep(self) -> None:
        self.close()
        if (self.home / "tuskline.db").exists():
            shutil.copy(self.home / "tuskline.db", self.home / "kept.db")

    def restore(self) -> None:
        self.close()
        if not (self.home / "kept.db").exists():
            return
        for name in ("tuskline.db-wal", "tuskline.db-shm"):
            (self.home / name).unlink(missing_ok=True)
        shutil.copy(self.home / "kept.db", self.home / "tuskline.db")

    def close(self) -> None:
        self.app.extensions["tuskline"].engine.dispose()


@pytest.fixture
def world(
    app: Flask,  # noqa: F811
    settings: Settings,
    session: Session,
    program: Write,  # noqa: F811
    rows: None,  # noqa: ARG001, F811
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[World]:
    monkeypatch.setattr(limiter, "enabled", False)
    tokens = {role: program(role).token for role in (Role.ADMIN, Role.VIEWER)}
    session.close()
    session.get_bind().dispose()  # type: ignore[union-attr]
    made = World(app, settings.home, tokens)
    made.keep()
    yield made
    made.close()


def operations_of(world: World) -> Iterator[tuple[Operation, Any]]:
    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", world.app)
    for found in schema.get_all_operations():
        one = found.ok()
        yield BY_NAME[one.definition.raw["operationId"]], one


def cases_of(one: Any, count: int, mode: GenerationMode) -> Callable[[Callable[[Case], None]], None]:
    """Runs a function on so many cases."""

    def run(look: Callable[[Case], None]) -> None:
        @how(
            max_examples=count,
            derandomize=True,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(one.as_strategy(generation_mode=mode), st.data())
        def each(case: Case, data: st.DataObject) -> None:
            for name, value in case.path_parameters.items():
                if isinstance(value, int) and data.draw(st.booleans()):
                    case.path_parameters[name] = data.draw(KNOWN)
            look(case)

        each()

    return run


def judge(world: World, operation: Operation, case: Case) -> None:
    for role, token in world.tokens.items():
        answer = case.call(headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code < 500, f"{operation.name} as {role.value}: {case.as_curl_command()}\n{answer.text}"
        case.validate_response(answer, checks=CHECKED)
        if not role.covers(operation.role):
            assert answer.status_code in (401, 403, 404), f"{operation.name} lets a {role.value} in"
    for token in ("", "tusk_invented"):
        refused = case.call(headers={"Authorization": f"Bearer {token}"})
        assert refused.status_code in (401, 404), f"{operation.name} lets everybody in"


def attack(world: World, count: int, *modes: GenerationMode, every: int = 1) -> None:
    told: dict[str, str] = {}
    for operation, one in list(operations_of(world))[::every]:
        for mode in modes:
            world.restore()
            try:
                cases_of(one, count, mode)(lambda case, asked=operation: judge(world, asked, case))
            except (FailureGroup, AssertionError) as fault:
                told[operation.name] = str(fault)
    assert not told, "\n\n".join(f"{name}: {fault}" for name, fault in told.items())


def test_some_operations_answer_as_their_document_says(world: World) -> None:
    attack(world, 1, GenerationMode.POSITIVE, every=EVERY)


@pytest.mark.full
def test_so_does_each_to_much_that_its_document_allows_and_does_not(world: World) -> None:
    attack(world, EXAMPLES_FULL, GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
