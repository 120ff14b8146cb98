import re

import pytest
from flask import Flask
from flask.testing import FlaskClient
from selectolax.lexbor import LexborHTMLParser
from sqlalchemy.orm import Session

from tests.webapp.views.conftest import SignIn, post
from webapp.models import AuditEntry, Role, TeamSetting
from webapp.services import team
from webapp.services.team import BOUNDS, NAMES

AS_IT_IS = {name: str(getattr(team.TeamChoices(), name)) for name in NAMES if name != "lone_promotion"}


def test_an_admin_changes_choices_and_what_stays_is_not_written(admin: FlaskClient, session: Session) -> None:
    sent = {**AS_IT_IS, "claim_minutes": "25", "lone_promotion": "y", "second_factor_from": "lead"}
    assert post(admin, "/team", **sent).status_code == 302
    chosen = team.choices(session)
    assert (chosen.claim_minutes, chosen.lone_promotion, chosen.second_factor_from) == (25, True, "lead")
    assert session.query(TeamSetting).count() == 3
    changes = session.query(AuditEntry).filter_by(action="team.choice")
    assert {(entry.actor, entry.subject) for entry in changes} == {
        ("admin", "team:claim_minutes"), ("admin", "team:lone_promotion"), ("admin", "team:second_factor_from"),
    }  # fmt: skip


@pytest.mark.parametrize("name", BOUNDS)
def test_a_number_out_of_bounds_is_refused_at_its_field(admin: FlaskClient, session: Session, name: str) -> None:
    answer = post(admin, "/team", **{**AS_IT_IS, name: str(BOUNDS[name][1] + 1)})
    assert answer.status_code == 422
    assert LexborHTMLParser(answer.text).css_first(f"#{name}-error") is not None
    assert session.query(TeamSetting).count() == 0


def test_every_choice_stands_there_with_its_help(admin: FlaskClient) -> None:
    page = LexborHTMLParser(admin.get("/team").text)
    for name in NAMES:
        field = page.css_first(f"[name={name}]")
        assert field is not None, name
        described = (field.attributes.get("aria-describedby") or "").split()
        assert len(page.css_first(f"#{described[0]}").text()) > 20, name


def test_a_lead_reads_and_can_not_send(sign_in: SignIn) -> None:
    page = LexborHTMLParser(sign_in(Role.LEAD).get("/team").text)
    assert page.css_first("fieldset[disabled] [name=claim_minutes]") is not None
    assert page.css_first("main form button") is None


def test_the_page_of_roles_names_every_deed_of_every_page(app: Flask, sign_in: SignIn) -> None:
    page = LexborHTMLParser(sign_in(Role.VIEWER).get("/team/roles").text)
    rows = [[cell.text(strip=True) for cell in row.css("td")] for row in page.css("section table tbody tr")]
    told = {(row[1], row[2]): row[3:] for row in rows if len(row) == 7}
    asked = {
        (re.sub(r"<[^<>]+:", "<", rule.rule), {"GET": "reads", "POST": "changes"}[method]): app.view_functions[
            rule.endpoint
        ].required_role
        for rule in app.url_map.iter_rules()
        for method in rule.methods & {"GET", "POST"}
        if hasattr(app.view_functions[rule.endpoint], "required_role")
    }
    assert set(told) == set(asked)
    for deed, role in asked.items():
        assert [cell.endswith("yes") for cell in told[deed]] == [one.covers(role) for one in Role], deed
